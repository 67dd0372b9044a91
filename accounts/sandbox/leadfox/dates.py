"""Moments as the provider writes them: ISO 8601 in UTC with milliseconds and `Z`."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)  # many rows of a page have their moments in common
def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> float:
    """A date-time with `Z` or an offset as seconds since 1970. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.timestamp()


def looks_like_stamp(value: str) -> bool:
    """Whether it is one of ours. Cheap: a filter asks it of every row."""
    return len(value) == 24 and value[10] == "T" and value[23] == "Z"
