"""The list of campaigns: newest change first, page by page, at a constant number of statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from accounts.models import Workspace
from campaigns import merge_tags
from campaigns.models import Campaign, Delivery

PAGE = 50
SHOWN = (
    "id", "name", "subject", "status", "connection__name", "send_at", "is_imported", "updated_at", "sent_at", "planned",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """`rows` as tuples of SHOWN; `older` and `newer` are cursors, empty at the ends."""

    rows: list[tuple[Any, ...]]
    older: str
    newer: str


def campaigns(workspace: Workspace, filters: Mapping[str, Any]) -> QuerySet[Campaign]:
    found = Campaign.objects.filter(workspace=workspace)
    if filters.get("status"):
        found = found.filter(status=filters["status"])
    if filters.get("account"):
        found = found.filter(connection=filters["account"])
    if words := filters.get("q"):
        found = found.filter(Q(name__holds=words) | Q(subject__holds=words))
    return found


def campaign_page(
    workspace: Workspace, filters: Mapping[str, Any], *, after: str = "", before: str = ""
) -> CampaignPage:
    """Behind the cursor `after`, or the page in front of `before`."""
    delivery = Delivery.objects.filter(campaign=OuterRef("pk")).order_by("-generation", "-id")
    found = campaigns(workspace, filters).annotate(
        sent_at=Subquery(delivery.values("started_at")[:1]),
        planned=Subquery(
            delivery.annotate(
                people=Cast(KeyTextTransform("receives", F("equation")), IntegerField())
            ).values("people")[:1]
        ),
    )
    place = _place(after or before)
    backwards = bool(before and not after and place)
    if place:
        sign = ">" if backwards else "<"
        row_after = f"(campaigns_campaign.updated_at, campaigns_campaign.id) {sign} (%s, %s)"
        found = found.filter(RawSQL(row_after, place, output_field=BooleanField()))  # noqa: S611 - no user's text
    order = ("updated_at", "id") if backwards else ("-updated_at", "-id")
    rows = list(found.order_by(*order).values_list(*SHOWN)[: PAGE + 1])
    more, rows = len(rows) > PAGE, [(row[0], row[1], _readable(row[2]), *row[3:]) for row in rows[:PAGE]]
    if backwards:
        rows.reverse()
    first, last = (_cursor(rows[0]), _cursor(rows[-1])) if rows else ("", "")
    return CampaignPage(
        rows=rows,
        older=last if rows and (more or backwards) else "",
        newer=first if rows and ((backwards and more) or (place and not backwards)) else "",
    )


def _readable(subject: str) -> str:
    """A subject without its tags: what most people read, or an ellipsis where there is a value of their own."""
    return "".join(
        piece if isinstance(piece, str) else piece.fallback or "…"
        for piece in merge_tags.parse(subject).pieces
    )


def _cursor(row: tuple[Any, ...]) -> str:
    return f"{row[7].timestamp():.6f}_{row[0]}"


def _place(cursor: str) -> tuple[datetime, int] | None:
    """What a cursor points at; None for none and for nonsense."""
    seconds, _, id_ = cursor.partition("_")
    try:
        return datetime.fromtimestamp(float(seconds), UTC), int(id_)
    except (ValueError, OverflowError, OSError):
        return None
