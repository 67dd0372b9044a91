"""A bulk action taken back, chunk by chunk. What changed since stays, and is named.

Nobody becomes mailable against their word: a membership only goes back while it is as the action left it, and whoever
left or was suppressed since, or was put on the list by what was itself taken back, stays off it.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection as database

from audiences.bulk.actions import CannotGoOn, field_of, list_of, tag_of
from audiences.journal import IS_TAKEN_BACK, consents_undone, fields_back, memberships_back
from audiences.models import BulkAction

Action = BulkAction.Action
_JOURNAL = "audiences_bulkchange"
_WHICH = "j.of_id = %(of)s and j.contact_id > %(after)s and j.contact_id <= %(until)s"


def end_of_chunk(mine: BulkAction, size: int) -> int | None:
    """The last contact of the next chunk of the journal; None when there is none."""
    with database.cursor() as cursor:
        cursor.execute(
            "select max(contact_id) from (select contact_id from audiences_bulkchange"
            " where of_id = %s and contact_id > %s order by contact_id limit %s) chunk",
            [mine.pk, mine.checkpoint, size],
        )
        last: int | None = cursor.fetchone()[0]
        return last


def take_back(mine: BulkAction, *, until: int) -> dict[str, int]:
    """Of everybody after the checkpoint up to `until`: "back", and "kept" for what had changed since. Raises CannotGoOn."""
    values = {"of": mine.pk, "workspace": mine.workspace_id, "after": mine.checkpoint, "until": until}
    with database.cursor() as cursor:
        cursor.execute("set local jit = off; drop table if exists pg_temp.touched")
        back = _BACK[Action(mine.action)](mine, values)
        cursor.execute(f"select count(*) from {_JOURNAL} j where {_WHICH} and kept <> '[]'", values)
        return {"back": back, "kept": cursor.fetchone()[0]}


def _fields(mine: BulkAction, values: dict[str, Any]) -> int:
    field_of(mine)
    return fields_back(_JOURNAL, _WHICH, values)


def _off_list(mine: BulkAction, values: dict[str, Any]) -> int:
    """The consent that was recorded with it counts no more."""
    back = _memberships(mine, values, _ADDED)
    consents_undone(
        f"select j.contact_id from {_JOURNAL} j where {_WHICH}", values | {"basis": mine.basis_id}
    )
    return back


def _onto_list(mine: BulkAction, values: dict[str, Any]) -> int:
    chosen = list_of(mine)
    if chosen.archived_at is not None:
        raise CannotGoOn(f"The list {chosen} was archived. Bring it back, then go on.")
    return _memberships(mine, values, _REMOVED)


def _memberships(mine: BulkAction, values: dict[str, Any], own: str) -> int:
    memberships_back(_JOURNAL, _WHICH, own, values | {"list": list_of(mine).pk, "began": mine.created_at})
    with database.cursor() as cursor:
        cursor.execute("select count(*) from touched")
        return int(cursor.fetchone()[0])


def _by_tag(*statements: str) -> Callable[[BulkAction, dict[str, Any]], int]:
    def back(mine: BulkAction, values: dict[str, Any]) -> int:
        with database.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, values | {"tag": tag_of(mine).pk})
            return cursor.rowcount

    return back


_OWN = "m.list_id = %(list)s and m.evidence @> jsonb_build_object('bulk', %(of)s)"
_ADDED = f"{_OWN} and m.status = 'subscribed'"
# Who was suppressed before was on the list all the same, and nobody writes to them there; where the block stands under
# the address alone, that is not sure.
_SINCE = "greatest(s.at, s.created_at) >= %(began)s"
_REMOVED = f"""{_OWN} and m.status = 'removed'
and not exists (
    select 1 from audiences_suppression s
    where s.workspace_id = %(workspace)s and s.lifted_at is null and s.contact_id = m.contact_id and {_SINCE}
)
and not exists (
    select 1 from audiences_contact k join audiences_suppression s on s.workspace_id = k.workspace_id and s.email = k.email
    where k.id = m.contact_id and s.lifted_at is null and s.contact_id is distinct from k.id
)
and not exists (
    select 1 from audiences_consent k
    where k.contact_id = m.contact_id and k.purpose = 'mail' and k.kind = 'withdrawn'
      and (k.list_id is null or k.list_id = m.list_id) and k.created_at >= %(began)s
)
-- What had put them on the list may have been taken back since.
and not {IS_TAKEN_BACK.format(contact="m.contact_id", membership="j.membership")}"""
# Whoever lost the tag since, or was tagged anew, stays so: that was somebody else's word.
_NOT_AS_TAGGED = f"""
update audiences_bulkchange j set kept = '["tag"]' from audiences_contact c
where {_WHICH} and c.id = j.contact_id and not exists (
    select 1 from audiences_tagging t
    where t.tag_id = %(tag)s and t.contact_id = j.contact_id and t.created_at = j.at
)
"""
_UNTAG = f"""
delete from audiences_tagging t using audiences_bulkchange j
where {_WHICH} and t.tag_id = %(tag)s and t.contact_id = j.contact_id and t.created_at = j.at
"""
_HAS_IT_AGAIN = f"""
update audiences_bulkchange j set kept = '["tag"]' from audiences_tagging t
where {_WHICH} and t.tag_id = %(tag)s and t.contact_id = j.contact_id
"""
_TAG = f"""
insert into audiences_tagging (tag_id, contact_id, created_at)
select %(tag)s, c.id, now() from audiences_bulkchange j join audiences_contact c on c.id = j.contact_id
where {_WHICH} and c.workspace_id = %(workspace)s order by c.id on conflict (tag_id, contact_id) do nothing
"""
_BACK: dict[Action, Callable[[BulkAction, dict[str, Any]], int]] = {
    Action.ADD_TO_LIST: _off_list,
    Action.REMOVE_FROM_LIST: _onto_list,
    Action.TAG: _by_tag(_NOT_AS_TAGGED, _UNTAG),
    Action.UNTAG: _by_tag(_HAS_IT_AGAIN, _TAG),
    Action.SET_FIELD: _fields,
}
