"""Lists as menus and sentences name them. A workspace may have several of one name: each account brings its own."""

from collections import defaultdict
from functools import cached_property

from django.db.models import Count, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from accounts.models import MirrorKind, MirrorRow, Workspace
from accounts.names import Folded, by_name
from accounts.templatetags.ui import day, in_zone, number
from audiences.models import List


def first_account() -> Coalesce:
    """By which lists of one name stand in order: the first of the accounts that hold each."""
    name = Folded("connection__name")
    rows = MirrorRow.objects.filter(kind=MirrorKind.LIST, object_id=OuterRef("pk")).order_by(name)
    return Coalesce(Subquery(rows.values_list(name)[:1]), Value(""), output_field=TextField())


def told_apart(workspace: Workspace) -> dict[int, str]:
    """List.id → what tells it from the others of its name that are in use, of such lists only.

    Its accounts; where those are the same, its folder as well; at last the moment it was made. Two queries at most.
    """
    in_use = List.objects.filter(workspace=workspace, archived_at=None)
    twice = in_use.order_by().values("name").annotate(lists=Count("pk")).filter(lists__gt=1).values("name")
    alike: dict[str, list[List]] = defaultdict(list)
    for mine in in_use.filter(name__in=twice).select_related("folder").order_by("id"):
        alike[mine.name].append(mine)
    if not alike:
        return {}
    accounts = _accounts([mine.pk for group in alike.values() for mine in group])
    return {pk: said for group in alike.values() for pk, said in _apart(group, accounts).items()}


class ListLabels:
    """Names each list of a menu; asks the database at the first of them.

    With sizes, each is followed by how many people are subscribed to it, and whether it is archived.
    """

    def __init__(self, workspace: Workspace, *, sizes: bool = False) -> None:
        self.workspace, self.sizes = workspace, sizes
        # What it reads of a list beside its key and name.
        self.columns = ("subscribed_count", "archived_at") if sizes else ()

    @cached_property
    def apart(self) -> dict[int, str]:
        return told_apart(self.workspace)

    def __call__(self, mine: List) -> str:
        apart = self.apart.get(mine.pk)
        beside = f" · {apart}" if apart else ""
        if self.sizes:
            beside += f" ({number(mine.subscribed_count)}){' – archived' if mine.archived_at else ''}"
        # Isolated: a name written from right to left must not turn its neighbours around.
        return f"\u2068{mine.name}\u2069{beside}" if beside else mine.name


def _accounts(list_ids: list[int]) -> dict[int, str]:
    names: dict[int, list[str]] = defaultdict(list)
    rows = MirrorRow.objects.filter(kind=MirrorKind.LIST, object_id__in=list_ids)
    for row in rows.select_related("connection").order_by(*by_name("connection")):
        names[row.object_id].append(str(row.connection))
    return {list_id: ", ".join(found) for list_id, found in names.items()}


def _apart(group: list[List], accounts: dict[int, str]) -> dict[int, str]:
    told: dict[int, str] = {}
    for many in (1, 2, 3):
        told = {}
        for mine in group:
            made = in_zone(mine.created_at)
            parts = (
                accounts.get(mine.pk, ""),
                mine.folder.name if mine.folder else "",
                f"made {day(made)}, {made:%H:%M}",
            )
            told[mine.pk] = " · ".join(part for part in parts[:many] if part)
        if len(set(told.values())) == len(group):
            break
    return told
