"""Accounts in which each list has people of its own: memberships are gathered first, then merged as people.

What was read is kept in a table until the walk is over, so that a killed worker goes on at the page it was at. Then
everybody is put together by the database, with all their lists, and goes the way of those who are told whole.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection as database
from django.db import transaction

from accounts import pulls
from accounts.models import Pull
from accounts.providers.base import Provider
from accounts.providers.reading import text
from accounts.providers.records import ContactRecord, Page
from audiences import sets
from audiences.addresses import NotAnAddress, normalise
from audiences.erased import PROBLEM, Erased
from audiences.mirror import merge
from audiences.mirror.reading import REMOTE_ID_LENGTH, STANDARD, Reader, shortened
from audiences.mirror.walk import batches, pages
from audiences.models import Gathered

# Memberships merged in one transaction.
ROWS = 10_000
COLUMNS = (
    ("remote_id", "text"),
    ("email", "text"),
    ("list_id", "text"),
    ("status", "text"),
    ("blocked", "boolean"),
    ("fields", "jsonb"),
    ("at", "timestamptz"),
)
KEY_LENGTH: int = Gathered._meta.get_field("remote_id").max_length or 0


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of the table; `problem` instead of an address that can be written to."""

    row: tuple[Any, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Some:
    """People by address: those after one and up to another, or all that are left."""

    after: str
    up_to: str | None


def gather(pull: Pull, provider: Provider, reader: Reader) -> Iterator[None]:
    """Walk the memberships into the table. The checkpoint ends as {"gathered": true}."""
    if pull.checkpoint.get("gathered"):
        return

    # Lists made for a delivery are left out: they hold what it handed over, and are of no account's own making.
    def fetch(cursor: str | None) -> Page:
        page = provider.memberships(list_ids=reader.lists.keys(), cursor=cursor)
        return replace(page, items=tuple(_membership(reader, record) for record in page.items))

    walk = pages(fetch, pull.checkpoint.get("cursor"))
    for batch in batches(walk):
        cursor = batch[-1].cursor
        with transaction.atomic():
            counts = _keep(pull, [item for page in batch for item in page.items])
            checkpoint = {"cursor": cursor} if cursor is not None else {"gathered": True}
            pulls.store_page(pull, checkpoint=checkpoint, total=batch[-1].total, **counts)
            if cursor is None:
                sets.tell_planner("audiences_gathered")
        yield


def people(pull: Pull, after: str) -> Iterator[Some]:
    """Everybody gathered whose address comes after that one, some at a time; an empty account has nobody once."""
    while True:
        with database.cursor() as db:
            db.execute(_UP_TO, {"pull": pull.pk, "after": after, "rows": ROWS})
            found = db.fetchone()
        some = Some(after, found[0] if found else None)
        yield some
        if some.up_to is None:
            return
        after = some.up_to


def stage(pull: Pull, reader: Reader, some: Some) -> None:
    """Put them together and on the stage of the merge. Of fields that differ between lists the one changed last counts."""
    told = set(reader.columns.values())
    # What the account has no field for is nothing it could say.
    columns = [
        f"coalesce(told ->> '{name}', '')" if name in told else "cast(null as text)" for name in STANDARD
    ]
    sets.empty_stage("stage", merge.STAGE)
    with database.cursor() as db:
        db.execute(
            _STAGE.format(columns=", ".join(columns)),
            {
                "pull": pull.pk,
                "after": some.after,
                "up_to": some.up_to,
                "standard": list(STANDARD),
                "theirs": list(reader.lists),
                "mine": list(reader.lists.values()),
            },
        )
        db.execute("analyze stage (remote_id, email)")


def forget(pull: Pull) -> None:
    """The walk is over, or the pull is: what was gathered has done its work. Belongs in the transaction that says so."""
    with database.cursor() as db:
        db.execute("delete from audiences_gathered where connection_id = %s", [pull.connection_id])


def _membership(reader: Reader, record: ContactRecord) -> Membership:
    email, problem, key = "", "", record.remote_id
    try:
        email = normalise(record.email)
    except NotAnAddress as error:
        problem = error.problem.value
        # Turned away once, however many lists they are on.
        key = f"!{record.email.strip().lower()}" if record.email.strip() else key
    status, list_id = _place(record)
    fields = json.dumps(reader.values(record), ensure_ascii=False)
    if "\\u0000" in fields:  # which the database cannot hold
        clean = {name: text(value) for name, value in reader.values(record).items()}
        fields = json.dumps(clean, ensure_ascii=False)
    row = (shortened(key, KEY_LENGTH), email, list_id, status, record.blocked, fields, record.modified_at)
    return Membership(row, problem)


def _place(record: ContactRecord) -> tuple[str, str]:
    """(on, left or pending; the list). Neither for whom the account puts nowhere: they are known all the same."""
    for status, ids in (
        ("left", record.left_list_ids),
        ("on", record.list_ids),
        ("pending", record.pending_list_ids),
    ):
        if ids:
            return status, ids[0]
    return "", ""


def _keep(pull: Pull, rows: Sequence[Membership]) -> Counter[str]:
    """Into the table, each once; what is turned away stays there without an address, so that it is counted once."""
    if erased := Erased(pull.connection.workspace):
        rows = [_without(erased, membership) for membership in rows]
    sets.stage("gathering", COLUMNS, (membership.row for membership in rows), keys=("remote_id",))
    with database.cursor() as db:
        db.execute(_KEEP, {"pull": pull.pk})
        gathered, rejected = db.fetchone()
    problems = {membership.row[0]: membership.problem for membership in rows if membership.problem}
    counts = Counter(f"rejected_{problems[key]}" for key in rejected)
    counts.update(gathered=gathered, rejected=len(rejected), read=len(rejected))
    return +counts


def _without(erased: Erased, membership: Membership) -> Membership:
    """Nothing is kept of who was erased but that they were turned away, however many lists they are on."""
    email = membership.row[1]
    if email not in erased:
        return membership
    return Membership((f"!{erased.mark(email)}", "", "", "", False, "{}", None), PROBLEM)


_KEEP = """
with kept as (
    insert into audiences_gathered
        (pull_id, connection_id, remote_id, email, list_id, status, blocked, fields, at)
    select distinct on (g.remote_id)
           p.id, p.connection_id, g.remote_id, g.email, g.list_id, g.status, g.blocked, g.fields, g.at
    from gathering g join accounts_pull p on p.id = %(pull)s
    on conflict (pull_id, remote_id) do nothing
    returning remote_id, email
)
select count(*) filter (where email <> ''), coalesce(array_agg(remote_id) filter (where email = ''), '{}') from kept
"""

_UP_TO = """
select email from audiences_gathered where pull_id = %(pull)s and email > %(after)s
order by email offset %(rows)s - 1 limit 1
"""

# Lists nobody knows any more join nothing. Leaving a list wins over being on it.
_STAGE = f"""
with mine as (
    select g.email, g.fields, g.blocked, g.at, g.list_id, g.status, l.mine as list
    from audiences_gathered g
    left join unnest(%(theirs)s::text[], %(mine)s::bigint[]) as l(theirs, mine) on l.theirs = g.list_id
    where g.pull_id = %(pull)s and g.email > %(after)s and (%(up_to)s::text is null or g.email <= %(up_to)s)
), person as (
    select email, bool_or(blocked) as blocked, max(at) as at, count(*) as memberships,
           array_agg(fields order by at nulls first, list_id) as told,
           array_agg(distinct list) filter (where status = 'left' and list is not null) as has_left,
           array_agg(distinct list) filter (where status = 'on' and list is not null) as is_on,
           array_agg(distinct list) filter (where status = 'pending' and list is not null) as is_pending
    from mine group by email
), whole as (
    select email, blocked, at,
           case when memberships = 1 then told[1] else coalesce((
               select jsonb_object_agg(field.key, field.value order by list.n)
               from unnest(person.told) with ordinality as list(told, n), jsonb_each(list.told) as field
           ), '{{{{}}}}') end as told,
           coalesce(has_left, '{{{{}}}}') as has_left,
           case when has_left is null then coalesce(is_on, '{{{{}}}}')
                else array(select unnest(is_on) except select unnest(has_left) order by 1) end as is_on,
           case when coalesce(has_left, is_on) is null then coalesce(is_pending, '{{{{}}}}')
                else array(select unnest(is_pending) except select unnest(has_left || is_on) order by 1) end as is_pending
    from person
)
insert into stage
select case when length(email) <= {REMOTE_ID_LENGTH} then email else left(email, {REMOTE_ID_LENGTH} - 33) || '#' || md5(email) end,
       email, {{columns}}, told - %(standard)s::text[], is_on, has_left, is_pending, blocked, least(coalesce(at, now()), now()),
       decode(md5(row(email, told, is_on, has_left, is_pending, blocked)::text), 'hex')
from whole
"""
