"""People of an account → contacts, memberships, suppressions and mirror rows, page by page and set by set."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox, pulls
from accounts.models import Connection, MirrorKind, OutboxEntry, Pull
from accounts.providers.base import Provider
from accounts.providers.records import ContactRecord, Page
from audiences import queries, services, sets
from audiences.addresses import NotAnAddress, normalise
from audiences.mirror import gathering, merge
from audiences.mirror.gone import mark_gone
from audiences.mirror.leaves import follow_leaves
from audiences.mirror.walk import batches, pages
from audiences.models import Contact

# Changes are asked for from this long before the last look: clocks differ, and pages take time.
OVERLAP = timedelta(minutes=5)
# One run of following lasts about this long; a longer walk goes on in the next run.
SLICE = timedelta(seconds=20)

STANDARD = tuple(Contact.STANDARD_FIELDS)
LENGTHS: dict[str, int] = {
    field.name: field.max_length or 0
    for field in Contact._meta.concrete_fields
    if field.name in Contact.STANDARD_FIELDS
}


def pull_contacts(pull: Pull, provider: Provider) -> Iterator[None]:
    """Everybody in the account. The checkpoint holds the next cursor and the rejected people of the last page."""
    if pull.checkpoint.get("done"):
        return
    reader = Reader.of(pull.connection)
    if provider.capabilities.shares_contacts:
        walk = pages(
            lambda cursor: reader.read(provider.contacts(cursor=cursor)), pull.checkpoint.get("cursor")
        )
    else:
        yield from gathering.gather(pull, provider)
        walk = map(reader.read, gathering.people(pull, pull.checkpoint.get("after")))
    is_empty = pull.connection.pulled_at is None
    for batch in batches(walk):
        found = sift(batch, known_bad=pull.checkpoint.get("rejected", ()))
        checkpoint: dict[str, Any] = {"rejected": found.rejected_ids}
        if provider.capabilities.shares_contacts:
            checkpoint["cursor"] = batch[-1].cursor
        else:
            checkpoint |= {"gathered": True, "after": batch[-1].cursor}
        with transaction.atomic():
            counts = merge.merge_contacts(pull.connection, found.rows, pull=pull)
            counts += found.rejected
            if batch[-1].cursor is None:
                checkpoint = {"done": True}
                gathering.forget(pull)
                mark_gone(pull, MirrorKind.CONTACT)
                services.refresh_counts(workspace=pull.connection.workspace)
            pulls.store_page(pull, checkpoint=checkpoint, total=batch[-1].total, **counts)
        if is_empty:
            sets.tell_planner("audiences_contact", "audiences_subscription", "accounts_mirrorrow")
            is_empty = False
        yield


def follow(entry: OutboxEntry, *, every_seconds: float) -> outbox.Later | None:
    """Take over what changed in the account since the last look, for ever. A leave there holds here within a round."""
    connection = entry.connection
    assert connection is not None  # noqa: S101 - recorded with one
    if not connection.capabilities.lists_changed_contacts:
        if connection.capabilities.lists_leaves:
            return follow_leaves(entry, connection, every_seconds=every_seconds)
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
        people = "1 person" if left == 1 else f"{left} people"
        activity.record(
            connection.workspace,
            "contact.suppressed",
            f"{people} may no longer be written to: blocked in {connection}.",
            subject=connection,
            after={"suppressed": left},
        )
    if left or counts["created"] or counts["changed"]:
        services.refresh_counts(workspace=connection.workspace)


class Rejected(NamedTuple):
    """Somebody without an address to write to."""

    remote_id: str
    problem: str


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


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns records of one account into rows of the stage; runs in the threads that fetch, off the database."""

    # Names over there → column here, or key in `custom`.
    columns: Mapping[str, str]
    keys: Mapping[str, str]
    # Remote list → list.
    lists: Mapping[str, int]

    @classmethod
    def of(cls, connection: Connection) -> "Reader":
        fields = queries.remote_fields(connection)
        return cls(
            columns={name: key for key, name in fields.items() if key in LENGTHS},
            keys={name: key for key, name in fields.items() if key not in LENGTHS},
            lists=queries.mirrored_lists(connection),
        )

    def read(self, page: Page) -> Page:
        """The page with rows in place of records."""
        now = timezone.now()
        return replace(page, items=tuple(self._row(record, now) for record in page.items))

    def _row(self, record: ContactRecord, now: datetime) -> tuple[Any, ...]:
        try:
            email = normalise(record.email)
        except NotAnAddress as error:
            return Rejected(record.remote_id, error.problem.value)
        columns: dict[str, str | None] = dict.fromkeys(self.columns.values(), "")
        custom: dict[str, Any] = {}
        for name, value in record.fields.items():
            if value is None or value == "":
                continue
            if column := self.columns.get(name):
                columns[column] = str(value)[: LENGTHS[column]]
            elif key := self.keys.get(name):
                custom[key] = value
        left = {mine for theirs in record.left_list_ids if (mine := self.lists.get(theirs))}
        on = {mine for theirs in record.list_ids if (mine := self.lists.get(theirs))} - left
        pending = {mine for theirs in record.pending_list_ids if (mine := self.lists.get(theirs))} - left - on
        content = (
            email,
            *map(columns.get, STANDARD),
            json.dumps(custom, ensure_ascii=False, sort_keys=True) if custom else "{}",
            _array(on),
            _array(left),
            _array(pending),
            record.blocked,
        )
        digest = blake2b(repr(content).encode("utf-8", "replace"), digest_size=16).digest()
        at = min(record.modified_at or now, now)
        return (record.remote_id, *content, at.isoformat(), digest)


def _array(ids: Collection[int]) -> str:
    """As PostgreSQL reads an array: psycopg takes ten times as long to write one."""
    return f"{{{','.join(map(str, sorted(ids)))}}}" if ids else "{}"
