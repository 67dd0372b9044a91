"""People of an account → contacts, memberships, suppressions and mirror rows, page by page and set by set."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox, pulls
from accounts.models import Connection, MirrorKind, OutboxEntry, Pull
from accounts.providers.base import Provider
from accounts.providers.records import Page
from accounts.templatetags.ui import counted
from audiences import queries, services, sets
from audiences.mirror import gathering, merge
from audiences.mirror.gone import mark_gone
from audiences.mirror.leaves import follow_leaves
from audiences.mirror.reading import Reader, Rejected
from audiences.mirror.walk import batches, pages
from audiences.models import Contact

# Changes are asked for from this long before the last look: clocks differ, and pages take time.
OVERLAP = timedelta(minutes=5)
# One run of following lasts about this long; a longer walk goes on in the next run.
SLICE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Part:
    """What one transaction takes over, and where the walk goes on after it: nowhere from the last."""

    merge: Callable[[], Counter[str]]
    checkpoint: dict[str, Any]
    is_last: bool
    total: int | None = None


def pull_contacts(pull: Pull, provider: Provider) -> Iterator[None]:
    """Everybody in the account. The checkpoint holds where it goes on, and the rejected people of the last page."""
    if pull.checkpoint.get("done"):
        return
    reader = Reader.of(pull.connection)
    if provider.capabilities.shares_contacts:
        parts = _people(pull, provider, reader)
    else:
        yield from gathering.gather(pull, provider, reader)
        parts = _gathered_people(pull, reader)
    is_empty = pull.connection.pulled_at is None
    for part in parts:
        with transaction.atomic():
            # First of all, though there be nobody on the last page: the log and the lists are held after it.
            sets.one_writer(pull.connection.workspace)
            counts = part.merge()
            if part.is_last:
                gathering.forget(pull)
                mark_gone(pull, MirrorKind.CONTACT)
                services.refresh_counts(workspace=pull.connection.workspace)
            checkpoint = {"done": True} if part.is_last else part.checkpoint
            pulls.store_page(pull, checkpoint=checkpoint, total=part.total, **counts)
        if is_empty:
            sets.tell_planner("audiences_contact", "audiences_subscription", "accounts_mirrorrow")
            is_empty = False
        yield


def _people(pull: Pull, provider: Provider, reader: Reader) -> Iterator[Part]:
    """Accounts that tell people whole."""

    def merged(found: Sifted) -> Counter[str]:
        return merge.merge_contacts(pull.connection, found.rows, pull=pull) + found.rejected

    walk = pages(lambda cursor: reader.read(provider.contacts(cursor=cursor)), pull.checkpoint.get("cursor"))
    for batch in batches(walk):
        found = sift(batch, known_bad=pull.checkpoint.get("rejected", ()))
        cursor = batch[-1].cursor
        checkpoint = {"cursor": cursor, "rejected": found.rejected_ids}
        yield Part(partial(merged, found), checkpoint, is_last=cursor is None, total=batch[-1].total)


def _gathered_people(pull: Pull, reader: Reader) -> Iterator[Part]:
    """Accounts that tell memberships, once all of them are here."""

    def merged(some: gathering.Some) -> Counter[str]:
        gathering.stage(pull, reader, some)
        return merge.merge_staged(pull.connection, pull=pull)

    for some in gathering.people(pull, pull.checkpoint.get("after", "")):
        checkpoint = {"gathered": True, "after": some.up_to}
        yield Part(partial(merged, some), checkpoint, is_last=some.up_to is None)


def follow(entry: OutboxEntry, *, every_seconds: float) -> outbox.Later | None:
    """Take over what changed in the account since the last look, for ever. A leave there holds here within a round."""
    connection = entry.connection
    assert connection is not None  # noqa: S101 - recorded with one
    if not connection.capabilities.lists_changed_contacts:
        if connection.capabilities.lists_leaves:
            return follow_leaves(entry, connection)
        return None
    since = _followed_to(connection)
    if since is None:
        return outbox.Later(every_seconds, "Waits for the first pull.")
    began = timezone.now()
    # A walk cut off by the end of its slice goes on where it was; ids and instants only.
    under_way = entry.payload.get("walk") or {
        "since": (since - OVERLAP).isoformat(),
        "began": began.isoformat(),
    }
    changed_since = datetime.fromisoformat(under_way["since"])
    provider = connection.open()
    reader = Reader.of(connection)
    walk = pages(
        lambda cursor: reader.read(provider.contacts(cursor=cursor, changed_since=changed_since)),
        under_way.get("cursor"),
    )
    for batch in batches(walk):
        cursor = batch[-1].cursor
        with transaction.atomic():
            counts = merge.merge_contacts(connection, sift(batch).rows, pull=None)
            _note(connection, counts)
            if cursor is None:
                Connection.objects.filter(pk=connection.pk).update(
                    followed_to_at=datetime.fromisoformat(under_way["began"])
                )
                _remember(entry, None)
            else:
                _remember(entry, under_way | {"cursor": cursor})
        outbox.renew(entry)
        if cursor is not None and timezone.now() - began > SLICE:
            return outbox.Later(0)
    return outbox.Later(every_seconds)


def block(entry: OutboxEntry) -> None:
    """Refuse marketing to a person in one account, because they left elsewhere."""
    contact, connection = entry.subject, entry.connection
    if connection is None or not isinstance(contact, Contact) or not queries.is_suppressed(contact):
        return
    if not connection.capabilities.blocks_contacts:
        return  # nobody can tell it; no delivery made here reaches them
    connection.open().block_contact(email=contact.email)
    merge.note_blocked(connection, contact)
    if not queries.is_suppressed(contact):  # lifted meanwhile
        services.remember_late_word(contact, connection)


def _followed_to(connection: Connection) -> datetime | None:
    if connection.followed_to_at is not None:
        return connection.followed_to_at
    first = Pull.objects.filter(connection=connection, state=Pull.State.DONE).order_by("id").first()
    return first.created_at if first else None


def _remember(entry: OutboxEntry, walk: dict[str, Any] | None) -> None:
    if entry.payload.get("walk") != walk:
        entry.payload = {"walk": walk} if walk else {}
        OutboxEntry.objects.filter(pk=entry.pk, fence=entry.fence).update(payload=entry.payload)


def _note(connection: Connection, counts: Counter[str]) -> None:
    left = counts["suppressed"]
    if left:
        activity.record(
            connection.workspace,
            "contact.suppressed",
            f"{counted(left, 'person,people')} may no longer be written to: blocked in {connection}.",
            subject=connection,
            after={"suppressed": left},
        )
    if counts and (lists := _changed_lists()):
        services.refresh_counts(workspace=connection.workspace, list_ids=lists)


def _changed_lists() -> list[int]:
    """Lists whose members the merge of this transaction changed: it dates what it writes by the person's own time.

    What went along to a new address keeps the time it had, and may be all that changed of the person.
    """
    with database.cursor() as cursor:
        cursor.execute(
            "select distinct s.list_id from moved m join audiences_subscription s on s.contact_id = m.contact_id"
            " and (s.changed_at = m.at or m.mirrored_id <> m.contact_id and s.evidence ? 'moved_from') order by 1"
        )
        return [list_id for (list_id,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Sifted:
    """Rows for the stage, the people turned away by reason, and their remote ids on the last page."""

    rows: list[tuple[Any, ...]]
    rejected: Counter[str]
    rejected_ids: list[str]


def sift(batch: Sequence[Page], *, known_bad: Sequence[str] = ()) -> Sifted:
    """Keep each person once, as pages overlap, and one person for each address.

    `known_bad`: people of the page before that were turned away and may come again.
    """
    rows: dict[str, tuple[Any, ...]] = {}
    emails: dict[str, str] = {}
    rejected: Counter[str] = Counter()
    bad = set(known_bad)
    for page in batch:
        for row in page.items:
            remote_id, told = row[:2]
            if isinstance(row, Rejected):
                problem = told
            # A second person with the same address, in other words: one address is one person here.
            elif emails.setdefault(told, remote_id) != remote_id:
                problem = "twin"
            else:
                rows[remote_id] = row
                continue
            if remote_id not in bad:
                bad.add(remote_id)
                rejected.update(("rejected", f"rejected_{problem}"))
    rejected["read"] = rejected["rejected"]
    last = [row[0] for row in batch[-1].items if row[0] in bad]
    return Sifted(list(rows.values()), rejected, last)
