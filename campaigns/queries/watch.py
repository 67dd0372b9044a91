"""What the page of a released campaign shows, from our rows alone: more viewers cause no more provider calls."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.utils import timezone

from accounts.models import OutboxEntry
from campaigns.models import Delivery, Recipient

State = Delivery.State
# One count serves every viewer for this long.
COUNTED_SECONDS = 3

# The course as people read it: label and the states in which that step is under way.
COURSE: tuple[tuple[str, frozenset[str]], ...] = (
    ("Held", frozenset({State.HELD})),
    ("Prepared", frozenset({State.PREPARING, State.READY})),
    ("Armed", frozenset({State.ARMED, State.UNKNOWN})),
    ("Accepted", frozenset({State.ACCEPTED})),
    ("Sending", frozenset({State.SENDING, State.PAUSED})),
    ("Sent", frozenset({State.SENT})),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """People by what is known of them. `total` are all that were planned, without those left out."""

    total: int
    settled: int
    handed_over: int
    delivered: int
    bounced: int
    refused: int
    unknown: int
    excluded: int
    per_second: float | None
    seconds_left: float | None
    # False: the account tells how many got it, and of nobody what became of their mail.
    tells_people: bool

    @property
    def not_known_yet(self) -> int:
        """The account had them; what became of their mail nobody has said."""
        return self.handed_over + self.unknown

    @property
    def surely_not(self) -> int:
        """Whom the mail of an ended delivery provably did not reach: bounced, refused, or never handed over."""
        return self.total - self.delivered - self.not_known_yet


def progress_of(delivery: Delivery) -> Progress:
    counts = _counts(delivery)
    excluded = counts.get(Recipient.State.EXCLUDED, 0)
    total = sum(counts.values()) - excluded
    if delivery.frozen_at is None:
        total, excluded = delivery.equation.get("receives", 0), 0
    delivered, bounced = counts.get(Recipient.State.DELIVERED, 0), counts.get(Recipient.State.BOUNCED, 0)
    refused = counts.get(Recipient.State.REFUSED, 0)
    settled = delivered + bounced + refused
    tells_people = "delivered" in delivery.connection.provider_class.told_kinds()
    if not tells_people or delivery.state == State.SENDING:
        settled = max(settled, min(delivery.sent_there or 0, total))
    rate = left = None
    if delivery.state == State.SENDING and delivery.started_at and settled:
        # We notice a start some time after it; people may have been settled since the account's own hour.
        began_at = min(delivery.started_at, delivery.armed_for_at or delivery.started_at)
        seconds = max(1.0, (timezone.now() - began_at).total_seconds())
        rate = settled / seconds
        left = (total - settled) / rate
    return Progress(
        total=total,
        settled=settled,
        handed_over=counts.get(Recipient.State.HANDED_OVER, 0),
        delivered=delivered,
        bounced=bounced,
        refused=refused,
        unknown=counts.get(Recipient.State.UNKNOWN, 0),
        excluded=excluded,
        per_second=rate,
        seconds_left=left,
        tells_people=tells_people,
    )


def _counts(delivery: Delivery) -> dict[str, int]:
    key = f"delivery-counts:{delivery.pk}"
    try:
        if (known := cache.get(key)) is not None:
            return known
    except Exception:  # noqa: BLE001 - without the cache each viewer counts; the page stays true
        return _counted(delivery)
    counts = _counted(delivery)
    cache.set(key, counts, COUNTED_SECONDS)
    return counts


def _counted(delivery: Delivery) -> dict[str, int]:
    return dict(delivery.ledger().order_by().values_list("state").annotate(people=Count("pk")))


def course_of(delivery: Delivery) -> list[dict[str, Any]]:
    """The steps with their state, for the steps component."""
    ended_badly = delivery.state in {State.REFUSED, State.CANCELLED, State.STOPPED, State.ATTENTION}
    here = next((index for index, (_, states) in enumerate(COURSE) if delivery.state in states), None)
    if here is None:
        here = _reached(delivery)
    times: list[datetime | None] = [
        delivery.created_at, delivery.frozen_at, delivery.armed_at, None, delivery.started_at, delivery.finished_at,
    ]  # fmt: skip
    rows = []
    for index, (label, _) in enumerate(COURSE):
        if index < here or delivery.state == State.SENT:
            state = "done"
        elif index > here:
            state = "ahead"
        elif ended_badly:
            state = "failed"
        else:
            state = "waiting" if delivery.state in {State.UNKNOWN, State.PAUSED} else "current"
        rows.append(
            {"label": label, "state": state, "at": times[index] if state == "done" else None, "note": ""}
        )
    return rows


def _reached(delivery: Delivery) -> int:
    """How far a delivery came that is not on its course any more."""
    if delivery.started_at is not None:
        return 4
    if delivery.armed_at is not None:
        return 2
    return 1 if delivery.frozen_at is not None else 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is being waited for: a sentence, and when it is tried or looked at next."""

    sentence: str
    next_at: datetime | None


def waiting_for(delivery: Delivery) -> Waiting | None:
    """From the outbox entry that will act next; None when it is over or a person decides."""
    if delivery.is_over or delivery.state == State.ATTENTION:
        return None
    entry = (
        OutboxEntry.objects.filter(
            order_key=delivery.order_key, state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED]
        )
        .order_by("not_before")
        .first()
    )
    if entry is None:
        return None
    sentences: dict[str, str] = {
        State.HELD: "The release can still be taken back without a trace in the account.",
        State.PREPARING: "The audience and the draft are being made in the account and read back.",
        State.READY: "The draft in the account equals ours; the account is about to be told to send it.",
        State.ARMED: "The account is being told.",
        State.UNKNOWN: "Looking in the account whether it took the campaign. Nothing is repeated blindly.",
        State.ACCEPTED: "The account holds the campaign and sends it at its time.",
        State.SENDING: "The account is sending.",
        State.PAUSED: "Nothing goes out until it is resumed.",
    }
    next_at = entry.not_before if entry.not_before > timezone.now() else None
    return Waiting(entry.note or sentences.get(delivery.state, ""), next_at)
