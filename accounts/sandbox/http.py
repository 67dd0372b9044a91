"""What a provider is built from: requests, replies, refusals and routes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, quote, unquote

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 207: "Multi-Status", 302: "Found", 400: "Bad Request",
    401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable",
}  # fmt: skip


class ConnectionDropped(Exception):  # noqa: N818
    """The connection ends here without a (further) byte. A server closes the socket; in process it reaches the caller."""


@dataclass(slots=True)
class Request:
    method: str
    path: str  # as it came, still percent-encoded, so that an encoded slash stays part of its segment
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case
    body: bytes
    base_url: str  # scheme and host the caller used: what we hand out in links

    @classmethod
    def from_environ(cls, environ: Mapping[str, Any]) -> "Request":
        raw = environ.get("RAW_URI") or quote(environ.get("PATH_INFO", "/").encode("latin-1"))
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}"
        return cls(
            method=environ["REQUEST_METHOD"].upper(),
            path=raw.partition("?")[0],
            query=parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True),
            headers=headers,
            body=environ["wsgi.input"].read(length) if length else b"",
            base_url=f"{environ.get('wsgi.url_scheme', 'http')}://{host}",
        )

    def readable_body(self) -> Any:
        """The body as a log should hold it: JSON when it is JSON, else text, never more than 64 kB."""
        if len(self.body) > 65536:
            return f"{self.body[:2000].decode('utf-8', 'replace')}… ({len(self.body)} bytes)"
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


@dataclass(slots=True)
class Reply:
    status: int = 200
    body: Any = None  # answered as JSON; None is an empty body
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None  # instead of `body`, with its own content type

    def payload(self) -> bytes:
        if self.content is not None:
            return self.content
        if self.body is None:
            return b""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()

    def header_list(self, length: int) -> list[tuple[str, str]]:
        headers = {"Content-Type": "application/json; charset=utf-8"} if self.body is not None else {}
        headers |= self.headers
        if self.status != 204:
            headers["Content-Length"] = str(length)
        return list(headers.items())

    def status_line(self) -> str:
        return f"{self.status} {REASONS.get(self.status, 'Status')}"


class Refusal(Exception):  # noqa: N818
    """The provider's no: raised anywhere below a route, answered as it stands."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.reply = Reply(status, body)


Call = TypeVar("Call")
Handler = Callable[[Call], Reply]


class Routes(Generic[Call]):
    """A table of handlers by method and path pattern (`/contacts/{identifier}`); the first match wins."""

    def __init__(self) -> None:
        self.table: list[tuple[str, re.Pattern[str], Handler[Call]]] = []

    def route(self, method: str, pattern: str) -> Callable[[Handler[Call]], Handler[Call]]:
        compiled = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "/?")

        def add(handler: Handler[Call]) -> Handler[Call]:
            self.table.append((method, compiled, handler))
            return handler

        return add

    def find(self, method: str, path: str) -> tuple[Handler[Call], dict[str, str]] | None:
        """The handler and its decoded path arguments; None for an unknown path. Raises LookupError on a wrong method."""
        known = False
        for route_method, pattern, handler in self.table:
            if match := pattern.fullmatch(path):
                if route_method == method:
                    return handler, {name: unquote(value) for name, value in match.groupdict().items()}
                known = True
        if known:
            raise LookupError(method)
        return None

    def include(self, *others: "Routes[Call]") -> None:
        for other in others:
            self.table += other.table
