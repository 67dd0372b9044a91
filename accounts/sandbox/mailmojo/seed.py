"""Opening accounts and filling them, for the demo and for whoever steers the sandbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.sandbox.http import Request
from accounts.sandbox.mailmojo import account as account_routes
from accounts.sandbox.mailmojo import demo, extras, lists, newsletters, people, sending
from accounts.sandbox.mailmojo.state import (
    ACTIVE,
    BOUNCED,
    UNSUBSCRIBED,
    Account,
    Association,
    Contact,
    Domain,
    Newsletter,
    Pace,
)
from accounts.sandbox.mailmojo.templates import add_template
from accounts.sandbox.mailmojo.tokens import USER, issue
from accounts.sandbox.mailmojo.wire import Call, Fields
from accounts.sandbox.people import person
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

DEMO = "sandbox-demo"
SETTINGS = ("company", "credits", "opened_at", "trial_days", "partner")
NATIVE = (
    "first_name",
    "last_name",
    "name",
    "phone",
)  # neutral field names that are Mailmojo's own; the rest is custom
DAY = 86400


def open_account(name: str, store: Store) -> Account:
    """The account, opened on first use: with a domain and a template, without a list. The demo full."""
    accounts = store.accounts.setdefault("mailmojo", {})
    if name not in accounts:
        account = accounts[name] = Account(name, store.now())
        store.touch()
        if name == DEMO:
            fill(name, demo.wanted(store.now()), store)
        else:
            account.default_sender = [account_routes.company(account), f"owner@{name}.example"]
            add_domain(account, f"{name}.example", store.now(), authenticated=True)
            add_template(account, "Plain", "A plain letter", demo.newsletter("Hello"))
    found: Account = accounts[name]
    return found


def add_domain(account: Account, name: str, now: float, *, authenticated: bool) -> Domain:
    number = account.next_id("domain")
    domain = account.domains[number] = Domain(number, name, now, authenticated)
    return domain


def fill(name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Add what is wanted to the account. Returns the ids of what was made, by kind, and the contacts' number.

    `lists`, `contacts` and `campaigns` are a number or a list. Lists: a name or {name, from_name, from_email and whatever
    the API takes}. Contacts: {email, fields, tags, lists, left, blocked, bounced, deleted, addedAt}, or a number to be
    made up and spread over the lists. Campaigns: {name, subject, html, preview_text, status, daysAgo, inSeconds, lists,
    segments}; a newsletter goes to one list, so of several the first is taken. Segments: {name, list, predicates}.
    Numbers of lists and segments count the seed's own from 0. There is no sender apart from the list's: of `senders` the
    first active one is given to lists that name none.
    """
    account, now = open_account(name, store), store.now()
    for setting in SETTINGS:
        if setting in wanted:
            setattr(account, setting, wanted[setting])
    account.profile |= wanted.get("profile", {})
    for pace, seconds in wanted.get("pace", {}).items():
        if not hasattr(Pace, pace):
            raise ValueError(f"Unknown pace {pace}")
        setattr(account.pace, pace, float(seconds))
    for domain in wanted.get("domains", ()):
        add_domain(account, domain["name"], now, authenticated=domain.get("authenticated", False))
    for sender in wanted.get("senders", ()):
        if sender.get("active", True):
            account.default_sender = [sender["name"], sender["email"]]
            break
    made = [_list(account, row, now) for row in _rows(wanted.get("lists", ()), "List {}")]
    segments = [_segment(account, row, made, now) for row in wanted.get("segments", ())]
    contacts = _contacts(account, wanted.get("contacts", ()), made, now)
    templates = [
        add_template(account, t["name"], t["subject"], t["html"]).id for t in wanted.get("templates", ())
    ]
    for kind, add in (("forms", extras.add_form), ("pages", extras.add_page)):
        for row in wanted.get(kind, ()):
            add(account, row["name"], made[row.get("list", 0)], now)
    for row in wanted.get("automations", ()):
        extras.add_automation(account, row["name"], (account.default_sender[0], account.default_sender[1]))
    campaigns = [
        _campaign(account, store, row, made, segments, now)
        for row in _rows(wanted.get("campaigns", ()), "Campaign {}")
    ]
    sending.advance(account, store, now)
    return {
        "lists": made,
        "contacts": contacts,
        "segments": segments,
        "templates": templates,
        "campaigns": campaigns,
    }


def _rows(wanted: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(wanted, int):
        return [{"name": name.format(n + 1)} for n in range(wanted)]
    return [{"name": row} if isinstance(row, str) else row for row in wanted]


def _list(account: Account, row: Mapping[str, Any], now: float) -> int:
    from_name, from_email = account.default_sender
    made = lists.add_list(
        account, row["name"], row.get("from_name", from_name), row.get("from_email", from_email), now
    )
    lists.write(account, made, Fields(dict(row)))
    return made.id


def _segment(account: Account, row: Mapping[str, Any], made: Sequence[int], now: float) -> int:
    predicates = [(given["type"], given["tag_name"]) for given in row["predicates"]]
    return lists.add_segment(account, made[row.get("list", 0)], row["name"], predicates, now).id


def _contacts(account: Account, wanted: Any, made: Sequence[int], now: float) -> int:
    if isinstance(wanted, int):
        make_up(account, wanted, made or list(account.lists), now)
        return wanted
    for row in wanted:
        _contact(account, row, made, now)
    return len(wanted)


def _contact(account: Account, row: Mapping[str, Any], made: Sequence[int], now: float) -> None:
    email, at = row["email"].lower(), row.get("addedAt", now)
    contact = account.contacts.get(email) or people.create(account, email, at)
    fields = row.get("fields", {})
    people.write(contact, {name: str(value) for name, value in fields.items() if name in NATIVE})
    contact.custom |= {name: value for name, value in fields.items() if name not in NATIVE}
    if "tags" in row:
        contact.tags = tuple(row["tags"])
    joined = [made[n] for n in (*row.get("lists", ()), *row.get("left", ()))]
    new = [number for number in dict.fromkeys(joined) if contact.on(number) is None]
    contact.associations += tuple(Association(number, ACTIVE, at, at) for number in new)
    account.index(contact)
    people.settle(account, contact, now)
    left = [made[n] for n in row.get("left", ())]
    if left:
        people.set_status(account, contact, UNSUBSCRIBED, now, left)
    for word, status in (("blocked", UNSUBSCRIBED), ("bounced", BOUNCED), ("deleted", "d")):
        if row.get(word):
            people.set_status(account, contact, status, now)


def make_up(account: Account, count: int, list_ids: Sequence[int], now: float) -> None:
    """So many people with names, spread over the lists: everyone on one, every fifth on the next one too."""
    luck = chance("people", account.name, len(account.contacts))
    alone: list[tuple[Association, ...]] = [(Association(n, ACTIVE, now, now),) for n in list_ids] or [()]
    both = [tuple(dict.fromkeys((*own, *alone[(n + 1) % len(alone)]))) for n, own in enumerate(alone)]
    for n in range(count):
        who = person(luck, account.next_id("made up"))
        memberships = (both if n % 5 == 0 else alone)[n % len(alone)]
        if who.email in account.contacts:
            continue
        contact = account.contacts[who.email] = Contact(
            who.email, now, who.first, who.last, f"{who.first} {who.last}",
            custom={"language": who.language, "city": who.city}, status_changed=now, associations=memberships,
        )  # fmt: skip
        account.index(contact)
        people.count(account, now, ACTIVE)


def _campaign(
    account: Account,
    store: Store,
    row: Mapping[str, Any],
    made: Sequence[int],
    segments: Sequence[int],
    now: float,
) -> int:
    """Written through the same rules as by the API. One already sent is scheduled for its day in the past."""
    chosen = [made[n] for n in row.get("lists", ())] or list(made) or list(account.lists)
    if not chosen:
        raise ValueError("A newsletter needs a list")
    status, subject = row.get("status", "draft"), row.get("subject", row["name"])
    body = {
        "title": row["name"],
        "subject": subject,
        "preview_text": row.get("preview_text", ""),
        "html": row.get("html", demo.newsletter(subject)),
        "list_id": chosen[0],
        "segment_ids": [segments[n] for n in row.get("segments", ())],
    }
    token = issue(USER, account.name, "", frozenset(), "", 0, now)
    call = Call(account, store, Request("POST", "/newsletters/", {}, {}, b"", ""), {}, now, token)
    newsletter = Newsletter(0, 0, "", now)
    newsletters.write(call, newsletter, Fields(body))
    newsletters.add(account, newsletter)
    if status == "sent":
        at = now - DAY * row.get("daysAgo", 1)
        newsletter.saved = at - 600
        sending.schedule(account, newsletter, at)
    elif status == "scheduled":
        sending.schedule(account, newsletter, now + row.get("inSeconds", 3600))
    return newsletter.id
