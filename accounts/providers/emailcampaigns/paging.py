"""Pages over answers that come whole, in memory that does not grow with them."""

import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

PAGE = 2000
# Rows read twice when a walk goes on after a restart: rows that vanished meanwhile move the later ones forward.
OVERLAP = 100


@dataclass(frozen=True, slots=True)
class Row:
    """`position` counts from 1 within its section."""

    section: str
    position: int
    raw: Any


class Walk:
    """One long reading in pages: it stays open between them, and is begun anew where a cursor does not fit.

    `sections` are read one after the other, in ascending order. The cursor is section and rows read of it, so it holds
    when sections before it vanish. Threads may take turns.
    """

    def __init__(
        self,
        sections: Callable[[], Iterable[str]],
        read: Callable[[str], Iterator[Any]],
        *,
        size: int = PAGE,
    ) -> None:
        self._sections, self._read, self._size = sections, read, size
        self._lock = threading.Lock()
        self._stands_at: str | None = None
        self._coming: deque[str] = deque()
        self._section, self._position = "", 0
        self._rows: Iterator[Any] | None = None

    def page(self, cursor: str | None) -> tuple[Sequence[Row], str | None]:
        """The rows after `cursor`, and the cursor after them: None at the end."""
        with self._lock:
            if cursor is None or cursor != self._stands_at:
                self._begin(cursor)
            self._stands_at = None  # until the page is whole
            found: list[Row] = []
            while len(found) < self._size:
                if self._rows is None:
                    if not self._coming:
                        return found, None
                    self._enter(self._coming.popleft())
                row = next(self._rows, _END) if self._rows is not None else _END
                if row is _END:
                    self._rows = None
                    continue
                self._position += 1
                found.append(Row(self._section, self._position, row))
            self._stands_at = f"{self._section}:{self._position}"
            return found, self._stands_at

    def _begin(self, cursor: str | None) -> None:
        section, _, count = (cursor or "").rpartition(":")
        self._coming = deque(sorted(self._sections()))
        self._rows = None
        if cursor is None:
            return
        while self._coming and self._coming[0] < section:
            self._coming.popleft()
        if self._coming and self._coming[0] == section:
            self._enter(self._coming.popleft())
            for _ in range(max(int(count) - OVERLAP, 0)):
                if self._rows is None or next(self._rows, _END) is _END:
                    break
                self._position += 1

    def _enter(self, section: str) -> None:
        self._section, self._position, self._rows = section, 0, self._read(section)


class Addresses:
    """Which addresses are among many, in eight bytes each."""

    def __init__(self, emails: Iterable[str]) -> None:
        self._marks = array("Q", sorted(_mark(email) for email in emails if email))

    def __contains__(self, email: str) -> bool:
        mark = _mark(email)
        at = bisect_left(self._marks, mark)
        return at < len(self._marks) and self._marks[at] == mark


def _mark(email: str) -> int:
    folded = email.strip().lower().encode("utf-8", "replace")
    return int.from_bytes(blake2b(folded, digest_size=8).digest(), "big")


_END = object()
