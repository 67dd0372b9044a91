"""Walking Especial's collections, by page number and by cursor.

No largest page is published; 50 is the default, and what other clients found to hold. Contacts and campaign logs also
hand out a cursor, which survives rows that come and go; the rest has page numbers only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from accounts.providers.reading import obj, rows, text, whole

Json = Any

PAGE = 50
# Marks a cursor of theirs among ours, which else are page numbers.
_THEIRS = ">"


@dataclass(frozen=True, slots=True)
class Slice:
    """`following` continues the walk; None at its end. `total` where it was asked for and told."""

    items: list[Json]
    following: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Pages:
    """`fetch` takes `per_page` and one of `page` and `cursor`; with `has_cursor` the first call names neither."""

    fetch: Callable[..., Json]
    has_cursor: bool = False
    size: int = PAGE

    def page(self, at: str | None = None) -> Slice:
        payload = self.fetch(per_page=self.size, **self._where(at))
        pagination, found = obj(payload.get("pagination")), rows(payload.get("data"))
        told = whole(pagination.get("per_page"))
        following = self._following(at, len(found), told, text(obj(pagination.get("cursor")).get("next")))
        return Slice(
            [row for row in found if isinstance(row, dict)], following, whole(pagination.get("count"))
        )

    def _where(self, at: str | None) -> dict[str, Any]:
        if at is None:
            return {} if self.has_cursor else {"page": 1}
        return {"cursor": at[len(_THEIRS) :]} if at.startswith(_THEIRS) else {"page": int(at)}

    def _following(self, at: str | None, count: int, told: int | None, cursor: str) -> str | None:
        """A page shorter than the server makes them is the last, but for a cursor when it does not tell that size."""
        size = min(told or self.size, self.size)
        if not count or (count < size and not (self.has_cursor and cursor and told is None)):
            return None
        if self.has_cursor and cursor:
            return None if _THEIRS + cursor == at else _THEIRS + cursor
        if at is not None and at.startswith(_THEIRS):
            return None
        return str(int(at or 1) + 1)

    def __iter__(self) -> Iterator[Json]:
        at: str | None = None
        while True:
            page = self.page(at)
            yield from page.items
            at = page.following
            if at is None:
                return
