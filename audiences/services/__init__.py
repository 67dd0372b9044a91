"""What people and programs do to the audience: one function per intention, each in one transaction."""

from audiences.services.counts import refresh_counts
from audiences.services.suppressions import (
    CannotSuppress,
    Fact,
    pattern_of,
    propagate,
    resolve_patterns,
    suppress,
    suppress_all,
    suppress_by_hand,
    suppress_patterns,
)

__all__ = [
    "CannotSuppress",
    "Fact",
    "pattern_of",
    "propagate",
    "refresh_counts",
    "resolve_patterns",
    "suppress",
    "suppress_all",
    "suppress_by_hand",
    "suppress_patterns",
]
