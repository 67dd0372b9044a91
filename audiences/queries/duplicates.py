from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.ids import id_of
from accounts.models import OutboxEntry, Workspace
from audiences.models import Contact, DuplicatePair, DuplicateSearch, List, Subscription
from audiences.queries.contacts import shown, shown_name
from audiences.queries.counting import COUNT_CAP, Count

PAGE = 50
LABELS = dict(DuplicatePair.Reason.choices)


class One(NamedTuple):
    contact: Contact
    address: str
    name: str


class PairRow(NamedTuple):
    pair: DuplicatePair
    one: One
    other: One
    reasons: list[str]


class PairSlice(NamedTuple):
    rows: list[PairRow]
    # "rank.id" of the last row; empty at the end.
    after: str


@dataclass(frozen=True, slots=True)
class Looking:
    """The last search, and whether it goes on. `search` is None before the first."""

    search: DuplicateSearch | None
    is_moving: bool
    rules: int = len(LABELS)


def order_key(workspace: Workspace) -> str:
    return f"duplicates:{workspace.pk}"


def is_looking(workspace: Workspace) -> bool:
    states = [OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED]
    entries = OutboxEntry.objects.filter(workspace=workspace, order_key=order_key(workspace))
    return entries.filter(state__in=states).exists()


def looking(workspace: Workspace) -> Looking:
    search = DuplicateSearch.objects.filter(workspace=workspace).select_related("begun_by").first()
    return Looking(search, search is not None and is_looking(workspace))


def duplicates(
    workspace: Workspace,
    *,
    on_list: List | None = None,
    is_dismissed: bool = False,
    shows_addresses: bool,
    after: str = "",
) -> PairSlice:
    """The surest 50 pairs, or the next. `on_list`: those of whom both are subscribed to it."""
    found = _pairs(workspace, on_list, is_dismissed=is_dismissed)
    rank, _, last = after.partition(".")
    if (rank == "0" or id_of(rank)) and id_of(last):
        found = found.filter(Q(rank__gt=rank) | Q(rank=rank, pk__gt=last))
    rows = list(found.select_related("contact_a", "contact_b").order_by("rank", "id")[: PAGE + 1])
    page = [
        PairRow(
            row,
            _one(row.contact_a, shows_addresses),
            _one(row.contact_b, shows_addresses),
            [LABELS.get(reason, reason) for reason in row.reasons],
        )
        for row in rows[:PAGE]
    ]
    return PairSlice(page, f"{page[-1].pair.rank}.{page[-1].pair.pk}" if len(rows) > PAGE else "")


def _one(contact: Contact, shows: bool) -> One:
    return One(
        contact, shown(contact.email, shows_addresses=shows), shown_name(contact, shows_addresses=shows)
    )


def counted_duplicates(workspace: Workspace, on_list: List) -> Count:
    """How many, and how sure, as `queries.counted` says it."""
    found = _pairs(workspace, on_list, is_dismissed=False)[: COUNT_CAP + 1].count()
    return Count(COUNT_CAP, "more") if found > COUNT_CAP else Count(found, "exact")


def _pairs(workspace: Workspace, on_list: List | None, *, is_dismissed: bool) -> QuerySet[DuplicatePair]:
    found = DuplicatePair.objects.filter(workspace=workspace, dismissed_at__isnull=not is_dismissed)
    if on_list is None:
        return found
    members = Subscription.objects.filter(list=on_list, status=Subscription.Status.SUBSCRIBED)
    return found.filter(
        Exists(members.filter(contact=OuterRef("contact_a"))),
        Exists(members.filter(contact=OuterRef("contact_b"))),
    )
