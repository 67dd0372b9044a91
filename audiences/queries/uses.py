"""What a list is used by: asked before somebody archives it, and shown beside it.

Apps above this one add their own in `AppConfig.ready`:

    uses.USERS.append(queries.uses_of_lists)
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import Workspace
from audiences.models import Import

# At most this many are told by each source.
LIMIT = 50


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that uses a list. `is_pressing`: to archive the list under it wants a second thought."""

    list_id: int
    kind: str
    name: str
    url: str
    state: str = ""
    is_pressing: bool = False


def imports_into(workspace: Workspace, list_ids: Collection[int]) -> Iterable[Use]:
    """Imports that are not over."""
    open_ = Import.objects.filter(workspace=workspace, list_id__in=list_ids, state__in=Import.OPEN)
    for mine in open_.order_by("-id")[:LIMIT]:
        url = reverse("audiences:import", args=[mine.pk])
        yield Use(mine.list_id or 0, "Import", mine.name, url, mine.get_state_display(), is_pressing=True)


USERS: list[Callable[[Workspace, Collection[int]], Iterable[Use]]] = [imports_into]


def uses_of(workspace: Workspace, list_ids: Collection[int]) -> dict[int, list[Use]]:
    """List.id → what uses it. One query a source, however many lists."""
    found: dict[int, list[Use]] = defaultdict(list)
    for users in USERS:
        for use in users(workspace, list_ids):
            found[use.list_id].append(use)
    return found
