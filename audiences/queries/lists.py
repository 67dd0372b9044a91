from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Q

from accounts.ids import id_of
from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from accounts.names import Folded, by_name
from audiences.list_names import first_account
from audiences.models import Folder, List, Subscription

PAGE = 50


class ListRow(NamedTuple):
    mine: List
    mirrors: list[MirrorRow]


class ListSlice(NamedTuple):
    rows: list[ListRow]
    # "value\x1faccount\x1fid" of the last row; empty at the end.
    after: str


# What the address says → the column and whether the highest comes first.
SORTS = {
    "name": ("folded", False),
    "-name": ("folded", True),
    "people": ("subscribed_count", False),
    "-people": ("subscribed_count", True),
}
NO_FOLDER = "none"


def lists(
    workspace: Workspace,
    *,
    words: str = "",
    connection: Connection | None = None,
    folder: str = "",
    is_archived: bool = False,
    sort: str = "name",
    after: str = "",
) -> ListSlice:
    """A page of them with the accounts that hold each. `folder` is an id, or NO_FOLDER."""
    found = List.objects.filter(workspace=workspace, archived_at__isnull=not is_archived)
    found = found.annotate(folded=Folded("name"), account=first_account()).select_related("folder")
    if words:
        found = found.filter(name__holds=words)
    if folder:
        found = found.filter(folder=None if folder == NO_FOLDER else int(folder))
    if connection:
        mirrored = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.LIST, gone_at=None)
        found = found.filter(pk__in=mirrored.values("object_id"))
    column, is_falling = SORTS.get(sort, SORTS["name"])
    rest, _, last = after.rpartition("\x1f")
    value, _, account = rest.rpartition("\x1f")
    if (last_id := id_of(last)) and (column == "folded" or value == "0" or id_of(value)):
        side = "lt" if is_falling else "gt"
        behind = Q(**{f"account__{side}": account}) | Q(account=account, **{f"pk__{side}": last_id})
        found = found.filter(Q(**{f"{column}__{side}": value}) | Q(**{column: value}) & behind)
    direction = "-" if is_falling else ""
    rows = list(found.order_by(*(f"{direction}{name}" for name in (column, "account", "id")))[: PAGE + 1])
    mirrors = mirrors_of([row.pk for row in rows])
    page = [ListRow(row, mirrors[row.pk]) for row in rows[:PAGE]]
    is_more = len(rows) > PAGE
    last_row: Any = page[-1].mine if is_more else None
    place = (getattr(last_row, column), last_row.account, last_row.pk) if last_row else ()
    return ListSlice(page, "\x1f".join(map(str, place)))


def folders(workspace: Workspace) -> list[tuple[Folder, int]]:
    """By name, each with how many lists in use stand in it."""
    rows = Folder.objects.filter(workspace=workspace).annotate(
        lists_in_use=Count("lists", filter=Q(lists__archived_at=None))
    )
    return [(row, row.lists_in_use) for row in rows.order_by(*by_name())]


def mirrors_of(list_ids: list[int]) -> dict[int, list[MirrorRow]]:
    found: dict[int, list[MirrorRow]] = defaultdict(list)
    rows = MirrorRow.objects.filter(kind=MirrorKind.LIST, object_id__in=list_ids)
    for row in rows.select_related("connection").order_by(*by_name("connection")):
        found[row.object_id].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What one account says of a list, and whether that is what we say."""

    row: MirrorRow
    name: str
    people: int | None
    is_dynamic: bool
    differences: list[str]
    # As of when it was read.
    is_in_step: bool


def list_in_accounts(mine: List) -> list[Mirrored]:
    rows = mirrors_of([mine.pk])[mine.pk]
    folders = {
        (row.connection_id, row.remote_id): row
        for row in MirrorRow.objects.filter(
            kind=MirrorKind.FOLDER, connection__in={row.connection_id for row in rows}
        )
    }
    found = []
    for row in rows:
        theirs = row.theirs or {}
        name = theirs.get("name") or ""
        differences = []
        if name and name[:200] != mine.name:
            differences.append(f"It is called “{name}” there.")
        folder = folders.get((row.connection_id, theirs.get("folder_remote_id") or ""))
        if folder and folder.object_id != mine.folder_id:
            differences.append(f"It stands in the folder “{(folder.theirs or {}).get('name', '')}” there.")
        size = theirs.get("size")
        is_in_step = not differences and size in (None, mine.subscribed_count)
        found.append(Mirrored(row, name, size, bool(theirs.get("is_dynamic")), differences, is_in_step))
    return found


def counts_by_status(mine: List) -> dict[str, int]:
    """Subscription.status → people, read from memberships alone."""
    rows = Subscription.objects.filter(list=mine).values_list("status").annotate(Count("id"))
    return dict(rows.order_by())
