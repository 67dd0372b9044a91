"""Who did what, asked of the account after a campaign is over: what a missed webhook should have told.

An account's export names people, and mostly no time: such events are marked as not exact, stand at the time we read
them if no better is given, and count people but no totals. Nor does it say whether a person or a machine
opened, so an opening found this way counts as not by a person. Who is known already is passed over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import Missing, Refused, Unsupported
from accounts.providers.records import EventRecord
from campaigns.models import Delivery, Recipient
from reporting import rollups
from reporting.mirror.inbox import block
from reporting.models import Event, Seen

TASK = "reporting.read_back"
# Leaves first: they are what must not be missed. Complaints are in no export; the account shows them as blocks.
KINDS = (
    Event.Kind.UNSUBSCRIBED,
    Event.Kind.HARD_BOUNCED,
    Event.Kind.SOFT_BOUNCED,
    Event.Kind.CLICKED,
    Event.Kind.OPENED,
    # Only where no call tells of it: it is everybody.
    Event.Kind.DELIVERED,
)
# So long after the end of a campaign.
ROUNDS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))
POLL_SECONDS = 60
READ_PEOPLE = 10_000


@transaction.atomic
def plan_reading_back(delivery: Delivery) -> None:
    """Record the standing entry of a delivery that is over, once."""
    if (
        delivery.finished_at is None
        or delivery.campaign.is_imported
        or not delivery.connection.capabilities.reports_people
    ):
        return
    Delivery.objects.select_for_update().get(pk=delivery.pk)
    first_at = delivery.finished_at + ROUNDS[0]
    if first_at + ROUNDS[-1] < timezone.now() or _entries(delivery).exists():
        return
    outbox.record(
        task=TASK,
        subject=delivery,
        effect=Effect.CONVERGE,
        connection=delivery.connection,
        order_key=f"people:{delivery.pk}",
        priority=OutboxEntry.Priority.BULK,
        not_before=first_at,
        payload={"round": 0},
    )


def read_back(entry: OutboxEntry) -> outbox.Later | None:
    """One step of one round: ask for the next kind of people, or take in those that were asked for."""
    delivery = Delivery.objects.select_related("connection__workspace", "campaign").get(pk=entry.subject_id)
    kinds = kinds_of(delivery)
    provider = delivery.connection.open()
    while (at := entry.payload.get("kind", 0)) < len(kinds):
        try:
            gathered = _gather(entry, provider, delivery, kinds[at])
        except (Missing, Refused, Unsupported):
            gathered = ()  # nobody of this kind, or not told: the next one may be
        if gathered is None:
            return outbox.Later(
                POLL_SECONDS, f"The account is gathering its people ({kinds[at].label.lower()})."
            )
        take_in(delivery, kinds[at], gathered, entry=entry)
        _remember(entry, kind=at + 1, reference="")
    done = entry.payload["round"] + 1
    if done == len(ROUNDS) or delivery.finished_at is None:
        return None
    _remember(entry, round=done, kind=0)
    due_at = delivery.finished_at + ROUNDS[done]
    return outbox.Later((due_at - timezone.now()).total_seconds(), "People are read back once more later.")


def kinds_of(delivery: Delivery) -> list[Event.Kind]:
    """What is asked for after the end; of a mailing that was cut off also who was mailed at all."""
    provider = delivery.connection.provider_class
    kinds = [
        kind
        for kind in KINDS
        if kind in provider.told_on_request
        and not (kind == Event.Kind.DELIVERED and kind in provider.told_by_calls)
    ]
    return [Event.Kind.ACCEPTED, *kinds] if delivery.state == Delivery.State.STOPPED else kinds


def _gather(
    entry: OutboxEntry, provider: Provider, delivery: Delivery, kind: str
) -> Iterable[EventRecord] | None:
    reference = entry.payload.get("reference", "")
    if not reference:
        reference = provider.request_people(remote_id=delivery.remote_id, kind=kind)
        _remember(entry, reference=reference)
    outbox.renew(entry)
    return provider.people(reference)


def take_in(
    delivery: Delivery, kind: str, told: Iterable[EventRecord], *, entry: OutboxEntry | None = None
) -> int:
    """Store those of `told` whom we did not know to have done this; answers how many."""
    stored = 0
    tells_machines = delivery.connection.provider_class.people_tell_machines
    everybody: Iterator[EventRecord] = iter(told)
    while page := list(islice(everybody, READ_PEOPLE)):
        known = _known(delivery, kind, [rollups.address(record.email) for record in page])
        missed = [
            record if tells_machines else replace(record, is_machine=kind == Event.Kind.OPENED)
            for record in page
            if rollups.address(record.email) not in known
        ]
        if missed:
            with transaction.atomic():
                rollups.lock(delivery.connection)
                rollups.begin()
                rollups.stage(missed, connection=delivery.connection, is_exact=False)
                block(delivery.connection, rollups.roll_up(delivery.connection))
            stored += len(missed)
        if entry is not None:
            outbox.renew(entry)
    return stored


def _known(delivery: Delivery, kind: str, emails: list[str]) -> set[str]:
    """Of these addresses, those already seen to have done it. By machines does not count for a person."""
    rows: QuerySet[Any]
    if kind == Event.Kind.ACCEPTED:
        rows = Recipient.objects.filter(delivery=delivery, contact__email__in=emails).exclude(
            state__in=[Recipient.State.PLANNED, Recipient.State.UNKNOWN]
        )
    else:
        rows = Seen.objects.filter(delivery=delivery, kind=kind, link_digest=b"", contact__email__in=emails)
    return set(rows.values_list("contact__email", flat=True))


def _entries(delivery: Delivery) -> QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(task=TASK, order_key=f"people:{delivery.pk}")


def _remember(entry: OutboxEntry, **values: object) -> None:
    """Keep where a round stands, so that a crash asks for no export twice."""
    entry.payload |= values
    if not OutboxEntry.objects.filter(pk=entry.pk, fence=entry.fence).update(payload=entry.payload):
        raise outbox.LeaseLost
