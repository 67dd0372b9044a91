"""The page before the point of no return: who, what, when, from whom, and what will be made in the account."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import MirrorKind, MirrorRow, Role
from accounts.redaction import mask_email, redact
from accounts.refusals import CannotDo
from accounts.templatetags.ui import number
from audiences.models import Field
from campaigns import checks, content, merge_tags
from campaigns.forms.release import ReleaseForm
from campaigns.instants import lead_of
from campaigns.models import Campaign, Delivery
from campaigns.queries.audience import RECEIVES, TERMS, Equation, equation_of, people_of
from campaigns.queries.chosen import choice_of
from campaigns.services.release import release_campaign
from campaigns.views.preview import preview_context


@workspace_view(role=Role.EDITOR)
def review(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(
        Campaign.objects.select_related("workspace", "connection", "sender"),
        pk=campaign_id,
        workspace=request.workspace,
    )
    if not campaign.is_draft:
        return go(request, campaign)
    choice = choice_of(campaign)
    equation = equation_of(campaign, choice)
    form = ReleaseForm(
        request.POST or None,
        campaign=campaign,
        zones=[campaign.zone, request.user.time_zone, request.workspace.time_zone],
        people=equation.receives,
        segments=choice.versions,
    )
    may_release = request.membership.may(Role.APPROVER)
    found = checks.checks_of(campaign)
    confirming = False
    if may_release and form.is_valid():
        if "confirmed" not in request.POST:
            confirming = True
        elif form.attempt(release_campaign, campaign=campaign, by=request.user):
            say(
                request,
                f"“{campaign}” is released. Until it is prepared it can be taken back without a trace.",
            )
            return go(request, campaign)
    context = {
        "campaign": campaign,
        "segments": choice.told(shows_addresses=True),
        "equation": equation,
        "terms": _terms(campaign, equation),
        "checks": found,
        "blockers": sum(check.level == "blocker" for check in found),
        "form": form,
        "may_release": may_release,
        "confirming": confirming,
        "times": _times(form, request) if confirming else [],
        "creations": _creations(campaign, equation),
        "hold_seconds": settings.HOLD_SECONDS,
        "lead_seconds": lead_of(campaign.connection).total_seconds() if campaign.connection else 0,
        "refused": campaign.deliveries.filter(state=Delivery.State.REFUSED).order_by("-generation").first(),
        **preview_context(request, campaign),
    }
    return render_page(
        request, "campaigns/review.html", context, partials={"release"}, status=form.http_status
    )


@workspace_view(role=Role.VIEWER)
def audience_people(request: WorkspaceRequest, campaign_id: int, term: str) -> HttpResponse:
    """The people behind one number of the equation."""
    campaign = get_object_or_404(
        Campaign.objects.select_related("workspace"), pk=campaign_id, workspace=request.workspace
    )
    try:
        page = people_of(campaign, term, after=id_of(request.GET.get("after", "")) or 0)
    except KeyError as error:
        raise Http404("There is no such number.") from error
    masked = not request.membership.may(Role.EDITOR)
    rows = [
        (contact_id, mask_email(email), redact(name), _reason(why))
        if masked
        else (contact_id, email, name, _reason(why))
        for contact_id, email, name, why in page.people
    ]
    label = "will receive it" if term == RECEIVES else TERMS[term]
    context = {"campaign": campaign, "label": label, "rows": rows, "after": page.after, "term": term}
    return render_page(request, "campaigns/audience_people.html", context, partials={"people"})


def _reason(why: str) -> str:
    """From "reason|date|account" of the query to words."""
    if not why:
        return ""
    reason, date, account = why.split("|", 2)
    words = {
        "unsubscribed": "Left",
        "complained": "Complained",
        "bounced": "Address does not exist",
        "blocked": "Blocked",
        "by_hand": "Suppressed by hand",
    }
    return f"{words.get(reason, reason)} on {date}" + (f", {account}" if account else "")


def _terms(campaign: Campaign, equation: Equation) -> list[dict[str, object]]:
    def people(term: str) -> str:
        return reverse("campaigns:audience_people", args=[campaign.pk, term])

    return [
        {"label": "selected", "count": equation.selected},
        *(
            {"label": label, "count": count, "url": people(key) if count else ""}
            for key, label, count in equation.rows
        ),
        {
            "label": "will receive it",
            "count": equation.receives,
            "url": people(RECEIVES) if equation.receives else "",
        },
    ]


def _times(form: ReleaseForm, request: WorkspaceRequest) -> list[tuple[str, object, str]]:
    """(whose clock, instant, zone) for each clock that matters; empty for as soon as possible."""
    send_at = form.cleaned_data["send_at"]
    if send_at is None:
        return []
    clocks = {f"In {form.cleaned_data['zone'].replace('_', ' ')}": form.cleaned_data["zone"]}
    clocks["For you"] = request.user.time_zone
    clocks["For the account"] = "UTC"
    return [(whose, send_at.astimezone(ZoneInfo(zone)), zone) for whose, zone in clocks.items()]


def _creations(campaign: Campaign, equation: Equation) -> list[str]:
    """What the release makes over there, as sentences."""
    if campaign.connection is None:
        return []
    connection = campaign.connection
    try:
        html = content.render(campaign).html
    except CannotDo:  # the checks say so
        html = ""
    tags = merge_tags.used(f"{campaign.subject}\n{campaign.preview_text}\n{html}")
    keys = {name.removeprefix("contact.") for name in tags if name.startswith("contact.")}
    mirrored = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.FIELD, gone_at=None).values(
        "object_id"
    )
    missing = Field.objects.filter(workspace=campaign.workspace, key__in=keys).exclude(pk__in=mirrored)
    able = connection.capabilities
    sentences = [
        f"A list{' in the folder Campanile' if able.has_folders else ''} with exactly the {number(equation.receives)} "
        "people who receive it.",
        "People the account does not know yet, with the fields this mail uses and nothing else."
        if able.personalises
        else "People the account does not know yet, with nothing but their address.",
    ]
    if able.personalises:
        sentences += [f"The field {field.label}, which the account does not have yet." for field in missing]
    sentences.append(
        "A draft of this campaign, read back and compared before the account is told to send it."
        if able.drafts_campaigns
        else f"The campaign itself, armed as it is made: {able.sentence('drafts_campaigns')}"
    )
    if able.has_webhooks and not connection.webhook_remote_id:
        sentences.append("A webhook, so that what people do there is known here at once.")
    return sentences
