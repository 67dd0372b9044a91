"""The one HTTP client: every call to a provider leaves through `Client`, and every answer is judged here.

What it holds for all providers: a total deadline no server can stretch, a limit on what is read, no redirects,
connections only to addresses that were looked at, and one place where replies become errors (`_verdict`).
"""

import io
import json
import logging
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any, ClassVar, TypeVar, cast
from urllib.parse import quote, urlsplit

import ijson
import requests
import structlog
import urllib3
from urllib3.exceptions import NameResolutionError

from accounts.providers.base import Effect, Gate, OpenGate
from accounts.providers.bodies import Content
from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
)
from accounts.providers.records import Quota
from accounts.providers.sockets import CALL, CONNECT_SECONDS, Call, GuardedAdapter
from accounts.redaction import redact

TOTAL_SECONDS = 30.0
UPLOAD_SECONDS = 90.0
BODY_BYTES = 32 * 1024 * 1024
DOWNLOAD_BYTES = 200 * 1024 * 1024
# All people of a large account in one answer, on disk.
ROWS_BYTES = 2 * 1024 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
JSON_DEPTH = 64
# Repeats of a READ after no connection, a reset or a 5xx; all other repeating is the outbox's.
READ_REPEATS = 2
# When a 429 comes without a hint.
RETRY_AFTER_SECONDS = 60.0
EXCERPT_CHARACTERS = 300
NO_ADDRESS = "This is not a usable web address."

REPEATABLE = frozenset({Effect.READ, Effect.CONVERGE})

Result = TypeVar("Result")
logger = structlog.get_logger(__name__)
# Its own warnings hold whole addresses, with people's in them.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


# Replies


def parse_json(body: bytes) -> Any:
    """JSON of limited depth, without NaN and Infinity. Raises ValueError."""
    try:
        payload = _JSON.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [payload] if type(payload) in _NESTED else []
    for _ in range(JSON_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _NESTED
        ]
        if not level:
            return payload
    raise ValueError("nested too deeply")


# What JSON nests in. Asked of every value of every page: `type() in` costs a third of `isinstance`.
_NESTED = (dict, list)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


# Kept, since `json.loads` makes one for each call that has an option, and there is a call for each event.
_JSON = json.JSONDecoder(parse_constant=_no_constant)


def segment(value: object) -> str:
    """One part of a path, percent-encoded whole. Raises ValueError for what would leave its place."""
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} cannot stand in a path.")
    return quote(text, safe="")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def excerpt(self, secrets: Iterable[str]) -> str:
        text = " ".join(self.body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace").split())
        return redact(text, secrets=secrets)[:EXCERPT_CHARACTERS]

    def error_body(self) -> Mapping[str, Any] | None:
        """The provider's own error, or None: a proxy's page does not speak for the provider."""
        try:
            payload = parse_json(self.body)
        except ValueError:
            return None
        return payload if isinstance(payload, dict) else None


def _as_is(payload: Any) -> Any:
    return payload


def _json_or_nothing(body: bytes) -> Any:
    return parse_json(body) if body.strip() else None


def as_text(body: bytes) -> str:
    """For `parse=`: a reply that is a page or a file, not JSON."""
    return body.decode("utf-8", "replace")


class Client:
    """Calls to one account. A subclass names its provider's ways in the few methods after `call`."""

    provider: ClassVar[str]
    request_id_header: ClassVar[str] = "x-request-id"
    # Refusals that the provider sends without a body of its own.
    silent_refusals: ClassVar[frozenset[int]] = frozenset()

    def __init__(
        self,
        *,
        base_url: str,
        gate: Gate | None = None,
        secrets: Iterable[str] = (),
        private_addresses: Iterable[str] = (),
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.gate = gate or OpenGate()
        self.secrets = tuple(secret for secret in secrets if secret)
        self.private_addresses = frozenset(private_addresses)
        self.total_seconds = total_seconds
        self.session = requests.Session()
        # No proxies, netrc or certificate bundles from the environment; nothing remembered between calls.
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.headers["User-Agent"] = "Campanile"
        adapter = GuardedAdapter(pool_connections=2, pool_maxsize=8, max_retries=0)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)

    def call(
        self,
        operation: str,
        effect: Effect,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        is_upload: bool = False,
        read: Callable[[Any], Result] = _as_is,
        parse: Callable[[bytes], Any] = _json_or_nothing,
        headers: Mapping[str, str] | None = None,
        with_credentials: bool = True,
    ) -> Result:
        """Make one call and hand its JSON (None without a body) to `read`; what `read` cannot use is unexpected.

        `body` is sent as JSON, or as it is if it is Content; `headers` come on top. Repeats a READ a few times; each
        attempt passes the gate, so the account's limits see all of them.
        """
        if body is not None and not isinstance(body, Content):
            body = Content("application/json", json.dumps(body, ensure_ascii=False, allow_nan=False).encode())
        seconds = max(UPLOAD_SECONDS, self.total_seconds) if is_upload else self.total_seconds
        call = Call(time.monotonic() + seconds, self.private_addresses)

        def attempt() -> Result:
            rate_class = self.rate_class(path)
            with self._gate(rate_class) as passed:
                reply = self._exchange(
                    call,
                    operation,
                    effect,
                    method,
                    self.base_url + path,
                    query=query,
                    data=body.data if body else None,
                    headers={
                        **self._headers(body, parse, with_credentials=with_credentials),
                        **(headers or {}),
                    },
                )
                self._judge(passed, operation, effect, reply, rate_class)
                try:
                    return read(parse(reply.body))
                except (ValueError, TypeError, LookupError, AttributeError) as error:
                    passed.is_healthy = False
                    what = f"could not be read ({type(error).__name__})"
                    raise self._unexpected(operation, effect, reply, what) from None

        return self._repeated(call, effect, lambda: self.renewing(attempt) if with_credentials else attempt())

    def rows(
        self,
        operation: str,
        path: str,
        *,
        items: str = "item",
        query: Mapping[str, Any] | None = None,
        without: str = "",
    ) -> Iterator[Any]:
        """The elements of one long array, read from a file as they are asked for; memory does not grow with it.

        `items` is where they stand, in ijson's words: "item" for the array itself, "data.item" for one inside.
        `without`: a member of theirs that is passed over, such as a long list inside each.
        """
        call = Call(time.monotonic() + max(UPLOAD_SECONDS, self.total_seconds), self.private_addresses)

        def attempt() -> IO[bytes]:
            rate_class = self.rate_class(path)
            file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the reader closes it
            try:
                with self._gate(rate_class) as passed:
                    headers = self._headers(None, _json_or_nothing, with_credentials=True)
                    reply = self._exchange(
                        call, operation, Effect.READ, "GET", self.base_url + path,
                        query=query, headers=headers, sink=cast(IO[bytes], file), limit=ROWS_BYTES,
                    )  # fmt: skip
                    self._judge(passed, operation, Effect.READ, reply, rate_class)
            except BaseException:
                file.close()
                raise
            file.seek(0)
            return cast(IO[bytes], file)

        with self._repeated(call, Effect.READ, lambda: self.renewing(attempt)) as file:
            kind = b"[" if items.split(".")[0] == "item" else b"{"
            if file.read(64).lstrip()[:1] not in (kind, b""):
                what = "is not of the expected kind"
                raise self._unexpected(operation, Effect.READ, Reply(200, {}), what)
            file.seek(0)
            try:
                if without:
                    events = _passing_over(ijson.parse(file, use_float=True), items, without)
                    yield from ijson.items(events, items)
                else:
                    yield from ijson.items(file, items, use_float=True)
            except ijson.JSONError as error:
                what = f"could not be read ({type(error).__name__})"
                raise self._unexpected(operation, Effect.READ, Reply(200, {}), what) from None

    def _repeated(self, call: Call, effect: Effect, attempt: Callable[[], Result]) -> Result:
        token = CALL.set(call)
        try:
            for repeat in range(READ_REPEATS if effect is Effect.READ else 0):
                try:
                    return attempt()
                except (RateLimited, _Shut):
                    raise
                except Unavailable:
                    pause = random.uniform(0.1, 0.4) * 2**repeat  # noqa: S311 - jitter
                    if call.deadline - time.monotonic() < 2 * pause:
                        raise
                    time.sleep(pause)
            return attempt()
        finally:
            CALL.reset(token)

    def download(self, operation: str, url: str) -> IO[bytes]:
        """A file the provider pointed to, as an open temporary file. Its host gets no credentials of ours."""
        call = Call(time.monotonic() + UPLOAD_SECONDS, self.private_addresses)
        token = CALL.set(call)
        file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the caller closes it
        try:
            reply = self._exchange(call, operation, Effect.READ, "GET", url, sink=file, limit=DOWNLOAD_BYTES)
            error = self._verdict(operation, Effect.READ, reply)
            if error:
                raise error
        except BaseException:
            file.close()
            raise
        finally:
            CALL.reset(token)
        file.seek(0)
        return cast(IO[bytes], file)

    # What a provider's client overrides

    def credentials(self) -> Mapping[str, str]:
        """Headers that prove who we are."""
        return {}

    def renewing(self, attempt: Callable[[], Result]) -> Result:
        """Make the attempt, with new credentials if it is refused and there are such."""
        return attempt()

    def rate_class(self, path: str) -> str:
        return "general"

    def quota(self, headers: Mapping[str, str], rate_class: str) -> Quota | None:
        """What a reply's headers say of the limits."""
        return None

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        """The meaning of a 4xx with the provider's own error body."""
        return {404: Missing, 409: Conflict, 410: Missing}.get(status, Refused)

    def words(self, payload: Mapping[str, Any]) -> str:
        """The provider's explanation in an error body."""
        for name in ("message", "error_description", "detail", "error"):
            if isinstance(payload.get(name), str):
                return str(payload[name])
        return ""

    # One attempt

    @contextmanager
    def _gate(self, rate_class: str) -> "Iterator[_Passed]":
        """Stand in line, and tell the breaker afterwards whether the account is well."""
        self._enter(rate_class)
        passed = _Passed()
        try:
            yield passed
        except (Refused, Unauthorized):
            passed.is_healthy = True
            raise
        finally:
            self.gate.ended(healthy=passed.is_healthy)

    def _headers(
        self, body: Content | None, parse: Callable[[bytes], Any], *, with_credentials: bool
    ) -> dict[str, str]:
        headers = {"Accept": "application/json" if parse is _json_or_nothing else "*/*"}
        if with_credentials:
            headers |= self.credentials()
        if body is not None:
            headers["Content-Type"] = body.type
        return headers

    def _judge(
        self, passed: "_Passed", operation: str, effect: Effect, reply: Reply, rate_class: str
    ) -> None:
        """Remember what the reply says of the limits; raises what it means if it is no success."""
        if quota := self.quota(reply.headers, rate_class):
            self.gate.saw(quota)
        if error := self._verdict(operation, effect, reply):
            passed.is_healthy = isinstance(error, RateLimited)
            raise error
        passed.is_healthy = True

    def _enter(self, rate_class: str) -> None:
        try:
            self.gate.enter(rate_class)
        except Unavailable as error:
            if isinstance(error, RateLimited):
                raise
            raise _Shut(error.detail, provider=self.provider) from error

    def _exchange(
        self,
        call: Call,
        operation: str,
        effect: Effect,
        method: str,
        url: str,
        *,
        query: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        sink: IO[bytes] | None = None,
        limit: int = BODY_BYTES,
    ) -> Reply:
        """Send, then read all of the answer within the deadline and the limit."""
        started_at = time.monotonic()
        status, request_id = None, ""
        body = sink or io.BytesIO()
        call.may_have_left = False
        try:
            request = self._prepare(method, url, query, data, headers)
            if effect not in REPEATABLE:
                # An idle connection may close under our feet, and then nobody knows whether the request arrived.
                self.session.get_adapter(url).close()
            timeout = (CONNECT_SECONDS, call.left())
            # A kept connection does not connect again.
            call.may_have_left = True
            with self.session.send(request, timeout=timeout, allow_redirects=False, stream=True) as response:
                status = response.status_code
                request_id = response.headers.get(self.request_id_header, "")[:100]
                for chunk in response.iter_content(CHUNK_BYTES):
                    call.left()
                    body.write(chunk)
                    if body.tell() > limit:
                        reply = Reply(status, response.headers)
                        raise self._unexpected(operation, effect, reply, f"is longer than {limit} bytes")
            if sink is not None and status == 200:
                return Reply(status, response.headers)
            body.seek(0)
            return Reply(status, response.headers, body.read(BODY_BYTES))
        except ProviderError as error:
            error.provider, error.operation = self.provider, operation
            raise
        except requests.exceptions.InvalidURL:
            raise Refused(NO_ADDRESS, provider=self.provider, operation=operation) from None
        except (OSError, HTTPException, urllib3.exceptions.HTTPError) as error:
            kind, why = _lost(error, effect, may_have_left=call.may_have_left)
            # Without its cause: the text of those exceptions holds the whole address, with people's in it.
            raise kind(
                why, provider=self.provider, operation=operation, status=status, request_id=request_id
            ) from None
        finally:
            logger.info(
                "provider.call",
                provider=self.provider,
                operation=operation,
                status=status,
                ms=round((time.monotonic() - started_at) * 1000),
                request_id=request_id,
            )

    def _prepare(
        self,
        method: str,
        url: str,
        query: Mapping[str, Any] | None,
        data: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> requests.PreparedRequest:
        """Raises what a person can mend: an address or a key that cannot be one."""
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
                raise ValueError(url)
            request = self.session.prepare_request(requests.Request(method, url, params=query, data=data))
        except ValueError:
            raise Refused(NO_ADDRESS) from None
        for name, value in (headers or {}).items():
            if not (value.isascii() and value.isprintable()):
                raise Unauthorized("The credentials hold characters that no key has.")
            request.headers[name] = value
        return request

    def _verdict(self, operation: str, effect: Effect, reply: Reply) -> ProviderError | None:
        """What a complete answer means; None for success. The table of errors, row by row."""
        status = reply.status
        if 200 <= status < 300:
            return None
        context: dict[str, Any] = self._context(operation, reply)
        if status == 429:
            detail = self._explain(reply) or "The account's limit is reached."
            return RateLimited(detail, retry_after=self._retry_after(reply), **context)
        if status >= 500 or status == 408:
            if effect in REPEATABLE:
                return Unavailable(f"The provider's server failed. {self._explain(reply)}".strip(), **context)
            return OutcomeUnknown("The provider's server failed after it took the request.", **context)
        if status == 401:
            return Unauthorized(self._explain(reply) or "The credentials are refused.", **context)
        payload = reply.error_body()
        if payload is None and status in self.silent_refusals and not reply.body.lstrip().startswith(b"<"):
            payload = {}
        if status < 400 or payload is None:
            return self._unexpected(operation, effect, reply, "is not one of the provider's")
        kind = self.refusal(operation, status, payload)
        error = kind(self._explain(reply) or f"The provider refused ({status}).", **context)
        if isinstance(error, Refused):
            error.reply = payload
        return error

    def _unexpected(self, operation: str, effect: Effect, reply: Reply, what: str) -> ProviderError:
        excerpt = reply.excerpt(self.secrets)
        context = self._context(operation, reply)
        logger.error("provider.unexpected_reply", reply=excerpt, what=what, **context)
        detail = f"The answer {what}" + (f": {excerpt}" if excerpt else ".")
        if effect in REPEATABLE:
            return UnexpectedReply(detail, **context)
        return OutcomeUnknown(f"The work may have been done. {detail}", **context)

    def _context(self, operation: str, reply: Reply) -> dict[str, Any]:
        request_id = reply.headers.get(self.request_id_header, "")[:100]
        return {
            "provider": self.provider,
            "operation": operation,
            "status": reply.status,
            "request_id": request_id,
        }

    def _explain(self, reply: Reply) -> str:
        words = self.words(reply.error_body() or {})
        return redact(" ".join(words.split()), secrets=self.secrets)[:EXCERPT_CHARACTERS]

    def _retry_after(self, reply: Reply) -> float:
        """Seconds, from the provider's own headers, else Retry-After, else a minute."""
        quota = self.quota(reply.headers, "")
        now = datetime.now(UTC)
        moment = quota.reset_at if quota else None
        if moment is None:
            moment = _retry_after_header(reply.headers.get("retry-after", ""), now)
        if moment is None:
            return RETRY_AFTER_SECONDS
        return min(max((moment - now).total_seconds(), 1.0), 24 * 3600.0)


def _passing_over(events: Iterable[tuple[str, str, Any]], items: str, member: str) -> Iterator[Any]:
    """ijson's events without those of one member of each element."""
    place = f"{items}.{member}"
    inside = f"{place}."
    for event in events:
        prefix, kind, value = event
        if (
            prefix == place
            or prefix.startswith(inside)
            or (prefix == items and kind == "map_key" and value == member)
        ):
            continue
        yield event


@dataclass(slots=True)
class _Passed:
    is_healthy: bool = False


class _Shut(Unavailable):
    """The gate let nobody through; trying again at once would be pointless."""


def _retry_after_header(value: str, now: datetime) -> datetime | None:
    if value.isascii() and value.isdigit() and len(value) < 8:
        return now + timedelta(seconds=int(value))
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lost(error: Exception, effect: Effect, *, may_have_left: bool) -> tuple[type[ProviderError], str]:
    """The meaning of no answer: harmless before the request left or if it may be repeated, else unknown."""
    is_late = (
        isinstance(error, TimeoutError | requests.exceptions.Timeout) or "timed out" in str(error).lower()
    )
    if not may_have_left:
        if isinstance(error, requests.exceptions.SSLError):
            return Unavailable, "No secure connection could be made: the server's certificate or TLS failed."
        if isinstance(getattr(next(iter(error.args), None), "reason", None), NameResolutionError):
            return Unavailable, "The server's name could not be found."
        if is_late:
            return Unavailable, "No connection was made in time."
        return Unavailable, "No connection could be made."
    why = (
        "No complete answer came in time."
        if is_late
        else "The connection broke before a complete answer came."
    )
    return (Unavailable if effect in REPEATABLE else OutcomeUnknown), why
