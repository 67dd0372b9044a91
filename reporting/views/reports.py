"""The list of reports, one report, and the people behind its numbers."""

import json

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify

from accounts import activity
from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.redaction import mask_email, redact
from accounts.refusals import CannotDo
from campaigns.models import Campaign, Delivery
from reporting import queries, services
from reporting.conditions import rule_of
from reporting.definitions import GROUPS, What
from reporting.forms import ReportFilters
from reporting.models import Figures, LinkFigures


@workspace_view(methods=("GET", "HEAD"))
def reports(request: WorkspaceRequest) -> HttpResponse:
    form = ReportFilters(request.GET, workspace=request.workspace)
    chosen = form.cleaned_data if form.is_valid() else {}
    rows, older, newer = queries.report_rows(
        request.workspace,
        words=chosen.get("q", ""),
        connection=chosen.get("account"),
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    context = {
        "filters": form,
        "is_filtered": bool(chosen.get("q") or chosen.get("account")),
        "rows": rows,
        "older": older,
        "newer": newer,
    }
    return render_page(request, "reporting/list.html", context, partials={"list"})


@workspace_view(methods=("GET", "HEAD"))
def report(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = _campaign(request, campaign_id)
    delivery = queries.left_delivery(campaign)
    found = queries.report_of(campaign, delivery) if delivery else None
    may_read = request.membership.may(Role.EDITOR)
    if found and not may_read:  # a link may carry an address
        found.links = [
            (pk, redact(url), clicks, people_, theirs) for pk, url, clicks, people_, theirs in found.links
        ]
    context = {"campaign": campaign, "delivery": delivery, "report": found, "may_read": may_read}
    return render_page(request, "reporting/report.html", context, partials={"figures"})


@workspace_view(role=Role.EDITOR, methods=("POST",))
def read_again(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    delivery = _delivery(_campaign(request, campaign_id))
    try:
        services.read_again(delivery=delivery)
        say(request, f"Reading {delivery.connection}. The new numbers appear here by themselves.")
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.WARNING)
    return go(request, "reporting:report", campaign_id)


@workspace_view(methods=("GET", "HEAD"))
def people(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """The people behind one number of a report; addresses are masked for viewers, in reasons and links too."""
    campaign = _campaign(request, campaign_id)
    delivery = _delivery(campaign)
    what, link = _chosen(request.GET.get("what", What.DELIVERED), request.GET.get("link", ""), delivery)
    page = queries.people_behind(
        delivery, what, link=link, before=_cursor(request, "before"), after=_cursor(request, "after")
    )
    may_see = request.membership.may(Role.EDITOR)
    found = queries.report_of(campaign, delivery)
    figures = found.ours
    context = {
        "campaign": campaign,
        "delivery": delivery,
        "what": what,
        "label": what.label,
        "link": link,
        "link_url": link and (link.url if may_see else redact(link.url)),
        "definition": GROUPS[what].definition,
        "tells_reason": GROUPS[what].tells_reason,
        "total": link.people if link else queries.count_of(figures, GROUPS[what].figure) if figures else 0,
        "tabs": [
            (choice, choice.label, queries.count_of(figures, GROUPS[choice].figure) if figures else 0)
            for choice in What
            if GROUPS[choice].kind in found.told or choice == what
        ],
        "why_not": "" if not found.ours or GROUPS[what].kind in found.told else found.why_totals_only,
        "rows": [
            (contact_id, email, name, at, reason)
            if may_see
            else (contact_id, mask_email(email), redact(name), at, redact(reason))
            for contact_id, email, name, at, reason in page.rows
        ],
        "page": page,
        "may_export": may_see,
        "rule": json.dumps(rule_of(campaign, what, link), separators=(",", ":")),
    }
    return render_page(request, "reporting/people.html", context, partials={"people"})


@workspace_view(role=Role.EDITOR, methods=("POST",))
def export_people(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """The same people as CSV, all of them. Written down in the activity log: addresses leave the house here."""
    campaign = _campaign(request, campaign_id)
    delivery = _delivery(campaign)
    what, link = _chosen(request.POST.get("what", ""), request.POST.get("link", ""), delivery)
    activity.record(
        request.workspace,
        "report.exported",
        f"Exported the people of “{campaign}”: {what.label.lower()}.",
        actor=request.user,
        subject=campaign,
        after={"what": str(what), "link": link.url if link else ""},
    )
    response = StreamingHttpResponse(
        queries.people_csv(delivery, what, link=link), content_type="text/csv; charset=utf-8"
    )
    name = f"{slugify(campaign.name)[:60] or 'campaign'}-{what}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response  # type: ignore[return-value]


def _campaign(request: WorkspaceRequest, campaign_id: int) -> Campaign:
    campaigns = Campaign.objects.filter(workspace=request.workspace).defer("html", "mjml", "blocks")
    return get_object_or_404(campaigns, pk=campaign_id)


def _delivery(campaign: Campaign) -> Delivery:
    delivery = queries.left_delivery(campaign)
    if delivery is None:
        raise Http404("This campaign has not gone out.")
    return delivery


def _chosen(what: str, link_id: str, delivery: Delivery) -> tuple[What, LinkFigures | None]:
    if what not in What.values:
        raise Http404("There is no such number.")
    if not link_id:
        return What(what), None
    if what != What.CLICKED:
        raise Http404("There is no such link.")
    return What.CLICKED, get_object_or_404(
        LinkFigures, pk=id_of(link_id), delivery=delivery, source=Figures.Source.EVENTS
    )


def _cursor(request: WorkspaceRequest, name: str) -> int | None:
    return id_of(request.GET.get(name, ""))
