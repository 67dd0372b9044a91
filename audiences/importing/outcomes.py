"""What becomes of each row: one statement over a chunk, the same for the preview and for the import itself.

The stricter side wins: who is suppressed is left alone altogether; who left the list stays off it, unless a person
with the right to do so says that they agreed again since, and when.
"""

from typing import Any

from django.db import connection as database

from audiences.erased import PROBLEM
from audiences.importing import blocks
from audiences.importing.tables import STANDARD, Tables
from audiences.models import FormerAddress, Import, Suppression

# In smaller chunks than this the people are looked up one by one.
LOOKED_UP = 100_000


def tell_apart(mine: Import, table: str, *, after: int, until: int) -> dict[str, int]:
    """Write the outcome of the rows with after < line ≤ until into `table`; answers how many of each, and "left_changed".

    Until the transaction ends they also are the table `told`.
    """
    values = values_of(mine) | {"after": after, "until": until}
    is_of_people = not mine.is_of_blocks
    has_former = is_of_people and FormerAddress.objects.filter(workspace=mine.workspace_id).exists()
    if has_former:
        Tables(mine).find_addresses()
    with database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute("set local work_mem = '128MB'")
        if until - after < LOOKED_UP:
            # To read everybody for each chunk would grow with the square of the file.
            cursor.execute("set local random_page_cost = 1.1")
        cursor.execute("drop table if exists pg_temp.told")
        statement = _statement(mine, has_former=has_former) if is_of_people else blocks.statement(mine)
        cursor.execute(statement, values)
        cursor.execute(f"analyze told (line, outcome); insert into {table} select * from told")
        cursor.execute(
            "select outcome, count(*) from told group by 1 union all"
            " select 'left_changed', count(*) from told where outcome = 'left' and changes <> '{}' having count(*) > 0"
        )
        return dict(cursor.fetchall())


def values_of(mine: Import) -> dict[str, Any]:
    return {
        "workspace": mine.workspace_id,
        # Nobody is on a list that is still to be made.
        "list": mine.list_id or (-1 if mine.new_list else None),
        "import": mine.pk,
        "resubscribes": mine.resubscribes,
        "consent_at": mine.consent_at,
        "standard": list(STANDARD),
        "basis": mine.basis_id,
        "reason": mine.reason,
    }


def end_of_chunk(mine: Import, *, after: int, rows: int, writes: int = 0) -> int | None:
    """The line with which a chunk of so many rows ends; None when there are no more.

    `writes`: it also ends with that many rows that the preview found something to write of, so that nobody waits
    long for it; a chunk that only reads may be larger.
    """
    tables = Tables(mine)
    with database.cursor() as cursor:
        cursor.execute(
            f"select max(line) from (select line from {tables.stage} where line > %s order by line limit %s) s",
            [after, rows],
        )
        last: int | None = cursor.fetchone()[0]
        if last is None or not writes or not tables.holds(tables.preview):
            return last
        cursor.execute(
            f"select line from {tables.preview} where line > %s and line < %s"
            " and outcome in ('new', 'changed', 'left') order by line limit 1 offset %s",
            [after, last, writes - 1],
        )
        found = cursor.fetchone()
    return found[0] if found else last


def mapped(mine: Import) -> list[str]:
    """The columns of a contact that the file fills."""
    targets = {column["to"] for column in mine.mapping}
    return [column for column in STANDARD if column in targets]


def _target(policy: str, column: str) -> str:
    """What a column of somebody known becomes."""
    if policy == Import.Policy.TAKE:
        return f"case when k.{column} <> '' then k.{column} else k.c_{column} end"
    return f"case when k.c_{column} = '' then k.{column} else k.c_{column} end"


def _changes(mine: Import) -> str:
    """SQL: an object of field → [before, after] with what differs; null where there was nothing."""
    if mine.policy == Import.Policy.LEAVE:
        return "'{}'::jsonb"
    columns = mapped(mine)
    differs = [f"({_target(mine.policy, column)}) <> k.c_{column}" for column in columns]
    is_taken = mine.policy == Import.Policy.TAKE
    differs.append(
        "not k.c_custom @> k.custom"
        if is_taken
        else "not k.c_custom ?& array(select jsonb_object_keys(k.custom))"
    )
    pairs = ", ".join(
        f"('{column}', case when k.c_{column} <> '' then to_jsonb(k.c_{column}) end, to_jsonb(nullif({_target(mine.policy, column)}, '')))"
        for column in columns
    )
    of_columns = f"select * from (values {pairs}) of_columns(key, before, after) union all " if pairs else ""
    known_stays = "" if is_taken else " and not k.c_custom ? key"
    return f"""
    case when {" or ".join(differs)} then coalesce((
        select jsonb_object_agg(key, jsonb_build_array(before, after)) from (
            {of_columns}
            select key, k.c_custom -> key, value from jsonb_each(k.custom) where true{known_stays}
        ) pairs(key, before, after) where before is distinct from after
    ), '{{}}') else '{{}}'::jsonb end"""


# Of the people in the chunk who had another address before: whose an address is that nobody has now, by the address they
# have; and the first row of each, who may come under several. Each look at all rows is one look-up.
_FORMERS = """
    here as materialized (
        select distinct email from {stage} where line > %(after)s and line <= %(until)s and problem = ''
    ), renamed as materialized (
        select f.contact_id from audiences_formeraddress f join here on here.email = f.email
        where f.workspace_id = %(workspace)s
        union
        select c.id from audiences_formeraddress f
        join audiences_contact c on c.id = f.contact_id join here on here.email = c.email
        where f.workspace_id = %(workspace)s
    ), owners as materialized (
        select f.email, c.id as contact_id, c.email as now
        from renamed join audiences_formeraddress f on f.contact_id = renamed.contact_id
        join audiences_contact c on c.id = f.contact_id
        where not exists (
            select 1 from audiences_contact held where held.workspace_id = %(workspace)s and held.email = f.email
        )
    ), firsts as materialized (
        select names.now as email, min(rows.first) as first
        from (select email, now from owners union select now, now from owners) names
        cross join lateral (
            select min(s.line) as first from {stage} s where s.email = names.email and s.problem = ''
        ) rows
        group by names.now
    ),"""

_BLOCKED_FORMERS = """
            union all
            select o.email, b.id, b.at from owners o
            join audiences_suppression b on b.contact_id = o.contact_id and b.lifted_at is null
            where b.email <> o.email"""


def _statement(mine: Import, *, has_former: bool) -> str:
    tables = Tables(mine)
    has_patterns = Suppression.objects.filter(
        workspace=mine.workspace_id, lifted_at=None, is_pattern=True
    ).exists()
    theirs = ", ".join(f"c.{column} as c_{column}" for column in STANDARD)
    patterns = """
        left join lateral (
            select p.id from audiences_suppression p
            where p.workspace_id = %(workspace)s and p.is_pattern and p.lifted_at is null
              and p.email in ('*@' || split_part(s.email, '@', 2), split_part(s.email, '@', 1) || '@*')
              and not exists (
                  select 1 from audiences_suppression old
                  where old.workspace_id = %(workspace)s and old.email = s.email
                    and old.connection_id is not distinct from p.connection_id and old.lifted_at >= p.at
              )
            order by p.at, p.id limit 1
        ) p on s.problem = '' and b.id is null
    """
    formers = """
        left join owners o on o.email = s.email and s.problem = ''
        left join firsts on firsts.email = coalesce(o.now, s.email) and s.problem = ''
    """
    return f"""
    create temp table told on commit drop as
    with {_FORMERS.format(stage=tables.stage) if has_former else ""} blocked as materialized (
        -- An address, or the person it belongs to: the block may stand under an address they had before.
        select distinct on (email) email, id from (
            select email, id, at from audiences_suppression
            where workspace_id = %(workspace)s and lifted_at is null and not is_pattern
            union all
            select c.email, b.id, b.at from audiences_suppression b
            join audiences_contact c on c.id = b.contact_id
            where b.workspace_id = %(workspace)s and b.lifted_at is null and c.email <> b.email
            {_BLOCKED_FORMERS if has_former else ""}
        ) blocks order by email, at, id
    ), known as (
        select s.line, s.email, s.problem, s.custom, s.consent_at, {", ".join(f"s.{column}" for column in STANDARD)},
               {"coalesce(firsts.first, t.first)" if has_former else "t.first"} < s.line as is_twin,
               c.id as contact_id, {theirs}, c.custom as c_custom,
               m.status, m.evidence, m.changed_at, {"coalesce(b.id, p.id)" if has_patterns else "b.id"} as suppression_id,
               m.status = 'unsubscribed' and (
                   not %(resubscribes)s or coalesce(s.consent_at, %(consent_at)s) is null
                   or coalesce(s.consent_at, %(consent_at)s) <= m.changed_at
               ) as stays_off
        from {tables.stage} s
        left join {tables.twins} t on t.email = s.email
        {formers if has_former else ""}
        left join audiences_contact c on c.workspace_id = %(workspace)s
         and c.email = {"coalesce(o.now, s.email)" if has_former else "s.email"} and s.problem = ''
        left join audiences_subscription m on m.list_id = %(list)s and m.contact_id = c.id
        left join blocked b on b.email = s.email and s.problem = ''
        {patterns if has_patterns else ""}
        where s.line > %(after)s and s.line <= %(until)s
    ), judged as (
        select k.line, k.email, k.contact_id, k.suppression_id, k.status, k.evidence, k.changed_at, k.stays_off,
               k.is_twin, k.problem,
               case when k.contact_id is null or k.is_twin or k.suppression_id is not null then '{{}}'::jsonb
                    else {_changes(mine)} end as changes,
               %(list)s::bigint is not null and k.contact_id is not null
               and (k.status is null or k.status = 'removed' or (k.status = 'unsubscribed' and not k.stays_off))
               and k.is_twin is not true and k.suppression_id is null as joins
        from known k
    )
    select line,
           case when problem = '{PROBLEM}' then 'suppressed'
                when problem <> '' then 'invalid'
                when is_twin then 'duplicate'
                when suppression_id is not null then 'suppressed'
                when stays_off then 'left'
                when contact_id is null then 'new'
                when joins or changes <> '{{}}' then 'changed'
                else 'unchanged' end as outcome,
           contact_id, changes,
           case when joins then jsonb_build_object('status', status, 'evidence', evidence, 'changed_at', changed_at) end as membership,
           suppression_id
    from judged
    order by line
    """
