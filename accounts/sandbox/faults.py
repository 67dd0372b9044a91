"""Faults on order: the ways a reply can go wrong between a provider and its caller."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from accounts.sandbox.http import ConnectionDropped, Reply, Request

KINDS = (
    "status",
    "drop_before",
    "drop_after",
    "fail_after",
    "hang",
    "hang_after",
    "slow",
    "garbage",
    "html",
    "truncate",
    "drip",
)
BEFORE = (
    "status",
    "drop_before",
    "hang",
    "garbage",
    "html",
)  # the call does no work; with the others it does

HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Fault:
    kind: str
    provider: str = ""
    account: str = ""
    method: str = ""
    path: str = ""  # prefix, or a glob when it holds a `*`; with or without the provider's slug and version
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 60.0  # hang and slow: how long; drip: between two bytes
    times: int = 1  # 0: until cleared

    def matches(self, provider: str, account: str, request: Request) -> bool:
        wanted = (self.provider, provider), (self.account, account), (self.method.upper(), request.method)
        return all(mine in ("", theirs) for mine, theirs in wanted) and self._path_matches(request.path)

    def _path_matches(self, path: str) -> bool:
        """`path` is full (`/brevo/v3/contacts`); `/v3/contacts` and `/contacts` name it too."""
        tails = ["/" + "/".join(path.split("/")[n:]) for n in (1, 2, 3)]
        if "*" in self.path:
            return any(fnmatchcase(tail, self.path) for tail in tails)
        return any(tail.startswith(self.path) for tail in tails)

    def before(self, wait: Callable[[float], Any]) -> Reply | None:
        """What answers in place of the provider, without any work done; None to let it work."""
        if self.kind == "status":
            return self.failure()
        if self.kind == "html":
            return Reply(self.status, headers={"Content-Type": "text/html"} | self.headers, content=HTML)
        if self.kind == "garbage":
            return Reply(
                200,
                headers={"Content-Type": "application/json"} | self.headers,
                content=b'\x00\xff{"id": <oops',
            )
        if self.kind in ("hang", "slow"):
            wait(self.seconds)
        if self.kind in ("hang", "drop_before"):
            raise ConnectionDropped(self.kind)
        return None

    def failure(self) -> Reply:
        """The reply of the kinds `status` and `fail_after`."""
        body = (
            self.body
            if self.body is not None
            else {"code": "internal_error", "message": "Something went wrong"}
        )
        return Reply(self.status, body, headers=dict(self.headers))

    def after(self, payload: bytes, wait: Callable[[float], Any]) -> Iterator[bytes]:
        """The body as it leaves once the work is done. Its announced length is that of `payload`."""
        if self.kind == "hang_after":
            wait(self.seconds)
        if self.kind in ("drop_after", "hang_after"):
            raise ConnectionDropped(self.kind)
        if self.kind == "truncate":
            yield payload[: len(payload) // 2]
            raise ConnectionDropped(self.kind)
        if self.kind == "drip":
            for n in range(len(payload)):
                yield payload[n : n + 1]
                wait(self.seconds)
            return
        yield payload


def take(faults: list[Fault], provider: str, account: str, request: Request) -> Fault | None:
    """The first fault for this call, counted down."""
    for fault in faults:
        if fault.matches(provider, account, request):
            if fault.times == 1:
                faults.remove(fault)
            elif fault.times:
                fault.times -= 1
            return fault
    return None
