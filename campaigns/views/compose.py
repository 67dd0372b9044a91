"""The page on which a campaign is written. It works by full posts; htmx saves as one types."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import trigger_client_event

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import MirrorKind, MirrorRow, Role
from accounts.refusals import CannotDo
from campaigns import checks, content, merge_tags
from campaigns.forms.compose import (
    BlockForm,
    ComposeForm,
    ContentForm,
    TestSendForm,
    blocks_from,
    changed_blocks,
    layout_of,
)
from campaigns.models import Campaign, CampaignVersion, Content
from campaigns.queries import people
from campaigns.queries.chosen import choice_of
from campaigns.queries.senders import senders_for
from campaigns.services import compose as services
from campaigns.services.test_send import send_test as ask_for_test
from campaigns.views.campaigns import found, found_template
from campaigns.views.preview import preview_context

ADDED = ("text", "heading", "image", "button", "columns", "divider", "spacer")
BY_HAND = ("up", "down", "remove", "add", "save")


@workspace_view()
def compose(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = found(request, campaign_id)
    may_write = request.membership.may(Role.EDITOR)
    if request.method == "POST" and not may_write:
        raise PermissionDenied("Writing campaigns needs the role Editor.")
    if request.method != "POST" and not (campaign.is_editable and may_write):
        has_delivery = not campaign.is_draft and campaign.deliveries.exists()
        if has_delivery and not campaign.is_imported:
            return go(request, campaign)
        context = {
            "has_report": has_delivery,
            "campaign": campaign,
            "segments": choice_of(campaign).told(shows_addresses=may_write),
            "theirs": _their_word(campaign),
            **preview_context(request, campaign),
        }
        return render_page(request, "campaigns/read.html", context)
    before = (campaign.connection_id, campaign.form)
    form = ComposeForm(
        request.POST or None, target=campaign, senders=senders_for(request.workspace, campaign.connection)
    )
    focus, conflict = "", ""
    if form.is_valid():
        blocks, focus = changed_blocks(form.cleaned_data["blocks"], request.POST)
        form.cleaned_data["blocks"] = blocks
        if "copy" in request.POST:
            copy = services.duplicate_campaign(campaign=campaign, by=request.user, changed=form.cleaned_data)
            say(request, f"What you wrote is kept as “{copy}”.")
            return go(request, "campaigns:compose", copy.pk)
        by_hand = any(name in request.POST for name in BY_HAND)
        try:
            campaign = services.save_campaign(
                campaign=campaign, by=request.user, by_hand=by_hand, **form.cleaned_data
            )
        except services.CannotSave as refusal:  # what was typed stays, and can be kept as a copy
            conflict = refusal.sentence
            form.add_error(None, refusal.sentence)
        else:
            campaign = found(request, campaign_id)
            form = ComposeForm(target=campaign, senders=senders_for(request.workspace, campaign.connection))
            if not request.htmx:
                return go(
                    request,
                    reverse("campaigns:compose", args=[campaign.pk]) + (f"#block-{focus}" if focus else ""),
                )
    context = {
        **_editor(request, campaign, form, focus),
        "conflict": conflict,
        **_campaign_parts(request, campaign),
    }
    if request.method == "POST" and request.htmx:
        moved = not form.errors and (campaign.connection_id, campaign.form) != before
        return _saved(request, "campaigns/compose.html", context, sender=moved, body=bool(focus) or moved)
    context |= preview_context(request, campaign)
    return render_page(request, "campaigns/compose.html", context, status=form.http_status)


@workspace_view(role=Role.EDITOR)
def template(request: WorkspaceRequest, template_id: int) -> HttpResponse:
    """The same editor, without an envelope."""
    edited = found_template(request, template_id)
    before = edited.form
    form = ContentForm(request.POST or None, target=edited)
    focus, conflict = "", ""
    if form.is_valid():
        form.cleaned_data["blocks"], focus = changed_blocks(form.cleaned_data["blocks"], request.POST)
        if "copy" in request.POST:
            copy = services.create_template(
                workspace=request.workspace, by=request.user, name=f"Copy of {edited.name}"[:200]
            )
            services.save_template(
                template=copy,
                by=request.user,
                **(form.cleaned_data | {"version": copy.version, "name": copy.name}),
            )
            say(request, f"What you wrote is kept as “{copy}”.")
            return go(request, copy)
        by_hand = any(name in request.POST for name in BY_HAND)
        try:
            edited = services.save_template(
                template=edited, by=request.user, by_hand=by_hand, **form.cleaned_data
            )
        except services.SavedMeanwhile as refusal:
            conflict = refusal.sentence
            form.add_error(None, refusal.sentence)
        else:
            form = ContentForm(target=edited)
            if not request.htmx:
                return go(request, edited.get_absolute_url() + (f"#block-{focus}" if focus else ""))
    context = {**_editor(request, edited, form, focus), "template": edited, "conflict": conflict}
    if request.method == "POST" and request.htmx:
        moved = not form.errors and edited.form != before
        return _saved(
            request, "campaigns/templates/edit.html", context, sender=False, body=bool(focus) or moved
        )
    context |= preview_context(request, edited)
    return render_page(request, "campaigns/templates/edit.html", context, status=form.http_status)


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def findings(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """The checks panel, asked for after each save."""
    campaign = found(request, campaign_id)
    context = {"campaign": campaign, "checks": checks.checks_of(campaign)}
    return render_page(request, "campaigns/compose.html#checks", context)


# Versions


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def versions(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = found(request, campaign_id)
    kept = CampaignVersion.objects.filter(campaign=campaign).select_related("by").order_by("-number")[:100]
    return render_page(request, "campaigns/versions.html", {"campaign": campaign, "versions": kept})


@workspace_view(role=Role.EDITOR, methods=("POST",))
def restore(request: WorkspaceRequest, campaign_id: int, number: int) -> HttpResponse:
    campaign = found(request, campaign_id)
    try:
        services.restore_version(campaign=campaign, number=number, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, "campaigns:versions", campaign.pk)
    say(request, f"Version {number} is the newest again. The ones between are kept.")
    return go(request, "campaigns:compose", campaign.pk)


# Test mails


@workspace_view(role=Role.EDITOR)
def send_test(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """POST asks for a test; GET is the place that shows how the last ones went, polled while one is on its way."""
    campaign = found(request, campaign_id)
    form = TestSendForm(request.POST or None, workspace=request.workspace)
    done = form.is_valid() and form.attempt(ask_for_test, campaign=campaign, by=request.user)
    if request.method == "POST" and not request.htmx:
        say(
            request,
            "The test is on its way."
            if done
            else " ".join(str(error) for errors in form.errors.values() for error in errors),
            level=messages.SUCCESS if done else messages.ERROR,
        )
        return go(request, "campaigns:compose", campaign.pk)
    context = {
        "campaign": campaign,
        "test_form": TestSendForm(workspace=request.workspace),
        **_tests(campaign),
    }
    if request.method != "POST":
        return render_page(request, "campaigns/compose.html#tests", context)
    if not done:
        return render_page(
            request,
            "campaigns/compose.html#test_form",
            context | {"test_form": form},
            status=form.http_status,
        )
    parts = [
        render_to_string(f"campaigns/compose.html#{name}", context | {"oob": name == "tests"}, request)
        for name in ("test_form", "tests")
    ]
    return trigger_client_event(HttpResponse("".join(parts)), "close-dialog")


# What the editor needs


def _editor(request: WorkspaceRequest, target: Content, form: ContentForm, focus: str) -> dict[str, Any]:
    typed = form.is_bound and bool(form.errors)
    blocks = blocks_from(form.data, target.blocks) if typed else content.clean_blocks(target.blocks)
    fields = people.field_keys(request.workspace)
    tags = [
        (
            f"{{{{ contact.{key}{'|default:' + chr(34) + 'friend' + chr(34) if key == 'first_name' else ''} }}}}",
            label,
        )
        for key, label in fields.items()
    ]
    tags += [
        (f"{{{{ {name} }}}}", label)
        for name, label in (merge_tags.WORKSPACE_TAGS | merge_tags.LINK_TAGS).items()
    ]
    return {
        "target": target,
        "form": form,
        "form_kind": form["written_as"].value() if typed else target.form,
        "block_forms": [
            # The footer stays behind the last one that moves.
            BlockForm(block, first=number == 0, last=number >= len(blocks) - 2)
            for number, block in enumerate(blocks)
        ],
        "layout": layout_of(blocks),
        "version": form.data.get("version", 0) if typed else getattr(target, "version", 1),
        "added": [(kind, content.BLOCK_NAMES[kind], "more" if kind == "spacer" else kind) for kind in ADDED],
        "tags": tags,
        "focus": f"block-{focus}" if focus else "",
        "saved_at": getattr(target, "updated_at", timezone.now()),
    }


def _campaign_parts(request: WorkspaceRequest, campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "checks": checks.checks_of(campaign) if not request.htmx else [],
        "test_form": TestSendForm(workspace=request.workspace),
        **_tests(campaign),
    }


def _tests(campaign: Campaign) -> dict[str, Any]:
    tests = list(campaign.test_sends.select_related("by", "connection").order_by("-id")[:3])
    able = campaign.connection.capabilities if campaign.connection else None
    return {
        "tests": tests,
        "is_testing": any(not test.is_over for test in tests),
        "test_note": able.because.get("sends_tests", "") if able else "",
    }


def _saved(
    request: WorkspaceRequest, page: str, context: dict[str, Any], *, sender: bool, body: bool
) -> HttpResponse:
    """The saved state, and out of band only what a save changes beside the fields somebody types in."""
    form: ContentForm = context["form"]
    wants_body = request.htmx.target == "mailbody"
    if form.errors and wants_body:  # nothing moved: leave the blocks alone, say why beside the save button
        response = HttpResponse(render_to_string(f"{page}#saved", context, request), status=422)
        response.headers["HX-Retarget"] = "#saved"
        return response
    parts = []
    if wants_body or body:
        parts.append(render_to_string(f"{page}#mailbody", context | {"oob": not wants_body}, request))
    if sender:
        parts.append(render_to_string(f"{page}#sender", context | {"oob": True}, request))
    parts.append(render_to_string(f"{page}#saved", context | {"oob": wants_body}, request))
    if not wants_body:
        parts.reverse()
    response = HttpResponse("".join(parts), status=form.http_status)
    return response if form.errors else trigger_client_event(response, "saved")


def _their_word(campaign: Campaign) -> str:
    """The account's own word for the state of an imported campaign."""
    row = MirrorRow.objects.filter(
        kind=MirrorKind.CAMPAIGN, object_id=campaign.pk, connection=campaign.connection
    )
    theirs = row.values_list("theirs", flat=True).first() or {}
    return str(theirs.get("status", ""))
