"""What a later file said as well: a roll back leaves it, for it is the word of that import too.

Who was on the list already was not put there again, so nothing of it was written down. The rows of that import tell.
"""

from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from audiences.importing.tables import Tables
from audiences.models import Import

State = Import.State
# Imports whose rows are read by one statement.
READ_AT_ONCE = 20
# Bytes of what is found in them, beyond which it waits on the disk, and that are read from there at once.
IN_MEMORY, BLOCK = 1_000_000, 64_000


def later(mine: Import) -> list[Import]:
    """The imports that began after this one, stand and found people here, each in its turn."""
    found = list(
        Import.objects.filter(
            Q(counts__changed__gt=0) | Q(counts__unchanged__gt=0) | Q(counts__left__gt=0),
            workspace=mine.workspace_id, aim=Import.Aim.PEOPLE, has_rows=True, started_at__gt=mine.started_at, undone={},
            state__in=[State.RUNNING, State.DONE, State.CANCELLED, State.FAILED],
        ).order_by("started_at", "id").only("list", "basis", "consent_at", "started_at", "counts", "mapping", "policy")
    )  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute(
            "select name from unnest(%s::text[]) name where to_regclass(name) is not null",
            [[Tables(one).result for one in found]],
        )
        there = {name for (name,) in cursor.fetchall()}
    return [one for one in found if Tables(one).result in there]


def must_be_read(one: Import) -> bool:
    """Whether its rows are needed: of one that only changed people the journal tells all."""
    by_row = any(column["to"] in ("consent_at", "consent_ip") for column in one.mapping)
    return by_row or bool(one.counts.get("unchanged") or one.counts.get("left"))


def find(mine: Import, again: Sequence[Import], *, people: str, values: dict[str, Any]) -> None:
    """Whom of `people`, SQL of ids, these imports found here: the temp table `named`.

    Each by the first for the same list (`of_list`) that did, and by the first for another; `number` is its place among
    them, from 1.
    """
    numbered = list(enumerate(again, 1))
    ids = {"ids": [one.pk for one in again]}
    by_journal = [number for number, one in numbered if not must_be_read(one)]
    by_rows = [(number, one) for number, one in numbered if must_be_read(one)]
    with database.cursor() as cursor:
        cursor.execute(_NAMED.format(people=people), values)
        if by_journal:
            theirs = [_is_for_list_of(mine, again[number - 1]) for number in by_journal]
            cursor.execute(_BY_JOURNAL, ids | {"numbers": by_journal, "theirs": theirs})
        for _ in read(_BY_ROWS, [_rows(mine, number, one) for number, one in by_rows], into=_HEARD):
            cursor.execute(_ADD, ids)


def read(
    statement: str, of_each: Sequence[str], *, into: str, values: dict[str, Any] | None = None
) -> Iterator[None]:
    """What the statement finds in the rows of some imports, then of the next, each time as the temp table `heard`.

    `of_each` is SQL of the rows of one, `into` are the columns of the table. What is found goes by a file, for it may be
    much, and is written down by nobody before the rows are let go of.
    """
    for first in range(0, len(of_each), READ_AT_ONCE):
        rows = " union all ".join(of_each[first : first + READ_AT_ONCE])
        with database.cursor() as cursor, SpooledTemporaryFile(max_size=IN_MEMORY) as found:
            with transaction.atomic():
                with cursor.copy(f"copy ({statement.format(rows=rows)}) to stdout", values) as copy:
                    for block in copy:
                        found.write(block)
                # Lets go of these tables: the database has room for so many held by one transaction, and no more.
                transaction.set_rollback(True)
            cursor.execute(
                f"drop table if exists pg_temp.heard; create temp table heard ({into}) on commit drop"
            )
            found.seek(0)
            with cursor.copy("copy heard from stdin") as copy:
                while block := found.read(BLOCK):
                    copy.write(block)
            cursor.execute("analyze heard")
        yield


def hand_over(mine: Import, again: Sequence[Import], *, journal: str, which: str, own: str, values: dict[str, Any]) -> None:  # fmt: skip
    """Memberships `m`, as `own` says, of people of `made` and of the journal become those of the import that said them again.

    It takes them back in its turn, to what they were before the first, and its consent stands for them. Not of whoever
    had left before the first: that import alone would have left them out. People of `made` and `adopted` become those of
    the first that named them: rolled back in its turn, it lets them go.
    """
    if not again:
        return
    said = {
        "again": [one.pk for one in again],
        "again_basis": [one.basis_id for one in again],
        "again_at": [one.consent_at or one.started_at for one in again],
    }
    with database.cursor() as cursor:
        if mine.list_id:
            cursor.execute(_HAND_OVER.format(journal=journal, which=which, own=own), values | said)
        cursor.execute(_HAND_PEOPLE_OVER)


# Of a membership in a journal: the person had not left.
HAD_NOT_LEFT = "{membership} ->> 'status' is distinct from 'unsubscribed'"


def _is_for_list_of(mine: Import, one: Import) -> bool:
    return one.list_id is not None and one.list_id == mine.list_id


def _rows(mine: Import, number: int, one: Import) -> str:
    tables = Tables(one)
    # Of the others it is enough to know that they found them, and where.
    told, stage = "r.line, null::timestamptz, null::text", ""
    of_list = _is_for_list_of(mine, one)
    if of_list:
        told = "r.line, s.consent_at, s.consent_ip::text"
        stage = f" left join {tables.stage} s on s.line = r.line"
    return (
        f"select w.id, {of_list}, {number}, {told} from wanted w"
        f" join {tables.result} r on r.outcome in ('changed', 'unchanged') and r.contact_id = w.id{stage}"
    )


_NAMED = """
drop table if exists pg_temp.wanted, pg_temp.named;
create temp table wanted on commit drop as {people};
analyze wanted;
create temp table named (
    contact_id bigint, of_list bool, number int not null, step_id bigint, at timestamptz, ip inet,
    primary key (contact_id, of_list)
) on commit drop
"""

_BY_JOURNAL = """
insert into named (contact_id, of_list, number, step_id)
select distinct on (j.contact_id, one.of_list) j.contact_id, one.of_list, one.number, j.step_id
from wanted join audiences_importchange j on j.contact_id = wanted.id
join audiences_importstep t on t.id = j.step_id
join unnest(%(numbers)s::int[], %(theirs)s::bool[]) one(number, of_list) on (%(ids)s::bigint[])[one.number] = t.of_id
order by j.contact_id, one.of_list, one.number, j.id
"""

_BY_ROWS = """
select distinct on (f.id, f.of_list) f.* from ({rows}) f(id, of_list, number, line, at, ip)
where not exists (
    select 1 from named n where n.contact_id = f.id and n.of_list = f.of_list and n.number < f.number
)
order by f.id, f.of_list, f.number, f.line
"""

_HEARD = "contact_id bigint, of_list bool, number int, line bigint, at timestamptz, ip inet"
_ADD = """
insert into named
select f.contact_id, f.of_list, f.number, (
    select t.id from audiences_importstep t
    where t.of_id = (%(ids)s::bigint[])[f.number] and t.last_line >= f.line order by t.last_line limit 1
), f.at, f.ip
from heard f
on conflict (contact_id, of_list) do update
set number = excluded.number, step_id = excluded.step_id, at = excluded.at, ip = excluded.ip
"""

_HAND_OVER = f"""
drop table if exists pg_temp.handed;
create temp table handed on commit drop as
select m.id, m.contact_id, was.membership, n.number, n.step_id, n.at, n.ip
from (
    select j.contact_id, j.membership from {{journal}} j
    where {{which}} and j.membership is not null and {HAD_NOT_LEFT.format(membership="j.membership")}
    union all
    select id, '{{{{"status": null, "evidence": null, "changed_at": null}}}}' from made
) was
join named n on n.contact_id = was.contact_id and n.of_list
join audiences_subscription m on m.contact_id = was.contact_id and {{own}};
update audiences_subscription m set evidence = jsonb_build_object('import', (%(again)s::bigint[])[h.number])
from handed h where m.id = h.id;
insert into audiences_importchange (step_id, contact_id, changes, membership, is_handed)
select h.step_id, h.contact_id, '{{{{}}}}', h.membership, true from handed h order by h.contact_id;
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, ip, created_at)
select h.contact_id, (%(again_basis)s::bigint[])[h.number], %(list)s, 'given',
       coalesce(h.at, (%(again_at)s::timestamptz[])[h.number]), h.ip, now()
from handed h order by h.contact_id
"""

# Of a row `j` of the journal: it says no more than whose the person is now.
IS_HANDED_PERSON = "j.is_handed and j.changes = '{}' and j.membership is null"

_HAND_PEOPLE_OVER = """
insert into audiences_importchange (step_id, contact_id, changes, is_handed)
select distinct on (n.contact_id) n.step_id, n.contact_id, '{}'::jsonb, true
from (select id from made union select id from adopted) p join named n on n.contact_id = p.id
order by n.contact_id, n.number
"""
