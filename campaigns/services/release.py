"""A person's decisions about a delivery: release, take back, pause, resume, and settling what is not known.

None of these calls a provider. Each changes rows in one transaction and records what must leave.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User
from accounts.providers.base import Effect
from accounts.refusals import CannotDo, CannotMove
from accounts.services import connections
from accounts.templatetags.ui import number
from campaigns import checks, content, work
from campaigns.instants import check_lead, check_time, lead_of
from campaigns.models import Campaign, Delivery, Recipient
from campaigns.queries.audience import equation_of
from campaigns.queries.chosen import Choice, choice_of, frozen_choice

State = Delivery.State


class CannotRelease(CannotDo):
    pass


class CannotSettle(CannotDo):
    pass


@transaction.atomic
def release_campaign(
    *,
    campaign: Campaign,
    by: User,
    version: int,
    send_at: datetime | None,
    zone: str,
    people: int | None = None,
    segments: Mapping[int, int] | None = None,
) -> Delivery:
    """Let a campaign go at `send_at` (None: as soon as possible), frozen as it is now.

    `version` is the one that was reviewed, `people` the number on the button, `segments` the versions of all
    segments that decided it (Choice.versions). Raises CannotRelease; pressing twice releases once.
    """
    campaign = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("workspace", "sender")
        .get(pk=campaign.pk)
    )
    _check_releasable(campaign, version)
    choice = choice_of(campaign)
    if segments is not None:
        _check_unchanged(choice, segments)
    equation = equation_of(campaign, choice)
    if people is not None and equation.receives > people:
        raise CannotRelease(
            f"The audience has grown from {number(people)} to {number(equation.receives)} people since you looked. Review it again."
        )
    now = timezone.now()
    check_time(send_at)
    connection = campaign.connection
    if connection is None or campaign.sender is None:
        raise CannotRelease("Choose the account and the sender first.")
    earliest = now + lead_of(connection)
    check_lead(send_at, connection)
    rendered = content.render(campaign)
    frozen = {
        "subject": campaign.subject,
        "preview_text": campaign.preview_text,
        "html": rendered.html,
        "text": rendered.text,
        "sender_name": campaign.sender.name,
        "sender_email": campaign.sender.email,
        "reply_to": campaign.reply_to,
        "fingerprint": connection.fingerprint,
        "audience": choice.as_json(),
        "literals": {
            "workspace.name": campaign.workspace.name,
            "workspace.postal_address": campaign.workspace.postal_address,
        },
    }
    last = campaign.deliveries.order_by("-generation").first()
    delivery = Delivery.objects.create(
        campaign=campaign,
        connection=connection,
        generation=last.generation + 1 if last else 1,
        equation=equation.as_json(),
        send_at=send_at or earliest,
        zone=zone,
        released_by=by,
        content_hash=sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest(),
        **frozen,
    )
    Campaign.objects.filter(pk=campaign.pk).update(
        status=Campaign.Status.SCHEDULED, send_at=delivery.send_at, zone=zone, updated_at=now
    )
    outbox.record(
        task="campaigns.prepare",
        subject=delivery,
        effect=Effect.CREATE,
        workspace=campaign.workspace,
        connection=connection,
        order_key=delivery.order_key,
        priority=OutboxEntry.Priority.SEND,
        not_before=delivery.held_until_at,
    )
    if connection.capabilities.has_webhooks and not connection.webhook_remote_id:
        # Where the account cannot reach us, what happens is read there instead.
        with suppress(connections.CannotConnect):
            connections.register_webhook(connection=connection, by=by)
    when = "as soon as possible" if send_at is None else f"for {_local(delivery)}"
    activity.record(
        campaign.workspace,
        "campaign.released",
        f"Released “{campaign}” {when} to {number(equation.receives)} people through {connection}.",
        actor=by,
        subject=campaign,
        after={"send_at": delivery.send_at.isoformat(), "zone": zone, **equation.as_json()},
    )
    return delivery


def _check_releasable(campaign: Campaign, version: int) -> None:
    if campaign.status != Campaign.Status.DRAFT:
        raise CannotRelease("This campaign has already been released. Its page shows how far it is.")
    if campaign.version != version:
        raise CannotRelease("The campaign was changed after you opened this page. Review it again.")
    if campaign.workspace.sending_locked:
        note = campaign.workspace.sending_locked_note
        raise CannotRelease(
            f"Sending is locked in this workspace. {note} An admin can unlock it in the settings."
        )
    if campaign.is_imported:
        raise CannotRelease("This campaign was written in the account and is shown here to read only.")
    blockers = [check.sentence for check in checks.checks_of(campaign) if check.level == "blocker"]
    if blockers:
        raise CannotRelease("Mend this first: " + " ".join(blockers))


def _check_unchanged(choice: Choice, reviewed: Mapping[int, int]) -> None:
    """Whoever released this has seen other people, if the rule of a segment is another one now."""
    changed = [
        f"“{segment.name}”"
        for segment in {one.id: one for one in (*choice.segments, *choice.within)}.values()
        if reviewed.get(segment.id) != segment.version
    ]
    if changed:
        word, has = ("segment", "has") if len(changed) == 1 else ("segments", "have")
        raise CannotRelease(
            f"The {word} {', '.join(changed)} {has} changed since you looked. Review it again."
        )


@transaction.atomic
def cancel_delivery(*, delivery: Delivery, by: User) -> None:
    """Take back what has not gone out. Before arming that is certain; afterwards the provider's answer counts."""
    delivery = _locked(delivery)
    early = {State.HELD, State.PREPARING, State.READY}
    if delivery.state in early:
        was_held = delivery.state == State.HELD
        delivery.move_to(
            State.CANCELLED,
            note="Taken back before the account was told to send.",
            finished_at=timezone.now(),
        )
        outbox.cancel(subject=delivery)
        if not was_held:
            work.record(delivery, "campaigns.clean_up", Effect.CONVERGE)
        work.log(
            delivery,
            "campaign.cancelled",
            "Cancelled “{campaign}” before it was armed; nobody was mailed.",
            by=by,
        )
    elif delivery.state in {State.ACCEPTED, State.SENDING, State.PAUSED}:
        delivery.store(cancel_requested_at=timezone.now())
        work.record(delivery, "campaigns.cancel", Effect.CONVERGE)
        work.log(delivery, "campaign.cancel_asked", "Asked {connection} to cancel “{campaign}”.", by=by)
    elif delivery.state in {State.ARMED, State.UNKNOWN}:
        raise CannotSettle(
            "It is not known yet whether the account took the campaign. It can be cancelled once that is settled."
        )
    else:
        raise CannotSettle("There is nothing left to cancel.")


@transaction.atomic
def pause_delivery(*, delivery: Delivery, by: User) -> None:
    delivery = _locked(delivery)
    _require_capability(delivery, "pauses_campaigns")
    if delivery.state not in {State.ACCEPTED, State.SENDING}:
        raise CannotSettle("Only a campaign that is scheduled or going out can be paused.")
    work.record(delivery, "campaigns.pause", Effect.CONVERGE)
    work.log(delivery, "campaign.pause_asked", "Asked {connection} to pause “{campaign}”.", by=by)


@transaction.atomic
def resume_delivery(*, delivery: Delivery, by: User) -> None:
    delivery = _locked(delivery)
    _require_capability(delivery, "pauses_campaigns")
    if delivery.state != State.PAUSED:
        raise CannotSettle("Only a paused campaign can be resumed.")
    work.record(delivery, "campaigns.resume", Effect.ONCE)
    work.log(delivery, "campaign.resume_asked", "Asked {connection} to resume “{campaign}”.", by=by)


# What a person can say about a delivery that needs attention. None of these is a default.


@transaction.atomic
def look_again(*, delivery: Delivery, by: User) -> None:
    """Read the account's state three more times."""
    delivery = _needing_attention(delivery)
    if not delivery.remote_id and delivery.armed_at is None:
        raise CannotSettle(
            "Nothing was made in the account that could be looked at. Give up, and release it anew."
        )
    delivery.move_to(State.UNKNOWN, looks=0, next_look_at=timezone.now(), note="Looking again.")
    work.record(delivery, "campaigns.look", Effect.READ)
    work.log(
        delivery, "delivery.look_again", "Asked for another look at “{campaign}” in {connection}.", by=by
    )


@transaction.atomic
def it_went_out(*, delivery: Delivery, by: User) -> None:
    """Mark as sent on a person's word. Sends nothing."""
    delivery = _needing_attention(delivery)
    now = timezone.now()
    delivery.move_to(
        State.SENT,
        note=f"{by} said that it went out.",
        finished_at=now,
        started_at=delivery.started_at or now,
    )
    outbox.cancel(subject=delivery)
    if delivery.remote_id:
        work.record(delivery, "reporting.refresh_figures", Effect.READ, priority=OutboxEntry.Priority.BULK)
    work.log(delivery, "delivery.settled", "Settled “{campaign}”: it went out.", by=by)


@transaction.atomic
def give_up(*, delivery: Delivery, by: User) -> None:
    """End it here. People whose mail is uncertain stay marked so."""
    delivery = _needing_attention(delivery)
    armed = delivery.armed_at is not None
    delivery.move_to(
        State.STOPPED if armed else State.CANCELLED, note=f"{by} gave up on it.", finished_at=timezone.now()
    )
    outbox.cancel(subject=delivery)
    work.record(delivery, "campaigns.clean_up", Effect.CONVERGE)
    work.log(delivery, "delivery.settled", "Settled “{campaign}”: given up.", by=by)


@transaction.atomic
def send_again(*, delivery: Delivery, by: User, typed_name: str) -> Delivery:
    """It did not go out, a person says with the campaign's name typed: a new generation starts from the draft.

    The old remote object is taken back first; the new delivery waits behind that in the same order.
    """
    delivery = _needing_attention(delivery)
    if typed_name.strip() != delivery.campaign.name.strip():
        sentence = f"Type the name of the campaign exactly: {delivery.campaign.name}"
        raise CannotSettle(sentence, fields={"typed_name": sentence})
    got = [Recipient.State.DELIVERED, Recipient.State.BOUNCED]
    if delivery.started_at is not None or delivery.ledger().filter(state__in=got).exists():
        raise CannotSettle(
            "The account has begun to mail this, so sending it again would reach people twice. "
            "Say that it went out, or give up."
        )
    delivery.move_to(State.CANCELLED, note=f"{by} said that it did not go out.", finished_at=timezone.now())
    outbox.cancel(subject=delivery)
    work.record(delivery, "campaigns.clean_up", Effect.CONVERGE)
    work.log(
        delivery, "delivery.settled", "Settled “{campaign}”: it did not go out, and is sent again.", by=by
    )
    campaign = Campaign.objects.get(pk=delivery.campaign_id)
    return release_campaign(
        campaign=campaign,
        by=by,
        version=campaign.version,
        send_at=None,
        zone=delivery.zone,
        segments=frozen_choice(delivery).versions,
    )


@transaction.atomic
def release_late(*, delivery: Delivery, by: User) -> None:
    """Let a delivery go although its time has passed by more than the limit."""
    delivery = _needing_attention(delivery)
    if delivery.armed_at is not None:
        raise CannotSettle("The account may already hold this campaign. Look again, or say what happened.")
    is_drafted = bool(delivery.remote_id) or not delivery.connection.capabilities.drafts_campaigns
    state = State.READY if is_drafted and delivery.handed_over_at else State.PREPARING
    delivery.move_to(state, note=f"{by} released it in spite of the delay.", late_release_at=timezone.now())
    if state == State.READY:
        work.record(delivery, "campaigns.arm", Effect.ONCE)
    else:
        work.record(delivery, "campaigns.prepare", Effect.CREATE)
    work.log(delivery, "delivery.released_late", "Released “{campaign}” in spite of its delay.", by=by)


def _locked(delivery: Delivery) -> Delivery:
    return (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("campaign__workspace", "connection__workspace")
        .get(pk=delivery.pk)
    )


def _needing_attention(delivery: Delivery) -> Delivery:
    delivery = _locked(delivery)
    if delivery.state != State.ATTENTION:
        raise CannotMove(
            delivery.state, State.ATTENTION, "This has been settled meanwhile. The page shows how."
        )
    return delivery


def _require_capability(delivery: Delivery, flag: str) -> None:
    capabilities = delivery.connection.capabilities
    if not getattr(capabilities, flag):
        raise CannotSettle(capabilities.sentence(flag))


def _local(delivery: Delivery) -> str:
    return f"{delivery.send_at.astimezone(ZoneInfo(delivery.zone)):%d %b %Y, %H:%M} {delivery.zone}"
