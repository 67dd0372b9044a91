"""The one HTTP client: every call to a provider leaves through `Client`, and every answer is judged here.

What it holds for all providers: a total deadline no server can stretch, a limit on what is read, no redirects,
connections only to addresses that were looked at, and one place where replies become errors (`_verdict`).
"""

import io
import json
import logging
import queue
import random
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from typing import IO, Any, ClassVar, TypeVar, cast
from urllib.parse import quote, urlsplit

import requests
import structlog
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from accounts.providers.base import Effect, Gate, OpenGate
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
from accounts.redaction import redact

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
UPLOAD_SECONDS = 90.0
BODY_BYTES = 32 * 1024 * 1024
DOWNLOAD_BYTES = 200 * 1024 * 1024
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


# The deadline, and the addresses


@dataclass(slots=True)
class _Call:
    """What the sockets must know of the call under way."""

    deadline: float
    private_addresses: frozenset[str]
    # False until a connection stands, TLS included: what fails before then sent no byte of the request.
    may_have_left: bool = False

    def left(self) -> float:
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("The total deadline is reached.")
        return seconds


_CALL: ContextVar[_Call] = ContextVar("provider_call")


class _TimedReader(io.RawIOBase):
    """Gives each read what is left of the call: a read time-out of its own never ends a dripping reply."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_CALL.get().left())
        return cast(int | None, self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """A connected socket whose reads and writes end by the deadline of the call under way."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Any, *flags: int) -> None:
        self._sock.settimeout(_CALL.get().left())
        self._sock.sendall(data, *flags)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock))


# Global by the register, yet doors to any IPv4 address behind a translator or tunnel: NAT64, 6to4, Teredo.
_TUNNELS = (IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16"), IPv6Network("2001::/32"))


def is_public(address: str) -> bool:
    """Whether an IP address stands on the public internet and hides no other."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        if any(ip in tunnel for tunnel in _TUNNELS):
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """The host's socket addresses, asked once. In a thread, since the resolver keeps no deadline of ours."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise socket.gaierror("The name was not resolved in time.") from None
    if isinstance(answer, Exception):
        raise socket.gaierror(str(answer))
    return answer


class _GuardedConnection(HTTPConnection):
    """Connects only to addresses it has looked at, and to those very addresses: a second look-up could differ."""

    def connect(self) -> None:
        call = _CALL.get()
        call.may_have_left = False
        super().connect()
        call.may_have_left = True
        self.sock = _TimedSocket(self.sock)

    def _new_conn(self) -> socket.socket:
        call = _CALL.get()
        until = min(time.monotonic() + CONNECT_SECONDS, call.deadline)
        port = self.port or self.default_port
        name = f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"
        is_listed = name in call.private_addresses
        if not is_listed and not isinstance(self, HTTPSConnection):
            raise Refused(f"The address {name} must begin with https://.")
        try:
            found = _look_up(self._dns_host, port, until - time.monotonic())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        if not is_listed and not all(is_public(entry[4][0]) for entry in found):
            raise Refused(f"The address {name} is not on the public internet.")
        failure: OSError = OSError("The name has no address.")
        for waiting, (family, kind, protocol, _, address) in zip(
            range(len(found), 0, -1), found, strict=True
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                # A share each: an address that swallows everything must not use up the others' time.
                sock.settimeout(max((until - time.monotonic()) / waiting, 0.001))
                sock.connect(address)
                # The TLS handshake, which follows, shares what is left.
                sock.settimeout(max(until - time.monotonic(), 0.001))
                return sock
            except OSError as error:
                failure = error
                sock.close()
        raise NewConnectionError(self, f"No connection: {failure}") from failure


class _GuardedTlsConnection(_GuardedConnection, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedTlsConnection


class GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


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


class Client:
    """Calls to one account. A subclass names its provider's ways in the few methods after `call`."""

    provider: ClassVar[str]
    request_id_header: ClassVar[str] = "x-request-id"

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
    ) -> Result:
        """Make one call and hand its JSON (None without a body) to `read`; what `read` cannot use is unexpected.

        Repeats a READ a few times; each attempt passes the gate, so the account's limits see all of them.
        """
        data = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        seconds = max(UPLOAD_SECONDS, self.total_seconds) if is_upload else self.total_seconds
        call = _Call(time.monotonic() + seconds, self.private_addresses)
        token = _CALL.set(call)
        try:
            for repeat in range(READ_REPEATS if effect is Effect.READ else 0):
                try:
                    return self._attempt(call, operation, effect, method, path, query, data, read)
                except (RateLimited, _Shut):
                    raise
                except Unavailable:
                    pause = random.uniform(0.1, 0.4) * 2**repeat  # noqa: S311 - jitter
                    if call.deadline - time.monotonic() < 2 * pause:
                        raise
                    time.sleep(pause)
            return self._attempt(call, operation, effect, method, path, query, data, read)
        finally:
            _CALL.reset(token)

    def download(self, operation: str, url: str) -> IO[bytes]:
        """A file the provider pointed to, as an open temporary file. Its host gets no credentials of ours."""
        call = _Call(time.monotonic() + UPLOAD_SECONDS, self.private_addresses)
        token = _CALL.set(call)
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
            _CALL.reset(token)
        file.seek(0)
        return cast(IO[bytes], file)

    # What a provider's client overrides

    def credentials(self) -> Mapping[str, str]:
        """Headers that prove who we are."""
        return {}

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

    def _attempt(
        self,
        call: _Call,
        operation: str,
        effect: Effect,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        data: bytes | None,
        read: Callable[[Any], Result],
    ) -> Result:
        rate_class = self.rate_class(path)
        self._enter(rate_class)
        is_healthy = False
        try:
            headers = {"Accept": "application/json", **self.credentials()}
            if data is not None:
                headers["Content-Type"] = "application/json"
            reply = self._exchange(
                call, operation, effect, method, self.base_url + path, query=query, data=data, headers=headers
            )
            if quota := self.quota(reply.headers, rate_class):
                self.gate.saw(quota)
            if error := self._verdict(operation, effect, reply):
                is_healthy = isinstance(error, RateLimited | Refused | Unauthorized)
                raise error
            try:
                result = read(parse_json(reply.body) if reply.body.strip() else None)
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                what = f"could not be read ({type(error).__name__})"
                raise self._unexpected(operation, effect, reply, what) from None
            is_healthy = True
            return result
        except (Refused, Unauthorized):
            is_healthy = True
            raise
        finally:
            self.gate.ended(healthy=is_healthy)

    def _enter(self, rate_class: str) -> None:
        try:
            self.gate.enter(rate_class)
        except Unavailable as error:
            if isinstance(error, RateLimited):
                raise
            raise _Shut(error.detail, provider=self.provider) from error

    def _exchange(
        self,
        call: _Call,
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
