"""An instant from what a clock on a wall shows: the hours that do not exist, and those that come twice."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.conf import settings
from django.utils import timezone

from accounts.models import Connection
from accounts.refusals import CannotDo

FARTHEST = timedelta(days=366)


class CannotPlace(CannotDo):
    """The wall time names no instant, or two, or none a campaign can have."""


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


def check_time(send_at: datetime | None) -> None:
    """Raises CannotPlace for an instant that has passed, is too near to prepare for, or too far to be meant."""
    if send_at is None:
        return
    now, lead = timezone.now(), settings.SEND_NOW_LEAD_SECONDS
    sentence = ""
    if send_at < now + timedelta(seconds=lead):
        near = f"{round(lead / 60)} minutes" if lead >= 90 else "a minute"
        sentence = f"This time has passed or is less than {near} away. Choose a later one, or send now."
    elif send_at > now + FARTHEST:
        sentence = f"This is more than {FARTHEST.days} days away. Choose an earlier time."
    if sentence:
        raise CannotPlace(sentence, fields={"local": sentence})


def check_lead(send_at: datetime | None, connection: Connection | None) -> None:
    """Raises CannotPlace for an instant nearer than the account takes campaigns."""
    if send_at is None or connection is None or not connection.provider_class.least_lead:
        return
    lead = lead_of(connection)
    if send_at < timezone.now() + lead:
        sentence = (
            f"{connection.provider_name} takes a campaign {round(lead.total_seconds() / 60)} minutes ahead at the "
            "latest. Choose a later time, or as soon as possible."
        )
        raise CannotPlace(sentence, fields={"local": sentence})


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


def lead_of(connection: Connection) -> timedelta:
    """From the decision to the earliest mail: the account's own lead comes after the minute to take it back."""
    least = connection.provider_class.least_lead
    if least:
        least += timedelta(seconds=settings.HOLD_SECONDS + 120)  # to prepare, and for the call itself
    return max(timedelta(seconds=settings.SEND_NOW_LEAD_SECONDS), least)
