"""The list of campaigns, and what makes or ends a draft."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.names import by_name
from accounts.refusals import CannotDo
from campaigns.forms.compose import CampaignFilters
from campaigns.models import Campaign, Template
from campaigns.queries.listing import campaign_page
from campaigns.services import compose


@workspace_view(methods=("GET", "HEAD"))
def campaigns(request: WorkspaceRequest) -> HttpResponse:
    form = CampaignFilters(request.GET, workspace=request.workspace, statuses=Campaign.Status.choices)
    filters = {name: value for name, value in form.cleaned_data.items() if value} if form.is_valid() else {}
    page = campaign_page(
        request.workspace, filters, after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )
    context = {
        "filters": form,
        "is_filtered": bool(filters),
        "page": page,
        "labels": dict(Campaign.Status.choices),
        "may_write": request.membership.may(Role.EDITOR),
    }
    return render_page(request, "campaigns/list.html", context, partials={"list"})


@workspace_view(role=Role.EDITOR)
def new(request: WorkspaceRequest) -> HttpResponse:
    """Blank at once, or a choice of templates where there are some."""
    templates = request.workspace.templates.order_by(*by_name())
    if request.method == "POST":
        chosen = request.POST.get("template")
        template = get_object_or_404(templates, pk=id_of(chosen)) if chosen else None
        campaign = compose.create_campaign(workspace=request.workspace, by=request.user, template=template)
        return go(request, "campaigns:compose", campaign.pk)
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    found = templates.filter(name__holds=words) if words else templates
    context = {"templates": found.only("workspace", "name", "subject", "form", "updated_at")[:60], "q": words}
    return render_page(request, "campaigns/new.html", context)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def duplicate(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    copy = compose.duplicate_campaign(campaign=found(request, campaign_id), by=request.user)
    say(request, f"“{copy}” is a draft of its own.")
    return go(request, "campaigns:compose", copy.pk)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def delete(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = found(request, campaign_id)
    try:
        compose.delete_campaign(campaign=campaign, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, campaign)
    say(request, f"The draft “{campaign}” is deleted.")
    return go(request, "campaigns:campaigns")


@workspace_view(role=Role.EDITOR, methods=("POST",))
def keep_as_template(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    template = compose.create_template(
        workspace=request.workspace, by=request.user, campaign=found(request, campaign_id)
    )
    say(request, f"“{template}” is a template now.")
    return go(request, reverse("campaigns:template", args=[template.pk]))


def found(request: WorkspaceRequest, campaign_id: int) -> Campaign:
    return get_object_or_404(
        Campaign.objects.select_related("workspace", "connection", "sender"),
        pk=campaign_id,
        workspace=request.workspace,
    )


def found_template(request: WorkspaceRequest, template_id: int) -> Template:
    return get_object_or_404(
        Template.objects.select_related("workspace"), pk=template_id, workspace=request.workspace
    )
