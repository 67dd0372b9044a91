"""A threaded HTTP/1.1 server for one WSGI application, with keep-alive. It exists because wsgiref has neither."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from accounts.sandbox.http import ConnectionDropped


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a hanging reply must not delay the end
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.app = app
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """As the base class does, without asking the resolver for our own name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body, or Nagle and delayed acknowledgements cost 40 ms a call
    disable_nagle_algorithm = True
    timeout = 120  # idle connections

    def _serve(self) -> None:
        head: list[Any] = []
        try:
            chunks = iter(
                self.server.app(self._environ(), lambda status, headers: head.extend((status, headers)))
            )
            first = next(chunks, b"")
            code, _, reason = head[0].partition(" ")
            self.send_response_only(int(code), reason)
            for name, value in head[1]:
                self.send_header(name, value)
            self.send_header("Date", self.date_time_string())
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(first)
                for chunk in chunks:
                    self.wfile.flush()
                    self.wfile.write(chunk)
            self.wfile.flush()
        except ConnectionDropped:
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815

    def _environ(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        body = self._read_body()
        environ = {
            "REQUEST_METHOD": self.command,
            "RAW_URI": path,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": self.server.server_name,
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
        }
        return environ | {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()
        }

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: `/_control/log` has every call."""
