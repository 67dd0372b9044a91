"""Cancel, pause, resume, clean up: ask the account, then read; its answer is shown, not our hope."""

from datetime import timedelta

from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Provider
from accounts.providers.errors import Missing, OutcomeUnknown, Refused, UnexpectedReply, Unsupported
from campaigns import work
from campaigns.mirror.deliveries import attend, look_from
from campaigns.mirror.watching import follow
from campaigns.models import Delivery

State = Delivery.State
# How the name of a list begins that has done its work, or had none, where it cannot be removed.
USED, NOT_USED = "(used)", "(not used)"
LATE_ORDERS = 60.0


def cancel(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Ask for the rest not to go out, then read: the account's answer is shown, not our hope."""
    if delivery.state not in {State.ACCEPTED, State.SENDING, State.PAUSED}:
        return None
    try:
        provider.cancel_campaign(remote_id=delivery.remote_id)
    except Missing:
        attend(delivery, "The campaign was deleted in the account.")
        return None
    except Refused as error:
        delivery.store(note=f"The account did not cancel it: {error.detail}", cancel_requested_at=None)
        work.log(delivery, "campaign.cancel_refused", "{connection} did not cancel “{campaign}”.")
        return None
    outbox.renew(entry)
    follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id), entry)
    return None


def pause(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state not in {State.ACCEPTED, State.SENDING}:
        return None
    try:
        provider.pause_campaign(remote_id=delivery.remote_id)
    except Refused as error:
        delivery.store(note=f"The account did not pause it: {error.detail}")
        return None
    outbox.renew(entry)
    follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id), entry)
    return None


def resume(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Sets people in motion again, so it is called once; whatever the answer, the next reading tells the truth."""
    if delivery.state != State.PAUSED or entry.must_look:
        return None
    try:
        provider.resume_campaign(remote_id=delivery.remote_id)
    except (Refused, Unsupported, OutcomeUnknown, UnexpectedReply) as error:
        delivery.store(note=f"Resuming: {error.detail}")
    outbox.renew(entry)
    follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id), entry)
    return None


def clean_up(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Take our draft and our list out of the account after a delivery that mailed nobody; mark a list that must stay."""
    if not delivery.is_over or delivery.creating_at is None:
        return None
    mailed_nobody = delivery.state != State.SENT
    for found in provider.find_campaigns(marker=delivery.marker, created_after=look_from(delivery)):
        outbox.renew(entry)
        if found.phase == "draft":
            if provider.capabilities.deletes_drafts:
                provider.delete_campaign(remote_id=found.remote_id)
        elif mailed_nobody and found.phase in {"scheduled", "sending"}:
            provider.cancel_campaign(remote_id=found.remote_id)
    if delivery.armed_at is None or not provider.capabilities.deletes_lists:
        word = NOT_USED if delivery.armed_at is None else USED
        for made in provider.find_lists(marker=delivery.marker):
            outbox.renew(entry)
            if provider.capabilities.deletes_lists:
                provider.delete_list(remote_id=made.remote_id)
            elif not made.name.startswith((USED, NOT_USED)):
                provider.update_list(remote_id=made.remote_id, name=f"{word} {made.name}")
    if mailed_nobody and not provider.capabilities.drafts_campaigns and _may_come_late(delivery):
        return Later(LATE_ORDERS, "An order whose answer was lost may still arrive; looking until its time.")
    return None


def _may_come_late(delivery: Delivery) -> bool:
    """Whether an order to send may still arrive and mail: one of another time is refused over there or starts by then."""
    return delivery.armed_for_at is not None and timezone.now() < delivery.armed_for_at + timedelta(minutes=1)
