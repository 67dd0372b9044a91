"""What pages show of bulk actions."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from accounts import attention
from accounts.models import OutboxEntry, Workspace
from accounts.templatetags.ui import number
from audiences.bulk import words
from audiences.models import BulkAction, BulkChange, Contact
from audiences.queries.contacts import PAGE


@dataclass(frozen=True, slots=True)
class BulkProgress:
    done: int
    total: int
    seconds_left: float | None
    waiting_for: str
    is_unattended: bool


def bulk_done(mine: BulkAction) -> tuple[int, int]:
    """(people whose turn is over, of how many). To be undone are those it changed."""
    if mine.is_being_undone:
        return sum(mine.undone.values()), mine.changed
    return mine.done, mine.total or 0


def bulk_progress(mine: BulkAction) -> BulkProgress:
    entry = (
        OutboxEntry.objects.filter(subject_id=mine.pk, order_key=f"bulk:{mine.pk}").order_by("-id").first()
    )
    if entry is None:
        return BulkProgress(*bulk_done(mine), None, "", False)
    spent = (timezone.now() - entry.created_at).total_seconds()
    done, total = bulk_done(mine)
    left = max(0.0, spent / done * (total - done)) if done else None
    return BulkProgress(done, total, left, entry.note, entry.fence == 0 and spent > 10)


def bulk_kept(mine: BulkAction, *, most: int = PAGE) -> list[tuple[int, str]]:
    """(contact, address) of the first whom undoing left as they are, since that had changed; "" for one erased since."""
    rows = mine.changes.filter(BulkChange.LEFT_AS_IS).order_by("id")
    ids = list(rows.values_list("contact_id", flat=True)[:most])
    found = dict(Contact.objects.filter(workspace=mine.workspace_id, pk__in=ids).values_list("pk", "email"))
    return [(contact_id, found.get(contact_id, "")) for contact_id in ids]


def running_bulk_actions(workspace: Workspace) -> Iterable[attention.Item]:
    return [
        _item(
            mine,
            f"{'Being undone: ' if mine.is_being_undone else ''}{number(done)} of {number(total)} people",
            "live",
        )
        for mine in _newest(workspace, *BulkAction.MOVING)
        for done, total in [bulk_done(mine)]
    ]


def stopped_bulk_actions(workspace: Workspace) -> Iterable[attention.Item]:
    """Actions that wait for a person: to go on, or to leave it at that."""
    return [_item(mine, mine.note, "bad") for mine in _newest(workspace, BulkAction.State.FAILED)]


def _newest(workspace: Workspace, *states: str) -> Iterable[BulkAction]:
    found = BulkAction.objects.filter(workspace=workspace, state__in=states)
    return found.order_by("-id")[: attention.LIMIT]


def _item(mine: BulkAction, text: str, tone: str) -> attention.Item:
    url = reverse("audiences:bulk_action", args=[mine.pk])
    return attention.Item(words.short(mine), text, url, at=mine.created_at, tone=tone)
