"""Connections that end in time and lead only to addresses that were looked at, and to those very addresses."""

import io
import queue
import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from typing import Any, cast

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from accounts.providers.errors import Refused

CONNECT_SECONDS = 5.0


@dataclass(slots=True)
class Call:
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


CALL: ContextVar[Call] = ContextVar("provider_call")


class _TimedReader(io.RawIOBase):
    """Gives each read what is left of the call: a read time-out of its own never ends a dripping reply."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(CALL.get().left())
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
        self._sock.settimeout(CALL.get().left())
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
        call = CALL.get()
        call.may_have_left = False
        super().connect()
        call.may_have_left = True
        self.sock = _TimedSocket(self.sock)

    def _new_conn(self) -> socket.socket:
        call = CALL.get()
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
