"""The one door through which work leaves: record() in the change's transaction, deliver() by one worker at a time.

PostgreSQL is the truth and Celery the doorbell: a lost ring costs a sweep, never the work. No transaction is open
while a provider is called; what a run learned is stored only if its fence is still the row's.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app, current_task
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    models,
    transaction,
)
from django.db import connection as database
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Connection, OutboxAttempt, OutboxEntry, Workspace
from accounts.providers.base import Effect
from accounts.providers.errors import ProviderError, RateLimited, Verdict
from accounts.redaction import redact
from accounts.refusals import CannotDo
from accounts.vault import Locked

log = structlog.get_logger(__name__)


GIVE_UP_AFTER = timedelta(hours=24)
BACK_OFF_CAP_SECONDS = 900
MAX_CRASHES = 3
RUNG_AT_ONCE = 200
# Entries that are deleted in one go, and how often in one round: never all of a month in memory.
PRUNED, PRUNED_AT_ONCE = 10_000, 20
DATABASE_AWAY = (OperationalError, InterfaceError)
GIVE_BACK_SECONDS = 60
_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Later:
    """The work goes on after `seconds`; neither done nor an attempt. `note` tells people what is waited for."""

    seconds: float
    note: str = ""


Work = Callable[[OutboxEntry], "Later | None"]


class LeaseLost(Exception):  # noqa: N818 - an event, not a mistake
    """Another worker holds the entry now; whatever this one still wanted to do is dropped."""


def record(
    *,
    task: str,
    subject: models.Model,
    effect: Effect,
    workspace: Workspace | None = None,
    connection: Connection | None = None,
    order_key: str = "",
    priority: int = OutboxEntry.Priority.INTERACTIVE,
    not_before: datetime | None = None,
    payload: dict[str, Any] | None = None,
) -> OutboxEntry:
    """Write down work in the transaction of the change that wants it; rings when that commits.

    `task` is the Celery task that will deliver it. Entries with one `order_key` never run side by side.
    """
    entry = OutboxEntry.objects.create(
        workspace=workspace or (connection.workspace if connection else subject.workspace),  # type: ignore[attr-defined]
        connection=connection,
        task=task,
        effect=effect,
        subject=subject,
        payload=payload or {},
        order_key=order_key or f"{subject._meta.label_lower}:{subject.pk}",
        priority=priority,
        not_before=not_before or timezone.now(),
    )
    if entry.not_before <= timezone.now():
        transaction.on_commit(lambda: ring(entry))
    return entry


def record_all(entries: Sequence[OutboxEntry]) -> None:
    """Write down much work of one kind at once, made with all its columns. The first are rung for, the sweep rings for the rest."""
    OutboxEntry.objects.bulk_create(entries, batch_size=2000)

    def ring_some() -> None:
        for entry in entries[:RUNG_AT_ONCE]:
            if not ring(entry):
                break

    transaction.on_commit(ring_some)


def ring(entry: OutboxEntry) -> bool:
    """Tell a worker. A failed ring is counted, not raised: the sweep rings again."""
    OutboxEntry.objects.filter(pk=entry.pk).update(rung_at=timezone.now())
    try:
        current_app.send_task(entry.task, kwargs={"entry_id": entry.pk}, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the row is safe
        log.warning("outbox.ring_failed", task=entry.task, entry_id=entry.pk, error=type(error).__name__)
        return False
    return True


def claim(entry_id: int, *, task: str | None = None) -> OutboxEntry | None:
    """Take an entry for this worker, or None if it is not its turn: taken, not due, paused, or account busy.

    With `task`, only an entry of that task: a ring from before a database was restored may name another's id.
    """
    with transaction.atomic(), database.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(
                    _CLAIM,
                    {
                        "id": entry_id,
                        "task": task,
                        "lease": settings.OUTBOX_LEASE_SECONDS,
                        "per_connection": settings.OUTBOX_PER_CONNECTION,
                    },
                )
                taken = cursor.fetchone() is not None
        except IntegrityError:  # somebody claimed a sibling with the same order key in this instant
            taken = False
        if not taken:
            return None
        entry = OutboxEntry.objects.select_related("connection", "workspace").get(pk=entry_id)
        OutboxAttempt.objects.create(entry=entry, fence=entry.fence)
    return entry


_CLAIM = """
update accounts_outboxentry as mine
set state = 'claimed', fence = fence + 1, leased_until = now() + make_interval(secs => %(lease)s)
where id in (
    select due.id
    from accounts_outboxentry due
    left join accounts_connection c on c.id = due.connection_id
    where due.id = %(id)s
      and due.task = coalesce(%(task)s, due.task)
      and due.state = 'waiting'
      and due.not_before <= now()
      and (c.id is null or c.status = 'ready' or (c.status = 'checking' and due.task = 'accounts.check'))
      and not exists (
          select 1 from accounts_outboxentry other
          where other.order_key = due.order_key and other.id <> due.id
            and (other.state = 'claimed'
                 or (other.state = 'waiting' and other.id < due.id
                     and other.not_before <= now() and other.priority <= due.priority))
      )
      and (due.connection_id is null or due.priority <= 10 or (
          select count(*) from accounts_outboxentry busy
          where busy.connection_id = due.connection_id and busy.state = 'claimed'
      ) < %(per_connection)s)
    for update of due skip locked
)
returning mine.id
"""


def renew(entry: OutboxEntry) -> None:
    """Keep the entry for longer work. Raises LeaseLost when it is no longer this worker's."""
    with database.cursor() as cursor:
        cursor.execute(
            "update accounts_outboxentry set leased_until = now() + make_interval(secs => %s) "
            "where id = %s and fence = %s and state = 'claimed'",
            [settings.OUTBOX_LEASE_SECONDS, entry.pk, entry.fence],
        )
        if not cursor.rowcount:
            raise LeaseLost


def deliver(entry_id: int, work: Work) -> None:
    """Claim the entry, do its work outside any transaction, store how it ended. Twice does no harm."""
    entry = claim(entry_id, task=current_task.name if current_task else None)
    if entry is None:
        return
    structlog.contextvars.bind_contextvars(entry_id=entry.pk, task=entry.task)
    try:
        _run(entry, work)
    except DATABASE_AWAY as error:
        log.warning("outbox.database_away", error=type(error).__name__)
        _give_back(entry)
    finally:
        structlog.contextvars.unbind_contextvars("entry_id", "task")


def _run(entry: OutboxEntry, work: Work) -> None:
    try:
        result = work(entry) if entry.subject is not None else None
    except LeaseLost:
        _end_attempt(entry, "lease lost")
    except ProviderError as error:
        _settle_error(entry, error)
    except Locked as locked:  # an operator mends that, and then everything goes on
        _back_off(entry, locked.sentence, must_look=False)
    except CannotDo as refusal:
        _settle(
            entry, "told", state=OutboxEntry.State.SET_ASIDE, note=refusal.sentence, ended_at=timezone.now()
        )
    except DATABASE_AWAY:
        raise
    except Exception as error:  # our own mistake: the row must not be lost, nor the worker with it
        log.exception("outbox.crash", error=type(error).__name__)
        _crash(entry, f"Internal error ({type(error).__name__}); the operator's log has the details.")
    else:
        if isinstance(result, Later):
            _settle(
                entry, "later", state=OutboxEntry.State.WAITING, note=result.note, must_look=False,
                # A good run forgets the bad ones: standing work lives for months.
                not_before=_in(result.seconds), failing_since_at=None, attempts=0, crashes=0,
            )  # fmt: skip
            if result.seconds <= 0:
                ring(entry)
        else:
            _settle(entry, "done", state=OutboxEntry.State.DONE, note="", ended_at=timezone.now())
        _ring_next(entry)


def _give_back(entry: OutboxEntry) -> None:
    """The database went away in the middle: put the row back as soon as it answers, rather than wait for the lease."""
    deadline = time.monotonic() + GIVE_BACK_SECONDS
    while True:
        if not database.in_atomic_block:
            close_old_connections()
        try:
            return _back_off(entry, "The database was away for a moment.", must_look=True)
        except DATABASE_AWAY:
            if time.monotonic() > deadline:
                return None  # the lease runs out, and the sweep frees it
            time.sleep(1)


def cancel(*, subject: models.Model, task: str = "") -> int:
    """Withdraw waiting work of a subject; what is under way goes on. Returns how many entries."""
    entries = OutboxEntry.objects.filter(
        subject_type=ContentType.objects.get_for_model(subject),
        subject_id=subject.pk,
        state=OutboxEntry.State.WAITING,
    )
    if task:
        entries = entries.filter(task=task)
    return entries.update(state=OutboxEntry.State.CANCELLED, ended_at=timezone.now())


def retry(entry: OutboxEntry) -> bool:
    """Put a set-aside entry back in line, at a person's word. Never for work that mails: that has its own page."""
    if entry.effect == Effect.ONCE:
        raise CannotDo("This work mails people. Settle it on the campaign's page, where the evidence is.")
    changed = OutboxEntry.objects.filter(pk=entry.pk, state=OutboxEntry.State.SET_ASIDE).update(
        state=OutboxEntry.State.WAITING, not_before=timezone.now(), attempts=0, crashes=0, failing_since_at=None,
        must_look=True, ended_at=None,
    )  # fmt: skip
    if changed:
        transaction.on_commit(lambda: ring(entry))
    return bool(changed)


def sweep() -> dict[str, int]:
    """Free expired leases and ring for what is due. Reads and rings only: it never calls a provider."""
    now = timezone.now()
    unanswered = now - timedelta(seconds=settings.OUTBOX_RING_AGAIN_SECONDS)
    expired = 0
    for entry in OutboxEntry.objects.filter(state=OutboxEntry.State.CLAIMED, leased_until__lt=Now())[:500]:
        if _crash(entry, "The worker was cut off in the middle."):
            expired += 1
    due = (
        OutboxEntry.objects.filter(state=OutboxEntry.State.WAITING, not_before__lte=now)
        .filter(Q(rung_at=None) | Q(rung_at__lt=models.F("not_before")) | Q(rung_at__lt=unanswered))
        .filter(Q(connection=None) | Q(connection__status__in=["ready", "checking"]))
        .order_by("priority", "not_before", "id")[:1000]
    )
    rung = 0
    for entry in due:
        if not ring(entry):
            break  # the broker is away: the next sweep tries again, instead of waiting for each row
        rung += 1
    return {"expired": expired, "rung": rung}


def prune(*, keep_days: int = 14) -> int:
    """Delete entries that ended well long ago; set-aside ones stay until a person settles them."""
    old = OutboxEntry.objects.filter(
        state__in=[OutboxEntry.State.DONE, OutboxEntry.State.CANCELLED],
        ended_at__lt=timezone.now() - timedelta(days=keep_days),
    )
    gone = 0
    for _ in range(PRUNED_AT_ONCE):
        few = list(old.order_by("id").values_list("pk", flat=True)[:PRUNED])
        gone += OutboxEntry.objects.filter(pk__in=few).delete()[1].get(OutboxEntry._meta.label, 0)
        if len(few) < PRUNED:
            break
    return gone


def _settle_error(entry: OutboxEntry, error: ProviderError) -> None:
    detail = redact(str(error.detail or error))
    waiting = OutboxEntry.State.WAITING
    converges = entry.effect in (Effect.READ, Effect.CONVERGE)
    if isinstance(error, RateLimited):
        jitter = _jitter.uniform(0.5, 3)
        _settle(entry, "rate limited", state=waiting, not_before=_in(error.retry_after + jitter), note=detail)
    elif error.verdict is Verdict.RECONNECT and entry.connection is not None:
        from accounts.services.connections import credentials_refused

        credentials_refused(connection=entry.connection, detail=detail)
        _settle(entry, "reconnect", state=waiting, not_before=_in(5), note=detail)
    elif error.verdict in (Verdict.RETRY, Verdict.LOOK):
        _back_off(entry, detail, must_look=not converges and error.verdict is Verdict.LOOK)
    elif error.verdict is Verdict.REPORT and converges and entry.attempts == 0:
        log.error(
            "provider.unexpected_reply", provider=error.provider, operation=error.operation, detail=detail
        )
        _settle(entry, "unexpected", state=waiting, not_before=_in(300), attempts=1, note=detail)
    elif error.verdict is Verdict.REPORT and entry.effect == Effect.CREATE:
        log.error(
            "provider.unexpected_reply", provider=error.provider, operation=error.operation, detail=detail
        )
        _back_off(entry, detail, must_look=True)
    else:
        _settle(
            entry, str(error.verdict), state=OutboxEntry.State.SET_ASIDE, note=detail, ended_at=timezone.now(),
            must_look=error.verdict is not Verdict.TELL,
        )  # fmt: skip


def _back_off(entry: OutboxEntry, detail: str, *, must_look: bool) -> None:
    now = timezone.now()
    since = entry.failing_since_at or now
    if now - since > GIVE_UP_AFTER:
        _settle(
            entry, "gave up", state=OutboxEntry.State.SET_ASIDE, note=detail, ended_at=now, must_look=True
        )
        return
    ceiling = min(BACK_OFF_CAP_SECONDS, 2 ** min(entry.attempts + 1, 12))
    _settle(
        entry, "look" if must_look else "retry", state=OutboxEntry.State.WAITING, note=detail,
        attempts=entry.attempts + 1, failing_since_at=since, must_look=must_look or entry.must_look,
        not_before=_in(_jitter.uniform(min(1, ceiling), ceiling)),
    )  # fmt: skip


def _crash(entry: OutboxEntry, note: str) -> bool:
    crashes = entry.crashes + 1
    give_up = crashes >= MAX_CRASHES
    return _settle(
        entry, "crashed", state=OutboxEntry.State.SET_ASIDE if give_up else OutboxEntry.State.WAITING, note=note,
        crashes=crashes, must_look=True, not_before=_in(2**crashes), ended_at=timezone.now() if give_up else None,
    )  # fmt: skip


def _settle(entry: OutboxEntry, outcome: str, **values: Any) -> bool:
    """Store how a run ended, unless another worker has claimed the row since."""
    values["note"] = values.get("note", "")[:500]
    changed = OutboxEntry.objects.filter(
        pk=entry.pk, fence=entry.fence, state=OutboxEntry.State.CLAIMED
    ).update(leased_until=None, **values)
    _end_attempt(entry, outcome if changed else "lease lost", values["note"])
    return bool(changed)


def _end_attempt(entry: OutboxEntry, outcome: str, detail: str = "") -> None:
    attempt = OutboxAttempt.objects.filter(entry_id=entry.pk, fence=entry.fence)
    if outcome == "later" or (outcome == "done" and not entry.attempts and not entry.crashes):
        attempt.delete()  # uneventful runs leave no row: standing work would fill the table
    else:
        attempt.update(ended_at=timezone.now(), outcome=outcome, detail=detail[:500])


def _ring_next(entry: OutboxEntry) -> None:
    """Whoever waited behind this entry for its order key need not wait for the sweep."""
    following = (
        OutboxEntry.objects.filter(
            order_key=entry.order_key, state=OutboxEntry.State.WAITING, not_before__lte=timezone.now()
        )
        .exclude(pk=entry.pk)
        .order_by("priority", "id")
        .first()
    )
    if following is not None:
        ring(following)


def _in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=max(0, seconds))
