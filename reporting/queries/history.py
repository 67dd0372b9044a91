"""What one person received and did, over all accounts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from accounts.http import WorkspaceRequest
from accounts.models import Connection, Role
from accounts.redaction import redact
from audiences.models import Contact
from campaigns.models import Campaign, Recipient
from reporting.models import Event

MOST_EVENTS, MOST_MAILINGS, MOST_LINES = 60, 40, 60

# kind → (what the line says, tone). A delivery is told by the ledger's line already.
SAID: dict[str, tuple[str, str]] = {
    Event.Kind.DEFERRED: ("Delayed on the way to them", "warn"),
    Event.Kind.SOFT_BOUNCED: ("Bounced for now", "warn"),
    Event.Kind.HARD_BOUNCED: ("Bounced for good", "bad"),
    Event.Kind.OPENED: ("Opened", ""),
    Event.Kind.CLICKED: ("Clicked", "good"),
    Event.Kind.UNSUBSCRIBED: ("Left", "bad"),
    Event.Kind.COMPLAINED: ("Reported as spam", "bad"),
    Event.Kind.BLOCKED: ("Blocked by the account", "bad"),
}
QUIET = (Event.Kind.ACCEPTED, Event.Kind.DELIVERED)


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    what: str
    note: str
    tone: str
    url: str
    who: str


def history_of(request: WorkspaceRequest, contact: Contact) -> dict[str, Any] | None:
    """Lines for the timeline on a person's page, newest first; four queries."""
    events = list(
        Event.objects.filter(contact=contact)
        .exclude(kind__in=QUIET)
        .order_by("-at")
        .values_list("at", "kind", "campaign", "connection", "is_machine", "is_exact", "link", "reason")[
            :MOST_EVENTS
        ]
    )
    mailings = list(
        Recipient.objects.filter(contact=contact)
        .exclude(state__in=[Recipient.State.PLANNED, Recipient.State.EXCLUDED])
        .select_related("delivery")
        .only(
            "state",
            "changed_at",
            "delivery__campaign",
            "delivery__connection",
            "delivery__started_at",
            "delivery__send_at",
        )
        .order_by("-id")[:MOST_MAILINGS]
    )
    if not (events or mailings):
        return None
    campaigns: dict[int, str] = dict(
        Campaign.objects.filter(
            workspace=request.workspace,
            pk__in={row[2] for row in events if row[2]} | {row.delivery.campaign_id for row in mailings},
        ).values_list("pk", "name")
    )
    accounts: dict[int, str] = dict(
        Connection.objects.filter(workspace=request.workspace).values_list("pk", "name")
    )

    may_see = request.membership.may(Role.EDITOR)

    def url(campaign_id: int | None) -> str:
        return reverse("campaigns:campaign", args=[campaign_id]) if campaign_id in campaigns else ""

    lines = [
        Line(
            at=row.delivery.started_at or row.delivery.send_at,
            what=f"{_mailed(row)} “{campaigns.get(row.delivery.campaign_id, '?')}”",
            note="",
            tone="info",
            url=url(row.delivery.campaign_id),
            who=accounts.get(row.delivery.connection_id, ""),
        )
        for row in mailings
    ]
    for at, kind, campaign_id, connection_id, is_machine, is_exact, link, reason in events:
        said, tone = SAID.get(kind, (kind.replace("_", " ").capitalize(), ""))
        if kind == Event.Kind.OPENED and is_machine:
            said, tone = ("Opened by a machine" if is_exact else "Opened; by whom is not known"), ""
        campaign = campaigns.get(campaign_id or 0)
        note = link or reason
        if not may_see:  # a server's words and a link may carry the address
            note = redact(note)
        lines.append(
            Line(
                at=at,
                what=f"{said} · “{campaign}”" if campaign else said,
                note=note
                if is_exact
                else " · ".join(filter(None, (note, "read back later; the time is the latest it can be"))),
                tone=tone,
                url=url(campaign_id),
                who=accounts.get(connection_id, ""),
            )
        )
    lines.sort(key=lambda line: line.at, reverse=True)
    return {"lines": lines[:MOST_LINES], "is_cut": len(events) == MOST_EVENTS or len(lines) > MOST_LINES}


def _mailed(row: Recipient) -> str:
    return {
        Recipient.State.BOUNCED: "Did not get",
        Recipient.State.REFUSED: "Was refused",
        Recipient.State.UNKNOWN: "Perhaps got",
    }.get(Recipient.State(row.state), "Was sent")
