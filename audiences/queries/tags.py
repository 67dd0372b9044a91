from typing import NamedTuple

from django.db.models import Case, Count, Q, Value, When
from django.db.models.lookups import StartsWith

from accounts.ids import id_of
from accounts.models import Workspace
from accounts.names import Folded, by_name
from audiences.models import Contact, Tag, Tagging

PAGE = 50
SUGGESTED = 10


class TagRow(NamedTuple):
    tag: Tag
    people: int


class TagSlice(NamedTuple):
    rows: list[TagRow]
    # Of the last row, its name and id; empty at the end.
    after: str


def tags(workspace: Workspace, *, words: str = "", after: str = "") -> TagSlice:
    """By name, with how many people have each: counted for the page alone, in the index."""
    found = Tag.objects.filter(workspace=workspace).annotate(folded=Folded("name"))
    if words:
        found = found.filter(name__holds=words)
    name, _, last = after.rpartition("\x1f")
    if last_id := id_of(last):
        found = found.filter(Q(folded__gt=name) | Q(folded=name, pk__gt=last_id))
    rows = list(found.order_by("folded", "pk")[: PAGE + 1])
    people = people_with([row.pk for row in rows[:PAGE]])
    page = [TagRow(row, people.get(row.pk, 0)) for row in rows[:PAGE]]
    return TagSlice(page, f"{rows[PAGE - 1].folded}\x1f{rows[PAGE - 1].pk}" if len(rows) > PAGE else "")


def people_with(tag_ids: list[int]) -> dict[int, int]:
    rows = Tagging.objects.filter(tag__in=tag_ids).values_list("tag").annotate(Count("id"))
    return dict(rows.order_by())


def tags_of(contact: Contact) -> list[Tag]:
    return list(Tag.objects.filter(taggings__contact=contact).order_by(*by_name()))


def suggested_tags(workspace: Workspace, words: str, *, besides: Contact) -> list[str]:
    """Names that hold what is typed, those that begin with it first; none the person has."""
    found = Tag.objects.filter(workspace=workspace).exclude(taggings__contact=besides)
    if words:
        found = found.filter(name__holds=words)
    begins = Case(When(StartsWith(Folded("name"), Folded(Value(words))), then=0), default=1)
    return list(found.order_by(begins, *by_name()).values_list("name", flat=True)[:SUGGESTED])
