"""Accounts in which each list has people of its own: memberships are gathered first, then read as people.

What was read is kept in a table until the walk is over, so that a killed worker goes on at the page it was at. Then
everybody comes out once, with all their lists, and goes the way of the accounts that tell people whole.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from django.db import connection as database
from django.db import transaction

from accounts import pulls
from accounts.models import Pull
from accounts.providers.base import Provider
from accounts.providers.records import ContactRecord, Page
from audiences import sets
from audiences.addresses import NotAnAddress, normalise
from audiences.mirror.walk import batches, pages

# Rows of the table read at a time; nobody has so many lists.
ROWS = 20_000
STAGE = (
    ("remote_id", "text"),
    ("email", "text"),
    ("list_id", "text"),
    ("status", "text"),
    ("blocked", "boolean"),
    ("fields", "jsonb"),
    ("at", "timestamptz"),
)


def gather(pull: Pull, provider: Provider) -> Iterator[None]:
    """Walk the memberships into the table. The checkpoint ends as {"gathered": true}."""
    if pull.checkpoint.get("gathered"):
        return
    for batch in batches(
        pages(lambda cursor: provider.contacts(cursor=cursor), pull.checkpoint.get("cursor"))
    ):
        records = [record for page in batch for record in page.items]
        cursor = batch[-1].cursor
        with transaction.atomic():
            if "cursor" not in pull.checkpoint:
                _forget(pull)  # what an earlier start of this walk left behind
            sets.stage("gathering", STAGE, map(_row, records), keys=("remote_id",))
            with database.cursor() as db:
                db.execute(_KEEP, {"pull": pull.pk})
                new = db.rowcount
            checkpoint = {"cursor": cursor} if cursor is not None else {"gathered": True}
            pulls.store_page(pull, checkpoint=checkpoint, total=batch[-1].total, gathered=new)
        yield


def people(pull: Pull, after: str | None) -> Iterator[Page]:
    """Everybody gathered, whole, by address. The cursor is the last address of the page."""
    while True:
        with database.cursor() as db:
            db.execute(_READ, {"pull": pull.pk, "after": after or "", "limit": ROWS})
            rows = db.fetchall()
        persons = [list(own) for _, own in groupby(rows, key=lambda row: row[0])]
        is_last = len(rows) < ROWS
        if not is_last:
            persons.pop()  # may go on in the next rows
        if not persons:
            yield Page((), None)
            return
        after = persons[-1][0][0]
        yield Page(tuple(map(_person, persons)), None if is_last else after)
        if is_last:
            return


def forget(pull: Pull) -> None:
    """The walk is over: what was gathered has done its work. Belongs in the transaction that says so."""
    _forget(pull)


def _forget(pull: Pull) -> None:
    with database.cursor() as db:
        db.execute("delete from audiences_gathered where connection_id = %s", [pull.connection_id])


def _row(record: ContactRecord) -> tuple[Any, ...]:
    """One membership. An address that cannot be one stays as it came: it is turned away later, and counted once."""
    try:
        email = normalise(record.email)
    except NotAnAddress:
        email = record.email.replace("\x00", "")[:1000]
    status, (list_id, *_) = next(
        (status, ids)
        for status, ids in (
            ("left", record.left_list_ids),
            ("on", record.list_ids),
            ("pending", record.pending_list_ids),
            ("", ("",)),
        )
        if ids
    )
    told = {name: value for name, value in record.fields.items() if value not in (None, "")}
    fields = json.dumps(told, ensure_ascii=False).replace("\\u0000", "")
    return record.remote_id, email, list_id, status, record.blocked, fields, record.modified_at


def _person(memberships: Sequence[tuple[Any, ...]]) -> ContactRecord:
    """Of fields that differ between lists the one changed last counts."""
    fields: dict[str, Any] = {}
    lists: dict[str, list[str]] = {"on": [], "left": [], "pending": [], "": []}
    for _, list_id, status, _, told, _ in memberships:
        fields |= json.loads(told) if isinstance(told, str) else told
        lists[status].append(list_id)
    email = memberships[0][0]
    return ContactRecord(
        remote_id=email[:200],
        email=email,
        fields=fields,
        list_ids=tuple(lists["on"]),
        left_list_ids=tuple(lists["left"]),
        pending_list_ids=tuple(lists["pending"]),
        blocked=any(blocked for _, _, _, blocked, _, _ in memberships),
        modified_at=max((at for *_, at in memberships if at), default=None),
    )


_KEEP = """
insert into audiences_gathered as mine (pull_id, connection_id, remote_id, email, list_id, status, blocked, fields, at)
select distinct on (g.remote_id) %(pull)s, p.connection_id, g.remote_id, g.email, g.list_id, g.status, g.blocked, g.fields, g.at
from gathering g join accounts_pull p on p.id = %(pull)s
on conflict (pull_id, remote_id) do nothing
"""

_READ = """
select email, list_id, status, blocked, fields, at from audiences_gathered
where pull_id = %(pull)s and email > %(after)s
order by email, at nulls first, list_id limit %(limit)s
"""
