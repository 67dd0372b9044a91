"""A chunk of rows into contacts, memberships and consents, with what is needed to take it back."""

from django.db import connection as database
from django.db import transaction

from accounts import outbox
from audiences import sets
from audiences.importing import blocks, outcomes
from audiences.importing.staging import check, remember
from audiences.importing.tables import STANDARD, Tables
from audiences.models import Import
from audiences.models.imports import rows_in

# Rows of a chunk, and how many of them may have something to write.
CHUNK = 200_000
WRITES = 50_000


def apply_next(mine: Import) -> bool:
    """Import the next chunk, whole or not at all; False when there was none left.

    Rows are told apart anew: what changed since the preview counts as it is now. Nobody is made who matches a
    suppressed pattern, so there is nobody to suppress afterwards.
    """
    tables = Tables(mine)
    after = mine.checkpoint.get("apply", 0)
    with transaction.atomic():
        sets.one_writer(mine.workspace)
        check(mine, Import.objects.get(pk=mine.pk))
        of_people = not mine.is_of_blocks
        rows, writes = (CHUNK, WRITES) if of_people else (CHUNK, blocks.CHUNK)
        until = outcomes.end_of_chunk(mine, after=after, rows=rows, writes=writes)
        if until is None:
            return False
        counts = outcomes.tell_apart(mine, tables.result, after=after, until=until)
        if of_people:
            _write(mine, tables, after=after, until=until)
        else:
            blocks.write(mine, tables, outcomes.values_of(mine) | {"after": after, "until": until})
        remember(mine, apply=until)
        total = dict(mine.counts)
        for name, count in {**counts, "read": rows_in(counts)}.items():
            total[name] = total.get(name, 0) + count
        mine.counts = total
        Import.objects.filter(pk=mine.pk).update(counts=total)
    return True


def _write(mine: Import, tables: Tables, *, after: int, until: int) -> None:
    values = outcomes.values_of(mine) | {"after": after, "until": until}
    with database.cursor() as cursor:
        cursor.execute(_NEW.format(stage=tables.stage), values)
        made, first, last = cursor.fetchone()
        cursor.execute(_STEP, values | {"first": first, "last": last})
        values |= {"step": cursor.fetchone()[0], "first": first, "last": last}
        cursor.execute(_CHANGED, values)
        cursor.execute(_JOURNAL, values)
        if mine.list_id:
            if made:
                cursor.execute(_NEW_ON_LIST, values)
                if cursor.rowcount != made:  # somebody writes people without holding the audience
                    raise outbox.LeaseLost
            cursor.execute(_KNOWN_ON_LIST, values)
            cursor.execute(_CONSENTS.format(stage=tables.stage), values)


_COLUMNS = ", ".join(STANDARD)

_NEW = f"""
with made as (
    insert into audiences_contact (workspace_id, email, {_COLUMNS}, custom, version, created_at, updated_at)
    select %(workspace)s, s.email, {", ".join(f"s.{column}" for column in STANDARD)}, s.custom, 1, now(), now()
    from told r join {{stage}} s on s.line = r.line
    where s.line > %(after)s and s.line <= %(until)s and r.outcome = 'new'
    order by r.line
    returning id
)
select count(*), min(id), max(id) from made
"""

_STEP = """
insert into audiences_importstep (of_id, last_line, at, first_contact, last_contact)
values (%(import)s, %(until)s, now(), %(first)s, %(last)s) returning id
"""

_CHANGED = f"""
update audiences_contact c
set {", ".join(f"{column} = coalesce(r.changes #>> '{{{column},1}}', c.{column})" for column in STANDARD)},
    custom = c.custom || coalesce((
        select jsonb_object_agg(key, value -> 1) from jsonb_each(r.changes) where key <> all(%(standard)s)
    ), '{{}}'),
    version = c.version + 1, updated_at = now()
from told r
where r.outcome in ('changed', 'left') and (r.changes <> '{{}}' or r.membership is not null)
  and c.id = r.contact_id
"""

_JOURNAL = """
insert into audiences_importchange (step_id, contact_id, changes, membership)
select %(step)s, r.contact_id, r.changes, r.membership
from told r
where r.outcome in ('changed', 'left') and (r.changes <> '{}' or r.membership is not null)
"""

_EVIDENCE = "jsonb_build_object('import', %(import)s)"

_NEW_ON_LIST = f"""
insert into audiences_subscription (list_id, contact_id, status, evidence, changed_at, created_at)
select %(list)s, c.id, 'subscribed', {_EVIDENCE}, now(), now()
from audiences_contact c
where c.id between %(first)s and %(last)s and c.workspace_id = %(workspace)s and c.created_at = now()
"""

_KNOWN_ON_LIST = f"""
insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at, created_at)
select %(list)s, r.contact_id, 'subscribed', {_EVIDENCE}, now(), now()
from told r
where r.outcome = 'changed' and r.membership is not null
order by r.contact_id
on conflict (list_id, contact_id) do update
set status = 'subscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
"""

_CONSENTS = """
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, ip, created_at)
select coalesce(r.contact_id, c.id), %(basis)s, %(list)s, 'given',
       coalesce(s.consent_at, %(consent_at)s, now()), s.consent_ip, now()
from told r
join {stage} s on s.line = r.line
left join lateral (
    select id from audiences_contact c
    where r.contact_id is null and c.workspace_id = %(workspace)s and c.email = s.email limit 1
) c on true
where s.line > %(after)s and s.line <= %(until)s
  and (r.outcome = 'new' or (r.outcome = 'changed' and r.membership is not null))
"""
