"""Everybody's value of one field rewritten, chunk by chunk by id; each chunk is committed with its checkpoint."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import MirrorKind, MirrorRow, OutboxEntry, Pull
from accounts.refusals import CannotMove
from audiences import sets
from audiences.field_names import tells_births
from audiences.models import Contact, Field, FieldChange
from audiences.queries import fields as queries
from audiences.services.field_counts import ask_for_counts

CHANGE_TASK = "audiences.change_field"
CHUNK = 20_000
SLICE_SECONDS = 20
# A pull that read the fields before the change may write the old kind for so long, or until it ends.
SETTLED_AFTER = timedelta(seconds=90)

Action, State = FieldChange.Action, FieldChange.State
STAGE = (("id", "bigint"), ("value", "jsonb"))


def change_field(entry: OutboxEntry) -> outbox.Later | None:
    """Go on until everybody is done; then once more for what pulls brought that had begun before."""
    change = FieldChange.objects.select_related("workspace", "field").get(pk=entry.subject_id)
    began = time.monotonic()
    for _ in steps(change):
        outbox.renew(entry)
        if time.monotonic() - began > SLICE_SECONDS:
            return outbox.Later(0)
    if is_over(change):
        return None
    return outbox.Later(SETTLED_AFTER.total_seconds(), "Looks once more after the pulls that are under way.")


def steps(change: FieldChange) -> Iterator[None]:
    """Rewrite chunk by chunk, from the checkpoint on."""
    while _next(change):
        yield
    if change.state == State.RUNNING:
        _end(change)
    elif change.checkpoint:  # the second look is over
        FieldChange.objects.filter(pk=change.pk).update(checkpoint=0)
        change.checkpoint = 0


def is_over(change: FieldChange) -> bool:
    """Whether nobody is left who may still write what the field was before."""
    connections = MirrorRow.objects.filter(
        kind=MirrorKind.FIELD, connection__workspace=change.workspace_id
    ).values("connection_id")
    if change.action == Action.CLEAR or not connections.exists():
        return True
    if timezone.now() - change.created_at < SETTLED_AFTER:
        return False
    pulls = Pull.objects.filter(connection__in=connections, created_at__lt=change.created_at)
    return not pulls.filter(state=Pull.State.RUNNING).exists()


def fail_stuck_changes() -> int:
    """Changes whose work was set aside have stopped; say so, and let a person try again."""
    failed = 0
    for change in FieldChange.objects.filter(state=State.RUNNING).select_related("workspace"):
        entry = OutboxEntry.objects.filter(subject_id=change.pk, task=CHANGE_TASK).order_by("-id").first()
        if entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
            try:
                change.move_to(State.FAILED, note=entry.note)
            except CannotMove:  # it has just ended
                continue
            failed += 1
    return failed


def _next(change: FieldChange) -> bool:
    """The next chunk, whole or not at all; False when there is none left."""
    key = change.arguments["key"]
    with transaction.atomic():
        sets.one_writer(change.workspace)
        row = FieldChange.objects.select_for_update().get(pk=change.pk)
        if row.checkpoint != change.checkpoint or row.state not in (State.RUNNING, State.DONE):
            raise outbox.LeaseLost
        with database.cursor() as cursor:
            cursor.execute(
                _UNTIL,
                {"workspace": change.workspace_id, "key": key, "after": change.checkpoint, "rows": CHUNK},
            )
            until = cursor.fetchone()[0]
        if until is None:
            return False
        values = {"workspace": change.workspace_id, "key": key, "after": change.checkpoint, "until": until}
        counts = _WORK[Action(change.action)](change, values)
        change.checkpoint = until
        if change.state == State.RUNNING:
            change.counts = {
                name: change.counts.get(name, 0) + counts.get(name, 0) for name in {*change.counts, *counts}
            }
        FieldChange.objects.filter(pk=change.pk).update(checkpoint=until, counts=change.counts)
    return True


def _convert(change: FieldChange, values: dict[str, Any]) -> dict[str, int]:
    """Read each value anew, by the reading the preview used."""
    told = change.arguments
    names = [told["key"], change.field.label if change.field else ""]
    parse = queries.reader_of(told["reading"], told["choices"], of_past=tells_births(*names))
    changed: list[tuple[int, str | None]] = []
    counts = {"changed": 0, "emptied": 0, "kept": 0}
    with database.cursor() as cursor:
        cursor.execute(_VALUES, values)
        for contact_id, raw in cursor.fetchall():
            value = json.loads(raw)
            try:
                read = parse(value)
            except ValueError:
                if value in (None, "") or (told["empties"] and change.state == State.RUNNING):
                    changed.append((contact_id, None))
                    counts["emptied"] += value not in (None, "")
                else:
                    counts["kept"] += 1
                continue
            counts["changed"] += 1
            if type(read) is not type(value) or read != value:
                changed.append((contact_id, json.dumps(read, ensure_ascii=False)))
        if changed:
            sets.stage("changed_values", STAGE, changed, keys=("id",))
            cursor.execute(_WRITE, values)
    return counts


def _clear(change: FieldChange, values: dict[str, Any]) -> dict[str, int]:
    return {"emptied": _run(_CLEAR, values | {"choices": change.arguments["choices"]})}


def _delete(change: FieldChange, values: dict[str, Any]) -> dict[str, int]:
    return {"emptied": _run(_DELETE, values)}


def _merge(change: FieldChange, values: dict[str, Any]) -> dict[str, int]:
    into = change.arguments["into"]
    values |= {"into": into}
    if into in Contact.STANDARD_FIELDS:
        most = Field(key=into).max_letters
        filled = f"{into} = case when {into} = '' then left(coalesce(custom ->> %(key)s, ''), {most}) else {into} end, custom = custom - %(key)s"
        is_gap = f"{into} = '' and {_HAS}"
    else:
        kept = Field.objects.filter(workspace=change.workspace_id, key=into).first()
        value = "custom -> %(key)s"
        if kept is not None and kept.kind == Field.Kind.TEXT:
            value = "to_jsonb(custom ->> %(key)s)"
        is_gap = f"coalesce(custom -> %(into)s, 'null') in ('null', '\"\"') and {_HAS}"
        filled = f"custom = (custom - %(key)s) || case when {is_gap} then jsonb_build_object(%(into)s::text, {value}) else '{{}}' end"
    with database.cursor() as cursor:
        cursor.execute(
            f"select count(*) filter (where {is_gap}), count(*) from audiences_contact where {_CHUNK}", values
        )
        gaps, people = cursor.fetchone()
        cursor.execute(f"update audiences_contact set {filled} where {_CHUNK}", values)
    return {"changed": gaps, "kept": people - gaps}


def _end(change: FieldChange) -> None:
    with transaction.atomic():
        change.move_to(State.DONE, finished_at=timezone.now(), checkpoint=0)
        if change.action in (Action.MERGE, Action.DELETE):
            Field.objects.filter(workspace=change.workspace_id, key=change.arguments["key"]).delete()
            change.field = None
        activity.record(
            change.workspace, "field.values", f"Changed everybody's value of the field {change.arguments['label']}.",
            actor=change.created_by, subject=change, after=change.counts,
        )  # fmt: skip
        ask_for_counts(workspace=change.workspace)


def _run(statement: str, values: dict[str, Any]) -> int:
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


_WORK = {Action.CONVERT: _convert, Action.CLEAR: _clear, Action.DELETE: _delete, Action.MERGE: _merge}

_CHUNK = "workspace_id = %(workspace)s and id > %(after)s and id <= %(until)s and custom ? %(key)s"
_HAS = "coalesce(custom -> %(key)s, 'null') not in ('null', '\"\"')"
_UNTIL = """
select max(id) from (
    select id from audiences_contact
    where workspace_id = %(workspace)s and id > %(after)s and custom ? %(key)s
    order by id limit %(rows)s
) chunk
"""
_VALUES = f"select id, custom -> %(key)s from audiences_contact where {_CHUNK}"
# The version stays: the person says the same, in another spelling.
_WRITE = """
update audiences_contact c
set custom = case when n.value is null then c.custom - %(key)s
                  else jsonb_set(c.custom, array[%(key)s], n.value) end
from changed_values n where n.id = c.id
"""
_CLEAR = f"update audiences_contact set custom = custom - %(key)s where {_CHUNK} and custom ->> %(key)s = any(%(choices)s)"
_DELETE = f"update audiences_contact set custom = custom - %(key)s where {_CHUNK}"
