"""Webhook calls as they came → events and counts, a batch at a time."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import DataError, transaction
from django.db import connection as database
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import outbox
from accounts.models import Connection, OutboxEntry
from accounts.providers.errors import ProviderError
from accounts.providers.records import EventRecord
from audiences.erased import Erased
from audiences.models import Suppression
from audiences.queries import refused_by_us
from audiences.services import Fact, suppress_all
from reporting import rollups
from reporting.models import Event, InboxCall

log = structlog.get_logger(__name__)

BATCH_EVENTS = 100_000
READ_CALLS = 2_000
# Leave the worker to others well before its time limit; the next ring goes on.
SLICE_SECONDS = 45

# Applied calls hold addresses and have done their work; what was set aside stays for a person to look at, for longer.
KEEP_APPLIED, KEEP_ASIDE = timedelta(days=7), timedelta(days=90)

# Kinds that tell of a change to people or lists over there: following the changes reads what it was.
CHANGES = ("contact_changed", "contact_deleted", "list_added")
REASONS = {
    Event.Kind.UNSUBSCRIBED: Suppression.Reason.UNSUBSCRIBED,
    Event.Kind.COMPLAINED: Suppression.Reason.COMPLAINED,
    Event.Kind.HARD_BOUNCED: Suppression.Reason.BOUNCED,
    Event.Kind.BLOCKED: Suppression.Reason.BLOCKED,
}


def apply_inbox() -> bool:
    """Apply the calls that wait, account by account. Whether some are left."""
    began = time.monotonic()
    for connection in Connection.objects.filter(
        pk__in=InboxCall.objects.filter(state=InboxCall.State.NEW).order_by().values("connection")
    ).select_related("workspace"):
        while apply_some(connection):
            if time.monotonic() - began > SLICE_SECONDS:
                return True
    return False


def apply_some(connection: Connection, *, most: int = BATCH_EVENTS) -> int:
    """Apply waiting calls of one account in one transaction; answers how many calls.

    Zero also when another worker is at it: the counts of an account grow one batch after the other. A call that the
    database refuses is found by halving and set aside alone.
    """
    try:
        with transaction.atomic():
            if not rollups.lock(connection, wait=False):
                return 0
            return _apply(connection, most=most)
    except DataError as error:
        log.warning("inbox.refused", connection_id=connection.pk, most=most, error=type(error).__name__)
        if most > 1:
            return apply_some(connection, most=most // 10)
        oldest = _waiting(connection).values_list("pk", flat=True).first()
        return _set_aside({oldest: "The database could not store what this call says."} if oldest else {})


def _apply(connection: Connection, *, most: int) -> int:
    applied: list[int] = []
    # Calls about somebody erased: what they say is counted, and they are not kept.
    forgotten: list[int] = []
    erased = Erased(connection.workspace)
    aside: dict[int, str] = {}
    newest_at: datetime | None = None
    nudge = False
    staged = 0
    rollups.begin()
    for calls in _chunks(connection, most):
        facts: list[EventRecord] = []
        for call_id, body, received_at in calls:
            records, sentence = read(connection, bytes(body))
            if sentence:
                aside[call_id] = sentence
                continue
            # Without a time of its own an event happened when we heard of it.
            records = [
                record if record.details.get("is_dated", True) else replace(record, at=received_at)
                for record in records
            ]
            is_kept = not (erased and any(rollups.address(record.email) in erased for record in records))
            (applied if is_kept else forgotten).append(call_id)
            newest_at = max(newest_at or received_at, received_at)
            nudge = nudge or any(record.kind in CHANGES for record in records)
            facts += [record for record in records if record.kind not in CHANGES]
        staged += rollups.stage(facts, connection=connection)
        if staged >= most:
            break
    leaves = rollups.roll_up(connection) if staged else []
    block(connection, leaves)
    _mark_applied(applied)
    InboxCall.objects.filter(pk__in=forgotten).delete()
    _set_aside(aside)
    if newest_at:
        Connection.objects.filter(pk=connection.pk).update(
            last_event_at=Greatest(F("last_event_at"), newest_at)  # PostgreSQL's greatest() passes over null
        )
    if nudge:
        follow_now(connection)
    return len(applied) + len(forgotten) + len(aside)


def read(connection: Connection, body: bytes) -> tuple[list[EventRecord], str]:
    """The events in a call, or the sentence that says why it was not understood."""
    try:
        return connection.provider_class.read_webhook(body=body), ""
    except ProviderError as error:
        return [], str(error)[:300] or "The call was not understood."
    except (
        Exception
    ) as error:  # whatever a body of strangers makes our reading stumble over, the others go on
        log.exception("inbox.unreadable", connection_id=connection.pk, error=type(error).__name__)
        return [], f"Reading this call failed ({type(error).__name__})."


def block(connection: Connection, leaves: Iterable[rollups.Leave]) -> None:
    """Nobody who left, complained or does not exist is written to from here on, in any account.

    An account that tells of a leave or a block which we asked it for confirms it, and is no second source.
    """
    leaves = list(leaves)
    asked = refused_by_us(connection, [leave.email for leave in leaves if _may_be_ours(leave)])
    facts = [
        Fact(
            email=leave.email,
            reason=REASONS[Event.Kind(leave.kind)],
            at=leave.at,
            evidence={"event": leave.kind, "campaign_id": leave.campaign_id, "said": leave.reason},
        )
        for leave in leaves
        if leave.email not in asked or not _may_be_ours(leave)
    ]
    if facts:
        suppress_all(workspace=connection.workspace, connection=connection, facts=facts)


def _may_be_ours(leave: rollups.Leave) -> bool:
    """Whoever left by a mail did so themselves; blocked, and not told why, they may be at our word."""
    return leave.kind == Event.Kind.BLOCKED or (
        leave.kind == Event.Kind.UNSUBSCRIBED and not leave.campaign_id
    )


def follow_now(connection: Connection) -> None:
    """Bring forward the standing work that reads what changed over there."""
    entries = OutboxEntry.objects.filter(
        connection=connection, task="audiences.follow", state=OutboxEntry.State.WAITING
    )
    if entries.update(not_before=timezone.now()):
        for entry in entries:
            transaction.on_commit(partial(outbox.ring, entry))


def prune() -> int:
    """Delete old calls. An event that comes once more is known by its own key."""
    now = timezone.now()
    return sum(
        InboxCall.objects.filter(state=state, received_at__lt=now - age).delete()[0]
        for state, age in ((InboxCall.State.APPLIED, KEEP_APPLIED), (InboxCall.State.SET_ASIDE, KEEP_ASIDE))
    )


def _waiting(connection: Connection) -> QuerySet[InboxCall]:
    return InboxCall.objects.filter(connection=connection, state=InboxCall.State.NEW).order_by("pk")


def _chunks(connection: Connection, most: int) -> Iterator[list[tuple[int, bytes | memoryview, datetime]]]:
    """The waiting calls, oldest first, a few at a time: bodies are never all in memory."""
    after, left = 0, most
    while left > 0:
        calls = list(
            _waiting(connection)
            .filter(pk__gt=after)
            .values_list("pk", "body", "received_at")[: min(READ_CALLS, left)]
        )
        if not calls:
            return
        yield calls
        after, left = calls[-1][0], left - len(calls)


def _mark_applied(calls: list[int]) -> None:
    """By their ids as one array: a hundred thousand parameters take longer to write down than to look up."""
    with database.cursor() as cursor:
        cursor.execute(
            "update reporting_inboxcall set state = %s where id = any(%s)", [InboxCall.State.APPLIED, calls]
        )


def _set_aside(calls: dict[int, str]) -> int:
    for call_id, sentence in calls.items():
        InboxCall.objects.filter(pk=call_id).update(state=InboxCall.State.SET_ASIDE, note=sentence)
    return len(calls)
