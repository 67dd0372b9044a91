"""Small servers on loopback that misbehave on purpose, one connection at a time."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket, bytes], None]


class Server:
    """Hands each request, read to its end, to `behave`; keeps what it was sent."""

    def __init__(
        self, behave: Behaviour, wrap: Callable[[socket.socket], socket.socket] | None = None
    ) -> None:
        self.behave = behave
        self.wrap = wrap
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self.wrap:
                connection = self.wrap(connection)
            with contextlib.closing(connection):
                while (request := _read_request(connection)) and not self.stopping.is_set():
                    self.requests.append(request)
                    self.behave(connection, request)

    def close(self) -> None:
        self.stopping.set()
        # Wakes the accept, which a plain close would leave waiting.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def serve(behave: Behaviour, **options: object) -> Iterator[Server]:
    server = Server(behave, **options)
    try:
        yield server
    finally:
        server.close()


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += (more := connection.recv(65536))
        if not more:
            return b""
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += (more := connection.recv(65536))
        if not more:
            break
    return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes = b"{}", *headers: str) -> Behaviour:
    """A whole reply, after which the connection stays open."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    payload = "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(payload)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour for each request; the last one stays."""
    waiting = list(behaviours)

    def behave(connection: socket.socket, request: bytes) -> None:
        (waiting.pop(0) if len(waiting) > 1 else waiting[0])(connection, request)

    return behave


def hang(connection: socket.socket, _request: bytes) -> None:
    """Say nothing until the other side leaves."""
    connection.recv(1)


def drip(before: bytes, drop: bytes, seconds: float = 0.05) -> Behaviour:
    """`before` at once, then a little at a time, for as long as anyone listens."""

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(before)
        pause = threading.Event()
        while True:
            connection.sendall(drop)
            pause.wait(seconds)

    return behave


def reset(connection: socket.socket, _request: bytes) -> None:
    """End with a RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def raw(payload: bytes) -> Behaviour:
    """Exactly these bytes, then the end."""

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(payload)
        connection.close()

    return behave
