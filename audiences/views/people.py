"""The table of people, on whichever page it stands: rows ready as text, since cells cost more than queries."""

from typing import Any

from django.urls import reverse

from accounts.http import WorkspaceRequest
from accounts.models import Role
from accounts.templatetags.ui import day, number
from audiences.models import Subscription, Suppression
from audiences.queries.contacts import Row, Slice

LABELS = dict(Suppression.Reason.choices)
STATUSES = dict(Subscription.Status.choices)


def shows_addresses(request: WorkspaceRequest) -> bool:
    return request.membership.may(Role.EDITOR)


def rows(found: Slice) -> list[tuple[str, ...]]:
    """(url, address, name, language, city, tone, state, added, status on the list, since) as text."""
    base = reverse("audiences:contact", args=[0]).removesuffix("0/")
    return [_row(row, base) for row in found.rows]


def _row(row: Row, base: str) -> tuple[str, ...]:
    tone, state = ("bad", LABELS.get(row.reason, row.reason)) if row.reason else ("good", "Mailable")
    since = day(row.since_at) if row.since_at else ""
    return (
        f"{base}{row.id}/", _short(row.email, 70), _short(row.name, 45), row.language, _short(row.city, 30), tone, state,
        day(row.created_at),
        STATUSES.get(row.status, row.status), since,
    )  # fmt: skip


def _short(text: str, most: int) -> str:
    """A cell holds no more than this; the person's page holds all of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def said(count: tuple[int, str], noun: str = "person,people") -> str:
    """`12 people`, `about 980 000 people`, `more than 10 000 people`."""
    many, how = count
    one, more = noun.split(",")
    word = one if (many, how) == (1, "exact") else more
    return f"{'' if how == 'exact' else 'about ' if how == 'about' else 'more than '}{number(many)} {word}"


def before(request: WorkspaceRequest) -> int | None:
    """The id from which a page goes on; None for the first page and for nonsense."""
    return before_of(request.GET.get("before", ""))


def before_of(asked: str) -> int | None:
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None


def chips(request: WorkspaceRequest, labels: dict[str, Any]) -> list[dict[str, str]]:
    """Filters in use, each with the address without it."""
    found = []
    for name, label in labels.items():
        if label:
            rest = request.GET.copy()
            for gone in (name, "before"):
                rest.pop(gone, None)
            found.append({"label": str(label), "url": f"?{rest.urlencode()}"})
    return found
