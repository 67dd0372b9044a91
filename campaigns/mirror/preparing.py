"""HELD → PREPARING → READY: the ledger, the audience, the remote draft and its read-back. Mails nobody.

What was made over there is stored before the next step, so whoever comes after a crash continues instead of
repeating; what a lost answer may have made is looked for by the marker first.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.outbox import Later
from accounts.providers.base import Effect, Provider
from accounts.providers.errors import Refused, Unsupported
from accounts.providers.records import CampaignDraft, ContactRecord
from accounts.refusals import CannotMove
from accounts.templatetags.ui import number
from audiences import rules
from audiences.services import resolve_patterns
from audiences.sets import one_writer
from campaigns import merge_tags, work
from campaigns.mirror.deliveries import Waiting, age, attend, look_from, refuse, wait_for_earlier
from campaigns.mirror.drafts import differences, draft_of, unfilled_tags, values_of
from campaigns.mirror.fields import names_there
from campaigns.models import Delivery, Recipient
from campaigns.queries.audience import freeze

State = Delivery.State
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
        draft = draft_of(delivery)
        found = _drafted(delivery, provider, entry, draft) if provider.capabilities.drafts_campaigns else []
    except (Refused, Unsupported) as error:
        return refuse(delivery, error.detail)
    except (merge_tags.CannotTranslate, rules.Incomplete) as error:
        return refuse(delivery, error.sentence)
    if found:
        return refuse(delivery, f"What the account stored differs from ours in: {', '.join(found)}.")
    with transaction.atomic():
        delivery.move_to(State.READY)
        work.record(delivery, "campaigns.arm", Effect.ONCE)
    return None


def _freeze_people(delivery: Delivery) -> None:
    if delivery.frozen_at is not None:
        return
    now = timezone.now()
    with transaction.atomic():
        # First of all, as an erasure does: the two cannot pass each other, nor wait for each other.
        one_writer(delivery.campaign.workspace)
        delivery.store(frozen_at=now)
        # Whoever came since the patterns did, by whatever way.
        resolve_patterns(workspace=delivery.campaign.workspace)
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
    made = provider.create_list(
        name=delivery.remote_name,
        folder_remote_id=folder_id,
        sender_name=delivery.sender_name,
        sender_email=delivery.sender_email,
    )
    delivery.store(remote_list_id=made.remote_id)


def _hand_over(delivery: Delivery, provider: Provider, entry: OutboxEntry) -> None:
    """Put the planned people on the list. Repeating a batch changes nothing, so no mark is needed per person."""
    if delivery.handed_over_at is not None:
        return
    names, fallbacks = _fields_used(delivery, provider)
    planned = Recipient.objects.filter(
        delivery=delivery, planned_on=delivery.planned_on, state=Recipient.State.PLANNED
    )

    def record(row: Recipient) -> ContactRecord:
        return ContactRecord(remote_id="", email=row.email, fields=values_of(row.contact, names, fallbacks))

    if provider.capabilities.replaces_members:
        if not delivery.handed_over_to_id:
            rows = planned.order_by("pk").select_related("contact").iterator(chunk_size=5000)
            progress = provider.replace_members(map(record, rows), list_id=delivery.remote_list_id)
            last = planned.order_by("-pk").values_list("pk", flat=True).first() or 0
            references = [progress.reference] if progress.reference else []
            delivery.store(handed_over_to_id=last, handing_references=references)
    else:
        _hand_over_in_parts(delivery, provider, entry, planned, record)
    expected = planned.count()
    outbox.renew(entry)
    there = provider.list_size(remote_id=delivery.remote_list_id)
    if there < expected:
        _wait_or_find_missing(delivery, provider, entry, there=there, expected=expected)
    elif there > expected:
        raise Refused(
            f"The list made for this in the account holds {number(there)} people instead of {number(expected)}."
        )
    with transaction.atomic():
        delivery.store(handed_over_at=timezone.now())
        planned.update(state=Recipient.State.HANDED_OVER, changed_at=timezone.now())


def _hand_over_in_parts(
    delivery: Delivery,
    provider: Provider,
    entry: OutboxEntry,
    planned: QuerySet[Recipient],
    record: Callable[[Recipient], ContactRecord],
) -> None:
    began = time.monotonic()
    while True:
        if time.monotonic() - began > SLICE_SECONDS:
            raise Waiting(Later(0, "Handing the people over to the account."))
        rows = list(
            planned.filter(pk__gt=delivery.handed_over_to_id)
            .order_by("pk")
            .select_related("contact")[: provider.people_per_call]
        )
        if not rows:
            return
        outbox.renew(entry)
        progress = provider.save_contacts(list(map(record, rows)), list_ids=[delivery.remote_list_id])
        references = (
            [*delivery.handing_references, progress.reference]
            if progress.reference
            else delivery.handing_references
        )
        delivery.store(handed_over_to_id=rows[-1].pk, handing_references=references)


def _wait_or_find_missing(
    delivery: Delivery, provider: Provider, entry: OutboxEntry, *, there: int, expected: int
) -> None:
    """While the account still takes people in, wait; when it is through, mark those it did not take."""
    waited = timezone.now() - (delivery.creating_at or timezone.now())
    for reference in delivery.handing_references:
        if not provider.saving(reference).done:
            if waited > HANDING_LIMIT:
                attend(
                    delivery,
                    f"In six hours the account took in {number(there)} of {number(expected)} people.",
                )
                raise CannotMove(delivery.state, State.READY)
            # Rarely when it takes long: each look at a process counts against the account's limit.
            pause = min(60, max(5, waited.total_seconds() / 20))
            raise Waiting(
                Later(pause, f"The account has taken in {number(there)} of {number(expected)} people.")
            )
    there = provider.list_size(remote_id=delivery.remote_list_id)
    if there == expected:
        return
    taken: set[str] = set()
    cursor: str | None = None
    while True:
        outbox.renew(entry)
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


def _drafted(delivery: Delivery, provider: Provider, entry: OutboxEntry, draft: CampaignDraft) -> list[str]:
    """Have the draft over there; answers in what it differs from ours, read back."""
    _make_campaign(delivery, provider, entry, draft)
    there = provider.campaign(remote_id=delivery.remote_id)
    found = differences(provider.comparable(draft), there)
    if not found and provider.capabilities.renders_campaigns and provider.capabilities.personalises:
        outbox.renew(entry)
        found = [f"{tag}, which it does not fill in" for tag in unfilled_tags(delivery, provider)]
    return found


def _fields_used(delivery: Delivery, provider: Provider) -> tuple[dict[str, str], dict[str, str]]:
    """(key → name over there, key → fallback to hand over) of the fields this mail uses.

    Those the account lacks are made there first. Fallbacks are handed over where the provider's tags have none.
    """
    if not provider.capabilities.personalises:
        return {}, {}
    tags = merge_tags.parse(f"{delivery.subject}\n{delivery.preview_text}\n{delivery.html}").tags
    used = {tag.field_key for tag in tags if tag.field_key}
    names = names_there(delivery.connection, provider, used)
    fallbacks: dict[str, str] = {}
    if not provider.capabilities.writes_fallbacks:
        fallbacks = {tag.field_key: tag.fallback for tag in tags if tag.field_key and tag.fallback}
    return names, fallbacks
