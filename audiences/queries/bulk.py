"""What pages show of bulk actions."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from accounts import attention
from accounts.models import OutboxEntry, Workspace
from accounts.templatetags.ui import number
from audiences.bulk import words
from audiences.models import BulkAction


@dataclass(frozen=True, slots=True)
class BulkProgress:
    seconds_left: float | None
    waiting_for: str
    is_unattended: bool


def bulk_progress(mine: BulkAction) -> BulkProgress:
    entry = (
        OutboxEntry.objects.filter(subject_id=mine.pk, order_key=f"bulk:{mine.pk}").order_by("-id").first()
    )
    if entry is None:
        return BulkProgress(None, "", False)
    spent = (timezone.now() - entry.created_at).total_seconds()
    left = max(0.0, spent / mine.done * ((mine.total or 0) - mine.done)) if mine.done else None
    return BulkProgress(left, entry.note, entry.fence == 0 and spent > 10)


def running_bulk_actions(workspace: Workspace) -> Iterable[attention.Item]:
    return [
        _item(mine, f"{number(mine.done)} of {number(mine.total)} people", "live")
        for mine in _newest(workspace, BulkAction.State.RUNNING)
    ]


def stopped_bulk_actions(workspace: Workspace) -> Iterable[attention.Item]:
    """Actions that wait for a person: to go on, or to leave it at that."""
    return [_item(mine, mine.note, "bad") for mine in _newest(workspace, BulkAction.State.FAILED)]


def _newest(workspace: Workspace, state: str) -> Iterable[BulkAction]:
    found = BulkAction.objects.filter(workspace=workspace, state=state)
    return found.order_by("-id")[: attention.LIMIT]


def _item(mine: BulkAction, text: str, tone: str) -> attention.Item:
    url = reverse("audiences:bulk_action", args=[mine.pk])
    return attention.Item(words.short(mine), text, url, at=mine.created_at, tone=tone)
