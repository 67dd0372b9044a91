from typing import NamedTuple

from django.db.models import Case, Count, When
from django.db.models.functions import Lower

from accounts.models import Workspace
from audiences.models import Contact, Tag, Tagging

PAGE = 50
SUGGESTED = 10


class TagRow(NamedTuple):
    tag: Tag
    people: int


class TagSlice(NamedTuple):
    rows: list[TagRow]
    # Of the last row, in lower case; empty at the end.
    after: str


def tags(workspace: Workspace, *, words: str = "", after: str = "") -> TagSlice:
    """By name, with how many people have each: counted for the page alone, in the index."""
    found = Tag.objects.filter(workspace=workspace).annotate(folded=Lower("name"))
    if words:
        found = found.filter(name__icontains=words)
    if after:
        found = found.filter(folded__gt=after)
    rows = list(found.order_by("folded")[: PAGE + 1])
    people = people_with([row.pk for row in rows[:PAGE]])
    page = [TagRow(row, people.get(row.pk, 0)) for row in rows[:PAGE]]
    return TagSlice(page, rows[PAGE - 1].folded if len(rows) > PAGE else "")


def people_with(tag_ids: list[int]) -> dict[int, int]:
    rows = Tagging.objects.filter(tag__in=tag_ids).values_list("tag").annotate(Count("id"))
    return dict(rows.order_by())


def tags_of(contact: Contact) -> list[Tag]:
    return list(Tag.objects.filter(taggings__contact=contact).order_by(Lower("name")))


def suggested_tags(workspace: Workspace, words: str, *, besides: Contact) -> list[str]:
    """Names that hold what is typed, those that begin with it first; none the person has."""
    found = Tag.objects.filter(workspace=workspace).exclude(taggings__contact=besides)
    if words:
        found = found.filter(name__icontains=words)
    begins = Case(When(name__istartswith=words, then=0), default=1)
    return list(found.order_by(begins, Lower("name")).values_list("name", flat=True)[:SUGGESTED])
