"""An instant from what a clock on a wall shows: the hours that do not exist, and those that come twice."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from accounts.refusals import CannotDo


class CannotPlace(CannotDo):
    """The wall time names no instant, or two."""


def instant(*, local: datetime, zone: str, fold: int | None = None) -> datetime:
    """The instant (UTC) at which clocks in `zone` show `local` (naive).

    Raises CannotPlace for an hour that does not exist there, and for one that occurs twice unless `fold` says
    which: 0 the first, 1 the second.
    """
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CannotPlace(
            f"There is no time zone named {zone}.", fields={"zone": "Choose a zone."}
        ) from error
    first, second = local.replace(tzinfo=there, fold=0), local.replace(tzinfo=there, fold=1)
    if first.astimezone(UTC).astimezone(there).replace(tzinfo=None) != local:
        sentence = f"On this day clocks in {zone} skip {local:%H:%M}. Choose another time."
        raise CannotPlace(sentence, fields={"local": sentence})
    if first.utcoffset() != second.utcoffset() and fold is None:
        sentence = f"On this day {local:%H:%M} comes twice in {zone}. Say which one."
        raise CannotPlace(sentence, fields={"fold": sentence})
    return (second if fold == 1 else first).astimezone(UTC)


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Names of places, without the aliases nobody chooses."""
    places = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(places)))
