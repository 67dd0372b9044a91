"""What each action does to a chunk of people, who are the table `chosen (id, email)`, in a few statements over all of them.

Each answers outcome → people; every one of the chunk is in exactly one outcome. What changes is written down in the
journal with it, so that `undoing` can take it back.
"""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection as database
from django.utils import timezone

from accounts.refusals import CannotDo
from audiences.models import BulkAction, Contact, Field, List, Suppression, Tag
from audiences.services.suppressions import Fact, suppress_all
from audiences.sql import SUPPRESSED

Action = BulkAction.Action


class CannotGoOn(CannotDo):
    """Something the action needs has changed or gone since it began."""


def apply(mine: BulkAction) -> dict[str, int]:
    """Do it to everybody in `chosen`. Raises CannotGoOn."""
    return _APPLY[Action(mine.action)](mine)


def _add_to_list(mine: BulkAction) -> dict[str, int]:
    """Who left it or is suppressed stays out; whoever has not confirmed it yet is still to do so."""
    chosen = list_of(mine)
    if chosen.archived_at is not None:
        raise CannotGoOn(f"The list {chosen} was archived. Bring it back, then go on.")
    values: dict[str, Any] = {
        "of": mine.pk,
        "list": chosen.pk,
        "workspace": mine.workspace_id,
        "basis": mine.basis_id,
        "evidence": _evidence(mine),
        "outcome": "added",
    }
    counts = _sorted(_SORT_FOR_LIST, values)
    with database.cursor() as cursor:
        cursor.execute(_JOURNAL, values)
        cursor.execute(_JOIN, values)
        cursor.execute(_CONSENT, values)
        cursor.execute(_TOUCH, values)
    return counts


def _remove_from_list(mine: BulkAction) -> dict[str, int]:
    """Who left it stays somebody who left."""
    values: dict[str, Any] = {
        "of": mine.pk,
        "list": list_of(mine).pk,
        "evidence": _evidence(mine),
        "outcome": "removed",
    }
    counts = _sorted(_SORT_OFF_LIST, values)
    with database.cursor() as cursor:
        cursor.execute(_JOURNAL, values)
        cursor.execute(_TAKE_OFF, values)
        cursor.execute(_TOUCH, values)
    return counts


def _tag(mine: BulkAction) -> dict[str, int]:
    return _by_rows(_TAG, {"of": mine.pk, "tag": tag_of(mine).pk}, "tagged", "had_it")


def _untag(mine: BulkAction) -> dict[str, int]:
    return _by_rows(_UNTAG, {"of": mine.pk, "tag": tag_of(mine).pk}, "untagged", "had_it_not")


def _set_field(mine: BulkAction) -> dict[str, int]:
    """Whose value is the same already is not written."""
    key, value = field_of(mine), mine.arguments["value"]
    values = {"of": mine.pk, "key": key, "text": value or "", "value": json.dumps(value)}
    if key in Contact.STANDARD_FIELDS:
        write = _SET_COLUMN.format(column=key)
    else:
        write = _SET_CUSTOM if value is not None else _EMPTY_CUSTOM
    return _by_rows(write, values, "changed", "same")


def _suppress(mine: BulkAction) -> dict[str, int]:
    """Beside a block that an account told stands one of our own: it holds when that is lifted."""
    with database.cursor() as cursor:
        if mine.has_journal:  # not one begun before blocks were written down
            cursor.execute(_WHO_IS_BLOCKED, {"of": mine.pk, "workspace": mine.workspace_id})
        cursor.execute(_BLOCKED_BEFORE, {"workspace": mine.workspace_id})
        rows = cursor.fetchall()
    now = timezone.now()
    suppress_all(
        workspace=mine.workspace,
        connection=None,
        facts=[
            Fact(
                email, Suppression.Reason.BY_HAND, now, {"reason": mine.arguments["reason"], "bulk": mine.pk}
            )
            for email, *_ in rows
        ],
        by=mine.created_by,
    )
    before = sum(was_blocked for _, was_blocked, _ in rows)
    by_hand = sum(was_blocked and was_by_hand for _, was_blocked, was_by_hand in rows)
    return {"suppressed": len(rows) - before, "by_hand_too": before - by_hand, "suppressed_before": by_hand}


def list_of(mine: BulkAction) -> List:
    """Raises CannotGoOn."""
    found = List.objects.filter(workspace=mine.workspace_id, pk=mine.arguments["list"]).first()
    if found is None:
        raise CannotGoOn("The list is no longer there.")
    return found


def field_of(mine: BulkAction) -> str:
    """Its key. Raises CannotGoOn."""
    key: str = mine.arguments["field"]
    if key in Contact.STANDARD_FIELDS:
        return key
    field = Field.objects.filter(workspace=mine.workspace_id, key=key).first()
    if field is None or field.kind != mine.arguments["kind"]:
        raise CannotGoOn(
            "The field was deleted, or is of another kind now: what this holds no longer fits it."
        )
    return key


def tag_of(mine: BulkAction) -> Tag:
    """Raises CannotGoOn."""
    found = Tag.objects.filter(workspace=mine.workspace_id, pk=mine.arguments["tag"]).first()
    if found is None:
        raise CannotGoOn("The tag was deleted meanwhile.")
    return found


def _evidence(mine: BulkAction) -> str:
    return json.dumps({"bulk": mine.pk})


def _sorted(statement: str, values: dict[str, Any]) -> dict[str, int]:
    """Sort the chunk by what becomes of each, into the table `sorted`."""
    with database.cursor() as cursor:
        cursor.execute("drop table if exists pg_temp.sorted")
        cursor.execute(f"create temp table sorted on commit drop as {statement}", values)
        cursor.execute(_OUTCOMES, values)
        cursor.execute("select outcome, count(*) from sorted group by 1")
        return dict(cursor.fetchall())


def _by_rows(statement: str, values: dict[str, Any], written: str, other: str) -> dict[str, int]:
    with database.cursor() as cursor:
        cursor.execute("select count(*) from chosen")
        everybody = cursor.fetchone()[0]
        cursor.execute(statement, values)
        counts = {written: cursor.rowcount, other: everybody - cursor.rowcount}
        cursor.execute(_OTHERS, values | {"outcome": other})
        return counts


_APPLY: dict[Action, Callable[[BulkAction], dict[str, int]]] = {
    Action.ADD_TO_LIST: _add_to_list,
    Action.REMOVE_FROM_LIST: _remove_from_list,
    Action.TAG: _tag,
    Action.UNTAG: _untag,
    Action.SET_FIELD: _set_field,
    Action.SUPPRESS: _suppress,
}

# Of whom nothing changes, by why.
_OUTCOMES = """
insert into audiences_bulkoutcome (of_id, outcome, contact_ids, first, last, many)
select %(of)s, outcome, array_agg(id order by id), min(id), max(id), count(*) from sorted where outcome <> %(outcome)s group by outcome
"""
_OTHERS = """
insert into audiences_bulkoutcome (of_id, outcome, contact_ids, first, last, many)
select %(of)s, %(outcome)s, array_agg(id order by id), min(id), max(id), count(*) from chosen
where not exists (select 1 from audiences_bulkchange j where j.of_id = %(of)s and j.contact_id = chosen.id)
having count(*) > 0
"""

# A block may still stand under the address alone.
_SORT_FOR_LIST = f"""
select c.id, case
    when {SUPPRESSED} or exists (
        select 1 from audiences_suppression s
        where s.workspace_id = %(workspace)s and s.email = c.email and s.lifted_at is null
    ) then 'suppressed'
    when m.status = 'unsubscribed' then 'left'
    when m.status = 'subscribed' then 'there'
    when m.status = 'pending' then 'pending'
    else 'added' end as outcome, m.status, m.evidence, m.changed_at
from chosen c left join audiences_subscription m on m.list_id = %(list)s and m.contact_id = c.id
"""
_JOIN = """
insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at, created_at)
select %(list)s, id, 'subscribed', %(evidence)s::jsonb, now(), now() from sorted where outcome = 'added' order by id
on conflict (list_id, contact_id) do update
set status = 'subscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
where mine.status = 'removed'
"""
_CONSENT = """
insert into audiences_consent (contact_id, basis_id, list_id, kind, at, created_at)
select id, %(basis)s, %(list)s, 'given', now(), now() from sorted where outcome = 'added' order by id
"""
# The membership as it was.
_JOURNAL = """
insert into audiences_bulkchange (of_id, contact_id, at, changes, membership)
select %(of)s, id, now(), '{}', jsonb_build_object('status', status, 'evidence', evidence, 'changed_at', changed_at)
from sorted where outcome = %(outcome)s order by id
"""
_SORT_OFF_LIST = """
select c.id, case when m.status in ('subscribed', 'pending') then 'removed'
                  when m.status = 'unsubscribed' then 'left' else 'not_there' end as outcome,
       m.status, m.evidence, m.changed_at
from chosen c left join audiences_subscription m on m.list_id = %(list)s and m.contact_id = c.id
"""
_TAKE_OFF = """
update audiences_subscription m set status = 'removed', evidence = %(evidence)s::jsonb, changed_at = now()
from sorted where m.list_id = %(list)s and m.contact_id = sorted.id and sorted.outcome = 'removed'
"""
# As after an import: what an account holds of them is older than what we hold.
_TOUCH = """
update audiences_contact c set version = c.version + 1, updated_at = now()
from sorted where c.id = sorted.id and sorted.outcome = %(outcome)s
"""
_INTO_JOURNAL = "insert into audiences_bulkchange (of_id, contact_id, at, changes) select %(of)s, {who}, now(), {what} from "
_DONE = _INTO_JOURNAL.format(who="contact_id", what="'{}'") + "done order by contact_id"
_TAG = f"""
with done as (
    insert into audiences_tagging (tag_id, contact_id, created_at)
    select %(tag)s, id, now() from chosen order by id on conflict (tag_id, contact_id) do nothing
    returning contact_id
) {_DONE}
"""
_UNTAG = f"""
with done as (
    delete from audiences_tagging t using chosen where t.tag_id = %(tag)s and t.contact_id = chosen.id
    returning t.contact_id
) {_DONE}
"""
# First what it was and becomes: nobody else writes meanwhile.
_WRITE = (
    _INTO_JOURNAL.format(
        who="c.id", what="jsonb_build_object(%(key)s::text, jsonb_build_array({was}, {becomes}))"
    )
    + """audiences_contact c join chosen using (id) where {differs} order by c.id;
update audiences_contact c set {set}, version = c.version + 1, updated_at = now()
from chosen join audiences_bulkchange j on j.of_id = %(of)s and j.contact_id = chosen.id
where c.id = chosen.id
"""
)
_SET_COLUMN = _WRITE.format(
    was="nullif(c.{column}, '')",
    becomes="nullif(%(text)s::text, '')",
    differs="c.{column} <> %(text)s",
    set="{column} = %(text)s",
)
_SET_CUSTOM = _WRITE.format(
    was="c.custom -> %(key)s",
    becomes="%(value)s::jsonb",
    differs="c.custom -> %(key)s is distinct from %(value)s::jsonb",
    set="custom = c.custom || jsonb_build_object(%(key)s::text, %(value)s::jsonb)",
)
_EMPTY_CUSTOM = _WRITE.format(
    was="c.custom -> %(key)s", becomes="null", differs="c.custom ? %(key)s", set="custom = c.custom - %(key)s"
)
# One of our own, which no pattern brought.
_BY_HAND = """exists (
    select 1 from audiences_suppression s
    where s.workspace_id = %(workspace)s and s.email = c.email and s.connection_id is null and s.lifted_at is null
      and not s.evidence ? 'pattern'
)"""
# No field has such a key: whether they were blocked, that they are now, whether they had been by hand.
_WHO_IS_BLOCKED = (
    _INTO_JOURNAL.format(
        who="c.id",
        what=f"jsonb_build_object('@suppressed', jsonb_build_array({SUPPRESSED}, true, {_BY_HAND}))",
    )
    + "chosen c order by c.id"
)
_BLOCKED_BEFORE = f"select c.email, {SUPPRESSED}, {_BY_HAND} from chosen c order by c.id"
