"""The table of people, on whichever page it stands: rows ready as text, since cells cost more than queries."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from accounts.http import WorkspaceRequest, render_page
from accounts.ids import id_of
from accounts.models import Role
from accounts.redaction import redact
from accounts.templatetags.ui import GAP, day, in_zone, number
from audiences.models import Field, Subscription, Suppression
from audiences.queries.columns import Column
from audiences.queries.contacts import Row, Slice
from audiences.queries.counting import Count, alone
from audiences.queries.fields import value_in_words

LABELS = dict(Suppression.Reason.choices)
_HOW_SURE = {"about": "about ", "more": "more than "}
STATUSES = dict(Subscription.Status.choices)


def shows_addresses(request: WorkspaceRequest) -> bool:
    return request.membership.may(Role.EDITOR)


def rows(found: Slice) -> list[tuple[str, ...]]:
    """(url, address, name, language, city, tone, state, added, status on the list, since, former address if
    found by it) as text."""
    base = reverse("audiences:contact", args=[0]).removesuffix("0/")
    return [_row(row, base) for row in found.rows]


Cell = tuple[str, str, str]


def table(
    found: Slice, columns: Sequence[Column], *, shows_addresses: bool
) -> list[tuple[str, str, str, int, list[Cell], str]]:
    """(url, address, name, id, cells, former address if found by it) as text; a cell is (heading, text, tone of a badge or nothing)."""
    base = reverse("audiences:contact", args=[0]).removesuffix("0/")
    return [
        (
            f"{base}{row.id}/", _short(row.email, 70), _short(row.name, 45), row.id,
            [
                _cell(column, value, row, shows_addresses=shows_addresses)
                for column, value in zip(columns, row.cells, strict=True)
            ],
            _short(row.formerly, 70),
        )
        for row in found.rows
    ]  # fmt: skip


def _cell(column: Column, value: Any, row: Row, *, shows_addresses: bool) -> Cell:
    # An address in a field is one all the same; hidden before the text is cut, or half of it would stay.
    said: Callable[[str], str] = str if shows_addresses else redact
    match column.kind:
        case "state":
            tone, text = ("bad", LABELS.get(row.reason, row.reason)) if row.reason else ("good", "Mailable")
            return column.label, text, tone
        case "instant":
            return column.label, _unbroken(day(in_zone(value))) if value else "", ""
        case "texts":
            return column.label, _short(said(", ".join(value or ())), 60), ""
        case Field.Kind.BOOLEAN:
            return column.label, {"true": "Yes", "false": "No"}.get(value, said(value or "")), ""
    text = str(value if value is not None else "")
    if column.kind in (Field.Kind.DATE, Field.Kind.NUMBER):
        text = _unbroken(value_in_words(_typed(text), column.kind))
    return column.label, _short(said(text), 40), ""


def _typed(text: str) -> str | int | float:
    """What was a number comes as text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _row(row: Row, base: str) -> tuple[str, ...]:
    tone, state = ("bad", LABELS.get(row.reason, row.reason)) if row.reason else ("good", "Mailable")
    since = day(row.since_at) if row.since_at else ""
    return (
        f"{base}{row.id}/", _short(row.email, 70), _short(row.name, 45), row.language, _short(row.city, 30), tone, state,
        day(row.created_at),
        STATUSES.get(row.status, row.status), since, _short(row.formerly, 70),
    )  # fmt: skip


def _unbroken(text: str) -> str:
    """In one line, however narrow the column."""
    return text.replace(" ", GAP)


def _short(text: str, most: int) -> str:
    """A cell holds no more than this; the person's page holds all of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def said(count: Count, noun: str = "person,people") -> str:
    """`12 people`, `about 980 000 people`, `more than 10 000 people`, `980 214 people, counted 12:05`."""
    one, more = noun.split(",")
    word = one if (count.people, count.how) == (1, "exact") else more
    said = f"{_bare(count)} {word}"
    return f"{said}, counted {in_zone(count.at):%H:%M}" if count.at else said


def number_later(
    request: WorkspaceRequest, counted: Callable[[], Count | None], noun: str = "person,people"
) -> HttpResponse:
    """The number above a table where its page did not wait for it; none where `counted` knows none.

    A member has one counted at a time: the page asks again for another.
    """
    with alone(request.user) as is_alone:
        if not is_alone:
            return HttpResponse(status=204, headers={"HX-Trigger": "count-again"})
        count = counted()
    if count is None:
        return HttpResponse(status=204)
    return render_page(request, "audiences/contacts/count.html", how_many(request, count, "", noun))


def how_many(
    request: WorkspaceRequest, count: Count | None, url: str, noun: str = "person,people"
) -> dict[str, str]:
    """For a page: in words, on a button, and where it asks once more, with its filters, if it did not wait."""
    if count is None:
        return {"count": "", "number": "", "count_url": ""}
    return {
        "count": said(count, noun),
        "number": _bare(count),
        "count_url": f"{url}?{request.GET.urlencode()}" if count.is_open else "",
    }


def _bare(count: Count) -> str:
    return f"{_HOW_SURE.get(count.how, '')}{number(count.people)}"


def before(request: WorkspaceRequest) -> int | None:
    """The id from which a page goes on; None for the first page and for nonsense."""
    return id_of(request.GET.get("before", ""))


def version(request: WorkspaceRequest, name: str = "version") -> int:
    """The version of the row that was looked at; 0, which none has, when it is not said."""
    return id_of(request.POST.get(name, "")) or 0


def chips(request: WorkspaceRequest, labels: dict[str, Any]) -> list[dict[str, str]]:
    """Filters in use, each with the address without it. A name may be several, of one filter."""
    found = []
    for name, label in labels.items():
        if label:
            rest = request.GET.copy()
            for gone in (*name.split(), "before", "after"):
                rest.pop(gone, None)
            found.append({"label": str(label), "url": f"?{rest.urlencode()}"})
    return found
