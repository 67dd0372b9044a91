"""What the steps of a delivery share: finding it, giving it back, handing it to a person."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Effect, Provider
from accounts.providers.records import CampaignRecord
from accounts.refusals import CannotMove
from campaigns import work
from campaigns.models import Delivery

State = Delivery.State
# A rounded or truncated instant in a reply is still ours.
INSTANT_TOLERANCE = timedelta(seconds=60)
NEVER = datetime.max.replace(tzinfo=UTC)


class Waiting(Exception):  # noqa: N818 - not a mistake
    """The step goes on later."""

    def __init__(self, later: Later) -> None:
        self.later = later


def on_delivery(work: Callable[[Delivery, Provider, OutboxEntry], Later | None]) -> outbox.Work:
    """The outbox entry's delivery with its provider; a delivery that somebody else moved is left alone."""

    def run(entry: OutboxEntry) -> Later | None:
        delivery = Delivery.objects.select_related("campaign__workspace", "connection__workspace").get(
            pk=entry.subject_id
        )
        try:
            return work(delivery, delivery.connection.open(), entry)
        except Waiting as waiting:
            return waiting.later
        except CannotMove:
            return None

    return run


def wait_for_earlier(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """Nothing is made or armed while what an earlier release left in the account may still mail, or has.

    Raises Waiting while it is being taken back; what has gone out after all waits for a person.
    """
    earlier = Delivery.objects.filter(
        campaign=delivery.campaign_id, connection=delivery.connection_id, generation__lt=delivery.generation
    ).exclude(creating_at=None)  # whatever we remember of arming: a restored database may have forgotten it
    for before in earlier.order_by("generation"):
        outbox.renew(entry)
        for found in provider.find_campaigns(marker=before.marker, created_after=look_from(before)):
            if found.phase in {"scheduled", "held"} and not delivery.is_late:
                raise Waiting(Later(15, "The campaign of the earlier release is being taken back first."))
            was_stopped = found.phase == "stopped" and not provider.figures(remote_id=found.remote_id).sent
            if not was_stopped and found.phase not in {"draft", "gone"}:
                attend(
                    delivery,
                    f"The account has the earlier release of this campaign as “{found.status}”: "
                    "people may have got it.",
                )
                return


def alive_of(delivery: Delivery, provider: Provider) -> list[CampaignRecord]:
    """What the account has under our marker and may mail, or has mailed.

    Another draft mails nobody, since only the one we remember is ever armed: it counts where it can be removed.
    """
    harmless = {"gone", "stopped"} | (set() if provider.capabilities.deletes_drafts else {"draft"})
    return [
        found
        for found in provider.find_campaigns(marker=delivery.marker, created_after=look_from(delivery))
        if found.phase not in harmless or found.remote_id == delivery.remote_id
    ]


def settle_twins(delivery: Delivery, provider: Provider, alive: list[CampaignRecord]) -> Later | None:
    """Before the start the oldest stays and the others are cancelled; after it a person decides."""
    if delivery.armed_for_at is not None and timezone.now() >= delivery.armed_for_at:
        attend(delivery, f"The account holds {len(alive)} campaigns of this delivery, and the time has come.")
        return None
    oldest, *others = sorted(alive, key=age)
    for other in others:
        if other.phase == "draft" and provider.capabilities.deletes_drafts:
            provider.delete_campaign(remote_id=other.remote_id)
        elif other.phase != "draft":
            provider.cancel_campaign(remote_id=other.remote_id)
    delivery.store(remote_id=oldest.remote_id, looks=0)
    return Later(settings.LOOK_INTERVAL_SECONDS, "A twin in the account was taken back; looking again.")


def refuse(delivery: Delivery, note: str) -> None:
    with transaction.atomic():
        delivery.move_to(State.REFUSED, note=note, finished_at=timezone.now())
        work.record(delivery, "campaigns.clean_up", Effect.CONVERGE)
        work.log(delivery, "delivery.refused", f"“{{campaign}}” was not sent through {{connection}}: {note}")


def attend(delivery: Delivery, note: str) -> None:
    with transaction.atomic():
        delivery.move_to(State.ATTENTION, note=note)
        ring_a_person(delivery)


def ring_a_person(delivery: Delivery) -> None:
    work.log(delivery, "delivery.attention", f"“{{campaign}}” needs attention: {delivery.note}")


def look_from(delivery: Delivery) -> datetime:
    """Clocks differ: ours may be ahead of theirs."""
    return (delivery.creating_at or delivery.created_at) - timedelta(minutes=10)


def age(record: CampaignRecord) -> tuple[datetime, str]:
    """Oldest first; where no instant of creation is told, by the ids, which grow."""
    return record.created_at or NEVER, record.remote_id.rjust(20, "0")


def instant_note(delivery: Delivery, record: CampaignRecord) -> str:
    if record.send_at is None or delivery.armed_for_at is None:
        return ""
    if abs(record.send_at - delivery.armed_for_at) <= INSTANT_TOLERANCE:
        return ""
    return f"The account shows another time than ours: {record.send_at:%Y-%m-%d %H:%M} UTC."
