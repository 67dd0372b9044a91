"""What a later file said as well: a roll back leaves it, for it is the word of that import too.

Who was on the list already was not put there again, so nothing of it was written down. The rows of that import tell.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from audiences.importing.tables import Tables
from audiences.models import Import

State = Import.State
# Imports whose rows are read by one statement.
READ_AT_ONCE = 20


def later(mine: Import) -> list[Import]:
    """The imports that began after this one, stand and found people here: first those for the same list, each in its turn."""
    found = list(
        Import.objects.filter(
            Q(counts__changed__gt=0) | Q(counts__unchanged__gt=0),
            workspace=mine.workspace_id, aim=Import.Aim.PEOPLE, has_rows=True, started_at__gt=mine.started_at, undone={},
            state__in=[State.RUNNING, State.DONE, State.CANCELLED, State.FAILED],
        ).order_by("started_at", "id").only("list", "basis", "consent_at", "started_at", "counts", "mapping")
    )  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute(
            "select name from unnest(%s::text[]) name where to_regclass(name) is not null",
            [[Tables(one).result for one in found]],
        )
        there = {name for (name,) in cursor.fetchall()}
    known = [one for one in found if Tables(one).result in there]
    return sorted(known, key=lambda one: not _is_for_list_of(mine, one))


def must_be_read(one: Import) -> bool:
    """Whether its rows are needed: of one that only changed people the journal tells all."""
    by_row = any(column["to"] in ("consent_at", "consent_ip") for column in one.mapping)
    return by_row or bool(one.counts.get("unchanged") or one.counts.get("left"))


def find(mine: Import, again: Sequence[Import], *, people: str, values: dict[str, Any]) -> None:
    """Whom of `people`, SQL of ids, these imports found here: the temp table `named`, each by the first that did.

    `number` is its place among them, from 1.
    """
    numbered = list(enumerate(again, 1))
    ids = {"ids": [one.pk for one in again]}
    by_journal = [number for number, one in numbered if not must_be_read(one)]
    by_rows = [(number, one) for number, one in numbered if must_be_read(one)]
    with database.cursor() as cursor:
        cursor.execute(_NAMED.format(people=people), values)
        if by_journal:
            cursor.execute(_BY_JOURNAL, ids | {"numbers": by_journal})
        for first in range(0, len(by_rows), READ_AT_ONCE):
            some = by_rows[first : first + READ_AT_ONCE]
            rows = " union all ".join(_rows(mine, number, one) for number, one in some)
            with transaction.atomic():
                cursor.execute(_BY_ROWS.format(rows=rows))
                found = cursor.fetchall()
                # Lets go of these tables: the database has room for so many held by one transaction, and no more.
                transaction.set_rollback(True)
            if found:
                names = ("contacts", "numbers", "lines", "moments", "addresses")
                cursor.execute(_ADD, ids | dict(zip(names, map(list, zip(*found, strict=True)), strict=True)))


def on_list(mine: Import, again: Sequence[Import]) -> int:
    """How many of them are for the same list: up to that number one says the membership again."""
    return sum(_is_for_list_of(mine, one) for one in again)


def hand_over(mine: Import, again: Sequence[Import], *, journal: str, which: str, own: str, values: dict[str, Any]) -> None:  # fmt: skip
    """Memberships `m`, as `own` says, of people of `made` and of the journal become those of the import that said them again.

    It takes them back in its turn, to what they were before the first, and its consent stands for them. Not of whoever
    had left before the first: that import alone would have left them out.
    """
    theirs = again[: on_list(mine, again)]
    if not theirs:
        return
    said = {
        "again": [one.pk for one in theirs],
        "again_basis": [one.basis_id for one in theirs],
        "again_at": [one.consent_at or one.started_at for one in theirs],
    }
    with database.cursor() as cursor:
        cursor.execute(_HAND_OVER.format(journal=journal, which=which, own=own), values | said)


# Of a membership in a journal: the person had not left.
HAD_NOT_LEFT = "{membership} ->> 'status' is distinct from 'unsubscribed'"


def _is_for_list_of(mine: Import, one: Import) -> bool:
    return one.list_id is not None and one.list_id == mine.list_id


def _rows(mine: Import, number: int, one: Import) -> str:
    tables = Tables(one)
    # Of the others it is enough to know that they found them.
    told, stage = "null::bigint, null::timestamptz, null::text", ""
    if _is_for_list_of(mine, one):
        told = "r.line, s.consent_at, s.consent_ip::text"
        stage = f" left join {tables.stage} s on s.line = r.line"
    return (
        f"select w.id, {number}, {told} from wanted w"
        f" join {tables.result} r on r.outcome in ('changed', 'unchanged') and r.contact_id = w.id{stage}"
    )


_NAMED = """
drop table if exists pg_temp.wanted, pg_temp.named;
create temp table wanted on commit drop as {people};
analyze wanted;
create temp table named (
    contact_id bigint primary key, number int not null, step_id bigint, at timestamptz, ip inet
) on commit drop
"""

_BY_JOURNAL = """
insert into named (contact_id, number, step_id)
select distinct on (j.contact_id) j.contact_id, one.number, j.step_id
from wanted join audiences_importchange j on j.contact_id = wanted.id
join audiences_importstep t on t.id = j.step_id
join unnest(%(numbers)s::int[]) one(number) on (%(ids)s::bigint[])[one.number] = t.of_id
order by j.contact_id, one.number, j.id
"""

_BY_ROWS = """
select distinct on (f.id) f.* from ({rows}) f(id, number, line, at, ip)
where not exists (select 1 from named n where n.contact_id = f.id and n.number < f.number)
order by f.id, f.number, f.line
"""

_ADD = """
insert into named
select f.contact_id, f.number, (
    select t.id from audiences_importstep t
    where t.of_id = (%(ids)s::bigint[])[f.number] and t.last_line >= f.line order by t.last_line limit 1
), f.at, f.ip::inet
from unnest(
    %(contacts)s::bigint[], %(numbers)s::int[], %(lines)s::bigint[], %(moments)s::timestamptz[], %(addresses)s::text[]
) f(contact_id, number, line, at, ip)
on conflict (contact_id) do update
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
join named n on n.contact_id = was.contact_id and n.number <= cardinality(%(again)s::bigint[])
join audiences_subscription m on m.contact_id = was.contact_id and {{own}};
update audiences_subscription m set evidence = jsonb_build_object('import', (%(again)s::bigint[])[h.number])
from handed h where m.id = h.id;
insert into audiences_importchange (step_id, contact_id, changes, membership)
select h.step_id, h.contact_id, '{{{{}}}}', h.membership from handed h order by h.contact_id;
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, ip, created_at)
select h.contact_id, (%(again_basis)s::bigint[])[h.number], %(list)s, 'given',
       coalesce(h.at, (%(again_at)s::timestamptz[])[h.number]), h.ip, now()
from handed h order by h.contact_id
"""
