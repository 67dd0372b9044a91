"""What other pages show of campaigns: Home, the search, the top bar, a person's page."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.attention import LIMIT as MOST_ITEMS
from accounts.attention import Item
from accounts.http import WorkspaceRequest
from accounts.models import Connection, Workspace
from accounts.names import by_name
from accounts.providers.records import LeaveRecord, ListRecord
from accounts.search import LIMIT as MOST_HITS
from accounts.search import Hit
from audiences.models import Contact
from audiences.uses import MOST_USES, Use
from campaigns.models import Campaign, Delivery, Recipient, TestSend

NEXT = 5
RECEIVED = 10
# Of what a campaign goes to; a released one goes as it stood then.
_ONCE_ARCHIVED = {
    Campaign.Status.DRAFT.value: "cannot go out before this is taken out of it or brought back",
    Campaign.Status.SCHEDULED.value: "still goes as it was released; taken back to a draft, it cannot go out again",
}


def next_campaigns(request: WorkspaceRequest) -> dict[str, Any] | None:
    """What goes out next, and below it the drafts last worked on."""
    mine = Campaign.objects.filter(workspace=request.workspace).select_related("connection")
    planned = mine.filter(status=Campaign.Status.SCHEDULED).order_by("send_at", "pk")[:NEXT]
    drafts = mine.filter(status=Campaign.Status.DRAFT, is_imported=False).order_by("-updated_at", "-pk")[:3]
    context = {"planned": list(planned), "drafts": list(drafts)}
    return context if any(context.values()) else None


def search_campaigns(request: WorkspaceRequest, words: str) -> list[Hit]:
    found = (
        Campaign.objects.filter(workspace=request.workspace)
        .filter(Q(name__holds=words) | Q(subject__holds=words))
        .order_by("-updated_at", "-pk")
    )
    return [
        Hit(campaign.name, campaign.get_absolute_url(), campaign.get_status_display())
        for campaign in found.only("pk", "workspace", "name", "status")[:MOST_HITS]
    ]


def campaigns_by_list(workspace: Workspace, list_ids: Collection[Any]) -> list[tuple[Any, Use]]:
    """(list, campaign that is still to go to it), the newest first."""
    through = Campaign.lists.through.objects.filter(
        campaign__workspace=workspace,
        campaign__status__in=[Campaign.Status.DRAFT, Campaign.Status.SCHEDULED],
        list_id__in=list_ids,
    )
    return [
        (row.list_id, _use(row.campaign))
        for row in through.select_related("campaign").order_by("-campaign_id")[:MOST_USES]
    ]


def campaigns_by_segment(workspace: Workspace, segment_ids: Collection[Any]) -> list[tuple[Any, Use]]:
    """(segment, campaign that goes to it), those last worked on first."""
    through = Campaign.segments.through.objects.filter(
        campaign__workspace=workspace, segment_id__in=segment_ids
    ).select_related("campaign")
    return [
        (row.segment_id, _use(row.campaign))
        for row in through.order_by("-campaign__updated_at", "-campaign_id")[:MOST_USES]
    ]


def _use(campaign: Campaign) -> Use:
    return Use(
        "Campaign",
        campaign.name,
        campaign.get_absolute_url(),
        campaign.get_status_display(),
        once_archived=_ONCE_ARCHIVED.get(campaign.status, ""),
    )


def search_templates(request: WorkspaceRequest, words: str) -> list[Hit]:
    found = request.workspace.templates.filter(name__holds=words).order_by(*by_name())
    return [
        Hit(template.name, reverse("campaigns:template_preview", args=[template.pk]), template.subject)
        for template in found.only("pk", "workspace", "name", "subject")[:MOST_HITS]
    ]


def uncertain_deliveries(workspace: Workspace) -> list[Item]:
    """Campaigns that wait for a person's word."""
    return [
        Item(
            delivery.campaign.name,
            delivery.note or delivery.get_state_display(),
            delivery.campaign.get_absolute_url(),
            at=delivery.state_at,
            tone="bad",
        )
        for delivery in _deliveries(workspace, Delivery.State.UNKNOWN, Delivery.State.ATTENTION)
    ]


def moving_deliveries(workspace: Workspace) -> list[Item]:
    """Campaigns on their way."""
    states = (Delivery.State.PREPARING, Delivery.State.READY, Delivery.State.ARMED, Delivery.State.SENDING)
    return [
        Item(
            delivery.campaign.name,
            delivery.get_state_display(),
            delivery.campaign.get_absolute_url(),
            at=delivery.state_at,
            tone="info",
        )
        for delivery in _deliveries(workspace, *states)
    ]


def received_by(request: WorkspaceRequest, contact: Contact) -> dict[str, Any] | None:
    """The campaigns a person was on the ledger of, newest first."""
    rows = (
        Recipient.objects.filter(contact=contact, delivery__campaign__workspace=request.workspace)
        .exclude(state=Recipient.State.EXCLUDED)
        .select_related("delivery__campaign")
        .order_by("-pk")[:RECEIVED]
    )
    return {"rows": rows} if rows else None


def lists_of_deliveries(connection: Connection, records: Sequence[ListRecord]) -> set[str]:
    """Remote ids of the lists that deliveries and tests made over there for their own audience."""
    made = {record.remote_id: record.name.rpartition(" · ")[2] for record in records}
    ours = {
        marker
        for model in (Delivery, TestSend)
        for marker in model.objects.filter(connection=connection, marker__in=set(made.values())).values_list(
            "marker", flat=True
        )
    }
    return {remote_id for remote_id, marker in made.items() if marker in ours}


def leaves_through_deliveries(connection: Connection, records: Sequence[LeaveRecord]) -> list[LeaveRecord]:
    """Of people who left a list nobody knows here: those who left the list of a delivery, by its mail.

    Whoever was taken off it by us, because they had left before, has not.
    """
    by_list: dict[str, dict[str, LeaveRecord]] = {}
    for record in records:
        by_list.setdefault(record.list_id, {})[record.email.strip().lower()] = record
    # Before the start nobody has the mail to leave by: who left by then was taken off by us, or over there.
    deliveries = Delivery.objects.filter(
        connection=connection, remote_list_id__in=by_list, armed_for_at__lte=timezone.now()
    )
    found: list[LeaveRecord] = []
    for delivery in deliveries.only("pk", "frozen_at", "remote_list_id"):
        told = by_list[delivery.remote_list_id]
        mailed = (
            delivery.ledger()
            .filter(email__in=told)
            .exclude(state__in=[Recipient.State.EXCLUDED, Recipient.State.PLANNED])
        )
        found += [
            replace(told[email], list_id="", reason="unsubscribed")
            for email in mailed.values_list("email", flat=True)
        ]
    return found


def handed_over(workspace: Workspace, contact_ids: Collection[int]) -> Iterable[tuple[int, int]]:
    """(connection id, contact id) of those among them whom a delivery put into an account."""
    return (
        Recipient.objects.filter(contact__in=contact_ids, delivery__campaign__workspace=workspace)
        .exclude(state__in=[Recipient.State.EXCLUDED, Recipient.State.PLANNED])
        .values_list("delivery__connection_id", "contact_id")
        .distinct()
    )


def deliveries_that_hold(connection: Connection) -> str:
    """Why an account cannot be disconnected now; "" when nothing is on its way through it."""
    over = [state for state, moves in Delivery.MOVES.items() if not moves]
    delivery = connection.deliveries.exclude(state__in=over).select_related("campaign").order_by("pk").first()
    if delivery is None:
        return ""
    return f"“{delivery.campaign}” is on its way through this account. Let it end, or cancel it first."


def _deliveries(workspace: Workspace, *states: str) -> list[Delivery]:
    found = Delivery.objects.filter(campaign__workspace=workspace, state__in=states)
    return list(found.select_related("campaign").order_by("-state_at", "-pk")[:MOST_ITEMS])
