"""Things that will happen, kept plain enough for the state file; and chance that can be repeated."""

import heapq
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any


@dataclass(slots=True)
class Timeline:
    """A heap of (at, seq, what, details). Of two things at the same instant the one planned first comes first."""

    heap: list[tuple[float, int, str, list[Any]]] = field(default_factory=list)
    last_seq: int = 0

    def plan(self, at: float, what: str, *details: Any) -> None:
        self.last_seq += 1
        heapq.heappush(self.heap, (at, self.last_seq, what, list(details)))

    def next_due(self, now: float) -> tuple[float, str, list[Any]] | None:
        """Take the earliest thing that is due; None when nothing is."""
        if not self.heap or self.heap[0][0] > now:
            return None
        at, _, what, details = heapq.heappop(self.heap)
        return at, what, details


def secret(*parts: Any) -> str:
    """Sixteen hexadecimal digits nobody guesses from the outside, always the same for the same parts."""
    return blake2b(":".join(map(str, parts)).encode(), digest_size=8, key=b"sandbox").hexdigest()


def chance(*parts: Any) -> Random:
    """A source of chance that gives the same answers for the same parts, in every run."""
    return Random(int(secret(*parts), 16))
