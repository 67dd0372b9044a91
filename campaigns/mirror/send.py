"""The machine that takes a frozen delivery to the provider and sees it through.

    prepare   HELD → PREPARING → READY    ledger, audience, remote draft, read-back; mails nobody
    arm       READY → ARMED → ACCEPTED    the one call after which people may be mailed
    look      UNKNOWN → READY | ACCEPTED | ATTENTION    reads only
    watch     ACCEPTED → SENDING → SENT, PAUSED, STOPPED    reads only, until it is over

Each arrow is one compare-and-set; who loses it makes no call. What was made over there is stored before the next
step, so whoever comes after a crash continues instead of repeating.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import MirrorKind, MirrorRow, OutboxEntry
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
from accounts.providers.records import CampaignDraft, CampaignRecord, ContactRecord
from accounts.refusals import CannotMove
from audiences.models import Contact, Field, Suppression
from campaigns import merge_tags
from campaigns.models import Delivery, Recipient
from campaigns.queries.audience import freeze
from campaigns.services.release import order_key, sender_remote_id

State = Delivery.State
PEOPLE_PER_CALL = 10_000
FOLDER = "Campanile"
LOOKS = 3
# How long the account may take to take everybody in, and to account for everybody at the end.
HANDING_LIMIT = timedelta(minutes=30)
SETTLING_LIMIT = timedelta(hours=2)
# A rounded or truncated instant in a reply is still ours.
INSTANT_TOLERANCE = timedelta(seconds=60)


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


# Prepare


def prepare(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state == State.HELD:
        delivery.move_to(State.PREPARING)
    if delivery.state != State.PREPARING:
        return None
    if delivery.campaign.workspace.sending_locked:
        return Later(60, "Sending is locked in this workspace.")
    if delivery.connection.fingerprint != delivery.fingerprint:
        return _refuse(delivery, "The connection leads to another account than when this was released.")
    try:
        _freeze_people(delivery)
        _make_list(delivery, provider, entry)
        _hand_over(delivery, provider, entry)
        draft = _draft(delivery)
        _make_campaign(delivery, provider, entry, draft)
        differences = _differences(
            provider.comparable(draft), provider.campaign(remote_id=delivery.remote_id)
        )
    except (Refused, Unsupported) as error:
        return _refuse(delivery, error.detail)
    except merge_tags.CannotTranslate as error:
        return _refuse(delivery, error.sentence)
    if differences:
        return _refuse(delivery, f"What the account stored differs from ours in: {', '.join(differences)}.")
    with transaction.atomic():
        delivery.move_to(State.READY)
        _record(delivery, "campaigns.arm", Effect.ONCE)
    return None


def _freeze_people(delivery: Delivery) -> None:
    if delivery.frozen_at is not None:
        return
    now = timezone.now()
    with transaction.atomic():
        delivery.store(frozen_at=now)
        counts = freeze(delivery.campaign, delivery_id=delivery.pk, planned_on=now.date())
        delivery.store(equation=delivery.equation | {"frozen": counts})
    if not counts.get("receives"):
        raise Refused("Nobody is left to receive this: everyone chosen has left or is suppressed.")


def _make_list(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """A list over there that holds exactly the frozen people; found by its marker if an answer was lost."""
    if delivery.remote_list_id:
        return
    if delivery.creating_at is not None:
        found = provider.find_lists(marker=delivery.marker)
        if found:
            delivery.store(remote_list_id=found[0].remote_id)
            return
    else:
        delivery.store(creating_at=timezone.now())
    folder_id = ""
    if provider.capabilities.has_folders:
        folder_id = next((folder.remote_id for folder in provider.folders() if folder.name == FOLDER), "")
        folder_id = folder_id or provider.create_folder(name=FOLDER).remote_id
    outbox.renew(entry)
    delivery.store(
        remote_list_id=provider.create_list(name=delivery.remote_name, folder_remote_id=folder_id).remote_id
    )


def _hand_over(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """Put the planned people on the list. Repeating a batch changes nothing, so no mark is needed per person."""
    if delivery.handed_over_at is not None:
        return
    names = _field_names(delivery, provider)
    planned = Recipient.objects.filter(
        delivery=delivery, planned_on=_month_day(delivery), state=Recipient.State.PLANNED
    )
    while True:
        rows = list(
            planned.filter(pk__gt=delivery.handed_over_to_id)
            .order_by("pk")
            .select_related("contact")[:PEOPLE_PER_CALL]
        )
        if not rows:
            break
        outbox.renew(entry)
        records = [
            ContactRecord(remote_id="", email=row.email, fields=_values(row.contact, names)) for row in rows
        ]
        progress = provider.save_contacts(records, list_ids=[delivery.remote_list_id])
        references = (
            [*delivery.handing_references, progress.reference]
            if progress.reference
            else delivery.handing_references
        )
        delivery.store(handed_over_to_id=rows[-1].pk, handing_references=references)
    expected = planned.count()
    outbox.renew(entry)
    there = provider.list_size(remote_id=delivery.remote_list_id)
    if there < expected:
        _wait_or_find_missing(delivery, provider, there=there, expected=expected)
    elif there > expected:
        raise Refused(
            f"The list made for this in the account holds {there:,} people instead of {expected:,}."
        )
    with transaction.atomic():
        delivery.store(handed_over_at=timezone.now())
        planned.update(state=Recipient.State.HANDED_OVER, changed_at=timezone.now())


def _wait_or_find_missing(delivery: Delivery, provider: Provider, *, there: int, expected: int) -> None:
    """While the account still takes people in, wait; when it is through, mark those it did not take."""
    waited = timezone.now() - (delivery.creating_at or timezone.now())
    for reference in delivery.handing_references:
        if waited < HANDING_LIMIT and not provider.saving(reference).done:
            raise Waiting(Later(5, f"The account has taken in {there:,} of {expected:,} people."))
    there = provider.list_size(remote_id=delivery.remote_list_id)
    if there == expected:
        return
    taken: set[str] = set()
    cursor: str | None = None
    while True:
        page = provider.list_members(remote_id=delivery.remote_list_id, cursor=cursor)
        taken.update(record.email.lower() for record in page.items)
        cursor = page.cursor
        if cursor is None:
            break
    planned = Recipient.objects.filter(
        delivery=delivery, planned_on=_month_day(delivery), state=Recipient.State.PLANNED
    )
    missing = [
        pk for pk, email in planned.values_list("pk", "email").iterator(chunk_size=5000) if email not in taken
    ]
    if len(missing) == expected:
        raise Refused("The account took none of the people in.")
    planned.filter(pk__in=missing).update(
        state=Recipient.State.REFUSED,
        reason="The account did not take this address.",
        changed_at=timezone.now(),
    )


def _make_campaign(delivery: Delivery, provider: Provider, entry: OutboxEntry, draft: CampaignDraft) -> None:
    if delivery.remote_id:
        return
    assert delivery.creating_at is not None  # noqa: S101 - set before the list was made
    outbox.renew(entry)
    # Looked for each time: a lost answer must never become a second campaign.
    found = provider.find_campaigns(marker=delivery.marker, created_after=_look_from(delivery))
    if found:
        delivery.store(remote_id=min(found, key=_age).remote_id)
        return
    if entry.must_look and timezone.now() < delivery.state_at + timedelta(seconds=settings.SETTLE_SECONDS):
        raise Waiting(
            Later(settings.SETTLE_SECONDS, "An answer of the account was lost; looking before repeating.")
        )
    outbox.renew(entry)
    delivery.store(remote_id=provider.create_campaign(draft))


def _draft(delivery: Delivery) -> CampaignDraft:
    names = mirrored_field_names(delivery)

    def translated(text: str, *, html: bool) -> str:
        return merge_tags.translate(
            text, delivery.connection.provider_class, names, literals=delivery.literals, html=html
        )

    return CampaignDraft(
        name=delivery.remote_name,
        subject=translated(delivery.subject, html=False),
        preview_text=translated(delivery.preview_text, html=False),
        html=translated(delivery.html, html=True),
        sender_name=delivery.sender_name,
        sender_email=delivery.sender_email,
        sender_remote_id=sender_remote_id(delivery),
        reply_to=delivery.reply_to,
        list_ids=(delivery.remote_list_id,),
    )


def _differences(ours: CampaignRecord, theirs: CampaignRecord) -> list[str]:
    """What a person would notice to be different, in our words."""
    compared = {
        "name": (ours.name, theirs.name),
        "subject": (ours.subject, theirs.subject),
        "preview text": (ours.preview_text, theirs.preview_text),
        "content": (ours.html, theirs.html),
        "sender": (ours.sender_email.lower(), theirs.sender_email.lower()),
        "reply address": (ours.reply_to.lower(), theirs.reply_to.lower()),
        "audience": (sorted(ours.list_ids), sorted(theirs.list_ids)),
    }
    return [name for name, (mine, other) in compared.items() if mine != other]


# Arm


def arm(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state == State.ARMED:  # an earlier run was cut off: the call may have left
        return _to_unknown(delivery, "The worker was cut off while telling the account to send.")
    if delivery.state != State.READY:
        return None
    if delivery.campaign.workspace.sending_locked:
        return Later(60, "Sending is locked in this workspace.")
    if delivery.connection.fingerprint != delivery.fingerprint:
        return _refuse(delivery, "The connection leads to another account than when this was released.")
    if delivery.is_late:
        delivery.move_to(
            State.ATTENTION, note="Its time passed while it was being prepared; a person decides."
        )
        return _ring_a_person(delivery)
    take_out_the_suppressed(delivery, provider, entry)
    outbox.renew(entry)
    now = timezone.now()
    send_at = max(delivery.send_at, now + timedelta(seconds=settings.SEND_NOW_LEAD_SECONDS))
    send_at = _next_second(
        delivery.armed_for_at if delivery.armed_for_at and delivery.armed_for_at > now else send_at
    )
    # Committed before the first byte leaves: from here on the state is unknown until proven.
    delivery.move_to(State.ARMED, armed_at=now, armed_for_at=send_at)
    try:
        provider.schedule_campaign(remote_id=delivery.remote_id, send_at=send_at)
    except RateLimited as error:
        delivery.move_to(State.READY, note=error.detail)
        raise
    except (Unavailable, Unauthorized) as error:  # proven: nothing was taken
        delivery.move_to(State.READY, note=error.detail)
        raise
    except Conflict as error:  # "already sent", "processing": perhaps by us
        return _to_unknown(delivery, error.detail)
    except (Refused, Unsupported) as error:
        return _refuse(delivery, error.detail)
    except (OutcomeUnknown, UnexpectedReply) as error:
        return _to_unknown(delivery, error.detail)
    try:
        record = provider.campaign(remote_id=delivery.remote_id)
    except ProviderError as error:
        return _to_unknown(
            delivery, f"The account took the order, but could not be read back: {error.detail}"
        )
    if record.phase == "draft":
        return _to_unknown(delivery, "The account took the order, but still shows a draft.")
    _accept(delivery, record)
    return None


def _accept(delivery: Delivery, record: CampaignRecord) -> None:
    with transaction.atomic():
        delivery.move_to(
            State.ACCEPTED,
            remote_status=record.status,
            remote_read_at=timezone.now(),
            note=_instant_note(delivery, record),
        )
        _record(delivery, "campaigns.watch", Effect.READ, seconds=min(5, settings.WATCH_SECONDS))
        _log(delivery, "delivery.accepted", "{connection} took “{campaign}”.")


def _instant_note(delivery: Delivery, record: CampaignRecord) -> str:
    if record.send_at is None or delivery.armed_for_at is None:
        return ""
    if abs(record.send_at - delivery.armed_for_at) <= INSTANT_TOLERANCE:
        return ""
    return f"The account shows another time than ours: {record.send_at:%Y-%m-%d %H:%M} UTC."


def _to_unknown(delivery: Delivery, note: str) -> None:
    first = timezone.now() + timedelta(seconds=settings.SETTLE_SECONDS)
    with transaction.atomic():
        delivery.move_to(State.UNKNOWN, note=note, looks=0, next_look_at=first)
        _record(delivery, "campaigns.look", Effect.READ, seconds=settings.SETTLE_SECONDS)
        _log(delivery, "delivery.unknown", "It is not known yet whether {connection} took “{campaign}”.")


# Look


def look(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Three reads, a minute apart, before anything is concluded from a draft that is still a draft."""
    if delivery.state != State.UNKNOWN:
        return None
    try:
        alive = [
            found
            for found in provider.find_campaigns(marker=delivery.marker, created_after=_look_from(delivery))
            if found.phase != "gone"
        ]
        outbox.renew(entry)
        record = provider.campaign(remote_id=delivery.remote_id)
    except Missing:
        return _attend(
            delivery, "The campaign is gone from the account, so what happened to it cannot be read there."
        )
    delivery.store(remote_status=record.status, remote_read_at=timezone.now(), looks=delivery.looks + 1)
    if len(alive) > 1:
        return _settle_twins(delivery, provider, alive)
    if record.phase in {"scheduled", "sending", "sent", "held", "stopped"}:
        _accept(delivery, record)
        return None
    if record.phase != "draft":
        return _attend(delivery, f"The account says “{record.status}”, which we do not know.")
    if delivery.looks < LOOKS:
        following = timezone.now() + timedelta(seconds=settings.LOOK_INTERVAL_SECONDS)
        delivery.store(next_look_at=following)
        return Later(
            settings.LOOK_INTERVAL_SECONDS,
            f"Still a draft after {delivery.looks} of {LOOKS} looks; looking again.",
        )
    if delivery.armed_for_at is not None and timezone.now() >= delivery.armed_for_at:
        return _attend(delivery, "The account still shows a draft, and the time to send has come meanwhile.")
    if not (provider.capabilities.arms_by_value or provider.capabilities.refuses_second_arm):
        return _attend(delivery, "The account shows a draft, and a second order might mail twice there.")
    with transaction.atomic():
        delivery.move_to(State.READY, note="Proven: the account had not taken the order.", next_look_at=None)
        _record(delivery, "campaigns.arm", Effect.ONCE)
    return None


def _settle_twins(delivery: Delivery, provider: Provider, alive: list[CampaignRecord]) -> Later | None:
    """Before the start the oldest stays and the others are cancelled; after it a person decides."""
    if delivery.armed_for_at is not None and timezone.now() >= delivery.armed_for_at:
        return _attend(
            delivery, f"The account holds {len(alive)} campaigns of this delivery, and the time has come."
        )
    oldest, *others = sorted(alive, key=_age)
    for other in others:
        if other.phase == "draft":
            provider.delete_campaign(remote_id=other.remote_id)
        else:
            provider.cancel_campaign(remote_id=other.remote_id)
    delivery.store(remote_id=oldest.remote_id, looks=0)
    return Later(settings.LOOK_INTERVAL_SECONDS, "A twin in the account was taken back; looking again.")


# Watch


def watch(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Follow the account's word until it is over; take out who left since the people were frozen."""
    if delivery.state not in {State.ACCEPTED, State.SENDING, State.PAUSED}:
        return None
    if delivery.state == State.ACCEPTED:
        take_out_the_suppressed(delivery, provider, entry)
        if not _is_read_due(delivery):
            return Later(settings.WATCH_SECONDS)
    outbox.renew(entry)
    try:
        record = provider.campaign(remote_id=delivery.remote_id)
    except Missing:
        return _attend(delivery, "The campaign was deleted in the account.")
    _follow(delivery, provider, record)
    return None if delivery.is_over or delivery.state == State.ATTENTION else Later(_pace(delivery))


def _follow(delivery: Delivery, provider: Provider, record: CampaignRecord) -> None:
    """Take over one reading of the account."""
    read = {"remote_status": record.status, "remote_read_at": timezone.now()}
    phase = record.phase
    if phase == "scheduled":
        if delivery.state == State.PAUSED:
            delivery.move_to(State.SENDING if delivery.started_at else State.ACCEPTED, **read)
        else:
            delivery.store(note=_instant_note(delivery, record), **read)
    elif phase in {"sending", "sent"}:
        if delivery.state != State.SENDING:
            delivery.move_to(State.SENDING, started_at=delivery.started_at or timezone.now(), **read)
            _log(delivery, "campaign.started", "“{campaign}” is going out through {connection}.")
        else:
            delivery.store(**read)
        if phase == "sent":
            _finish(delivery, provider)
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
            _attend(delivery, "Somebody put the campaign back to draft in the account.")
    else:
        delivery.store(note=f"The account says “{record.status}”, which we do not know.", **read)


def _finish(delivery: Delivery, provider: Provider) -> None:
    """Sent is said only when planned = accepted + left out + refused, and nothing is unknown."""
    figures = provider.figures(remote_id=delivery.remote_id)
    people = Recipient.objects.filter(delivery=delivery, planned_on=_month_day(delivery))
    taken = people.filter(
        state__in=[Recipient.State.HANDED_OVER, Recipient.State.DELIVERED, Recipient.State.BOUNCED]
    )
    expected = taken.count()
    if figures.sent is not None and figures.sent < expected:
        _mark_blocked_there(delivery, provider)
        expected = taken.count()
    if figures.sent is None or figures.sent == expected:
        with transaction.atomic():
            delivery.move_to(State.SENT, finished_at=timezone.now())
            _record(delivery, "reporting.refresh_figures", Effect.READ, priority=OutboxEntry.Priority.BULK)
            _log(
                delivery,
                "campaign.sent",
                f"“{{campaign}}” went out to {expected:,} people through {{connection}}.",
            )
        return
    note = f"The account says sent, and counts {figures.sent:,} people where we handed over {expected:,}."
    if timezone.now() - (delivery.started_at or timezone.now()) > SETTLING_LIMIT:
        _attend(delivery, note)
    else:
        delivery.store(note=f"{note} Reading again until the numbers agree.")


def _mark_blocked_there(delivery: Delivery, provider: Provider) -> None:
    """People the account itself refuses to mail: on the list, but blocked there."""
    cursor: str | None = None
    while True:
        page = provider.list_members(remote_id=delivery.remote_list_id, cursor=cursor)
        blocked = [record.email.lower() for record in page.items if record.blocked]
        Recipient.objects.filter(
            delivery=delivery, planned_on=_month_day(delivery), email__in=blocked, state=Recipient.State.HANDED_OVER,
            left_at=None, complained_at=None,
        ).update(state=Recipient.State.REFUSED, reason="Blocked in the account.", changed_at=timezone.now())  # fmt: skip
        cursor = page.cursor
        if cursor is None:
            return


def take_out_the_suppressed(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> int:
    """Who left after the people were frozen comes off the list over there before it starts. Returns how many."""
    suppressed = Suppression.objects.filter(
        workspace=delivery.campaign.workspace_id, contact=OuterRef("contact_id"), lifted_at=None
    )
    rows = Recipient.objects.filter(
        Exists(suppressed),
        delivery=delivery,
        planned_on=_month_day(delivery),
        state=Recipient.State.HANDED_OVER,
    ).order_by("pk")
    taken = 0
    while batch := list(rows.values_list("pk", "email")[:150]):
        outbox.renew(entry)
        provider.remove_from_list(list_id=delivery.remote_list_id, emails=[email for _, email in batch])
        taken += Recipient.objects.filter(
            delivery=delivery, planned_on=_month_day(delivery), pk__in=[pk for pk, _ in batch]
        ).update(state=Recipient.State.EXCLUDED, reason="suppressed", changed_at=timezone.now())
    return taken


# Cancel, pause, resume, clean up


def cancel(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Ask for the rest not to go out, then read: the account's answer is shown, not our hope."""
    if delivery.state not in {State.ACCEPTED, State.SENDING, State.PAUSED}:
        return None
    try:
        provider.cancel_campaign(remote_id=delivery.remote_id)
    except Missing:
        _attend(delivery, "The campaign was deleted in the account.")
        return None
    except Refused as error:
        delivery.store(note=f"The account did not cancel it: {error.detail}", cancel_requested_at=None)
        _log(delivery, "campaign.cancel_refused", "{connection} did not cancel “{campaign}”.")
        return None
    outbox.renew(entry)
    _follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id))
    return None


def _end_cancelled(delivery: Delivery, provider: Provider, record: CampaignRecord) -> None:
    figures = provider.figures(remote_id=delivery.remote_id)
    nobody = not figures.sent and not figures.delivered and delivery.started_at is None
    people = Recipient.objects.filter(delivery=delivery, planned_on=_month_day(delivery))
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
            _log(
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
            delivery.move_to(State.STOPPED, note="Cancelled on the way: some people got it.", **read)
            _record(delivery, "reporting.refresh_figures", Effect.READ, priority=OutboxEntry.Priority.BULK)
            _log(delivery, "campaign.stopped", "“{campaign}” was cancelled on the way; some people got it.")


def pause(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state not in {State.ACCEPTED, State.SENDING}:
        return None
    try:
        provider.pause_campaign(remote_id=delivery.remote_id)
    except Refused as error:
        delivery.store(note=f"The account did not pause it: {error.detail}")
        return None
    outbox.renew(entry)
    _follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id))
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
    _follow(delivery, provider, provider.campaign(remote_id=delivery.remote_id))
    return None


def clean_up(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    """Take our draft and our list out of the account after a delivery that mailed nobody."""
    if not delivery.is_over or delivery.creating_at is None:
        return None
    for found in provider.find_campaigns(marker=delivery.marker, created_after=_look_from(delivery)):
        outbox.renew(entry)
        if found.phase == "draft":
            provider.delete_campaign(remote_id=found.remote_id)
        elif found.phase in {"scheduled", "sending"}:
            provider.cancel_campaign(remote_id=found.remote_id)
    if delivery.armed_at is None:
        for made in provider.find_lists(marker=delivery.marker):
            outbox.renew(entry)
            provider.delete_list(remote_id=made.remote_id)
    return None


def attend_to_stuck() -> int:
    """Open deliveries whose work was set aside wait for a person; say so. Reads and flags only."""
    flagged = 0
    for delivery in Delivery.objects.filter(
        state__in=[State.HELD, State.PREPARING, State.READY, State.ARMED, State.UNKNOWN, State.ACCEPTED, State.SENDING,
                   State.PAUSED]
    ).select_related("campaign__workspace", "connection"):  # fmt: skip
        entry = (
            OutboxEntry.objects.filter(order_key=order_key(delivery), subject_id=delivery.pk)
            .order_by("-id")
            .first()
        )
        if entry is not None and entry.is_open:
            continue
        try:
            if delivery.state == State.ARMED:
                _to_unknown(delivery, "The worker was cut off while telling the account to send.")
            elif entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
                _attend(delivery, entry.note)
            elif timezone.now() - delivery.state_at > timedelta(minutes=5):
                _attend(delivery, "Its work is missing from the outbox.")
            else:
                continue
            flagged += 1
        except CannotMove:
            continue
    return flagged


# Shared


def mirrored_field_names(delivery: Delivery) -> dict[str, str]:
    """Field key → the account's name for it."""
    rows = MirrorRow.objects.filter(connection=delivery.connection, kind=MirrorKind.FIELD, gone_at=None)
    remote = dict(rows.values_list("object_id", "remote_id"))
    names = {field.key: remote[field.pk] for field in Field.objects.filter(pk__in=remote)}
    return names | {"email": delivery.connection.provider_class.email_field}


def _field_names(delivery: Delivery, provider: Provider) -> dict[str, str]:
    """The names of the fields this mail uses; those the account lacks are made there first."""
    tags = merge_tags.used(f"{delivery.subject}\n{delivery.preview_text}\n{delivery.html}")
    used = {name.removeprefix("contact.") for name in tags if name.startswith("contact.")} - {"email"}
    names = mirrored_field_names(delivery)
    missing = used - names.keys()
    if missing:
        for key in missing & Contact.STANDARD_FIELDS.keys():
            Field.objects.get_or_create(
                workspace=delivery.campaign.workspace,
                key=key,
                defaults={"label": Contact.STANDARD_FIELDS[key]},
            )
        there = {record.name.upper(): record.remote_id for record in provider.fields()}
        for field in Field.objects.filter(workspace=delivery.campaign.workspace, key__in=missing):
            name = field.key.upper()
            if name not in there:
                provider.create_field(name=name, kind=field.kind, choices=field.choices)
            MirrorRow.objects.update_or_create(
                connection=delivery.connection, kind=MirrorKind.FIELD, object_id=field.pk,
                defaults={"remote_id": there.get(name, name), "gone_at": None},
            )  # fmt: skip
        names = mirrored_field_names(delivery)
    return {key: name for key, name in names.items() if key in used}


def _values(contact: Contact | None, names: dict[str, str]) -> dict[str, object]:
    if contact is None:
        return {}
    return {name: value for key, name in names.items() if (value := contact.value(key)) is not None}


def _refuse(delivery: Delivery, note: str) -> None:
    with transaction.atomic():
        delivery.move_to(State.REFUSED, note=note, finished_at=timezone.now())
        _record(delivery, "campaigns.clean_up", Effect.CONVERGE)
        _log(delivery, "delivery.refused", f"“{{campaign}}” was not sent through {{connection}}: {note}")


def _attend(delivery: Delivery, note: str) -> None:
    delivery.move_to(State.ATTENTION, note=note)
    _ring_a_person(delivery)


def _ring_a_person(delivery: Delivery) -> None:
    _log(delivery, "delivery.attention", f"“{{campaign}}” needs attention: {delivery.note}")


def _record(
    delivery: Delivery,
    task: str,
    effect: Effect,
    *,
    priority: int = OutboxEntry.Priority.SEND,
    seconds: float = 0,
) -> None:
    outbox.record(
        task=task,
        subject=delivery,
        effect=effect,
        workspace=delivery.campaign.workspace,
        connection=delivery.connection,
        order_key=order_key(delivery) if task.startswith("campaigns.") else "",
        priority=priority,
        not_before=timezone.now() + timedelta(seconds=seconds),
    )


def _log(delivery: Delivery, verb: str, sentence: str) -> None:
    activity.record(
        delivery.campaign.workspace,
        verb,
        sentence.replace("{campaign}", str(delivery.campaign)).replace(
            "{connection}", str(delivery.connection)
        ),
        subject=delivery.campaign,
        after={"delivery": delivery.pk, "state": delivery.state},
    )


def _is_read_due(delivery: Delivery) -> bool:
    """Near the start each time, far from it every quarter of an hour: the account's limit is shared."""
    now = timezone.now()
    start = delivery.armed_for_at or delivery.send_at
    if start - now <= timedelta(seconds=settings.WATCH_SECONDS):
        return True
    return delivery.remote_read_at is None or now - delivery.remote_read_at > timedelta(minutes=15)


def _pace(delivery: Delivery) -> float:
    """Often while it goes out; rarely while it rests."""
    resting = delivery.state == State.PAUSED and timezone.now() - delivery.state_at > timedelta(minutes=10)
    return settings.WATCH_SECONDS * (5 if resting else 1)


def _look_from(delivery: Delivery) -> datetime:
    """Clocks differ: ours may be ahead of theirs."""
    return (delivery.creating_at or delivery.created_at) - timedelta(minutes=10)


def _age(record: CampaignRecord) -> tuple[datetime, str]:
    return record.created_at or timezone.now(), record.remote_id.rjust(20, "0")


def _month_day(delivery: Delivery) -> object:
    """The partition key of all its recipients, so that one partition is read."""
    return delivery.frozen_at.date() if delivery.frozen_at else timezone.now().date()


def _next_second(instant: datetime) -> datetime:
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + timedelta(seconds=1)
