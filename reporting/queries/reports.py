"""Reports of many campaigns: the list, and Home's last ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.http import WorkspaceRequest
from accounts.models import Connection, Workspace
from campaigns.models import Delivery
from reporting.definitions import What
from reporting.models import Figures
from reporting.queries.report import BEFORE_LEAVING, Best, Report, best_of, rate, sent_to

PAGE = 50
LAST = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A report in a line. Counts are None where nobody told them."""

    campaign_id: int
    name: str
    subject: str
    status: str
    connection: str
    sent_at: datetime
    delivered: int | None
    opened: int | None
    open_rate: float | None
    clicked: int | None
    click_rate: float | None
    left: int | None
    left_rate: float | None
    bounced: int | None
    bounce_rate: float | None
    cursor: str


def report_rows(
    workspace: Workspace,
    *,
    words: str = "",
    connection: Connection | None = None,
    after: str = "",
    before: str = "",
) -> tuple[list[Row], str, str]:
    """(rows, cursor of the older ones, of the newer ones), newest mailing first. A cursor is `time_id`."""
    found = _reported(workspace)
    if words:
        found = found.filter(Q(campaign__name__holds=words) | Q(subject__holds=words))
    if connection is not None:
        found = found.filter(connection=connection)
    edge = _edge(before or after)
    if edge and before:
        at, pk = edge
        page = list(
            found.filter(Q(send_at__gt=at) | Q(send_at=at, pk__gt=pk)).order_by("send_at", "pk")[: PAGE + 1]
        )
        has_newer, has_older = len(page) > PAGE, True
        page = page[:PAGE][::-1]
    else:
        if edge:
            at, pk = edge
            found = found.filter(Q(send_at__lt=at) | Q(send_at=at, pk__lt=pk))
        page = list(found.order_by("-send_at", "-pk")[: PAGE + 1])
        has_newer, has_older = bool(edge), len(page) > PAGE
        page = page[:PAGE]
    rows = _rows(page)
    return rows, rows[-1].cursor if rows and has_older else "", rows[0].cursor if rows and has_newer else ""


def last_reports(request: WorkspaceRequest) -> dict[str, Any] | None:
    """Home: how the last ones did."""
    rows = _rows(list(_reported(request.workspace).order_by("-send_at", "-pk")[:LAST]))
    return {"rows": rows} if rows else None


def _reported(workspace: Workspace) -> QuerySet[Delivery]:
    return (
        Delivery.objects.filter(campaign__workspace=workspace)
        .exclude(state__in=BEFORE_LEAVING)
        .select_related("campaign", "connection")
        .only(
            "campaign__name", "campaign__status", "campaign__is_imported", "connection__name", "connection__provider", "subject", "state",
            "send_at", "equation",
        )
    )  # fmt: skip


def _rows(deliveries: Iterable[Delivery]) -> list[Row]:
    deliveries = list(deliveries)
    figures: dict[int, dict[str, Figures]] = {}
    for row in Figures.objects.filter(delivery__in=deliveries):
        figures.setdefault(row.delivery_id, {})[row.source] = row
    return [_row(delivery, figures.get(delivery.pk, {})) for delivery in deliveries]


def _row(delivery: Delivery, figures: dict[str, Figures]) -> Row:
    theirs = figures.get(Figures.Source.PROVIDER)
    ours = None if delivery.campaign.is_imported else figures.get(Figures.Source.EVENTS)
    report = Report(delivery, ours=ours, theirs=theirs, sent=sent_to(delivery, theirs))

    def best(what: What) -> Best:
        return best_of(report, what) or Best(None, None, False, "")

    opened, clicked, left = best(What.OPENED), best(What.CLICKED), best(What.LEFT)
    hard, soft = best(What.HARD_BOUNCED), best(What.SOFT_BOUNCED)
    bounces = [bounce.value for bounce in (hard, soft) if bounce.value is not None]
    bounced = sum(bounces) if bounces else None
    return Row(
        campaign_id=delivery.campaign_id,
        name=delivery.campaign.name,
        subject=delivery.shown_subject,
        status=delivery.campaign.status,
        connection=delivery.connection.name,
        sent_at=delivery.send_at,
        delivered=best(What.DELIVERED).value,
        opened=opened.value,
        open_rate=opened.rate,
        clicked=clicked.value,
        click_rate=clicked.rate,
        left=left.value,
        left_rate=left.rate,
        bounced=bounced,
        bounce_rate=rate(bounced, report.sent) if bounced is not None else hard.rate,
        cursor=f"{delivery.send_at.timestamp():.6f}_{delivery.pk}",
    )


def _edge(cursor: str) -> tuple[datetime, int] | None:
    """What a cursor says; None for one that is none."""
    at, _, pk = cursor.partition("_")
    try:
        return datetime.fromtimestamp(float(at), UTC), int(pk)
    except (ValueError, OverflowError, OSError):
        return None
