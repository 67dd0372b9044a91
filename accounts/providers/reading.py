"""Reading what providers answer, leniently: null, empty and missing are the same, and nothing here raises."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Json = Any

_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")


def text(value: Json) -> str:
    """A string the database can hold: no NUL, no half of a surrogate pair; empty for what is none."""
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else _UNSENDABLE.sub("", value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def whole(value: Json) -> int | None:
    """A count; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value == value and abs(value) < 1e15 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) else None


def obj(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def rows(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []


def instant(value: Json) -> datetime | None:
    """ISO 8601; without a zone it is read as UTC. None for an empty or odd one."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        if found.tzinfo is UTC:
            return found
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def epoch(value: Json) -> datetime | None:
    """Seconds or milliseconds, told apart by size: the documentation says one and shows the other."""
    seconds: float | None = whole(value)
    if seconds is None or seconds <= 0:
        return None
    if seconds > 1e11:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if seconds < 4e9 else None


def whole_second(moment: datetime) -> datetime:
    """Rounded up, so that nothing leaves before its time."""
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)


def same_html(body: str) -> str:
    """Line ends and the white space around a body do not count as a difference."""
    return body.replace("\r\n", "\n").replace("\r", "\n").strip()
