"""What of the audience is under way and uses lists and fields. `audiences.uses` asks."""

from collections.abc import Collection, Iterable
from typing import Any

from django.urls import reverse

from accounts.models import Workspace
from audiences.models import BulkAction, Import
from audiences.uses import MOST_USES, Use


def imports_by_list(workspace: Workspace, list_ids: Collection[Any]) -> Iterable[tuple[Any, Use]]:
    """(list, import into it that is not over)."""
    found = Import.objects.filter(workspace=workspace, list_id__in=list_ids, state__in=Import.OPEN)
    for mine in found.order_by("-id")[:MOST_USES]:
        yield mine.list_id, _import(mine)


def imports_by_field(workspace: Workspace, keys: Collection[Any]) -> Iterable[tuple[Any, Use]]:
    """(field, import that fills it and is not over)."""
    for mine in Import.objects.filter(workspace=workspace, state__in=Import.OPEN).order_by("-id")[:MOST_USES]:
        for column in mine.mapping or []:
            if column.get("to") in keys:
                yield column["to"], _import(mine)


def bulk_actions_by_field(workspace: Workspace, keys: Collection[Any]) -> Iterable[tuple[Any, Use]]:
    """(field, bulk action under way that sets it)."""
    for mine in BulkAction.objects.filter(workspace=workspace, state__in=BulkAction.MOVING):
        if (key := mine.arguments.get("field")) in keys:
            url = reverse("audiences:bulk_action", args=[mine.pk])
            yield key, Use("Bulk action", str(mine), url, mine.get_state_display())


def _import(mine: Import) -> Use:
    url = reverse("audiences:import", args=[mine.pk])
    return Use(
        "Import",
        mine.name,
        url,
        mine.get_state_display(),
        once_archived="" if mine.started_at else "asks for another list before it starts",
    )
