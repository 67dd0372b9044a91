"""An account's senders, domains, templates and campaigns → ours. Reads only; a repeat changes nothing."""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import pulls
from accounts.models import Connection, MirrorKind, MirrorRow, Pull
from accounts.providers.base import Provider
from accounts.providers.records import CampaignRecord, SenderRecord, TemplateRecord
from audiences.mirror.digests import digest
from audiences.mirror.gone import mark_gone
from campaigns import merge_tags
from campaigns.mirror.senders import sender_json, store_domain, store_sender
from campaigns.models import Campaign, Delivery, Sender, Template, TestSend
from campaigns.queries import people

TEMPLATES_A_PAGE = 100
_MARKER = re.compile(r" · ([a-z0-9]{12})$")

Counts = dict[str, int]


def pull_senders(pull: Pull, provider: Provider) -> Iterator[None]:
    """Senders, then domains, where the account has them."""
    if pull.checkpoint.get("done"):
        return
    capabilities = pull.connection.capabilities
    senders = list(provider.senders()) if capabilities.has_senders else []
    domains = list(provider.domains()) if capabilities.has_domains else []
    counts = _counts(len(senders) + len(domains))
    with transaction.atomic():
        for sender in senders:
            counts[_take_sender(pull, sender)] += 1
        for domain in domains:
            counts[store_domain(pull.connection, domain) if domain.name else "rejected"] += 1
        mark_gone(pull, MirrorKind.SENDER)
        pulls.store_page(pull, checkpoint={"done": True}, total=len(senders) + len(domains), **counts)
    yield


def pull_templates(pull: Pull, provider: Provider) -> Iterator[None]:
    """Their HTML as templates of raw HTML, merge tags in ours where one says exactly the same."""
    if pull.checkpoint.get("done") or not pull.connection.capabilities.has_templates:
        return
    names = people.field_names(pull.connection)
    records = iter(provider.templates())
    while page := list(islice(records, TEMPLATES_A_PAGE)):
        # After a break the walk begins anew; what this pull has seen is not read again.
        seen = set(
            MirrorRow.objects.filter(
                connection=pull.connection, kind=MirrorKind.TEMPLATE, seen_pull_id=pull.pk
            ).values_list("remote_id", flat=True)
        )
        page = [record for record in page if record.remote_id not in seen]
        if not page:
            continue
        counts = _counts(len(page))
        with transaction.atomic():
            for record in page:
                counts[_take_template(pull, record, names)] += 1
            pulls.store_page(pull, checkpoint={"pages": pull.checkpoint.get("pages", 0) + 1}, **counts)
        yield
    with transaction.atomic():
        mark_gone(pull, MirrorKind.TEMPLATE)
        pulls.store_page(pull, checkpoint={"done": True})
    yield


def pull_campaigns(pull: Pull, provider: Provider) -> Iterator[None]:
    """Campaigns without bodies: what was sent, what is planned, what is drafted over there."""
    if pull.checkpoint.get("done"):
        return
    names = people.field_names(pull.connection)
    cursor = pull.checkpoint.get("cursor")
    while True:
        page = provider.campaigns(cursor=cursor)
        # Pages overlap: what this pull has seen is not read again.
        seen = set(
            MirrorRow.objects.filter(
                connection=pull.connection,
                kind=MirrorKind.CAMPAIGN,
                seen_pull_id=pull.pk,
                remote_id__in=[record.remote_id for record in page.items],
            ).values_list("remote_id", flat=True)
        )
        fresh = {record.remote_id: record for record in page.items if record.remote_id not in seen}
        counts = _counts(len(fresh))
        with transaction.atomic():
            for record in fresh.values():
                counts[_take_campaign(pull, record, names)] += 1
            cursor = page.cursor
            if cursor is None:
                mark_gone(pull, MirrorKind.CAMPAIGN)
            checkpoint = {"done": True} if cursor is None else {"cursor": cursor}
            pulls.store_page(pull, checkpoint=checkpoint, total=page.total, **counts)
        yield
        if cursor is None:
            return


def _counts(read: int) -> Counts:
    return {"read": read, "created": 0, "changed": 0, "unchanged": 0, "rejected": 0}


# Senders


def _take_sender(pull: Pull, record: SenderRecord) -> str:
    name, email = record.name.strip()[:120], record.email.strip().lower()
    if not email or len(email) > 254:
        return "rejected"
    row = _row(pull, MirrorKind.SENDER, record.remote_id)
    sender, created = Sender.objects.get_or_create(
        workspace=pull.connection.workspace, name=name or email[:120], email=email
    )
    before = (
        bytes(row.digest)
        if row and row.digest and row.gone_at is None and row.object_id == sender.pk
        else None
    )
    other = MirrorRow.objects.filter(
        connection=pull.connection, kind=MirrorKind.SENDER, object_id=sender.pk, seen_pull_id=pull.pk
    ).exclude(remote_id=record.remote_id)
    if other.exists():
        return "rejected"  # the account holds the same name and address twice; one is enough to send
    store_sender(pull.connection, sender, record, pull_id=pull.pk)
    if before == digest(sender_json(record)):
        return "unchanged"
    return "created" if created or row is None else "changed"


# Templates


def _take_template(pull: Pull, record: TemplateRecord, names: dict[str, str]) -> str:
    connection = pull.connection
    theirs = {
        "name": record.name,
        "subject": record.subject,
        "is_active": record.is_active,
        "body": sha256(record.html.encode("utf-8", "surrogatepass")).hexdigest(),
    }
    values = {
        "name": (_line(record.name) or f"Template {record.remote_id}")[:200],
        "subject": merge_tags.untranslate(_line(record.subject), connection.provider_class, names)[:250],
        "html": merge_tags.untranslate(record.html.replace("\x00", ""), connection.provider_class, names),
        "form": Template.Form.HTML,
    }
    row = _row(pull, MirrorKind.TEMPLATE, record.remote_id)
    template = (
        Template.objects.filter(pk=row.object_id, workspace=connection.workspace).first() if row else None
    )
    if template is None:
        if row is not None:  # deleted here: it stays deleted
            _see(row, pull)
            return "unchanged"
        template = Template.objects.create(workspace=connection.workspace, **values)
        _new_row(pull, MirrorKind.TEMPLATE, template.pk, record.remote_id, theirs)
        return "created"
    assert row is not None  # noqa: S101 - it led to the template
    ours_changed = template.version != row.version
    if bytes(row.digest or b"") == digest(theirs) or ours_changed:
        _see(row, pull)
        return "unchanged"
    Template.objects.filter(pk=template.pk).update(
        **values, version=template.version + 1, updated_at=timezone.now()
    )
    _see(row, pull, theirs=theirs, digest=digest(theirs), version=template.version + 1)
    return "changed"


# Campaigns

# Their phase → what our list says. What we cannot read is shown as waiting for a look, with their word.
_STATUS = {
    "draft": Campaign.Status.DRAFT,
    "scheduled": Campaign.Status.SCHEDULED,
    "sending": Campaign.Status.SENDING,
    "sent": Campaign.Status.SENT,
    "stopped": Campaign.Status.STOPPED,
    "held": Campaign.Status.PAUSED,
    "gone": Campaign.Status.CANCELLED,
    "unknown": Campaign.Status.ATTENTION,
}
# Phases whose results are read. What is not over gets no delivery: open ones belong to the send machine.
_DELIVERED = {
    "sent": Delivery.State.SENT,
    "stopped": Delivery.State.STOPPED,
}


def _take_campaign(pull: Pull, record: CampaignRecord, names: dict[str, str]) -> str:
    connection = pull.connection
    theirs = campaign_json(record)
    row = _row(pull, MirrorKind.CAMPAIGN, record.remote_id)
    ours = _our_campaign(connection, record) if row is None else None
    if ours is not None:
        _new_row(pull, MirrorKind.CAMPAIGN, ours, record.remote_id, theirs)
        return "unchanged"
    if row is not None and bytes(row.digest or b"") == digest(theirs):
        _see(row, pull)
        return "unchanged"
    if row is None and _is_ours(connection, record):
        return "unchanged"  # the draft of a test, or an earlier generation: nothing to show
    provider = connection.provider_class
    values = {
        "name": (_line(record.name) or f"Campaign {record.remote_id}")[:200],
        "subject": merge_tags.untranslate(_line(record.subject), provider, names)[:250],
        "preview_text": merge_tags.untranslate(_line(record.preview_text), provider, names)[:250],
        "status": _STATUS.get(record.phase, Campaign.Status.ATTENTION),
        "reply_to": record.reply_to[:254],
        "send_at": record.send_at or record.sent_at,
        "sender": _sender(connection, record),
        "updated_at": record.sent_at
        or record.modified_at
        or record.send_at
        or record.created_at
        or timezone.now(),
    }
    if record.html:
        values["html"] = merge_tags.untranslate(record.html.replace("\x00", ""), provider, names)
    if row is None:
        campaign = Campaign.objects.create(
            workspace=connection.workspace,
            connection=connection,
            form=Campaign.Form.HTML,
            is_imported=True,
            created_at=record.created_at or timezone.now(),
            **values,
        )
        _new_row(pull, MirrorKind.CAMPAIGN, campaign.pk, record.remote_id, theirs)
        outcome = "created"
    else:
        _see(row, pull, theirs=theirs, digest=digest(theirs))
        found = Campaign.objects.filter(pk=row.object_id, workspace=connection.workspace).first()
        if found is None or not found.is_imported:
            return "unchanged"  # ours: the machine that sent it reads it, not the pull
        Campaign.objects.filter(pk=found.pk).update(**values, version=found.version + 1)
        campaign = Campaign.objects.get(pk=found.pk)
        outcome = "changed"
    _put_on_lists(campaign, connection, record)
    _store_delivery(campaign, record)
    return outcome


def campaign_json(record: CampaignRecord) -> dict[str, Any]:
    """What the mirror keeps: all but the body, with the account's own word for the status."""
    return {
        "name": record.name,
        "status": record.status,
        "phase": record.phase,
        "subject": record.subject,
        "preview_text": record.preview_text,
        "sender_name": record.sender_name,
        "sender_email": record.sender_email,
        "reply_to": record.reply_to,
        "list_ids": sorted(record.list_ids),
        "send_at": _iso(record.send_at),
        "sent_at": _iso(record.sent_at),
    }


def _our_campaign(connection: Connection, record: CampaignRecord) -> int | None:
    """The campaign a remote one was made for, by its id or our marker; None if ours already has its row."""
    deliveries = Delivery.objects.filter(connection=connection, campaign__is_imported=False)
    found = _MARKER.search(record.name)
    delivery = deliveries.filter(remote_id=record.remote_id).first()
    if delivery is None and found:
        delivery = deliveries.filter(marker=found[1]).first()
    if delivery is None:
        return None
    taken = MirrorRow.objects.filter(
        connection=connection, kind=MirrorKind.CAMPAIGN, object_id=delivery.campaign_id
    )
    return None if taken.exists() else delivery.campaign_id


def _is_ours(connection: Connection, record: CampaignRecord) -> bool:
    if Delivery.objects.filter(
        connection=connection, remote_id=record.remote_id, campaign__is_imported=False
    ).exists():
        return True
    found = _MARKER.search(record.name)
    return bool(found) and (
        TestSend.objects.filter(connection=connection, marker=found[1]).exists()  # type: ignore[index]
        or Delivery.objects.filter(connection=connection, marker=found[1]).exists()  # type: ignore[index]
    )


def _sender(connection: Connection, record: CampaignRecord) -> Sender | None:
    return Sender.objects.filter(
        workspace=connection.workspace, email=record.sender_email.lower(), name=record.sender_name[:120]
    ).first()


def _put_on_lists(campaign: Campaign, connection: Connection, record: CampaignRecord) -> None:
    rows = MirrorRow.objects.filter(
        connection=connection, kind=MirrorKind.LIST, remote_id__in=record.list_ids
    )
    campaign.lists.set(list(rows.values_list("object_id", flat=True)))


def _store_delivery(campaign: Campaign, record: CampaignRecord) -> None:
    """The part that reporting hangs figures on. An imported one is written here and nowhere else."""
    state = _DELIVERED.get(record.phase)
    if state is None or campaign.connection is None:
        return
    now = timezone.now()
    at = record.sent_at or record.send_at or record.created_at or now
    if record.sent_at is None and at > now:
        return  # stopped before its hour: nobody was mailed, so there is nothing to report
    values: dict[str, Any] = {
        "state": state,
        "state_at": at,
        "subject": campaign.subject,
        "preview_text": campaign.preview_text,
        "html": campaign.html,
        "sender_name": record.sender_name[:120],
        "sender_email": record.sender_email[:254],
        "reply_to": campaign.reply_to,
        "fingerprint": campaign.connection.fingerprint,
        "send_at": record.send_at or at,
        "zone": "UTC",
        "remote_id": record.remote_id,
        "remote_status": record.status[:40],
        "remote_read_at": now,
        "started_at": at,
        "finished_at": at,
    }
    Delivery.objects.update_or_create(
        campaign=campaign, connection=campaign.connection, generation=1, defaults=values
    )


# Rows


def _row(pull: Pull, kind: MirrorKind, remote_id: str) -> MirrorRow | None:
    return MirrorRow.objects.filter(connection=pull.connection, kind=kind, remote_id=remote_id).first()


def _new_row(pull: Pull, kind: MirrorKind, object_id: int, remote_id: str, theirs: dict[str, Any]) -> None:
    MirrorRow.objects.create(
        connection=pull.connection,
        kind=kind,
        object_id=object_id,
        remote_id=remote_id,
        theirs=theirs,
        digest=digest(theirs),
        seen_pull_id=pull.pk,
    )


def _see(row: MirrorRow, pull: Pull, **values: Any) -> None:
    MirrorRow.objects.filter(pk=row.pk).update(
        seen_pull_id=pull.pk, seen_at=timezone.now(), gone_at=None, **values
    )


def _line(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
