"""Writing campaigns and templates: every save is a version, and nobody overwrites what they have not seen."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import Connection, User, Workspace
from accounts.refusals import CannotDo
from audiences.models import List, Segment
from campaigns import content, merge_tags
from campaigns.models import Campaign, CampaignVersion, Content, Sender, Template
from campaigns.queries import people, senders

# What one person saves within this time is one version: typing is not a history.
STRETCH = timedelta(minutes=5)
ENVELOPE = ("name", "reply_to", "connection_id", "sender_id")


class CannotSave(CannotDo):
    pass


class SavedMeanwhile(CannotSave):
    """Somebody else saved first; what was typed is still in the form."""


@transaction.atomic
def create_campaign(
    *, workspace: Workspace, by: User, template: Template | None = None, name: str = ""
) -> Campaign:
    """A draft, blank or from a template, with the account and sender that leave no choice filled in."""
    campaign = Campaign(workspace=workspace, created_by=by, name=name or _new_name(workspace))
    if template is not None:
        _take_content(campaign, template.content())
    else:
        campaign.blocks = content.first_blocks()
        campaign.mjml = content.mjml_of(campaign.blocks)
    ready = list(workspace.connections.filter(status=Connection.Status.READY)[:2])
    if len(ready) == 1:
        campaign.connection = ready[0]
        usable = [state.sender for state in senders.senders_for(workspace, ready[0]) if state.is_usable]
        campaign.sender = usable[0] if len(usable) == 1 else None
    campaign.save(force_insert=True)
    _keep_version(campaign, by, fresh=True)
    source = f" from the template “{template}”" if template else ""
    activity.record(
        workspace, "campaign.created", f"Created “{campaign}”{source}.", actor=by, subject=campaign
    )
    return campaign


@transaction.atomic
def save_campaign(
    *,
    campaign: Campaign,
    by: User,
    version: int,
    name: str,
    subject: str,
    preview_text: str,
    form: str,
    blocks: list[content.Block],
    html: str,
    reply_to: str,
    connection: Connection | None,
    sender: Sender | None,
    lists: Collection[List],
    segments: Collection[Segment],
    by_hand: bool = False,
) -> Campaign:
    """Save a draft if nobody saved it since `version` was read; without a change nothing is written.

    Raises SavedMeanwhile with who and when; a version of its own is kept for each stretch of typing, and for
    each save `by_hand`.
    """
    campaign = _editable(campaign)
    if campaign.version != version:
        raise SavedMeanwhile(_who_saved(campaign))
    before = state_of(campaign)
    if form == Content.Form.HTML and not html.strip() and before["form"] == Content.Form.BLOCKS:
        html = content.html_of_mjml(content.mjml_of(blocks))  # begin with what there is
    _take_content(
        campaign,
        {"subject": subject, "preview_text": preview_text, "form": form, "blocks": blocks, "html": html},
    )
    campaign.name, campaign.reply_to = name, reply_to
    campaign.connection, campaign.sender = connection, sender
    campaign.lists.set(lists)
    campaign.segments.set(segments)
    if state_of(campaign) != before:
        _save(campaign, by, fresh=by_hand)
    return campaign


@transaction.atomic
def restore_version(*, campaign: Campaign, number: int, by: User) -> Campaign:
    """Make an older version the newest one; the versions between stay. Raises CannotSave."""
    campaign = _editable(campaign)
    kept = CampaignVersion.objects.filter(campaign=campaign, number=number).first()
    if kept is None:
        raise CannotSave("This version is no longer kept.")
    state = kept.state
    _take_content(campaign, {name: state[name] for name in Content.CONTENT_FIELDS if name in state})
    workspace = campaign.workspace
    campaign.name, campaign.reply_to = state["name"], state["reply_to"]
    # Accounts, senders, lists and segments may be gone since.
    campaign.connection = workspace.connections.filter(pk=state["connection_id"]).first()
    campaign.sender = workspace.senders.filter(pk=state["sender_id"]).first()
    campaign.lists.set(List.objects.filter(workspace=workspace, pk__in=state["lists"], archived_at=None))
    segments = Segment.objects.filter(workspace=workspace, archived_at=None)
    campaign.segments.set(segments.filter(pk__in=state.get("segments", [])))
    _save(campaign, by, fresh=True)
    activity.record(
        workspace,
        "campaign.restored",
        f"Restored version {number} of “{campaign}”.",
        actor=by,
        subject=campaign,
        after={"version": campaign.version, "restored": number},
    )
    return campaign


@transaction.atomic
def duplicate_campaign(*, campaign: Campaign, by: User, changed: Mapping[str, Any] | None = None) -> Campaign:
    """A draft like it. `changed` holds what was typed but could not be saved over a newer version."""
    copy = Campaign(
        workspace=campaign.workspace,
        name=f"Copy of {campaign.name}"[:200],
        connection=campaign.connection,
        sender=campaign.sender,
        reply_to=campaign.reply_to,
        created_by=by,
    )
    _take_content(copy, campaign.content())
    typed = dict(changed or {})
    if typed:
        _take_content(copy, {name: typed[name] for name in Content.CONTENT_FIELDS if name in typed})
        copy.reply_to, copy.connection, copy.sender = typed["reply_to"], typed["connection"], typed["sender"]
    copy.save(force_insert=True)
    copy.lists.set(typed["lists"] if typed else campaign.lists.filter(archived_at=None))
    copy.segments.set(typed["segments"] if typed else campaign.segments.filter(archived_at=None))
    _keep_version(copy, by, fresh=True)
    activity.record(
        copy.workspace, "campaign.duplicated", f"Copied “{campaign}” to “{copy}”.", actor=by, subject=copy
    )
    return copy


@transaction.atomic
def rename_campaign(*, campaign: Campaign, name: str, by: User) -> None:
    """Drafts only: what has left keeps the name it is known by in the account."""
    campaign = _editable(campaign)
    before, campaign.name = campaign.name, name
    _save(campaign, by, fresh=True)
    activity.record(
        campaign.workspace,
        "campaign.renamed",
        f"Renamed “{before}” to “{name}”.",
        actor=by,
        subject=campaign,
        before={"name": before},
        after={"name": name},
    )


@transaction.atomic
def delete_campaign(*, campaign: Campaign, by: User) -> None:
    """Drafts that never left only. Raises CannotSave."""
    campaign = _editable(campaign)
    if campaign.deliveries.exists():
        raise CannotSave("This campaign was released before; its deliveries and their results are kept.")
    activity.record(
        campaign.workspace,
        "campaign.deleted",
        f"Deleted the draft “{campaign}”.",
        actor=by,
        subject=campaign,
        before=state_of(campaign),
    )
    campaign.delete()


# Templates


@transaction.atomic
def create_template(
    *, workspace: Workspace, by: User, campaign: Campaign | None = None, name: str = ""
) -> Template:
    """Blank, or with the content of a campaign."""
    template = Template(workspace=workspace, name=name or (campaign.name if campaign else "New template"))
    if campaign is not None:
        _take_content(template, campaign.content())
    else:
        template.blocks = content.first_blocks()
        template.mjml = content.mjml_of(template.blocks)
    template.save(force_insert=True)
    source = f" from “{campaign}”" if campaign else ""
    activity.record(
        workspace,
        "template.created",
        f"Created the template “{template}”{source}.",
        actor=by,
        subject=template,
    )
    return template


@transaction.atomic
def save_template(
    *,
    template: Template,
    by: User,
    version: int,
    name: str,
    subject: str,
    preview_text: str,
    form: str,
    blocks: list[content.Block],
    html: str,
    by_hand: bool = False,
) -> Template:
    template = Template.objects.select_for_update().get(pk=template.pk)
    if template.version != version:
        raise SavedMeanwhile(
            "Somebody saved this template while you wrote. Load what is saved, or save yours as a copy."
        )
    before = {"name": template.name, **template.content()}
    if form == Content.Form.HTML and not html.strip() and template.form == Content.Form.BLOCKS:
        html = content.html_of_mjml(content.mjml_of(blocks))
    _take_content(
        template,
        {"subject": subject, "preview_text": preview_text, "form": form, "blocks": blocks, "html": html},
    )
    template.name = name
    if {"name": template.name, **template.content()} != before:
        template.version += 1
        template.updated_at = timezone.now()
        template.save()
        if by_hand:
            activity.record(
                template.workspace,
                "template.saved",
                f"Saved the template “{template}”.",
                actor=by,
                subject=template,
            )
    return template


@transaction.atomic
def delete_template(*, template: Template, by: User) -> None:
    activity.record(
        template.workspace,
        "template.deleted",
        f"Deleted the template “{template}”.",
        actor=by,
        subject=template,
        before={"name": template.name, **template.content()},
    )
    template.delete()


# What is shared


def state_of(campaign: Campaign) -> dict[str, Any]:
    """What a version keeps: content, audience and sender."""
    return {
        **campaign.content(),
        **{name: getattr(campaign, name) for name in ENVELOPE},
        "lists": sorted(campaign.lists.values_list("pk", flat=True)),
        "segments": sorted(campaign.segments.values_list("pk", flat=True)),
    }


def _editable(campaign: Campaign) -> Campaign:
    campaign = Campaign.objects.select_for_update().select_related(None).get(pk=campaign.pk)
    if campaign.is_imported:
        raise CannotSave("This campaign was written in the account; it is shown here to read only.")
    if not campaign.is_draft:
        raise CannotSave(
            "This campaign has been released, so it cannot be changed. Save yours as a copy, or take the campaign back first."
        )
    return campaign


def _take_content(target: Content, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name != "mjml":
            setattr(target, name, value)
    target.blocks = content.clean_blocks(target.blocks) if target.blocks else []
    target.mjml = content.mjml_of(target.blocks) if target.blocks else ""


def _save(campaign: Campaign, by: User, *, fresh: bool) -> None:
    campaign.version += 1
    campaign.updated_at = timezone.now()
    campaign.save()
    _keep_version(campaign, by, fresh=fresh)


def _keep_version(campaign: Campaign, by: User, *, fresh: bool) -> None:
    state = state_of(campaign)
    last = campaign.versions.order_by("-number").first()
    if not fresh and last and last.by_id == by.pk and timezone.now() - last.at < STRETCH and last.number > 1:
        CampaignVersion.objects.filter(pk=last.pk).update(number=campaign.version, state=state)
    else:
        CampaignVersion.objects.create(campaign=campaign, number=campaign.version, state=state, by=by)


def _who_saved(campaign: Campaign) -> str:
    last = campaign.versions.select_related("by").order_by("-number").first()
    who = str(last.by) if last and last.by else "Somebody"
    local = timezone.localtime(campaign.updated_at)
    return (
        f"{who} saved this campaign at {local:%H:%M} {local:%Z}, while you wrote. Yours is not saved, and still here: "
        "load what is saved, or save yours as a copy."
    )


def _new_name(workspace: Workspace) -> str:
    now = timezone.localtime()
    return f"Campaign of {now.day} {now:%B %Y}"


def unknown_tags(workspace: Workspace, text: str) -> list[str]:
    """Sentences about what looks like a merge tag and is none."""
    return [str(problem) for problem in merge_tags.parse(text, known=people.known_names(workspace)).problems]
