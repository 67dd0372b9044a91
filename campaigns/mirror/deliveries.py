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
# How many looks after its time a count of nobody is believed.
COUNT_LOOKS = 5
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
    for before in earlier_of(delivery):
        outbox.renew(entry)
        for found in provider.find_campaigns(marker=before.marker, created_after=look_from(before)):
            if found.phase in {"scheduled", "held"} and not delivery.is_late:
                raise Waiting(Later(15, "The campaign of the earlier release is being taken back first."))
            is_harmless: bool | None = found.phase in {"draft", "gone"}
            if found.phase == "stopped":
                is_harmless = mailed_nobody(before, provider, found)
            if is_harmless is None:
                raise Waiting(Later(15, "The count of the earlier release is awaited: it may have begun."))
            if not is_harmless:
                attend(
                    delivery,
                    f"The account has the earlier release of this campaign as “{found.status}”: "
                    "people may have got it.",
                )
                return


def earlier_of(delivery: Delivery) -> list[Delivery]:
    """Earlier releases that may have left something over there.

    Whatever we remember of arming: a restored database may have forgotten it.
    """
    earlier = Delivery.objects.filter(
        campaign=delivery.campaign_id, connection=delivery.connection_id, generation__lt=delivery.generation
    ).exclude(creating_at=None)
    return list(earlier.order_by("generation"))


def mailed_nobody(delivery: Delivery, provider: Provider, stopped: CampaignRecord) -> bool | None:
    """Whether what was stopped over there is proven to have mailed nobody; None while its count may still grow.

    Its time never came, or the account counts 0 some minutes after. That it tells no count proves nothing.
    """
    now = timezone.now()
    due = min((at for at in (stopped.send_at, delivery.armed_for_at) if at is not None), default=None)
    if delivery.started_at is not None:
        return False
    if due is not None and now < due:
        return True
    figures = provider.figures(remote_id=stopped.remote_id)
    if figures.sent != 0 or figures.delivered:
        return False
    is_settled = due is None or now - due > timedelta(seconds=COUNT_LOOKS * settings.LOOK_INTERVAL_SECONDS)
    return True if is_settled else None


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
    """Before the start the oldest stays and the others are cancelled; after it a person decides.

    One that has begun already stays, whichever is older: the rest of its people would be left without.
    """
    is_time = delivery.armed_for_at is not None and timezone.now() >= delivery.armed_for_at
    waiting = {"draft", "scheduled"} if is_time else {"draft", "scheduled", "held", "stopped"}
    begun = [found for found in alive if found.phase not in waiting]
    if len(begun) > 1 or (is_time and not begun):
        attend(delivery, f"The account holds {len(alive)} campaigns of this delivery, and the time has come.")
        return None
    oldest, *others = [*begun, *sorted((found for found in alive if found not in begun), key=age)]
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
