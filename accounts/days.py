"""Days that people type or choose, near the ends of the calendar too, where a zone may have no instant for them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils import timezone

# Whoever writes a day outside of these mistyped the year.
FIRST, LAST = date(1900, 1, 1), date(2200, 12, 31)
TOO_EARLY = "This is before 1900. Is the year right?"
TOO_LATE = "This is after 2200. Is the year right?"

_DAY = timedelta(days=1)
# Nobody means so little: what is moved by it is a time still, and shows the same.
HAIR = timedelta(microseconds=1)
_LOWEST, _HIGHEST = date.min + _DAY, date.max - _DAY


def refusal(day: date) -> str:
    """Why nobody can have said something on that day; empty if they can."""
    if day > timezone.localdate():
        return "This day has not come yet."
    return TOO_EARLY if day < FIRST else ""


def mistyped(day: date) -> str:
    """Why nobody means that day; empty if somebody may."""
    return TOO_EARLY if day < FIRST else TOO_LATE if day > LAST else ""


def is_day(at: datetime) -> bool:
    """Whether a day was given and no time: it is kept as midnight in UTC."""
    return at.astimezone(UTC).time() == time()


def day_after(day: date) -> date:
    """The last day there is has none and stays."""
    return day + _DAY if day < date.max else day


def day_before(day: date) -> date:
    return day - _DAY if day > date.min else day


def start_of(day: date, zone: tzinfo) -> datetime:
    """The instant (UTC) a day begins there."""
    return datetime.combine(min(max(day, _LOWEST), _HIGHEST), time(), zone).astimezone(UTC)
