"""What an account is asked to hold, in its own words: the draft of a delivery or of a test, and how it is compared."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.models import Connection, MirrorKind, MirrorRow
from accounts.providers.base import Provider
from accounts.providers.errors import Refused
from accounts.providers.records import CampaignDraft, CampaignRecord
from audiences.models import Contact
from campaigns import content, merge_tags
from campaigns.models import Delivery, Recipient
from campaigns.queries import people


def leave_url(marker: str) -> str:
    """Our own page to leave, for mails of providers that write no such link."""
    return f"{settings.PUBLIC_URL}/leave/{marker}/"


def translated_draft(
    connection: Connection,
    *,
    marker: str,
    name: str,
    texts: Mapping[str, str],
    literals: Mapping[str, str],
    sender: tuple[str, str],
    sender_id: int | None,
    reply_to: str,
    list_ids: tuple[str, ...],
) -> CampaignDraft:
    """`texts`: subject, preview_text, html, text in Campanile's merge tags. Raises CannotTranslate."""
    provider = connection.provider_class
    names = people.field_names(connection)
    if not provider.capabilities.links_unsubscribe:
        literals = {**literals, "unsubscribe_url": leave_url(marker)}

    def translated(text: str, *, html: bool) -> str:
        return merge_tags.translate(text, provider, names, literals=literals, html=html)

    preview_text = translated(texts["preview_text"], html=False)
    html = texts["html"]
    if not provider.capabilities.takes_preview_text:
        html, preview_text = content.with_preview_text(html, texts["preview_text"]), ""
    return CampaignDraft(
        name=name,
        subject=translated(texts["subject"], html=False),
        preview_text=preview_text,
        html=translated(html, html=True),
        text=translated(texts["text"], html=False) if texts["text"] else "",
        sender_name=sender[0],
        sender_email=sender[1],
        sender_remote_id=_sender_remote_id(connection, sender_id),
        reply_to=reply_to if provider.capabilities.takes_reply_to else "",
        list_ids=list_ids,
    )


def draft_of(delivery: Delivery) -> CampaignDraft:
    return translated_draft(
        delivery.connection,
        marker=delivery.marker,
        name=delivery.remote_name,
        texts={
            "subject": delivery.subject,
            "preview_text": delivery.preview_text,
            "html": delivery.html,
            "text": delivery.text,
        },
        literals=delivery.literals,
        sender=(delivery.sender_name, delivery.sender_email),
        sender_id=delivery.campaign.sender_id,
        reply_to=delivery.reply_to,
        list_ids=(delivery.remote_list_id,),
    )


def differences(ours: CampaignRecord, theirs: CampaignRecord) -> list[str]:
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


def unfilled_tags(delivery: Delivery, provider: Provider) -> list[str]:
    """Merge tags of ours that the account shows to a recipient as they stand, instead of filling them in.

    Where it shows nothing there is nothing to find: a look that fails holds up no mail.
    """
    names = people.field_names(delivery.connection)
    used = {tag.field_key for tag in merge_tags.parse(delivery.html).tags if tag.field_key}
    tags = {provider.merge_tag(name=f"contact.{names[key]}", fallback=None) for key in used & names.keys()}
    somebody = delivery.ledger().filter(state=Recipient.State.HANDED_OVER).order_by("pk").first()
    if not tags or somebody is None:
        return []
    try:
        shown = provider.rendered(remote_id=delivery.remote_id, email=somebody.email)
    except Refused:
        return []
    return sorted(tag for tag in tags if tag in shown)


def values_of(
    contact: Contact | None, names: Mapping[str, str], fallbacks: Mapping[str, str]
) -> dict[str, Any]:
    """Field over there → value, of the fields a mail uses. `fallbacks` stand in for what is missing."""
    found = {}
    for key, name in names.items():
        value = contact.value(key) if contact is not None else None
        if value in (None, ""):
            value = fallbacks.get(key)
        if value not in (None, ""):
            found[name] = value
    return found


def _sender_remote_id(connection: Connection, sender_id: int | None) -> str:
    """Their id of the sender, if the account has one that we mirror."""
    if sender_id is None:
        return ""
    rows = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.SENDER, object_id=sender_id)
    return rows.values_list("remote_id", flat=True).first() or ""
