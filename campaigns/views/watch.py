"""The page of a released campaign, and a person's decisions on it."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from accounts.refusals import CannotDo
from campaigns.forms.release import SendAgainForm
from campaigns.models import Campaign, Delivery
from campaigns.queries.chosen import frozen_choice
from campaigns.queries.watch import course_of, progress_of, waiting_for
from campaigns.services import release

State = Delivery.State
# Which words the dialog has, by how far it has gone; the page moves on by itself, so that each has a dialog.
CANCEL_KINDS: dict[str, str] = {
    State.HELD: "-before",
    State.PREPARING: "-before",
    State.READY: "-before",
    State.ACCEPTED: "-accepted",
}


@workspace_view(role=Role.VIEWER)
def campaign(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    """A draft goes on in the composer; everything else is watched here."""
    found = get_object_or_404(
        Campaign.objects.select_related("workspace", "connection", "sender", "created_by"),
        pk=campaign_id,
        workspace=request.workspace,
    )
    delivery = (
        found.deliveries.select_related("connection", "released_by").order_by("-generation", "-id").first()
    )
    if (
        delivery is None
        or found.is_imported
        or (found.is_draft and "delivery" not in request.GET and not request.htmx)
    ):
        return go(request, "campaigns:compose", found.pk)
    return _page(request, found, delivery)


def _page(request: WorkspaceRequest, found: Campaign, delivery: Delivery, **more: object) -> HttpResponse:
    may_decide = request.membership.may(Role.APPROVER)
    delivered_url = ""
    if delivery.started_at:
        delivered_url = reverse("reporting:people", args=[found.pk]) + "?what=delivered"
    context = {
        "campaign": found,
        "delivery": delivery,
        "progress": progress_of(delivery),
        "is_preparing": delivery.state in {State.PREPARING, State.READY, State.ARMED},
        "nobody_was_mailed": delivery.state in {State.REFUSED, State.CANCELLED},
        "delivered_url": delivered_url,
        "course": course_of(delivery),
        "waiting": waiting_for(delivery),
        "later": delivery.armed_for_at is not None
        and delivery.armed_for_at - delivery.send_at > timedelta(minutes=1),
        "may_decide": may_decide,
        "actions": _actions(delivery) if may_decide else {},
        "cancel_kind": CANCEL_KINDS.get(delivery.state, ""),
        "lists": found.lists.all(),
        "segments": frozen_choice(delivery).told(shows_addresses=request.membership.may(Role.EDITOR))
        if delivery.audience.get("segments")
        else [],
        "attempts": found.deliveries.order_by("generation").select_related("connection"),
        **more,
    }
    return render_page(request, "campaigns/watch.html", context, partials={"delivery"})


def _actions(delivery: Delivery) -> dict[str, str]:
    """Action → why it is not possible now ("" when it is). Absent: not offered in this state."""
    capabilities = delivery.connection.capabilities
    offered: dict[str, str] = {}
    if delivery.state in {State.ACCEPTED, State.SENDING}:
        offered["pause"] = "" if capabilities.pauses_campaigns else capabilities.sentence("pauses_campaigns")
    if delivery.state == State.PAUSED:
        offered["resume"] = ""
    if delivery.state in {
        State.HELD,
        State.PREPARING,
        State.READY,
        State.ACCEPTED,
        State.SENDING,
        State.PAUSED,
    }:
        offered["cancel"] = (
            "The account has been asked; its answer follows." if delivery.cancel_requested_at else ""
        )
    if delivery.state in {State.ARMED, State.UNKNOWN}:
        offered["cancel"] = "It can be cancelled once it is known whether the account took it."
    if delivery.state == State.ATTENTION:
        offered["settle"] = ""
        if delivery.armed_at is None:
            offered["release_late"] = ""
    return offered


def _decision(service: Callable[..., object], done: str, at_once: str = "") -> Callable[..., HttpResponse]:
    """A view that lets an approver decide one thing about the latest delivery, then shows the page again."""

    @workspace_view(role=Role.APPROVER, methods=("POST",))
    def decide(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
        delivery = _latest(request, campaign_id)
        try:
            service(delivery=delivery, by=request.user)
        except CannotDo as refusal:
            say(request, refusal.sentence, level=messages.ERROR)
        else:
            delivery.refresh_from_db(fields=["state"])
            say(request, at_once if at_once and delivery.is_over else done)
        return go(request, delivery.campaign)

    return decide


cancel = _decision(
    release.cancel_delivery,
    "Cancelling. What the account answers is shown here.",
    at_once="Taken back; nobody was mailed. The campaign is a draft again.",
)
pause = _decision(release.pause_delivery, "Pausing. What the account answers is shown here.")
resume = _decision(release.resume_delivery, "Resuming. What the account answers is shown here.")
look_again = _decision(release.look_again, "Looking in the account again.")
it_went_out = _decision(release.it_went_out, "Marked as sent. Nothing was sent by this.")
give_up = _decision(release.give_up, "Ended here.")
release_late = _decision(release.release_late, "Released in spite of the delay.")


@workspace_view(role=Role.APPROVER, methods=("POST",))
def send_again(request: WorkspaceRequest, campaign_id: int) -> HttpResponse:
    delivery = _latest(request, campaign_id)
    form = SendAgainForm({"typed_name": request.POST.get("typed", "")})
    if form.is_valid() and form.attempt(release.send_again, delivery=delivery, by=request.user):
        say(request, "Sent again as a new delivery. For a minute it can be taken back.")
    else:
        sentences = [str(error) for errors in form.errors.values() for error in errors]
        say(request, " ".join(sentences), level=messages.ERROR)
    return go(request, delivery.campaign)


def _latest(request: WorkspaceRequest, campaign_id: int) -> Delivery:
    deliveries = Delivery.objects.filter(campaign__workspace=request.workspace, campaign_id=campaign_id)
    return get_object_or_404(
        deliveries.select_related("campaign__workspace", "connection").order_by("-generation", "-id")[:1]
    )
