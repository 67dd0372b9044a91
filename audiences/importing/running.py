"""Imports driven from the outbox, in slices: each chunk is committed with its checkpoint, so that a kill costs one."""

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress

from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry
from accounts.refusals import CannotMove
from audiences import sets
from audiences.files import BadFile
from audiences.importing import (
    applying,
    blocks,
    bodies,
    new_fields,
    new_list,
    opening,
    outcomes,
    staging,
    undoing,
)
from audiences.importing.ending import leave_nothing
from audiences.importing.left_out import keep_left_out
from audiences.importing.opening import NO_ROWS
from audiences.importing.tables import Tables
from audiences.models import Import
from audiences.models.imports import rows_in
from audiences.services.counts import count_people_soon, refresh_counts
from audiences.services.field_counts import ask_for_counts

SLICE_SECONDS = 20
PREVIEW_CHUNK = 200_000

State = Import.State
_OVER = object()


def open_import(entry: OutboxEntry) -> None:
    """Guess how the file is written; ends with columns to match, or says why it cannot be read."""
    mine = _of(entry, State.OPENING)
    if mine is None:
        return
    # What was unpacked before stays if it cannot be read another way.
    opened_before = transaction.atomic() if "before" in mine.dialect else nullcontext()
    try:
        with opened_before:
            opening.open_file(mine)
        mine.move_to(
            State.MAPPING, dialect=mine.dialect, columns=mine.columns, mapping=mine.mapping,
            header_digest=mine.header_digest, note="",
        )  # fmt: skip
    except BadFile as refusal:
        if "before" in mine.dialect:
            with suppress(CannotMove):
                dialect = {name: value for name, value in mine.dialect.items() if name != "before"}
                mine.move_to(
                    State.MAPPING, note=refusal.sentence, dialect=dialect | {"asked": mine.dialect["before"]}
                )
            return
        bodies.forget(mine)
        with suppress(CannotMove):
            fail(mine, refusal.sentence)
    except CannotMove:
        mine.refresh_from_db()
        if mine.state == State.CANCELLED:  # meanwhile: what was unpacked since then goes too
            bodies.forget(mine)


def read_import(entry: OutboxEntry) -> outbox.Later | None:
    """Stage the rows and tell them apart; ends with a preview."""
    mine = _of(entry, State.READING)
    return _drive(entry, mine, read_steps(mine)) if mine else None


def run_import(entry: OutboxEntry) -> outbox.Later | None:
    mine = _of(entry, State.RUNNING)
    return _drive(entry, mine, run_steps(mine)) if mine else None


def undo_import(entry: OutboxEntry) -> outbox.Later | None:
    mine = _of(entry, State.UNDOING)
    return _drive(entry, mine, undo_steps(mine)) if mine else None


def read_steps(mine: Import) -> Iterator[None]:
    tables = Tables(mine)
    if mine.checkpoint.get("stage") and not tables.holds(tables.stage):
        with transaction.atomic():  # the database lost it in a crash
            forget_reading(mine)
    if not mine.checkpoint.get("staged"):
        for _ in staging.stage(mine):
            yield
    if mine.is_of_blocks:
        sets.tell_planner(*_grown(mine))
    while True:
        after = mine.checkpoint.get("preview", 0)
        with transaction.atomic():
            if not after:
                tables.make_preview()
            until = outcomes.end_of_chunk(mine, after=after, rows=PREVIEW_CHUNK)
            if until is None:
                break
            counts = outcomes.tell_apart(mine, tables.preview, after=after, until=until)
            staging.remember(mine, preview=until)
            counts["read"] = rows_in(counts)
            mine.preview = {
                name: mine.preview.get(name, 0) + counts.get(name, 0) for name in {*mine.preview, *counts}
            }
            Import.objects.filter(pk=mine.pk).update(preview=mine.preview)
        yield
    if not mine.preview.get("read"):
        fail(mine, NO_ROWS, is_over=True)
        return
    yield from keep_left_out(mine, tables.preview)
    if mine.is_of_blocks:
        mine.preview |= {"people": blocks.people_caught(mine), "odd_days": blocks.odd_days(mine)}
    mine.move_to(State.READY, previewed_at=timezone.now(), has_rows=True, note="", preview=mine.preview)


def run_steps(mine: Import) -> Iterator[None]:
    tables = Tables(mine)
    if not tables.holds(tables.stage):  # lost in a crash of the database; the file is still there
        kept = {name: value for name, value in mine.checkpoint.items() if name == "apply"}
        with transaction.atomic():
            Import.objects.filter(pk=mine.pk).update(checkpoint=kept)
        mine.checkpoint = kept
    if not mine.checkpoint.get("staged"):
        for _ in staging.stage(mine):
            yield
    if mine.is_of_blocks:
        sets.tell_planner(*_grown(mine))
    if not mine.checkpoint.get("apply"):
        tables.make_result()
    is_first = mine.is_of_blocks or not mine.workspace.contacts.exists()
    while applying.apply_next(mine):
        if is_first:
            sets.tell_planner(*_grown(mine))
            is_first = False
        yield
    while mine.is_of_blocks and blocks.resolve_next(mine):
        yield
    told = rows_in(mine.counts)
    if not told == mine.counts.get("read") == mine.checkpoint["rows"]:
        raise RuntimeError(f"The outcomes of import {mine.pk} do not add up.")
    # Who left or was suppressed between the preview and now.
    yield from keep_left_out(mine, tables.result)
    _end(mine, State.DONE)


def _grown(mine: Import) -> tuple[str, ...]:
    """What an import makes grow from nothing."""
    if mine.is_of_blocks:
        return ("audiences_suppression",)
    return "audiences_contact", "audiences_subscription"


def undo_steps(mine: Import) -> Iterator[None]:
    while undoing.undo_next(mine):
        yield
    _end(mine, State.UNDONE)


def forget_reading(mine: Import) -> None:
    """Begin to read anew."""
    mine.checkpoint, mine.preview = {}, {}
    Import.objects.filter(pk=mine.pk).update(checkpoint={}, preview={})


def drive(mine: Import, steps: Iterator[None]) -> None:
    """All of it at once: for a few rows, in the request of who typed them."""
    for _ in steps:
        pass


@transaction.atomic
def fail(mine: Import, note: str, *, is_over: bool = False) -> None:
    """`is_over`: to try again would end the same way."""
    sets.one_writer(mine.workspace)  # before the import's row, as for each chunk
    was = "" if is_over else mine.state
    mine.move_to(State.FAILED, note=note, failed_in=was, finished_at=timezone.now())
    _settle(mine, f"The import of {mine} has stopped: {note}")


def _of(entry: OutboxEntry, state: str) -> Import | None:
    mine = Import.objects.select_related("workspace").get(pk=entry.subject_id)
    return mine if mine.state == state else None


def _drive(entry: OutboxEntry, mine: Import, steps: Iterator[None]) -> outbox.Later | None:
    began = time.monotonic()
    while True:
        # Before the first step too: a worker killed while it ended goes on with ending.
        if Import.objects.filter(pk=mine.pk, cancel_requested=True).exists():
            if mine.counts:  # the file goes now, and who was left out may want it back
                for _ in keep_left_out(mine, Tables(mine).result):
                    outbox.renew(entry)
            _end(mine, State.CANCELLED)
            return None
        if next(steps, _OVER) is _OVER:
            return None
        outbox.renew(entry)
        if time.monotonic() - began > SLICE_SECONDS:
            return outbox.Later(0)


@transaction.atomic
def _end(mine: Import, state: str) -> None:
    sets.one_writer(mine.workspace)
    told = {}
    if state == State.UNDONE:
        told["undone"] = mine.undone | new_fields.take_back(mine)
        new_list.take_back(mine)
    mine.move_to(state, finished_at=timezone.now(), note="", **told)
    if state == State.CANCELLED and not mine.counts:
        leave_nothing(mine)
    sentence = {
        State.DONE: f"Imported {mine}.",
        State.CANCELLED: f"Cancelled the import of {mine}."
        + (" What was imported until then stays." if mine.counts else ""),
        State.UNDONE: f"Rolled back the import of {mine}.",
    }[State(state)]
    _settle(mine, sentence)


def _settle(mine: Import, sentence: str) -> None:
    if mine.counts:
        count_people_soon(mine.workspace)
        if mine.source != Import.Source.BY_HAND and not mine.is_of_blocks:
            ask_for_counts(workspace=mine.workspace)
    if mine.counts and mine.has_rows and not mine.is_of_blocks:
        Tables(mine).know_result()
    if mine.list_id and mine.counts:
        refresh_counts(workspace=mine.workspace, list_ids=[mine.list_id])
    # The file is kept only while there is something to read in it.
    if mine.state in (State.DONE, State.CANCELLED):
        bodies.forget(mine)
    if mine.source == Import.Source.BY_HAND and mine.state == State.DONE:
        return  # that somebody added this person is written down already
    activity.record(
        mine.workspace, f"import.{mine.state}", sentence, subject=mine,
        after=mine.undone if mine.state == State.UNDONE else mine.counts,
    )  # fmt: skip
