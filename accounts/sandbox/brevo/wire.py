"""The provider's dialect: error bodies, dates, paging, and reading what callers send."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from accounts.sandbox.brevo.state import JSON, Account
from accounts.sandbox.http import Refusal, Reply, Request
from accounts.sandbox.store import Store

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
T = TypeVar("T")


def refuse(code: str, message: str, *, status: int = 400, **extra: JSON) -> Refusal:
    return Refusal(status, {"code": code, "message": message} | extra)


def missing(name: str) -> Refusal:
    return refuse("missing_parameter", f"{name} is missing")


def invalid(message: str) -> Refusal:
    return refuse("invalid_parameter", message)


def not_found(message: str) -> Refusal:
    return refuse("document_not_found", message, status=404)


def created(body: JSON = None) -> Reply:
    return Reply(201, body)


def done() -> Reply:
    return Reply(204)


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str, name: str) -> float:
    """A date-time with `Z` or an offset, as seconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text:
        raise invalid(f"Invalid {name} format, use YYYY-MM-DDTHH:mm:ss.SSSZ")
    return moment.timestamp()


def read_day(text: str, name: str) -> float:
    """A date as the first second of that day (UTC)."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise invalid(f"Invalid {name} format, use YYYY-MM-DD")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise invalid(f"Invalid {name} format, use YYYY-MM-DD") from None


def read_email(value: str, name: str = "email") -> str:
    """The address in lower case, as the provider keeps it."""
    if not EMAIL.fullmatch(value):
        raise invalid(f"{name} is not valid")
    return value.lower()


def as_id(value: Any) -> int | None:
    """The id a caller named, as a number or as its digits."""
    return int(value) if re.fullmatch(r"[0-9]{1,18}", str(value)) else None


class Fields:
    """A JSON object read field by field. Wrong types are refused, unknown fields ignored, null counts as absent."""

    def __init__(self, data: Any, where: str = "") -> None:
        if not isinstance(data, dict):
            raise invalid(f"{where or 'Input'} must be a valid JSON object")
        self.data: Mapping[str, Any] = data
        self.where = f"{where}." if where else ""

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def require(self, *names: str) -> None:
        for name in names:
            if self.data.get(name) in (None, ""):
                raise missing(self.where + name)

    def _get(self, name: str, kind: type | tuple[type, ...], what: str) -> Any:
        value = self.data.get(name)
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            raise invalid(f"{self.where}{name} should be {what}")
        return value

    def text(self, name: str, choices: Collection[str] = ()) -> str | None:
        value: str | None = self._get(name, str, "a string")
        if choices and value is not None and value not in choices:
            raise invalid(f"{self.where}{name} should be one of: {', '.join(choices)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._get(name, bool, "a boolean")
        return default if value is None else value

    def number(self, name: str, low: int | None = None, high: int | None = None) -> int | None:
        value: int | None = self._get(name, int, "an integer")
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            raise refuse("out_of_range", f"{self.where}{name} is out of range")
        return value

    def list_of(self, name: str, kind: type[T]) -> list[T] | None:
        value = self._get(name, list, "an array")
        if value is not None and any(
            not isinstance(v, kind) or (isinstance(v, bool) and kind is not bool) for v in value
        ):
            raise invalid(f"{self.where}{name} should be an array of {kind.__name__}")
        return value

    def inner(self, name: str) -> "Fields | None":
        return Fields(self.data[name], self.where + name) if self.has(name) else None


@dataclass(slots=True)
class Page:
    limit: int
    offset: int
    newest_first: bool

    def cut(self, rows: Sequence[T] | dict[Any, T]) -> list[T]:
        """This page of rows that stand in the order of their creation."""
        if isinstance(rows, dict):
            ordered: Iterable[T] = reversed(rows.values()) if self.newest_first else rows.values()
        else:
            ordered = reversed(rows) if self.newest_first else rows
        return list(islice(ordered, self.offset, self.offset + self.limit))


def read_window(
    now: float, most: int, start: str | None, end: str | None, days: int | None
) -> tuple[float, float]:
    """[first second, end) of whole days, at most `most` of them; that many up to today when none is asked for."""
    if (start is None) != (end is None):
        raise missing("endDate" if end is None else "startDate")
    if days is not None and start is not None:
        raise invalid("days cannot be used with startDate and endDate")
    if start is None or end is None:
        if days is not None and days > most:
            raise refuse("out_of_range", f"days cannot exceed {most}")
        today = now - now % 86400
        return today - ((days or most) - 1) * 86400, today + 86400
    first, last = read_day(start[:10], "startDate"), read_day(end[:10], "endDate")
    if first > last:
        raise invalid("startDate should not be after endDate")
    if first > now:
        raise invalid("startDate should not be in the future")
    if last - first > most * 86400:
        raise refuse("out_of_range", f"Time difference should not exceed {most} days")
    return first, last + 86400


@dataclass(slots=True)
class Call:
    """One authenticated request to one account."""

    account: Account
    store: Store
    request: Request
    args: dict[str, str]
    now: float

    def query(self, name: str, choices: Collection[str] = ()) -> str | None:
        value = self.request.query.get(name, [None])[-1]
        if choices and value is not None and value not in choices:
            raise invalid(f"{name} should be one of: {', '.join(choices)}")
        return value

    def query_number(self, name: str, low: int = 0) -> int | None:
        value = self.query(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"{name} should be an integer")
        if int(value) < low:
            raise refuse("out_of_range", f"{name} is out of range")
        return int(value)

    def query_numbers(self, name: str) -> list[int]:
        values = [part for value in self.request.query.get(name, []) for part in value.split(",")]
        numbers = [as_id(value) for value in values]
        if None in numbers:
            raise invalid(f"{name} should be a list of integers")
        return [number for number in numbers if number is not None]

    def query_flag(self, name: str) -> bool | None:
        value = self.query(name, ("true", "false"))
        return None if value is None else value == "true"

    def query_stamp(self, name: str) -> float | None:
        value = self.query(name)
        return None if value is None else read_stamp(value, name)

    def page(self, default: int, maximum: int) -> Page:
        limit, offset = self.query_number("limit"), self.query_number("offset")
        if limit is not None and limit > maximum:
            raise refuse("out_of_range", "Limit exceeds max value")
        newest_first = self.query("sort", ("asc", "desc")) != "asc"
        return Page(default if limit is None else limit, offset or 0, newest_first)

    def days(self, most: int, *, with_days: bool = False) -> tuple[float, float]:
        """The window asked for in the query, see `read_window`."""
        days = self.query_number("days", low=1) if with_days else None
        return read_window(self.now, most, self.query("startDate"), self.query("endDate"), days)

    def fields(self) -> Fields:
        try:
            return Fields(json.loads(self.request.body))
        except (ValueError, RecursionError):
            raise refuse("bad_request", "Input must be a valid JSON object") from None

    def id(self, name: str) -> int:
        value = as_id(self.args[name])
        if value is None:
            raise invalid(f"{name} should be an integer")
        return value


def local_time(at: float, account: Account) -> str:
    """As webhook dates show it: the account's own zone, without saying which."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=account.utc_offset)).strftime(
        "%Y-%m-%d %H:%M:%S"
    )
