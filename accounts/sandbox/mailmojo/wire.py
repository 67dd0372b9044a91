"""The provider's dialect: error bodies, dates, what a call may do, and reading what callers send."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from accounts.sandbox.http import Handler, Refusal, Reply, Request, Routes
from accounts.sandbox.mailmojo.state import JSON, Account
from accounts.sandbox.mailmojo.tokens import Token
from accounts.sandbox.store import Store

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")


def refuse(**errors: str) -> Refusal:
    """A 400. Only the existence of an "errors object" is documented: what it looks like is decided here alone."""
    return Refusal(
        400,
        {"message": "Validation failed", "errors": {name: [reason] for name, reason in errors.items()}},
    )


def not_found() -> Refusal:
    return Refusal(404, None)


def stamp(at: float) -> str:
    return _stamp(int(at))


@lru_cache(maxsize=100_000)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(at: float) -> str:
    return _stamp(int(at))[:10]


def read_stamp(text: str) -> float | None:
    """A date-time with `Z` or an offset, as seconds since 1970; None when it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo and "T" in text else None


def read_day(text: str) -> float | None:
    """A date as its first second (UTC); None when it is not one."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def is_email(value: str) -> bool:
    return bool(EMAIL.fullmatch(value))


def is_url(value: str) -> bool:
    return bool(re.fullmatch(r"https?://[^\s/]+(/\S*)?", value))


class Fields:
    """A JSON object read field by field. Unknown fields are ignored; wrong ones are gathered and refused together.

    `require` says what must be there, `check()` raises when anything was wrong. Of a field given as null, `has`
    is true and its value empty.
    """

    def __init__(self, data: Any, *require: str) -> None:
        if not isinstance(data, dict):
            raise Refusal(400, {"message": "The body must be a JSON object", "errors": {}})
        self.data: Mapping[str, Any] = data
        self.errors: dict[str, str] = {
            name: "This field is required." for name in require if data.get(name) in (None, "")
        }

    def has(self, name: str) -> bool:
        return name in self.data

    def wrong(self, name: str, reason: str) -> None:
        self.errors.setdefault(name, reason)

    def _get(self, name: str, kind: type, what: str, empty: Any) -> Any:
        value = self.data.get(name)
        if value is None:
            return empty
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.wrong(name, f"Must be {what}.")
            return empty
        return value

    def text(self, name: str) -> str:
        value: str = self._get(name, str, "a string", "")
        return value

    def email(self, name: str = "email") -> str:
        """The address in lower case, as the provider keeps it."""
        value = self.text(name)
        if value and not is_email(value):
            self.wrong(name, "Enter a valid e-mail address.")
        return value.lower()

    def url(self, name: str) -> str:
        value = self.text(name)
        if value and not is_url(value):
            self.wrong(name, "Enter a valid URL.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value: bool = self._get(name, bool, "a boolean", default)
        return value

    def number(self, name: str) -> int | None:
        value: int | None = self._get(name, int, "an integer", None)
        return value

    def mapping(self, name: str) -> dict[str, JSON]:
        return dict(self._get(name, dict, "an object", {}))

    def list_of(self, name: str, kind: type) -> list[Any]:
        value: list[Any] = self._get(name, list, "an array", [])
        if any(not isinstance(v, kind) or (isinstance(v, bool) and kind is not bool) for v in value):
            self.wrong(name, f"Must be an array of {kind.__name__}.")
            return []
        return value

    def check(self) -> None:
        if self.errors:
            raise refuse(**self.errors)


@dataclass(slots=True)
class Call:
    """One authenticated request to one account."""

    account: Account
    store: Store
    request: Request
    args: dict[str, str]
    now: float
    token: Token

    def query(self, name: str) -> str | None:
        return self.request.query.get(name, [None])[-1]

    def query_number(self, name: str) -> int | None:
        """A whole number above zero; anything else counts as not given, since these calls know no 400."""
        value = self.query(name) or ""
        return int(value) if re.fullmatch(r"[0-9]{1,9}", value) and int(value) else None

    def fields(self, *require: str) -> Fields:
        try:
            return Fields(json.loads(self.request.body or b"{}"), *require)
        except (ValueError, RecursionError):
            raise Refusal(400, {"message": "The body must be JSON", "errors": {}}) from None

    def id(self, name: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", self.args[name]):
            raise not_found()
        return int(self.args[name])

    def public_url(self, kind: str, number: int) -> str:
        return f"{self.request.base_url}/mailmojo/{kind}/{self.account.name}/{number}"


class Guarded(Routes[Call]):
    """Routes that ask for a scope: any one of those named opens the door."""

    def on(self, method: str, pattern: str, *scopes: str) -> Callable[[Handler[Call]], Handler[Call]]:
        add = self.route(method, pattern.removesuffix("/"))

        def guard(handler: Handler[Call]) -> Handler[Call]:
            def guarded(call: Call) -> Reply:
                if not call.token.scopes.intersection(scopes):
                    raise Refusal(403, None)
                return handler(call)

            add(guarded)
            return handler

        return guard
