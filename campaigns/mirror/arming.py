"""READY → ARMED → ACCEPTED: the one call after which people may be mailed, and the looks when its answer is lost.

ARMED is committed before the first byte leaves: from then on the state is unknown until proven. Nothing here repeats
the call on a guess; a draft must be seen to be a draft three times, a minute apart, before the same object is armed again.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.records import CampaignDraft, CampaignRecord
from accounts.refusals import CannotMove
from campaigns import work
from campaigns.merge_tags import CannotTranslate
from campaigns.mirror.deliveries import (
    age,
    alive_of,
    attend,
    instant_note,
    refuse,
    ring_a_person,
    settle_twins,
    wait_for_earlier,
)
from campaigns.mirror.drafts import differences, draft_of
from campaigns.mirror.watching import take_out_the_suppressed
from campaigns.models import Delivery

State = Delivery.State
LOOKS = 3
# The account must not find the time too near while our call is on its way.
LEAD_MARGIN = timedelta(minutes=1)
# So much must be left to order a campaign once more that was not found: a late twin is seen before it starts.
TIME_TO_REPEAT = timedelta(minutes=10)


def arm(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state == State.ARMED:  # an earlier run was cut off: the call may have left
        return to_unknown(delivery, "The worker was cut off while telling the account to send.")
    if delivery.state != State.READY:
        return None
    if delivery.campaign.workspace.sending_locked:
        return Later(60, "Sending is locked in this workspace.")
    if delivery.connection.fingerprint != delivery.fingerprint:
        return refuse(delivery, "The connection leads to another account than when this was released.")
    if delivery.is_late:
        delivery.move_to(
            State.ATTENTION, note="Its time passed while it was being prepared; a person decides."
        )
        return ring_a_person(delivery)
    wait_for_earlier(delivery, provider, entry)
    if delivery.state != State.READY:
        return None
    take_out_the_suppressed(delivery, provider, entry)
    outbox.renew(entry)
    is_drafted = provider.capabilities.drafts_campaigns
    draft: CampaignDraft | None = None
    if is_drafted:
        try:
            before = provider.campaign(remote_id=delivery.remote_id)
        except Missing:
            return refuse(delivery, "The draft was deleted in the account.")
        if before.phase != "draft":
            return to_unknown(delivery, f"The account shows “{before.status}” before it was told to send.")
    else:
        if alive := alive_of(delivery, provider):
            return to_unknown(delivery, f"The account has it as “{alive[0].status}” before it was told to.")
        try:
            draft = draft_of(delivery)
        except CannotTranslate as error:
            return refuse(delivery, error.sentence)
    outbox.renew(entry)
    now = timezone.now()
    send_at = _instant(delivery, provider, now)
    # Committed before the first byte leaves: from here on the state is unknown until proven.
    delivery.move_to(State.ARMED, armed_at=now, armed_for_at=send_at)
    try:
        if draft is None:
            provider.schedule_campaign(remote_id=delivery.remote_id, send_at=send_at)
        else:
            delivery.store(remote_id=provider.release_campaign(draft, send_at=send_at))
    except RateLimited as error:
        delivery.move_to(State.READY, note=error.detail)
        raise
    except (Unavailable, Unauthorized) as error:  # proven: nothing was taken
        delivery.move_to(State.READY, note=error.detail)
        raise
    except Conflict as error:  # "already sent", "processing": perhaps by us
        return to_unknown(delivery, error.detail)
    except (Refused, Unsupported) as error:
        return refuse(delivery, error.detail)
    except (OutcomeUnknown, UnexpectedReply) as error:
        return to_unknown(delivery, error.detail)
    return _read_back(delivery, provider, entry, draft)


def _instant(delivery: Delivery, provider: Provider, now: datetime) -> datetime:
    """The time to give: as decided, but never nearer than the account needs; the same again for a second order."""
    lead = max(timedelta(seconds=settings.SEND_NOW_LEAD_SECONDS), provider.least_lead)
    if provider.least_lead:
        lead += LEAD_MARGIN
    given = delivery.armed_for_at
    return _next_second(max(given if given and given > now else delivery.send_at, now + lead))


def _read_back(
    delivery: Delivery, provider: Provider, entry: OutboxEntry, draft: CampaignDraft | None
) -> None:
    """After a clean answer: what does the account show? What was made and armed at once is compared only now."""
    outbox.renew(entry)
    try:
        record = provider.campaign(remote_id=delivery.remote_id)
        if draft is not None and len(alive_of(delivery, provider)) > 1:
            return to_unknown(delivery, "The account holds more than one campaign of this delivery.")
    except ProviderError as error:
        return to_unknown(delivery, f"The account took the order, but could not be read back: {error.detail}")
    if record.phase == "draft":
        return to_unknown(delivery, "The account took the order, but still shows a draft.")
    if draft is None or not (found := differences(provider.comparable(draft), record)):
        return accept(delivery, record)
    note = f"What the account stored differs from ours in: {', '.join(found)}."
    try:
        provider.cancel_campaign(remote_id=delivery.remote_id)
        record = provider.campaign(remote_id=delivery.remote_id)
    except ProviderError as error:
        return attend(delivery, f"{note} Taking it back there failed: {error.detail}")
    if record.phase != "stopped":
        return attend(
            delivery, f"{note} The account shows “{record.status}” although it was asked to cancel it."
        )
    return refuse(delivery, f"{note} It was cancelled there before it began.")


def accept(delivery: Delivery, record: CampaignRecord) -> None:
    with transaction.atomic():
        delivery.move_to(
            State.ACCEPTED,
            remote_status=record.status,
            remote_read_at=timezone.now(),
            note=instant_note(delivery, record),
        )
        work.record(delivery, "campaigns.watch", Effect.READ, seconds=min(5, settings.WATCH_SECONDS))
        work.log(delivery, "delivery.accepted", "{connection} took “{campaign}”.")


def to_unknown(delivery: Delivery, note: str) -> None:
    first = timezone.now() + timedelta(seconds=settings.SETTLE_SECONDS)
    with transaction.atomic():
        delivery.move_to(State.UNKNOWN, note=note, looks=0, next_look_at=first)
        work.record(delivery, "campaigns.look", Effect.READ, seconds=settings.SETTLE_SECONDS)
        work.log(delivery, "delivery.unknown", "It is not known yet whether {connection} took “{campaign}”.")


def look(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Three reads, a minute apart, before anything is concluded from a draft that is still a draft."""
    if delivery.state != State.UNKNOWN:
        return None
    record = None
    try:
        alive = alive_of(delivery, provider)
        outbox.renew(entry)
        if not delivery.remote_id and alive:
            delivery.store(remote_id=min(alive, key=age).remote_id)
        if delivery.remote_id:
            record = provider.campaign(remote_id=delivery.remote_id)
    except Missing:
        return attend(
            delivery, "The campaign is gone from the account, so what happened to it cannot be read there."
        )
    if record is not None:
        delivery.store(remote_status=record.status)
    delivery.store(remote_read_at=timezone.now(), looks=delivery.looks + 1)
    if len(alive) > 1:
        return settle_twins(delivery, provider, alive)
    if record is None:
        return _nothing_there(delivery)
    if record.phase in {"scheduled", "sending", "sent", "held", "stopped"}:
        accept(delivery, record)
        return None
    if record.phase != "draft":
        return attend(delivery, f"The account says “{record.status}”, which we do not know.")
    if delivery.looks < LOOKS:
        return _look_later(delivery, f"Still a draft after {delivery.looks} of {LOOKS} looks; looking again.")
    if delivery.armed_for_at is not None and timezone.now() >= delivery.armed_for_at:
        return attend(delivery, "The account still shows a draft, and the time to send has come meanwhile.")
    if not (provider.capabilities.arms_by_value or provider.capabilities.refuses_second_arm):
        return attend(delivery, "The account shows a draft, and a second order might mail twice there.")
    return _arm_again(delivery)


def _nothing_there(delivery: Delivery) -> Later | None:
    """Where creating is arming: no campaign of ours was found. It is ordered again while there is time to see twins."""
    if delivery.looks < LOOKS:
        return _look_later(delivery, f"Not there after {delivery.looks} of {LOOKS} looks; looking again.")
    if delivery.armed_for_at is None or delivery.armed_for_at - timezone.now() < TIME_TO_REPEAT:
        return attend(
            delivery, "The account shows no such campaign, and its time is too near to order it again."
        )
    return _arm_again(delivery)


def _look_later(delivery: Delivery, note: str) -> Later:
    delivery.store(next_look_at=timezone.now() + timedelta(seconds=settings.LOOK_INTERVAL_SECONDS))
    return Later(settings.LOOK_INTERVAL_SECONDS, note)


def _arm_again(delivery: Delivery) -> None:
    with transaction.atomic():
        delivery.move_to(State.READY, note="Proven: the account had not taken the order.", next_look_at=None)
        work.record(delivery, "campaigns.arm", Effect.ONCE)


def _next_second(instant: datetime) -> datetime:
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + timedelta(seconds=1)


def attend_to_stuck() -> int:
    """Open deliveries whose work was set aside wait for a person; say so. Reads and flags only."""
    flagged = 0
    for delivery in Delivery.objects.filter(
        state__in=[State.HELD, State.PREPARING, State.READY, State.ARMED, State.UNKNOWN, State.ACCEPTED, State.SENDING,
                   State.PAUSED]
    ).select_related("campaign__workspace", "connection"):  # fmt: skip
        entries = OutboxEntry.objects.filter(order_key=delivery.order_key, subject_id=delivery.pk)
        entry = entries.order_by("-id").first()
        is_set_aside = entry is not None and entry.state == OutboxEntry.State.SET_ASIDE
        # The standing work is older than a pause or a resume that is done.
        if not is_set_aside and entries.filter(state__in=OutboxEntry.OPEN).exists():
            continue
        try:
            if delivery.state == State.ARMED:
                to_unknown(delivery, "The worker was cut off while telling the account to send.")
            elif entry is not None and is_set_aside:
                attend(delivery, entry.note)
            elif timezone.now() - delivery.state_at > timedelta(minutes=5):
                attend(delivery, "Its work is missing from the outbox.")
            else:
                continue
            flagged += 1
        except CannotMove:
            continue
    return flagged
