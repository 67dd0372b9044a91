"""What comes in pages, and what comes all at once and is handed out in pages."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from accounts.providers.reading import obj, rows, whole

Json = Any

# Rows of a long answer in one page of ours.
PAGE_ROWS = 2000
# Rows handed out twice where a walk goes on in another process: people who vanished meanwhile hide no others.
OVERLAP = 100


class Walk:
    """The rows of an answer that comes whole, page by page. The cursor is the count of rows handed out so far.

    The answer stays open between pages; a cursor that does not continue it reads the answer anew and skips.
    """

    def __init__(self, open_rows: Callable[[], Iterator[Json]]) -> None:
        self._open = open_rows
        self._rows: Iterator[Json] | None = None
        self._at = 0
        # Pages are asked for one after the other, but not always by the same thread.
        self._lock = threading.Lock()

    def page(self, cursor: str | None) -> tuple[list[Json], str | None]:
        at = int(cursor or 0)
        with self._lock:
            try:
                if self._rows is None or not at or at != self._at:
                    self._begin(at)
                found = list(islice(self._rows or (), PAGE_ROWS))
            except BaseException:
                # An iterator that has raised looks finished, and what it did not give would look deleted.
                self._rows = None
                raise
            self._at += len(found)
            if len(found) < PAGE_ROWS:
                self._rows = None
                return _objects(found), None
            return _objects(found), str(self._at)

    def _begin(self, at: int) -> None:
        self._rows, self._at = self._open(), max(at - OVERLAP, 0)
        deque(islice(self._rows, self._at), maxlen=0)


def _objects(found: list[Json]) -> list[Json]:
    return [row for row in found if isinstance(row, dict)]


@dataclass(frozen=True, slots=True)
class Slice:
    items: list[Json]
    next_page: int | None
    total: int | None


def newsletters_page(payload: Json, page: int) -> Slice:
    """One page of newsletters. That the last one's `next_page` is null is an assumption, so the total counts as well."""
    meta, items = obj(payload.get("meta")), _objects(rows(payload.get("data")))
    following, total, size = (whole(meta.get(name)) for name in ("next_page", "total", "per_page"))
    if not rows(payload.get("data")):
        following = None
    elif following is None and total is not None and size and page * size < total:
        following = page + 1
    return Slice(items, following if following is not None and following > page else None, total)


def newsletters(fetch: Callable[[int], Json]) -> Iterator[Json]:
    """All newsletters of a kind. New ones only shift others to later pages, and none can be deleted."""
    page: int | None = 1
    while page is not None:
        found = newsletters_page(fetch(page), page)
        yield from found.items
        page = found.next_page
