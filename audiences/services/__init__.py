"""What people and programs do to the audience: one function per intention, each in one transaction."""

from audiences.services.counts import refresh_counts
from audiences.services.suppressions import (
    CannotSuppress,
    Fact,
    propagate,
    suppress,
    suppress_all,
    suppress_by_hand,
)

__all__ = [
    "CannotSuppress",
    "Fact",
    "propagate",
    "refresh_counts",
    "suppress",
    "suppress_all",
    "suppress_by_hand",
]
