from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from django.db import connection as database
from django.db.models import Count, Q

from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from audiences.models import List, Subscription

PAGE = 50


class ListRow(NamedTuple):
    mine: List
    mirrors: list[MirrorRow]


class ListSlice(NamedTuple):
    rows: list[ListRow]
    # "name\x1fid" of the last row; empty at the end.
    after: str


def lists(
    workspace: Workspace, *, words: str = "", connection: Connection | None = None, after: str = ""
) -> ListSlice:
    """By name, with the accounts that hold each."""
    found = List.objects.filter(workspace=workspace, archived_at=None).select_related("folder")
    if words:
        found = found.filter(name__icontains=words)
    if connection:
        mirrored = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.LIST, gone_at=None)
        found = found.filter(pk__in=mirrored.values("object_id"))
    name, _, last = after.rpartition("\x1f")
    if last.isdecimal() and len(last) < 19:
        found = found.filter(Q(name__gt=name) | Q(name=name, pk__gt=int(last)))
    rows = list(found.order_by("name", "id")[: PAGE + 1])
    mirrors = mirrors_of([row.pk for row in rows])
    page = [ListRow(row, mirrors[row.pk]) for row in rows[:PAGE]]
    return ListSlice(page, f"{page[-1].mine.name}\x1f{page[-1].mine.pk}" if len(rows) > PAGE else "")


def mirrors_of(list_ids: list[int]) -> dict[int, list[MirrorRow]]:
    found: dict[int, list[MirrorRow]] = defaultdict(list)
    rows = MirrorRow.objects.filter(kind=MirrorKind.LIST, object_id__in=list_ids)
    for row in rows.select_related("connection").order_by("connection__name", "id"):
        found[row.object_id].append(row)
    return found


def counts_by_status(mine: List) -> dict[str, int]:
    """Subscription.status → people, read from memberships alone."""
    rows = Subscription.objects.filter(list=mine).values_list("status").annotate(Count("id"))
    return dict(rows.order_by())


def growth(mine: List) -> list[tuple[datetime, int]]:
    """People who came on the list and are on it still, summed up by day."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            select day, sum(people) over (order by day)::bigint from (
                select date_trunc('day', created_at) as day, count(*) as people
                from audiences_subscription where list_id = %s and status = 'subscribed' group by 1
            ) days order by day
            """,
            [mine.pk],
        )
        return cursor.fetchall()
