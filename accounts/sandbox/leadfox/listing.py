"""Every collection is read the same way: `filters`, `sort`, `fields`, `skip`, `limit`; a plain array without a total.

A walk page by page would filter and sort the whole collection again for each page. What was chosen is therefore kept
until something changes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from accounts.sandbox.http import Reply
from accounts.sandbox.leadfox.dates import looks_like_stamp, read_stamp, stamp
from accounts.sandbox.leadfox.state import JSON, MOST_WALKS, Account, Row
from accounts.sandbox.leadfox.wire import Call, refuse

AnyRow = TypeVar("AnyRow", bound=Row)

COMPARISON = re.compile(r"\s*([\w.-]+)\s*(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
EXISTENCE = re.compile(r"\s*([\w.-]+)\s+exists\s+(true|false)\s*")
FILTERS = re.compile(r"filters(\[\d*\])?")  # one published client numbers its conditions
ORDER: dict[str, Callable[[JSON, JSON], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


@dataclass(slots=True)
class Wanted:
    """One value of a condition, and what else it may mean."""

    text: str
    number: float | None = field(init=False)
    stamp: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.number, self.stamp = _number(self.text), None
        with suppress(ValueError):
            self.stamp = stamp(read_stamp(self.text))

    def equals(self, value: JSON) -> bool:
        text = _text(value)
        return text == self.text or (text == self.stamp and looks_like_stamp(text))

    def holds(self, operator: str, value: JSON) -> bool:
        """Dates are compared as dates, numbers as numbers even where they are kept as text, all else as text."""
        text, compare = _text(value), ORDER[operator]
        if self.stamp is not None and looks_like_stamp(text):
            return compare(text, self.stamp)
        number = _number(text) if self.number is not None else None
        return compare(number, self.number) if number is not None else compare(text, self.text)


@dataclass(slots=True)
class Condition:
    path: tuple[str, ...]
    operator: str
    wanted: list[Wanted]

    def holds(self, account: Account, row: Row) -> bool:
        found = values_at(account, row, self.path)
        match self.operator:
            case "exists":
                return bool(found) == (self.wanted[0].text == "true")
            case "=":
                return any(one.equals(value) for value in found for one in self.wanted)
            case "!=":
                return not any(one.equals(value) for value in found for one in self.wanted)
        return any(one.holds(self.operator, value) for value in found for one in self.wanted)

    def equal_to(self, *path: str) -> list[str] | None:
        """The values this path must equal, if that is what the condition says: a table may look them up."""
        return [one.text for one in self.wanted] if (self.operator, self.path) == ("=", path) else None


def _text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def values_at(account: Account, row: Row, path: tuple[str, ...]) -> list[JSON]:
    """All values a dotted path leads to. Arrays are looked into, what is missing or null is not there."""
    head = path[0]
    value = row.id if head == "_id" else account.client_id if head == "_owner" else row.get(head)
    found = value if isinstance(value, list) else [value]
    for name in path[1:]:
        found = [item.get(name) for item in found if isinstance(item, dict)]
        found = [item for value in found for item in (value if isinstance(value, list) else [value])]
    return [value for value in found if value is not None]


def read_conditions(text: str) -> list[Condition]:
    """`,` stands between conditions and `|` between values; nothing is known that would escape either."""
    return [_condition(part) for part in text.split(",")] if text.strip() else []


def _condition(text: str) -> Condition:
    if match := EXISTENCE.fullmatch(text):
        path, wanted, operator = match[1], match[2], "exists"
    elif match := COMPARISON.fullmatch(text):
        path, operator, wanted = match.groups()
    else:
        raise refuse(f"filters: cannot read {text.strip()!r}")
    return Condition(tuple(path.split(".")), operator, [Wanted(value.strip()) for value in wanted.split("|")])


def _sort(account: Account, rows: list[AnyRow], text: str) -> None:
    """The last name is sorted by first, so that the first one has the last word."""
    for name in reversed([part.strip() for part in text.split(",") if part.strip()]):
        path = tuple(name.removeprefix("-").split("."))
        rows.sort(key=partial(_sort_key, account, path), reverse=name.startswith("-"))


def _sort_key(account: Account, path: tuple[str, ...], row: Row) -> tuple[bool, str]:
    """What has no value comes first. Text is sorted by its code points."""
    if path == ("_id",):  # how every careful walk is sorted
        return True, row.id
    found = values_at(account, row, path)
    return (bool(found), _text(found[0]) if found else "")


def show(account: Account, row: Row, fields: Mapping[str, set[str]] | None = None) -> dict[str, JSON]:
    """The row as callers see it. `fields`: only these, of each only the inner names given, if any."""
    shown: dict[str, JSON] = {"_id": row.id, "_owner": account.client_id}
    for name in row.names():
        if fields is None:
            shown[name] = row.get(name)
        elif name in fields:
            shown[name] = _part(row.get(name), fields[name])
    return shown


def _part(value: JSON, names: set[str]) -> JSON:
    if not names:
        return value
    if isinstance(value, list):
        return [_part(item, names) for item in value]
    return {name: item for name, item in value.items() if name in names} if isinstance(value, dict) else value


def _fields(text: str) -> dict[str, set[str]] | None:
    chosen: dict[str, set[str]] = {}
    for name in filter(None, (part.strip() for part in text.split(","))):
        head, _, inner = name.partition(".")
        chosen.setdefault(head, set()).update({inner} - {""})
    return chosen or None


def page(call: Call, rows: Callable[[list[Condition]], Iterable[AnyRow]]) -> Reply:
    """One page. `rows` answers the collection, or less where it sees that a condition leaves only few."""
    account = call.account
    skip, limit = call.query_number("skip", 0, low=0), call.query_number("limit", 100, low=1)
    texts = [text for name, given in call.request.query.items() if FILTERS.fullmatch(name) for text in given]
    filters = ",".join(filter(None, texts))
    walk = (call.request.path, filters, call.query("sort"))
    chosen: list[AnyRow] | None = account.walks.get(walk)
    if chosen is None:
        conditions = read_conditions(filters)
        chosen = list(rows(conditions))
        for condition in conditions:
            chosen = [row for row in chosen if condition.holds(account, row)]
        _sort(account, chosen, call.query("sort"))
        if len(account.walks) >= MOST_WALKS:
            account.walks.clear()
        account.walks[walk] = chosen
    fields = _fields(call.query("fields"))
    return Reply(200, [show(account, row, fields) for row in chosen[skip : skip + limit]])
