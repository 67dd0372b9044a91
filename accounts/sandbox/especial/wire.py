"""The provider's dialect: error bodies, envelopes, paging, the two small query languages, and what callers send."""

import base64
import binascii
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from accounts.sandbox.especial.shapes import JSON, LAST_SECOND, Faults, Kind, Shape, Where
from accounts.sandbox.especial.state import Account
from accounts.sandbox.http import Refusal, Reply, Request
from accounts.sandbox.store import Store

T = TypeVar("T")

PER_PAGE = 50
MOST_PER_PAGE = 100  # no maximum is documented; nothing promises more than this
FOREIGN_ACCOUNT = 8004  # `code` of a 400: an account the token may not act on


def refuse(message: str, *where: str, code: int | None = None, status: int = 400) -> Refusal:
    item: dict[str, JSON] = {"msg": message, "type": "bad_request"}
    if where:
        item = {"loc": list(where)} | item
    if code is not None:
        item["code"] = code
    return Refusal(status, {"detail": [item]})


def unauthorized(message: str) -> Refusal:
    return Refusal(401, {"detail": [{"msg": message, "type": "unauthorized"}]})


def forbidden(message: str) -> Refusal:
    return Refusal(403, {"detail": [{"msg": message, "type": "forbidden"}]})


def invalid(*where: str | int, message: str, kind: str = "value_error") -> Refusal:
    return Refusal(422, {"detail": [{"loc": list(where), "msg": message, "type": kind}]})


def seconds(at: float | None) -> int | None:
    return None if at is None else int(at)


def single(data: JSON) -> Reply:
    return Reply(200, {"data": data})


def done(kind: str, flag: str, **more: JSON) -> Reply:
    """The answer to most changes: which object, and that it was done. `id`, `data` and the like come as `more`."""
    return Reply(200, {"object": kind, flag: True} | more)


def created(kind: str, **more: JSON) -> Reply:
    return Reply(201, {"object": kind, "created": True} | more)


@dataclass(slots=True)
class Page:
    number: int
    size: int
    counted: bool

    def cut(self, rows: Sequence[T]) -> Sequence[T]:
        return rows[(self.number - 1) * self.size : self.number * self.size]

    def head(self, count: int) -> dict[str, JSON]:
        return {"count": count if self.counted else None, "page": self.number, "per_page": self.size}


@dataclass(slots=True)
class Call:
    """One request to one account, with the account it acts on already found."""

    account: Account
    store: Store
    request: Request
    args: dict[str, str]
    now: float

    def query(self, name: str) -> str | None:
        return self.request.query.get(name, [None])[-1]

    def query_number(self, name: str, least: int | None = None, most: int | None = None) -> int | None:
        value = self.query(name)
        return None if value is None else _whole(value, ("query", name), least, most)

    def query_flag(self, name: str, default: bool = False) -> bool:
        """The vendor's own clients write `1` and `0`, others `true` and `false`."""
        value = self.query(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false", "1", "0"):
            message = "value could not be parsed to a boolean"
            raise invalid("query", name, message=message, kind="type_error.bool")
        return value.lower() in ("true", "1")

    def query_choice(self, name: str, choices: Collection[str], default: str) -> str:
        value = self.query(name)
        if value is not None and value not in choices:
            message = "value is not a valid enumeration member"
            raise invalid("query", name, message=message, kind="type_error.enum")
        return default if value is None else value

    def id(self, name: str, least: int = 1) -> int:
        return _whole(self.args[name], ("path", name), least, None)

    def path_text(self, name: str, kind: Kind) -> str:
        faults = Faults()
        value: str = kind.read(self.args[name], ("path", name), faults)
        _raise(faults)
        return value

    def body(self, shape: Shape, *, optional: bool = False) -> dict[str, JSON]:
        if optional and not self.request.body.strip():
            return {}
        try:
            data = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise invalid("body", message="the body is not JSON", kind="value_error.jsondecode") from None
        faults = Faults()
        read: dict[str, JSON] = shape.read(data, ("body",), faults)
        _raise(faults)
        return read

    def page(self) -> Page:
        size = self.query_number("per_page", least=1)
        if size is not None and size > MOST_PER_PAGE and self.account.limits:
            message = f"ensure this value is less than or equal to {MOST_PER_PAGE}"
            raise invalid("query", "per_page", message=message, kind="value_error.number.not_le")
        return Page(self.query_number("page", least=1) or 1, size or PER_PAGE, self.query_flag("with_count"))

    def window(self) -> tuple[float, float]:
        """[start, end] as asked for; both may be left out."""
        start = self.query_number("start_time", 1, LAST_SECOND)
        end = self.query_number("end_time", 1, LAST_SECOND)
        return start or 0, LAST_SECOND if end is None else end

    def filters(self, *terms: str) -> dict[str, str]:
        """`term==value;term==value`. There is one operator and no way to write a `;` inside a value."""
        found: dict[str, str] = {}
        for part in (self.query("filter") or "").split(";"):
            if not part:
                continue
            term, operator, value = part.partition("==")
            if not operator or re.search(r"[^\w]", term):
                raise refuse(f"Invalid filter: {part}", "query", "filter")
            if term not in terms:
                raise refuse(f"Invalid filter term: {term}", "query", "filter")
            found[term] = value
        return found

    def order(self, *terms: str, default: str = "") -> tuple[str, bool]:
        """The term to sort by and whether downwards; an empty term when none was asked for.

        A `+` that was not encoded arrives as a space, which is no direction.
        """
        value = self.query("sort")
        if not value:
            return default, False
        term = value[1:] if value[0] in "+-" else value
        if term not in terms:
            raise refuse(f"Invalid sort term: {term}", "query", "sort")
        return term, value[0] == "-"

    def missing(self, what: str) -> Refusal:
        return refuse(f"{what} not found", status=self.account.missing_status)

    def collection(self, rows: Sequence[T], wire: Callable[[T], JSON], page: Page | None = None) -> Reply:
        page = page or self.page()
        data = [wire(row) for row in page.cut(rows)]
        return Reply(200, {"pagination": page.head(len(rows)), "data": data})


def _raise(faults: Faults) -> None:
    if faults.items:
        raise Refusal(422, {"detail": faults.items})


def _whole(value: str, where: Where, least: int | None, most: int | None) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise invalid(*where, message="value is not a valid integer", kind="type_error.integer")
    number = int(value)
    if least is not None and number < least:
        message = f"ensure this value is greater than or equal to {least}"
        raise invalid(*where, message=message, kind="value_error.number.not_ge")
    if most is not None and number > most:
        message = f"ensure this value is less than or equal to {most}"
        raise invalid(*where, message=message, kind="value_error.number.not_le")
    return number


def ordered(rows: Iterable[T], order: tuple[str, bool], key: Callable[[T, str], Any]) -> list[T]:
    """Rows by the term asked for. What has no value stands first, equal rows keep their order."""
    term, downwards = order
    if not term:
        return list(rows)

    def sortable(row: T) -> tuple[bool, Any]:
        value = key(row, term)
        return value is not None, value.lower() if isinstance(value, str) else value or 0

    return sorted(rows, key=sortable, reverse=downwards)


def attribute(row: Any, term: str) -> Any:
    """The key of rows whose attributes are called as the terms are."""
    return getattr(row, term)


# A cursor says where a page begins or ends, in a form only the server reads.
def write_cursor(kind: str, at: int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{at}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[str, int]:
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        plain = ""
    match = re.fullmatch(r"(after|before|from):([0-9]{1,18})", plain)
    if match is None:
        raise refuse("Invalid cursor", "query", "cursor")
    return match.group(1), int(match.group(2))


def cut_by_cursor(
    call: Call, rows: Sequence[T], key: Callable[[T], int] | None
) -> tuple[Sequence[T], dict[str, JSON]]:
    """A page of rows by `cursor` or by `page`, and its pagination. `key`: an id by which the rows ascend, so that a cursor
    can name one and holds its place while rows come and go; without it a cursor counts.

    A page found by its number has cursors too, so that a caller may go on with them.
    """
    page, cursor = call.page(), call.query("cursor")
    if cursor is not None and call.query("page") is not None:
        raise refuse("Send either page or cursor", "query", "cursor")
    start = (page.number - 1) * page.size
    if cursor:
        kind, start = read_cursor(cursor)
        if (key is None) != (kind == "from"):
            raise refuse("Invalid cursor", "query", "cursor")  # one of another order
        if key and kind == "after":
            start = bisect_right(rows, start, key=key)
        elif key:
            start = max(0, bisect_left(rows, start, key=key) - page.size)
        page.number = 1
    chosen = rows[start : start + page.size]
    following = previous = None
    if start + page.size < len(rows):
        following = write_cursor("after", key(chosen[-1])) if key else write_cursor("from", start + page.size)
    if start and chosen:
        previous = (
            write_cursor("before", key(chosen[0])) if key else write_cursor("from", max(0, start - page.size))
        )
    return chosen, page.head(len(rows)) | {"cursor": {"previous": previous, "next": following}}
