"""The provider's dialect: error bodies, ids, times, and reading what callers send."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accounts.sandbox.emailcampaigns.state import JSON, Account
from accounts.sandbox.http import Refusal, Request
from accounts.sandbox.store import Store

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")


def refuse(status: int, detail: str) -> Refusal:
    return Refusal(status, {"detail": detail})


def not_found() -> Refusal:
    return refuse(404, "Not found.")


def invalid(name: str, complaint: str) -> Refusal:
    """Field → messages; a field inside another is named by both, with a dot."""
    return Refusal(400, {name: [complaint]})


def missing(name: str) -> Refusal:
    return invalid(name, "This field is required.")


def stamp(at: float) -> str:
    """Microseconds and no offset: UTC."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def oid(account: Account, number: int) -> dict[str, str]:
    return {"$oid": account.id_of(number)}


class Fields:
    """A JSON object read field by field. Unknown fields are ignored, null counts as absent."""

    def __init__(self, data: Any, where: str = "") -> None:
        if not isinstance(data, dict):
            raise invalid(where or "non_field_errors", "Invalid data. Expected a dictionary.")
        self.data: Mapping[str, Any] = data
        self.where = f"{where}." if where else ""

    def _get(self, name: str) -> Any:
        value = self.data.get(name)
        if value is None:
            raise missing(self.where + name)
        return value

    def inner(self, name: str) -> "Fields":
        return Fields(self._get(name), self.where + name)

    def text(self, name: str, choices: Collection[str] = ()) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "Not a valid string.")
        if not value.strip():
            raise self.wrong(name, "This field may not be blank.")
        if choices and value not in choices:
            raise self.wrong(name, f'"{value}" is not a valid choice.')
        return value

    def email(self, name: str) -> str:
        value = self.text(name)
        if not EMAIL.fullmatch(value):
            raise self.wrong(name, "Enter a valid email address.")
        return value.lower()

    def index(self, name: str) -> int:
        """A column counted from 0."""
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.wrong(name, "A valid column index is required.")
        return value

    def reference(self, name: str, account: Account, table: Mapping[int, Any]) -> Any:
        """The record that `{"$oid": …}` names."""
        value = self._get(name)
        record_id = value.get("$oid") if isinstance(value, dict) else None
        record = table.get(account.number_of(record_id)) if isinstance(record_id, str) else None
        if record is None:
            raise self.wrong(name, "Invalid id: object does not exist.")
        return record

    def wrong(self, name: str, complaint: str) -> Refusal:
        return invalid(self.where + name, complaint)


@dataclass(slots=True)
class Call:
    """One authenticated request to one account."""

    account: Account
    store: Store
    request: Request
    now: float

    def query(self, name: str) -> str:
        return self.request.query.get(name, [""])[-1]

    def fields(self) -> Fields:
        if self.request.headers["content-type"].partition(";")[0].strip().lower() != "application/json":
            raise refuse(415, "Unsupported media type in request.")
        try:
            return Fields(json.loads(self.request.body))
        except (ValueError, RecursionError):
            raise refuse(400, "JSON parse error") from None

    def found(self, table: Mapping[int, Any]) -> Any:
        """The record of the query's `_id`. Without one it is a 400, with one unknown or malformed a 404."""
        if not self.query("_id"):
            raise missing("_id")
        record = table.get(self.account.number_of(self.query("_id")))
        if record is None:
            raise not_found()
        return record


def record_wire(account: Account, record: Any, **shown: JSON) -> dict[str, JSON]:
    """What every record shows, around its own fields."""
    ids = {"$_id": oid(account, record.number), "client_id": oid(account, 0)}
    times = {"created_on": stamp(record.created_at), "modified_on": stamp(record.modified_at)}
    return ids | shown | times
