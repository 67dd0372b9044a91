"""Statements that take back what is written down in a journal, a table of the shape of `models.Change`.

`which` is a condition that picks the rows `j` of one chunk. Nobody becomes mailable by it: a membership only goes back
to what it was while it is still as the work left it.
"""

from typing import Any

from django.db import connection as database

from accounts.models import MirrorKind
from audiences.models import Contact

STANDARD = tuple(Contact.STANDARD_FIELDS)

# Rows of a journal that go at once: whoever erases somebody meanwhile does not wait long.
FORGOTTEN = 50_000

# Of a membership `m`.
IS_MIRRORED = f"""
exists (select 1 from accounts_mirrorrow r where r.kind = '{MirrorKind.CONTACT.value}' and r.object_id = m.contact_id)
"""


def fields_back(journal: str, which: str, values: dict[str, Any], *, stays: str = "false") -> int:
    """Each field that still holds what was written gets its former value; the others are marked as kept.

    `stays`: SQL of a change `j` and the `key` of a field in it, that this one is kept all the same.
    """
    values = values | {"standard": list(STANDARD)}
    with database.cursor() as cursor:
        cursor.execute(_KEPT_FIELDS.format(journal=journal, which=which, stays=stays), values)
        cursor.execute(_FIELDS.format(journal=journal, which=which), values)
        return cursor.rowcount


def memberships_back(journal: str, which: str, own: str, values: dict[str, Any]) -> None:
    """Memberships `m` that are still as `own` says go back; they are the table `touched` until the transaction ends.

    The others are marked as kept.
    """
    with database.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS.format(journal=journal, which=which, own=own), values)


def consents_undone(meant: str, values: dict[str, Any]) -> None:
    """What the work said for the people of `meant`, SQL of their `contact_id`, counts no more. Nobody took anything back."""
    with database.cursor() as cursor:
        cursor.execute(_CONSENTS.format(meant=meant), values)


def forget_some(journal: str, which: str, values: dict[str, Any]) -> bool:
    """Delete some rows, waiting for nobody; answers whether none are left."""
    with database.cursor() as cursor:
        cursor.execute(
            f"delete from {journal} where id = any(array("
            f"select j.id from {journal} j where {which} limit %(most)s for update of j skip locked))",
            values | {"most": FORGOTTEN},
        )
        cursor.execute(f"select not exists (select 1 from {journal} j where {which})", values)
        return bool(cursor.fetchone()[0])


def now_in(key: str) -> str:
    """SQL: the value a field has now, null for nothing; `key` is an expression of the field's key."""
    columns = " ".join(f"when '{column}' then to_jsonb(nullif(c.{column}, ''))" for column in STANDARD)
    return f"case {key} {columns} else c.custom -> {key} end"


def is_still_ours(stays: str = "false") -> str:
    """SQL, of a change `j` of a person `c`: some field still holds what was written. `stays`: as of `fields_back`."""
    return f"""exists (
    select 1 from jsonb_each(j.changes)
    where {now_in("key")} is not distinct from nullif(value -> 1, 'null') and not {stays}
)"""


# Fields that no longer hold what was written.
_KEPT_FIELDS = f"""
update {{journal}} j
set kept = coalesce((
    select jsonb_agg(key order by key) from jsonb_each(j.changes)
    where {now_in("key")} is distinct from nullif(value -> 1, 'null') or {{stays}}
), '[]')
from audiences_contact c
where {{which}} and c.id = j.contact_id and c.workspace_id = %(workspace)s
"""

_IS_OURS = "j.changes ? '{column}' and not j.kept ? '{column}'"
_SET_COLUMNS = ", ".join(
    f"{column} = case when {_IS_OURS.format(column=column)}"
    # Braces twice: the statement is filled in once more.
    f" then coalesce(j.changes #>> '{{{{{column},0}}}}', '') else c.{column} end"
    for column in STANDARD
)
_FIELDS = f"""
update audiences_contact c
set {_SET_COLUMNS},
    custom = (c.custom - array(
        select key from jsonb_each(j.changes)
        where key <> all(%(standard)s) and not j.kept ? key and value -> 0 = 'null'
    )) || coalesce((
        select jsonb_object_agg(key, value -> 0) from jsonb_each(j.changes)
        where key <> all(%(standard)s) and not j.kept ? key and value -> 0 <> 'null'
    ), '{{{{}}}}'),
    version = c.version + 1, updated_at = now()
from {{journal}} j
where {{which}} and c.id = j.contact_id and c.workspace_id = %(workspace)s
  and exists (select 1 from jsonb_object_keys(j.changes) key where not j.kept ? key)
"""

# Of a person, and of a membership as a journal holds it.
IS_TAKEN_BACK = """
exists (
    select 1 from audiences_consent k
    where k.contact_id = {contact} and k.kind = 'undone' and k.basis_id in (
        select basis_id from audiences_import where id = ({membership} -> 'evidence' ->> 'import')::bigint
        union all
        select basis_id from audiences_bulkaction where id = ({membership} -> 'evidence' ->> 'bulk')::bigint
    )
)"""
_WAS_TAKEN_BACK = IS_TAKEN_BACK.format(contact="m.contact_id", membership="t.membership")

# A membership an account may have been told of is taken off, not forgotten: else nobody would tell it again. Who had left
# before has left again, though somebody took them off since: else a file could put them back.
_MEMBERSHIPS = f"""
create temp table touched on commit drop as
select m.id, m.contact_id, j.id as change_id, j.membership, {IS_MIRRORED} as is_mirrored
from {{journal}} j
join audiences_subscription m on m.contact_id = j.contact_id and {{own}}
where {{which}} and j.membership is not null;
update audiences_subscription m
set status = 'unsubscribed', evidence = j.membership -> 'evidence', changed_at = (j.membership ->> 'changed_at')::timestamptz
from {{journal}} j
where {{which}} and j.membership ->> 'status' = 'unsubscribed'
  and m.contact_id = j.contact_id and m.list_id = %(list)s and m.status = 'removed'
  and not exists (select 1 from touched t where t.id = m.id);
update {{journal}} j set kept = coalesce(j.kept, '[]') || '["list"]'
where {{which}} and j.membership is not null
  and not exists (select 1 from touched t where t.change_id = j.id);
update audiences_subscription m
set status = case when t.membership ->> 'status' = 'subscribed' and {_WAS_TAKEN_BACK}
             then 'removed' else coalesce(t.membership ->> 'status', 'removed') end,
    evidence = case when t.membership -> 'evidence' = 'null' then m.evidence else t.membership -> 'evidence' end,
    changed_at = coalesce((t.membership ->> 'changed_at')::timestamptz, now())
from touched t
where m.id = t.id and (t.membership ->> 'status' is not null or t.is_mirrored);
delete from audiences_subscription m using touched t
where m.id = t.id and t.membership ->> 'status' is null and not t.is_mirrored;
update audiences_contact c set version = c.version + 1, updated_at = now()
from touched t where c.id = t.contact_id
"""

# Whatever became of their memberships since.
_CONSENTS = """
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, created_at)
select distinct k.contact_id, k.basis_id, k.list_id, 'undone', now(), now()
from ({meant}) meant join audiences_consent k on k.contact_id = meant.contact_id
where k.basis_id = %(basis)s and k.kind = 'given'
"""
