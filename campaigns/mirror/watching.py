"""ACCEPTED → SENDING → SENT, PAUSED, STOPPED: follow the account's word until it is over. Reads only."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import Missing
from accounts.providers.records import CampaignRecord
from accounts.templatetags.ui import number
from audiences.models import Subscription, Suppression
from campaigns import work
from campaigns.mirror.deliveries import (
    alive_of,
    attend,
    earlier_of,
    instant_note,
    look_from,
    mailed_nobody,
    settle_twins,
)
from campaigns.models import Delivery, Recipient
from campaigns.queries.chosen import frozen_choice

State = Delivery.State
# How long after its time the account may still show it as scheduled.
START_LIMIT = timedelta(hours=1)
# So long before its time each reading looks for the twin of an order that came late, and there is time to take it back.
TIME_FOR_TWINS = timedelta(minutes=6)
# How long the account may take to account for everybody at the end.
SETTLING_LIMIT = timedelta(hours=2)


def watch(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Follow the account's word until it is over; take out who left since the people were frozen."""
    if delivery.state not in {State.ACCEPTED, State.SENDING, State.PAUSED}:
        return None
    if delivery.state == State.ACCEPTED:
        take_out_the_suppressed(delivery, provider, entry)
        if not _is_read_due(delivery, provider):
            return Later(settings.WATCH_SECONDS)
    outbox.renew(entry)
    if delivery.state == State.ACCEPTED and not provider.capabilities.drafts_campaigns:
        # An order that was given up as lost may have come late: its twin is taken back before it starts.
        if len(alive := alive_of(delivery, provider)) > 1:
            return settle_twins(delivery, provider, alive)
        outbox.renew(entry)
        if note := _take_back_earlier(delivery, provider, entry):
            return attend(delivery, note)
    try:
        record = provider.campaign(remote_id=delivery.remote_id)
    except Missing:
        return attend(delivery, "The campaign was deleted in the account.")
    follow(delivery, provider, record, entry)
    return None if delivery.is_over or delivery.state == State.ATTENTION else Later(_pace(delivery))


def _take_back_earlier(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> str:
    """Late orders of earlier releases, before they start; a sentence where one has."""
    for before in earlier_of(delivery):
        for found in provider.find_campaigns(marker=before.marker, created_after=look_from(before)):
            outbox.renew(entry)
            if found.phase == "scheduled":
                provider.cancel_campaign(remote_id=found.remote_id)
            elif found.phase in {"sending", "sent"}:
                return f"The account has the earlier release of this campaign as “{found.status}”: people may have got it."
    return ""


def follow(delivery: Delivery, provider: Provider, record: CampaignRecord, entry: OutboxEntry) -> None:
    """Take over one reading of the account."""
    read: dict[str, Any] = {"remote_status": record.status, "remote_read_at": timezone.now()}
    phase = record.phase
    if phase == "scheduled":
        if delivery.state == State.PAUSED:
            delivery.move_to(State.SENDING if delivery.started_at else State.ACCEPTED, **read)
        elif delivery.armed_for_at is not None and timezone.now() - delivery.armed_for_at > START_LIMIT:
            attend(delivery, "Its time has passed, and the account still shows it as scheduled.")
        else:
            delivery.store(note=instant_note(delivery, record), **read)
    elif phase in {"sending", "sent"}:
        if delivery.state != State.SENDING:
            delivery.move_to(State.SENDING, started_at=delivery.started_at or timezone.now(), **read)
            work.log(delivery, "campaign.started", "“{campaign}” is going out through {connection}.")
        else:
            delivery.store(**read)
        if phase == "sent":
            _finish(delivery, provider, entry)
        elif "delivered" not in provider.told_by_calls:
            outbox.renew(entry)
            _count(delivery, provider)
    elif phase in {"held", "stopped"}:
        if delivery.cancel_requested_at is not None:
            _end_cancelled(delivery, provider, record)
        elif delivery.state != State.PAUSED:
            note = "" if phase == "stopped" else f"The provider holds it back: “{record.status}”."
            delivery.move_to(State.PAUSED, note=note or f"Paused in the account: “{record.status}”.", **read)
        else:
            delivery.store(**read)
    elif phase == "draft":
        if delivery.cancel_requested_at is not None:
            _end_cancelled(delivery, provider, record)
        else:
            attend(delivery, "Somebody put the campaign back to draft in the account.")
    else:
        delivery.store(note=f"The account says “{record.status}”, which we do not know.", **read)


def _count(delivery: Delivery, provider: Provider) -> None:
    """How far it is, where no call tells of each person. Never backwards: a reading may come late."""
    sent = provider.figures(remote_id=delivery.remote_id).sent
    if sent is not None and sent > (delivery.sent_there or 0):
        delivery.store(sent_there=sent)


def _finish(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """Sent is said only when planned = accepted + left out + refused, and nothing is unknown."""
    figures = provider.figures(remote_id=delivery.remote_id)
    people = delivery.ledger()
    taken = people.filter(
        state__in=[Recipient.State.HANDED_OVER, Recipient.State.DELIVERED, Recipient.State.BOUNCED]
    )
    expected = taken.count()
    if figures.sent is not None and figures.sent < expected:
        _mark_blocked_there(delivery, provider, entry)
        expected = taken.count()
    if figures.sent == expected:
        with transaction.atomic():
            delivery.move_to(State.SENT, finished_at=timezone.now(), sent_there=expected)
            work.record(
                delivery, "reporting.refresh_figures", Effect.READ, priority=OutboxEntry.Priority.BULK
            )
            if not provider.capabilities.deletes_lists:
                work.record(
                    delivery, "campaigns.clean_up", Effect.CONVERGE, priority=OutboxEntry.Priority.BULK
                )
            work.log(
                delivery,
                "campaign.sent",
                f"“{{campaign}}” went out to {number(expected)} people through {{connection}}.",
            )
        return
    counted = "does not count" if figures.sent is None else f"counts {number(figures.sent)}"
    note = f"The account says sent, and {counted} people where we handed over {number(expected)}."
    if timezone.now() - (delivery.started_at or timezone.now()) > SETTLING_LIMIT:
        attend(delivery, note)
    else:
        delivery.store(note=f"{note} Reading again until the numbers agree.")


def _mark_blocked_there(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """People the account itself refuses to mail: on the list, but blocked there."""
    cursor: str | None = None
    while True:
        outbox.renew(entry)
        page = provider.list_members(remote_id=delivery.remote_list_id, cursor=cursor)
        blocked = [record.email.lower() for record in page.items if record.blocked]
        delivery.ledger().filter(
             email__in=blocked, state=Recipient.State.HANDED_OVER,
            left_at=None, complained_at=None,
        ).update(state=Recipient.State.REFUSED, reason="Blocked in the account.", changed_at=timezone.now())  # fmt: skip
        cursor = page.cursor
        if cursor is None:
            break
    while provider.capabilities.lists_leaves:
        outbox.renew(entry)
        page = provider.leaves(cursor=cursor)
        mailed = delivery.ledger().filter(state=Recipient.State.HANDED_OVER, left_at=None, complained_at=None)
        mailed.filter(
            _matching([record.email.lower() for record in page.items if not record.list_id])
        ).update(state=Recipient.State.REFUSED, reason="Blocked in the account.", changed_at=timezone.now())
        cursor = page.cursor
        if cursor is None:
            return


def _matching(patterns: list[str]) -> Q:
    """Recipients at these addresses; a `*` before or behind the @ stands for anything."""
    found = Q(email__in=[pattern for pattern in patterns if "*" not in pattern])
    for pattern in patterns:
        if pattern.startswith("*"):
            found |= Q(email__endswith=pattern[1:])
        elif pattern.endswith("*"):
            found |= Q(email__startswith=pattern[:-1])
    return found


def take_out_the_suppressed(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> int:
    """Who left after the people were frozen comes off the list over there before it starts. Returns how many."""
    rows = delivery.ledger().filter(_has_left(delivery), state=Recipient.State.HANDED_OVER).order_by("pk")
    taken = 0
    while batch := list(rows.values_list("pk", "email")[:150]):
        outbox.renew(entry)
        provider.remove_from_list(list_id=delivery.remote_list_id, emails=[email for _, email in batch])
        taken += (
            delivery.ledger()
            .filter(pk__in=[pk for pk, _ in batch])
            .update(state=Recipient.State.EXCLUDED, reason="suppressed", changed_at=timezone.now())
        )
    return taken


def _has_left(delivery: Delivery) -> Q:
    """Suppressed, gone from a chosen list; for segments, from a list its rule asks about, or from every list."""
    suppressed = Suppression.objects.filter(
        workspace=delivery.campaign.workspace_id, contact=OuterRef("contact_id"), lifted_at=None
    )
    of_person = Subscription.objects.filter(contact=OuterRef("contact_id"))
    left = of_person.filter(status=Subscription.Status.UNSUBSCRIBED)
    found = Q(Exists(suppressed)) | Q(Exists(left.filter(list__in=delivery.audience.get("lists", []))))
    if delivery.audience.get("segments"):
        choice = frozen_choice(delivery)
        lists = choice.named_lists()
        named = left if lists is None else left.filter(list__in=lists)
        found |= Q(Exists(named.filter(changed_at__gt=delivery.frozen_at)))
        # Who had left it by then is in the segment for another reason, or the leave was told late.
        before = delivery.ledger().filter(
            Exists(named.filter(changed_at__lte=delivery.frozen_at)), state=Recipient.State.HANDED_OVER
        )
        out = choice.no_longer_meant([*before.values_list("contact_id", flat=True)], now=delivery.frozen_at)
        found |= Q(contact_id__in=out)
        active = of_person.filter(status=Subscription.Status.SUBSCRIBED)
        found |= Q(Exists(left)) & ~Q(Exists(active))
    return found


def _end_cancelled(delivery: Delivery, provider: Provider, record: CampaignRecord) -> None:
    nobody = mailed_nobody(delivery, provider, record)
    if nobody is None:
        delivery.store(
            note="Cancelled there. Its count is read again: it may have begun.",
            remote_status=record.status,
            remote_read_at=timezone.now(),
        )
        return
    people = delivery.ledger()
    with transaction.atomic():
        read = {
            "remote_status": record.status,
            "remote_read_at": timezone.now(),
            "finished_at": timezone.now(),
        }
        if nobody and State.CANCELLED in Delivery.MOVES[delivery.state]:
            people.filter(state=Recipient.State.HANDED_OVER).update(
                state=Recipient.State.EXCLUDED, reason="cancelled", changed_at=timezone.now()
            )
            delivery.move_to(
                State.CANCELLED, note="Cancelled in the account before anybody was mailed.", **read
            )
            if not provider.capabilities.drafts_campaigns:  # a lost order may still arrive
                work.record(delivery, "campaigns.clean_up", Effect.CONVERGE)
            work.log(
                delivery,
                "campaign.cancelled",
                "{connection} cancelled “{campaign}” before anybody was mailed.",
            )
        else:
            if delivery.state == State.ACCEPTED:
                delivery.move_to(State.SENDING, started_at=timezone.now())
            # Who has no event yet may or may not have got it; the report reads on and settles it.
            people.filter(state=Recipient.State.HANDED_OVER).update(
                state=Recipient.State.UNKNOWN, reason="cancelled on the way", changed_at=timezone.now()
            )
            delivery.move_to(State.STOPPED, note="Cancelled on the way: some people may have got it.", **read)
            work.record(
                delivery, "reporting.refresh_figures", Effect.READ, priority=OutboxEntry.Priority.BULK
            )
            work.log(
                delivery,
                "campaign.stopped",
                "“{campaign}” was cancelled on the way; some people may have got it.",
            )


def _is_read_due(delivery: Delivery, provider: Provider) -> bool:
    """Near the start each time, far from it every quarter of an hour: the account's limit is shared."""
    now = timezone.now()
    start = delivery.armed_for_at or delivery.send_at
    near = timedelta(seconds=settings.WATCH_SECONDS)
    if not provider.capabilities.drafts_campaigns:
        near = max(near, TIME_FOR_TWINS)
    if start - now <= near:
        return True
    return delivery.remote_read_at is None or now - delivery.remote_read_at > timedelta(minutes=15)


def _pace(delivery: Delivery) -> float:
    """Often while it goes out; rarely while it rests."""
    resting = delivery.state == State.PAUSED and timezone.now() - delivery.state_at > timedelta(minutes=10)
    return settings.WATCH_SECONDS * (5 if resting else 1)
