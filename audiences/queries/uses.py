"""What a list is used by: asked before somebody archives it, and shown beside it.

Apps above this one add their own in `AppConfig.ready`:

    uses.USERS.append(queries.uses_of_lists)
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import Workspace
from audiences import rules
from audiences.models import Import, Segment

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


def segments_over(workspace: Workspace, list_ids: Collection[int]) -> Iterable[Use]:
    """Segments with a condition on one of the lists."""
    wanted = set(list_ids)
    for segment in Segment.objects.filter(workspace=workspace, archived_at=None).order_by("name", "id"):
        try:
            rule = rules.read(segment.rule)
        except rules.BadRule:
            continue  # says on its own page that it cannot be read
        named = {condition.of for condition in rules.conditions(rule) if condition.kind == "list"}
        for list_id in sorted(wanted.intersection(named)):
            yield Use(int(list_id), "Segment", segment.name, segment.get_absolute_url(), is_pressing=True)


USERS: list[Callable[[Workspace, Collection[int]], Iterable[Use]]] = [
    segments_over,
    imports_into,
]


def uses_of(workspace: Workspace, list_ids: Collection[int]) -> dict[int, list[Use]]:
    """List.id → what uses it. One query a source, however many lists."""
    found: dict[int, list[Use]] = defaultdict(list)
    for users in USERS:
        for use in users(workspace, list_ids):
            found[use.list_id].append(use)
    return found
