"""Values that a later file says as well: a roll back leaves them, and they become the word of that import."""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database

from audiences.importing import said_again
from audiences.importing.decisions import SPECIAL
from audiences.importing.tables import STANDARD, Tables
from audiences.journal import now_in
from audiences.models import Import

# Of a change `j`, and the `key` of a field in it: a later file says the same.
IS_SAID = "exists (select 1 from said_fields said where said.contact_id = j.contact_id and said.field = key)"


def are_said(mine: Import, one: Import) -> bool:
    """Whether it may have said values of fields that `mine` fills: its rows tell."""
    return one.policy != Import.Policy.LEAVE and bool(_fields(mine) & _fields(one))


def find(mine: Import, again: Sequence[Import], *, which: str, values: dict[str, Any]) -> None:
    """Which values that changes `j` wrote these imports said, before one of them wrote over it: the temp table `said_fields`.

    Each by the first that did.
    """
    with database.cursor() as cursor:
        cursor.execute(_SAID)
        tellers = [(number, one) for number, one in enumerate(again, 1) if are_said(mine, one)]
        if not tellers:
            return
        cursor.execute(_WANTED.format(which=which), values | {"again": [one.pk for one in again]})
        rows = [_rows(number, one) for number, one in tellers]
        fields = {f"fields_{number}": sorted(_fields(one)) for number, one in tellers}
        for _ in said_again.read(_FIRST, rows, into=_HEARD, values=fields):
            cursor.execute(_ADD, {"ids": [one.pk for one in again]})


def hand_over(again: Sequence[Import], *, which: str, values: dict[str, Any]) -> None:
    """Each value found becomes that of the import that said it again, to be taken back to what was before the first.

    A value that a later import wrote over goes back to that as well.
    """
    if not again:
        return
    with database.cursor() as cursor:
        cursor.execute(_HAND_OVER)
        cursor.execute(_BEFORE.format(which=which), values | {"again": [one.pk for one in again]})


def _fields(of: Import) -> set[str]:
    return {column["to"] for column in of.mapping} - {"", *SPECIAL}


def _rows(number: int, one: Import) -> str:
    tables = Tables(one)
    columns = ", ".join(f"'{column}', nullif(s.{column}, '')" for column in STANDARD)
    # A crash of the database empties the stage. Then it said whatever it could have.
    lost = f"select jsonb_object_agg(key, value -> 1) from jsonb_each(w.changes) where key = any(%(fields_{number})s)"
    return (
        f"select w.contact_id, said.key, {number}, r.line from wanted_fields w"
        f" join {tables.result} r on r.outcome in ('changed', 'unchanged', 'left') and r.contact_id = w.contact_id"
        f" left join {tables.stage} s on s.line = r.line cross join lateral jsonb_each("
        f"case when s.line is null then ({lost}) else s.custom || jsonb_strip_nulls(jsonb_build_object({columns})) end) said"
        f" where w.changes -> said.key -> 1 = said.value and {number} < coalesce((w.ends ->> said.key)::int, {number + 1})"
    )


_SAID = """
drop table if exists pg_temp.said_fields, pg_temp.wanted_fields;
create temp table said_fields (
    contact_id bigint, field text, step_id bigint, before jsonb, after jsonb, primary key (contact_id, field)
) on commit drop
"""

_WANTED = f"""
create temp table wanted_fields on commit drop as
with ends as (
    select contact_id, jsonb_object_agg(key, number) as ends
    from (
        select k.contact_id, key, min(one.number) as number
        from audiences_importchange k join audiences_importstep t on t.id = k.step_id
        join unnest(%(again)s::bigint[]) with ordinality one(id, number) on one.id = t.of_id
        cross join jsonb_object_keys(k.changes) key
        where k.contact_id in (select j.contact_id from audiences_importchange j where {{which}})
        group by k.contact_id, key
    ) first group by contact_id
)
select contact_id, jsonb_object_agg(key, value) as changes,
       -- Of a value that does not stand: the import that wrote over it.
       jsonb_object_agg(key, ends -> key) filter (where not stands) as ends
from (
    select j.contact_id, key, value, ends, ({now_in("key")} = value -> 1) is true as stands
    from audiences_importchange j
    join audiences_contact c on c.id = j.contact_id and c.workspace_id = %(workspace)s
    left join ends on ends.contact_id = j.contact_id
    cross join jsonb_each(j.changes)
    where {{which}}
) written
where stands or ends ? key
group by contact_id;
create index on wanted_fields (contact_id);
analyze wanted_fields
"""

_FIRST = """
select distinct on (f.contact_id, f.key) f.* from ({rows}) f(contact_id, key, number, line)
where not exists (select 1 from said_fields said where said.contact_id = f.contact_id and said.field = f.key)
order by f.contact_id, f.key, f.number, f.line
"""

_HEARD = "contact_id bigint, key text, number int, line bigint"
_ADD = """
insert into said_fields
select f.contact_id, f.key, step.id, w.changes -> f.key -> 0, w.changes -> f.key -> 1
from (
    select number, line, (
        select t.id from audiences_importstep t
        where t.of_id = (%(ids)s::bigint[])[number] and t.last_line >= line order by t.last_line limit 1
    ) from (select distinct number, line from heard) lines
) step(number, line, id)
join heard f on f.number = step.number and f.line = step.line
join wanted_fields w on w.contact_id = f.contact_id
"""

# Into what that import changed of the person itself: one change tells of all fields.
_HAND_OVER = """
with handed as (
    select step_id, contact_id, jsonb_object_agg(field, jsonb_build_array(before, after)) as changes
    from said_fields group by step_id, contact_id
), merged as (
    update audiences_importchange k set changes = h.changes || k.changes
    from handed h where k.step_id = h.step_id and k.contact_id = h.contact_id and k.changes <> '{}'
    returning k.step_id, k.contact_id
)
insert into audiences_importchange (step_id, contact_id, changes, is_handed)
select h.step_id, h.contact_id, h.changes, true from handed h
where (h.step_id, h.contact_id) not in (select step_id, contact_id from merged)
order by h.contact_id
"""

_BEFORE = """
update audiences_importchange k set changes = k.changes || told.changes
from (
    select id, jsonb_object_agg(key, jsonb_build_array(before, after)) as changes
    from (
        select distinct on (j.contact_id, mine.key)
               k.id, mine.key, mine.value -> 0 as before, theirs.value -> 1 as after,
               theirs.value -> 0 = mine.value -> 1 as is_next
        from audiences_importchange j
        cross join jsonb_each(j.changes) mine
        join audiences_importchange k on k.contact_id = j.contact_id
        join audiences_importstep t on t.id = k.step_id
        join unnest(%(again)s::bigint[]) with ordinality one(id, number) on one.id = t.of_id
        cross join jsonb_each(k.changes) theirs
        where {which} and theirs.key = mine.key
        order by j.contact_id, mine.key, one.number, k.id
    ) next where is_next group by id
) told where k.id = told.id
"""
