"""A pull as a chain of outbox entries: each step walks page by page, stores where it is, and hands on to the next.

A step's mirror function is a generator: it starts from `pull.checkpoint`, and yields after each page it has
committed together with `store_page()`. It is driven in slices, so that a long walk leaves room for other work.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import Connection, OutboxEntry, Pull, User
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import ProviderError, Verdict
from accounts.refusals import CannotDo

SLICE_SECONDS = 20
# Where going on means reading what came before once more; well below a worker's time limit.
LONG_SLICE_SECONDS = 70

Walk = Callable[[Pull, Provider], Iterator[None]]

# What apps above this one keep of a pull while it runs, and clear away when it ends, however it ends.
WHEN_ENDED: list[Callable[[Pull], None]] = []


class CannotPull(CannotDo):
    pass


@transaction.atomic
def start(*, connection: Connection, by: User | None) -> Pull:
    """Begin a pull of everything the account holds. Raises CannotPull while one is running."""
    try:
        with transaction.atomic():
            pull = Pull.objects.create(connection=connection, requested_by=by)
    except IntegrityError as error:
        raise CannotPull(f"A pull of {connection} is already running.") from error
    activity.record(
        connection.workspace, "pull.started", f"Started a pull of {connection}.", actor=by, subject=connection
    )
    _record_step(pull)
    return pull


@transaction.atomic
def request_cancel(*, pull: Pull, by: User) -> None:
    """Stop after the page under way. What was pulled stays."""
    if not Pull.objects.filter(pk=pull.pk, state=Pull.State.RUNNING).update(cancel_requested=True):
        raise CannotPull("This pull has already ended.")
    activity.record(
        pull.connection.workspace,
        "pull.cancelled",
        f"Cancelled the pull of {pull.connection}.",
        actor=by,
        subject=pull.connection,
    )


def step(entry: OutboxEntry, walk: Walk) -> outbox.Later | None:
    """Drive one step for a slice of time; hand on to the next step when it is through."""
    pull = Pull.objects.select_related("connection__workspace").get(pk=entry.subject_id)
    if not pull.is_running or Pull.STEPS[pull.step][0] != entry.task:
        return None
    began = time.monotonic()
    provider = pull.connection.open()
    slice_seconds = LONG_SLICE_SECONDS if provider.tells_all_at_once else SLICE_SECONDS
    try:
        for _ in walk(pull, provider):
            outbox.renew(entry)
            if Pull.objects.filter(pk=pull.pk, cancel_requested=True).exists():
                return _finish(pull, Pull.State.CANCELLED, "Cancelled. What was pulled so far stays.")
            if time.monotonic() - began > slice_seconds:
                return outbox.Later(0)
    except ProviderError as error:
        if error.verdict is Verdict.TELL:
            _finish(pull, Pull.State.FAILED, error.detail)
        raise
    with transaction.atomic():
        following = pull.step + 1
        if following == len(Pull.STEPS):
            return _finish(pull, Pull.State.DONE, "")
        moved = Pull.objects.filter(pk=pull.pk, step=pull.step, state=Pull.State.RUNNING).update(
            step=following, checkpoint={}
        )
        if moved:
            pull.step, pull.checkpoint = following, {}
            _record_step(pull)
    return None


def store_page(pull: Pull, *, checkpoint: dict[str, Any], total: int | None = None, **counts: int) -> None:
    """Add `counts` (names of Pull.COUNTS) to the step under way and remember where it goes on.

    Belongs in the transaction that writes the page. Raises LeaseLost when another worker walks this pull too, and when
    it has ended meanwhile.
    """
    row = Pull.objects.select_for_update().get(pk=pull.pk)
    if row.checkpoint != pull.checkpoint or row.step != pull.step or not row.is_running:
        raise outbox.LeaseLost
    task = Pull.STEPS[pull.step][0]
    mine = dict(row.counts.get(task, {}))
    for name, count in counts.items():
        mine[name] = mine.get(name, 0) + count
    if total is not None:
        mine["total"] = total
    pull.counts = row.counts | {task: mine}
    pull.checkpoint = checkpoint
    Pull.objects.filter(pk=pull.pk).update(counts=pull.counts, checkpoint=checkpoint)


def end_stuck() -> int:
    """Pulls whose work was set aside are over; say so. Called by the sweep."""
    ended = 0
    for pull in Pull.objects.filter(state=Pull.State.RUNNING).select_related("connection__workspace"):
        entry = (
            OutboxEntry.objects.filter(subject_id=pull.pk, task=Pull.STEPS[pull.step][0])
            .order_by("-id")
            .first()
        )
        if entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
            _finish(pull, Pull.State.FAILED, entry.note)
            ended += 1
    return ended


def abandon(*, connection: Connection, note: str) -> None:
    """End the pull under way, if any, without waiting for its worker."""
    for pull in Pull.objects.filter(connection=connection, state=Pull.State.RUNNING):
        _finish(pull, Pull.State.CANCELLED, note)


def _record_step(pull: Pull) -> None:
    outbox.record(
        task=Pull.STEPS[pull.step][0],
        subject=pull,
        effect=Effect.READ,
        connection=pull.connection,
        # Whatever writes contacts of one account goes one after the other.
        order_key=f"audience:{pull.connection_id}",
        priority=OutboxEntry.Priority.BULK,
    )


@transaction.atomic
def _finish(pull: Pull, state: str, note: str) -> None:
    now = timezone.now()
    if not Pull.objects.filter(pk=pull.pk, state=Pull.State.RUNNING).update(
        state=state, note=note[:500], finished_at=now
    ):
        return
    pull.state, pull.note, pull.finished_at = state, note, now
    for clear_away in WHEN_ENDED:
        clear_away(pull)
    if state == Pull.State.DONE:
        Connection.objects.filter(pk=pull.connection_id).update(pulled_at=now)
    activity.record(
        pull.connection.workspace,
        f"pull.{state}",
        f"The pull of {pull.connection} is {Pull.State(state).label.lower()}." + (f" {note}" if note else ""),
        subject=pull.connection,
        after=pull.counts,
    )
