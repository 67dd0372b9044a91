"""The provider's dialect: refusals, and reading what callers send."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from accounts.sandbox.http import Refusal, Request
from accounts.sandbox.leadfox.dates import read_stamp
from accounts.sandbox.leadfox.state import JSON, Account
from accounts.sandbox.store import Store

EMAIL = re.compile(r"[^@\s,;<>\"|]{1,64}@[^@\s,;<>\"|]+\.[^@\s,;<>\".|]+")
OBJECT_ID = re.compile(r"[0-9a-f]{24}")
T = TypeVar("T")


def refuse(message: str, *, status: int = 400) -> Refusal:
    """The shape of errors is not published; the one known client looks for `error`."""
    return Refusal(status, {"error": message})


def taken(message: str) -> Refusal:
    """No status is published for what is there already."""
    return refuse(message, status=409)


def not_found(what: str) -> Refusal:
    return refuse(f"{what} not found", status=404)


def read_email(value: str) -> str:
    """The address in lower case, as it is kept."""
    if not EMAIL.fullmatch(value):
        raise refuse("email is not valid")
    return value.lower()


class Fields:
    """A JSON object read field by field. Wrong types are refused, null among them; unknown fields are ignored."""

    def __init__(self, data: Any, where: str = "") -> None:
        if not isinstance(data, dict):
            raise refuse(f"{where or 'The body'} must be a JSON object")
        self.data: Mapping[str, Any] = data
        self.where = f"{where}." if where else ""

    def has(self, name: str) -> bool:
        return name in self.data

    def require(self, *names: str) -> None:
        for name in names:
            if self.data.get(name) in (None, ""):
                raise refuse(f"{self.where}{name} is required")

    def _get(self, name: str, kind: type | tuple[type, ...], what: str) -> Any:
        value = self.data.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise refuse(f"{self.where}{name} must be {what}")
        return value

    def text(self, name: str, choices: Collection[str] = ()) -> str:
        value: str = self._get(name, str, "a string")
        if choices and value not in choices:
            raise refuse(f"{self.where}{name} must be one of {', '.join(choices)}")
        return value

    def texts(self, names: Iterable[str]) -> dict[str, str]:
        """Those of the names that are there."""
        return {name: self.text(name) for name in names if self.has(name)}

    def number(self, name: str) -> float:
        value: float = self._get(name, (int, float), "a number")
        return value

    def moment(self, name: str) -> float:
        try:
            return read_stamp(self.text(name))
        except ValueError:
            raise refuse(f"{self.where}{name} must be an ISO 8601 date and time with its zone") from None

    def inner(self, name: str) -> "Fields":
        return Fields(self.data.get(name), self.where + name)

    def items(self, name: str) -> list["Fields"]:
        rows = self._get(name, list, "an array")
        return [Fields(row, f"{self.where}{name}[{n}]") for n, row in enumerate(rows)]

    def only(self, *names: str) -> None:
        """Refuse everything else: where a word we do not know could change who is written to."""
        if unknown := sorted(set(self.data) - set(names)):
            raise refuse(f"{self.where}{unknown[0]} is not known")


def read_body(request: Request) -> Fields:
    try:
        return Fields(json.loads(request.body))
    except (ValueError, RecursionError):
        raise refuse("The body must be a JSON object") from None


@dataclass(slots=True)
class Call:
    """One authenticated request to one account."""

    account: Account
    store: Store
    request: Request
    args: dict[str, str]
    now: float

    def query(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, [default])[-1]

    def query_number(self, name: str, default: int, *, low: int) -> int:
        text = self.query(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < low:
            raise refuse(f"{name} must be a whole number from {low}")
        return int(text)

    def query_moment(self, name: str, default: float) -> float:
        try:
            return read_stamp(self.query(name)) if self.query(name) else default
        except ValueError:
            raise refuse(f"{name} must be an ISO 8601 date and time with its zone") from None

    def fields(self) -> Fields:
        return read_body(self.request)

    def find(self, table: Mapping[str, T], what: str, argument: str = "id") -> T:
        """The row the path names."""
        row = table.get(self.args[argument])
        if row is None:
            raise not_found(what)
        return row


def known(table: Mapping[str, JSON], fields: Fields, name: str) -> str:
    """The id that `name` holds, which must be one of the table's."""
    value = fields.text(name)
    if value not in table:
        raise refuse(f"{fields.where}{name} does not exist")
    return value
