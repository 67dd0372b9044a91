"""HELD → PREPARING → READY: the ledger, the audience, the remote draft and its read-back. Mails nobody.

What was made over there is stored before the next step, so whoever comes after a crash continues instead of
repeating; what a lost answer may have made is looked for by the marker first.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import MirrorKind, MirrorRow, OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import Refused, Unsupported
from accounts.providers.records import CampaignDraft, CampaignRecord, ContactRecord
from accounts.refusals import CannotMove
from audiences.models import Contact, Field
from campaigns import merge_tags, work
from campaigns.mirror.deliveries import Waiting, age, attend, look_from, refuse, wait_for_earlier
from campaigns.models import Delivery, Recipient
from campaigns.queries.audience import freeze

State = Delivery.State
PEOPLE_PER_CALL = 10_000
# Many people take longer than a worker may run: hand over for this long, then go on in a run of its own.
SLICE_SECONDS = 40
FOLDER = "Campanile"
# How long the account may take to take everybody in.
HANDING_LIMIT = timedelta(hours=6)


def prepare(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> Later | None:
    if delivery.state == State.HELD:
        delivery.move_to(State.PREPARING)
    if delivery.state != State.PREPARING:
        return None
    if delivery.campaign.workspace.sending_locked:
        return Later(60, "Sending is locked in this workspace.")
    if delivery.connection.fingerprint != delivery.fingerprint:
        return refuse(delivery, "The connection leads to another account than when this was released.")
    if not delivery.remote_id:
        wait_for_earlier(delivery, provider, entry)
        if delivery.state != State.PREPARING:
            return None
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
        return refuse(delivery, error.detail)
    except merge_tags.CannotTranslate as error:
        return refuse(delivery, error.sentence)
    if differences:
        return refuse(delivery, f"What the account stored differs from ours in: {', '.join(differences)}.")
    with transaction.atomic():
        delivery.move_to(State.READY)
        work.record(delivery, "campaigns.arm", Effect.ONCE)
    return None


def _freeze_people(delivery: Delivery) -> None:
    if delivery.frozen_at is not None:
        return
    now = timezone.now()
    with transaction.atomic():
        delivery.store(frozen_at=now)
        counts = freeze(delivery, planned_on=now.date())
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
        delivery=delivery, planned_on=delivery.planned_on, state=Recipient.State.PLANNED
    )
    began = time.monotonic()
    while True:
        if time.monotonic() - began > SLICE_SECONDS:
            raise Waiting(Later(0, "Handing the people over to the account."))
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
        if not provider.saving(reference).done:
            if waited > HANDING_LIMIT:
                attend(delivery, f"In six hours the account took in {there:,} of {expected:,} people.")
                raise CannotMove(delivery.state, State.READY)
            # Rarely when it takes long: each look at a process counts against the account's limit.
            pause = min(60, max(5, waited.total_seconds() / 20))
            raise Waiting(Later(pause, f"The account has taken in {there:,} of {expected:,} people."))
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
        delivery=delivery, planned_on=delivery.planned_on, state=Recipient.State.PLANNED
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
    found = provider.find_campaigns(marker=delivery.marker, created_after=look_from(delivery))
    if found:
        delivery.store(remote_id=min(found, key=age).remote_id)
        return
    if entry.must_look:  # asking for later clears it: one settle time for each lost answer
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
        sender_remote_id=_sender_remote_id(delivery),
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


def mirrored_field_names(delivery: Delivery) -> dict[str, str]:
    """Field key → the account's name for it."""
    rows = MirrorRow.objects.filter(connection=delivery.connection, kind=MirrorKind.FIELD, gone_at=None)
    remote = dict(rows.values_list("object_id", "remote_id"))
    return {field.key: remote[field.pk] for field in Field.objects.filter(pk__in=remote)}


def _field_names(delivery: Delivery, provider: Provider) -> dict[str, str]:
    """The names of the fields this mail uses; those the account lacks are made there first."""
    tags = merge_tags.used(f"{delivery.subject}\n{delivery.preview_text}\n{delivery.html}")
    used = {name.removeprefix("contact.") for name in tags if name.startswith("contact.")}
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


def _sender_remote_id(delivery: Delivery) -> str:
    """Their id of the sender, if the account has one that we mirror."""
    if delivery.campaign.sender_id is None:
        return ""
    return (
        MirrorRow.objects.filter(
            connection=delivery.connection, kind=MirrorKind.SENDER, object_id=delivery.campaign.sender_id
        )
        .values_list("remote_id", flat=True)
        .first()
        or ""
    )
