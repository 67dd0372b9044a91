"""Who gets a new address over there is still the person who left; some accounts forget that.

Statements over `moved` (see merge.py): blocks, lists that were left, and what was taken back and not given again go along
from the person the account's row stood for to the one of the new address.
"""

from audiences.sql import HAS_LEFT_SINCE, HOW_BAD, STRICTER_HOLDS, stands

_BLOCKS = f"""
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id)
select distinct on (moved.email, old.connection_id)
       %(workspace)s, moved.email, moved.contact_id, old.reason, old.connection_id,
       max(old.at) over (partition by moved.email, old.connection_id),
       old.evidence - 'moved' || jsonb_build_object('moved_from', old.contact_id), old.created_by_id
from moved
join audiences_suppression old on old.contact_id = moved.mirrored_id and old.lifted_at is null
where moved.mirrored_id <> moved.contact_id
order by moved.email, old.connection_id, {HOW_BAD.format("old")}, old.at desc
{STRICTER_HOLDS}"""

_LEAVES = f"""
insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
select old.list_id, moved.contact_id, old.status, old.evidence || jsonb_build_object('moved_from', old.contact_id), old.changed_at
from moved
join audiences_subscription old on old.contact_id = moved.mirrored_id and old.status = 'unsubscribed'
where moved.mirrored_id <> moved.contact_id
order by old.list_id, moved.contact_id
on conflict (list_id, contact_id) do update
set status = excluded.status, evidence = excluded.evidence, changed_at = excluded.changed_at
where {HAS_LEFT_SINCE}
"""

_TAKEN_BACK = f"""
with taken_back as (
    insert into audiences_consent (contact_id, basis_id, list_id, purpose, kind, at, ip, created_at)
    select moved.contact_id, k.basis_id, k.list_id, k.purpose, k.kind, k.at, k.ip, k.created_at
    from moved join audiences_consent k on k.contact_id = moved.mirrored_id and k.kind = 'withdrawn'
    where moved.mirrored_id <> moved.contact_id and not exists (
        select 1 from audiences_consent o
        where o.contact_id = k.contact_id and o.purpose = k.purpose and o.list_id is not distinct from k.list_id
          and o.kind = 'given' and (o.at, o.id) > (k.at, k.id) and {stands("o")}
    )
    order by k.id
)
update audiences_contact c set tracking = 'denied'
from moved join audiences_contact old on old.id = moved.mirrored_id and old.tracking = 'denied'
where c.id = moved.contact_id and moved.mirrored_id <> moved.contact_id and c.tracking <> 'denied'
"""

CARRYING = (_BLOCKS, _LEAVES, _TAKEN_BACK)
