"""Bulk actions driven in slices: each chunk is committed with its counts and checkpoint, so that a kill costs one."""

import time
from collections.abc import Iterator

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User
from accounts.redaction import redact
from accounts.refusals import CannotDo, CannotMove
from audiences import sets
from audiences.bulk import actions, undoing, words
from audiences.models import BulkAction
from audiences.queries.contacts import People, source_of
from audiences.services.counts import refresh_counts
from audiences.services.field_counts import ask_for_counts

CHUNK = 5_000
SLICE_SECONDS = 20

State = BulkAction.State


def run(entry: OutboxEntry) -> outbox.Later | None:
    """Go on for a slice of time from where the last one ended."""
    mine = BulkAction.objects.select_related("workspace", "created_by").get(pk=entry.subject_id)
    if not mine.is_moving:
        return None
    began = time.monotonic()
    try:
        for _ in undo_steps(mine) if mine.is_being_undone else steps(mine):
            outbox.renew(entry)
            if BulkAction.objects.filter(pk=mine.pk, cancel_requested=True).exists():
                end(mine, State.CANCELLED)
                return None
            if time.monotonic() - began > SLICE_SECONDS:
                return outbox.Later(0)
    except CannotMove:  # ended meanwhile
        return None
    except CannotDo as refusal:
        end(mine, State.FAILED, refusal.sentence)
    return None


def steps(mine: BulkAction) -> Iterator[None]:
    """Chunk by chunk to the end."""
    people = People.from_json(mine.workspace, mine.people)
    while _next(mine, people):
        yield
    end(mine, State.DONE)


def undo_steps(mine: BulkAction, by: User | None = None) -> Iterator[None]:
    """`by`: who does it, where nothing else says so."""
    while _undo_next(mine):
        yield
    end(mine, State.UNDONE, by=by)


@transaction.atomic
def end(mine: BulkAction, state: str, note: str = "", *, by: User | None = None) -> None:
    """`by`: who takes it back; without them, the log has told before who began to."""
    who = by if mine.is_being_undone else mine.created_by
    sets.one_writer(mine.workspace)  # before the action's row, as for each chunk
    values: dict[str, object] = {"note": note, "finished_at": timezone.now()}
    if state == State.FAILED:
        values["failed_in"] = mine.state
    else:
        values["people"] = words.without_search(mine)
    mine.move_to(state, **values)
    if list_id := mine.arguments.get("list"):
        refresh_counts(workspace=mine.workspace, list_ids=[list_id])
    if mine.action == BulkAction.Action.SET_FIELD:
        ask_for_counts(workspace=mine.workspace)
    activity.record(
        mine.workspace, words.verb(mine, state), redact(words.sentence(mine)), actor=who, subject=mine,
        after=mine.undone if state == State.UNDONE else mine.counts,
    )  # fmt: skip


def _next(mine: BulkAction, people: People) -> bool:
    """Do the next chunk, whole or not at all; False when there was none left."""
    with transaction.atomic():
        sets.one_writer(mine.workspace)
        row = BulkAction.objects.select_for_update().get(pk=mine.pk)
        if row.checkpoint != mine.checkpoint or not row.is_moving:
            raise outbox.LeaseLost
        last, many = _choose(mine, people)
        if not many:
            return False
        told = actions.apply(mine)
        if sum(told.values()) != many:
            raise RuntimeError(f"The outcomes of bulk action {mine.pk} do not add up.")
        counts = {name: mine.counts.get(name, 0) + told.get(name, 0) for name in {*mine.counts, *told}}
        BulkAction.objects.filter(pk=mine.pk).update(checkpoint=last, counts=counts, done=mine.done + many)
    mine.checkpoint, mine.counts, mine.done = last, counts, mine.done + many
    return True


def _undo_next(mine: BulkAction) -> bool:
    """Take back the next chunk, whole or not at all; False when there was none left."""
    with transaction.atomic():
        sets.one_writer(mine.workspace)
        row = BulkAction.objects.select_for_update().get(pk=mine.pk)
        if row.checkpoint != mine.checkpoint or not row.is_being_undone:
            raise outbox.LeaseLost
        last = undoing.end_of_chunk(mine, CHUNK)
        if last is None:
            return False
        told = undoing.take_back(mine, until=last)
        undone = {name: mine.undone.get(name, 0) + count for name, count in told.items()}
        BulkAction.objects.filter(pk=mine.pk).update(checkpoint=last, undone=undone)
    mine.checkpoint, mine.undone = last, undone
    return True


def _choose(mine: BulkAction, people: People) -> tuple[int, int]:
    """The next people of the selection into the table `chosen`; answers (the last id, how many)."""
    source, where, values = source_of(people, is_one_by_one=True)
    # Said of the membership too: the planner does not carry it over.
    for column in ("c.id", "l.contact_id") if people.list_id else ("c.id",):
        where += f" and {column} > %(after)s and {column} <= %(until)s"
    with database.cursor() as cursor:
        cursor.execute("set local jit = off")  # to compile a plan costs more than a chunk
        cursor.execute("drop table if exists pg_temp.chosen")
        cursor.execute(
            f"create temp table chosen on commit drop as select c.id, c.email from {source} where {where}"
            " order by c.id limit %(chunk)s",
            values | {"after": mine.checkpoint, "until": mine.until, "chunk": CHUNK},
        )
        cursor.execute("analyze chosen (id)")
        cursor.execute("select coalesce(max(id), 0), count(*) from chosen")
        return cursor.fetchone()
