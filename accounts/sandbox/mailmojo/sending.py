"""What happens to a newsletter whose time has come: mails leave in waves, and people react over the minutes after."""

from collections.abc import Callable, Collection

from accounts.sandbox import readers
from accounts.sandbox.mailmojo import lists, people
from accounts.sandbox.mailmojo.state import ACTIVE, BOUNCED, Account, Event, Newsletter, Wave
from accounts.sandbox.store import Store

WAVES = 18


def recipients(account: Account, row: Newsletter) -> Collection[str]:
    """Who is active on the list, of its segments only when some are chosen. Without segments nothing is copied."""
    if row.segment_ids:
        return lists.segment_members(account, row.segment_ids)
    return account.lists[row.list_id].active


def schedule(account: Account, row: Newsletter, at: float) -> None:
    row.status, row.send_at, row.lease = "scheduled", at, row.lease + 1
    account.pending.plan(at, "start", row.id, row.lease)


def start_if_due(account: Account, store: Store, row: Newsletter, now: float) -> None:
    """Sent without a date, a newsletter is on its way before the answer is."""
    if row.send_at is not None and row.send_at <= now:
        start(account, store, now, row.id, row.lease)


def cancel(row: Newsletter, now: float) -> None:
    row.lease += 1
    if row.status == "scheduled":
        row.status, row.send_at = "draft", None
    else:
        row.status, row.completed, row.waves = "aborted", now, []


def start(account: Account, store: Store, now: float, newsletter_id: int, lease: int) -> None:
    """Without enough credits by now the newsletter is aborted rather than sent to a part."""
    row = account.newsletters[newsletter_id]
    if row.status != "scheduled" or row.lease != lease:
        return  # cancelled since, or started already
    emails = list(recipients(account, row))
    row.started, row.num_recipients = now, len(emails)
    if account.credits is not None and len(emails) > account.credits:
        row.status, row.completed = "aborted", now
        return
    if account.credits is not None:
        account.credits -= len(emails)
    row.status = "sending"
    size = max(1, -(-len(emails) // WAVES))
    count = max(1, -(-len(emails) // size))
    for n in range(count):
        row.waves.append(Wave(now + account.pace.send * n / count, emails[n * size : (n + 1) * size]))
        account.pending.plan(row.waves[-1].at, "wave", row.id, row.lease)


def wave(account: Account, store: Store, now: float, newsletter_id: int, lease: int) -> None:
    row = account.newsletters[newsletter_id]
    if row.status != "sending" or row.lease != lease:
        return
    links = readers.links_of(row.html)
    due = [part for part in row.waves if part.at <= now]
    row.waves = [part for part in row.waves if part.at > now]
    on_list = account.lists[row.list_id].active
    for email in (email for part in due for email in part.emails):
        if email not in on_list:  # left while the newsletter was going out
            continue
        happen(account, store, row, Event(now, "sent", email))
        for deed in readers.reactions(email, row.id, now, links, react=account.pace.react):
            account.pending.plan(deed.at, "event", row.id, deed.kind, email, deed.url)
    if not row.waves:
        row.status, row.completed = "sent", now


def event(
    account: Account, store: Store, now: float, newsletter_id: int, kind: str, email: str, url: str
) -> None:
    happen(account, store, account.newsletters[newsletter_id], Event(now, kind, email, url))


def happen(account: Account, store: Store, row: Newsletter, event: Event) -> None:
    """Record one event, with what it does to the contact.

    Who unsubscribes leaves this list (or all, when the list says so); who complains leaves all; an address that does
    not exist is bounced on all. A full mailbox changes nothing.
    """
    account.events.setdefault(row.id, []).append(event)
    contact = account.contacts.get(event.email)
    if contact is None:
        return
    if event.kind == "unsubscribe":
        people.leave(account, store, contact, row.list_id, event.at)
    elif event.kind == "hard":
        people.set_status(account, contact, BOUNCED, event.at)
    elif event.kind == "spam":
        for association in contact.associations:
            if association.status == ACTIVE:
                people.leave(account, store, contact, association.list_id, event.at)


HAPPENINGS: dict[str, Callable[..., None]] = {"start": start, "wave": wave, "event": event}


def advance(account: Account, store: Store, now: float) -> None:
    """Let everything happen that is due, each thing at its own time."""
    happened = False
    while due := account.pending.next_due(now):
        at, what, details = due
        HAPPENINGS[what](account, store, at, *details)
        happened = True
    if happened:
        store.touch()
