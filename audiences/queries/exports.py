from collections.abc import Iterable
from typing import NamedTuple

from django.urls import reverse

from accounts import attention
from accounts.models import User, Workspace
from accounts.redaction import redact
from audiences.models import Export

PAGE = 50


class ExportSlice(NamedTuple):
    rows: list[Export]
    before: int | None


def exports(workspace: Workspace, *, before: int | None = None) -> ExportSlice:
    """The newest first."""
    found = Export.objects.filter(workspace=workspace).select_related("created_by")
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-id")[: PAGE + 1])
    return ExportSlice(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None)


def columns_last_chosen(workspace: Workspace, by: User) -> list[str]:
    """By the same person, for people; empty the first time."""
    found = Export.objects.filter(workspace=workspace, created_by=by, kind=Export.Kind.PEOPLE)
    return found.order_by("-id").values_list("columns", flat=True).first() or []


def running_exports(workspace: Workspace) -> Iterable[attention.Item]:
    found = Export.objects.filter(workspace=workspace, state=Export.State.MAKING).order_by("-id")
    return [
        attention.Item(
            title=f"Export: {redact(row.title)}", text="Being made", url=reverse("audiences:export", args=[row.pk]),
            at=row.created_at, tone="info",
        )
        for row in found[: attention.LIMIT]
    ]  # fmt: skip
