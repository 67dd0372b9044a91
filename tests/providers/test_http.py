"""The one HTTP client against real sockets: what each misbehaviour becomes, and that none outlives the deadline."""

import gzip
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from accounts.providers import http, sockets
from accounts.providers.base import Effect
from accounts.providers.errors import (
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
from tests.providers.servers import Server, answer, drip, hang, in_turn, raw, reset, serve

READ, CONVERGE, CREATE, ONCE = Effect
SECRET = "sesame-open-4711"


class Acme(http.Client):
    provider = "acme"

    def credentials(self) -> dict[str, str]:
        return {"api-key": SECRET}


class Gate:
    """Remembers its visitors."""

    def __init__(self, *refusals: ProviderError) -> None:
        self.refusals = list(refusals)
        self.entered: list[str] = []
        self.health: list[bool] = []
        self.quotas: list[Quota] = []

    def enter(self, rate_class: str) -> None:
        self.entered.append(rate_class)
        if self.refusals:
            raise self.refusals.pop(0)

    def saw(self, quota: Quota) -> None:
        self.quotas.append(quota)

    def ended(self, *, healthy: bool) -> None:
        self.health.append(healthy)


def acme(server: Server | str, **options: object) -> Acme:
    if isinstance(server, Server):
        options = {"private_addresses": [server.address], **options}
        server = server.url
    return Acme(base_url=server, secrets=[SECRET], **{"total_seconds": 5.0, **options})


def failure(client: Acme, effect: Effect, method: str = "POST") -> ProviderError:
    method = "GET" if effect is READ else method
    with pytest.raises(ProviderError) as caught:
        client.call("doThing", effect, method, "/things", body=None if effect is READ else {"name": "Ana"})
    return caught.value


# What arrives


def test_call_sends_json_with_credentials_and_reads_json():
    with serve(answer("201 Created", b'{"id": 7}')) as server:
        result = acme(server).call("make", CREATE, "POST", "/things", query={"a": "+"}, body={"name": "Zoë"})

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert result == {"id": 7}
    assert head.startswith(b"POST /things?a=%2B HTTP/1.1")
    assert f"api-key: {SECRET}".encode() in head
    assert json.loads(body) == {"name": "Zoë"}


def test_reply_without_body_is_none():
    with serve(answer("204 No Content", b"")) as server:
        assert acme(server).call("set", CONVERGE, "PUT", "/things/1", body={}) is None


def test_compressed_reply_is_read():
    with serve(answer("200 OK", gzip.compress(b'{"id": 7}'), "Content-Encoding: gzip")) as server:
        assert acme(server).call("read", READ, "GET", "/") == {"id": 7}


def test_connection_is_kept_for_repeatable_calls_and_fresh_for_others():
    ports = []

    def behave(connection: socket.socket, request: bytes) -> None:
        ports.append(connection.getpeername()[1])
        answer("200 OK")(connection, request)

    with serve(behave) as server:
        client = acme(server)
        for effect, method in ((READ, "GET"), (READ, "GET"), (ONCE, "POST"), (CREATE, "POST")):
            client.call("thing", effect, method, "/", body=None)

    assert ports[0] == ports[1]
    assert len(set(ports[1:])) == 3


def test_one_client_serves_several_threads_each_with_its_own_deadline():
    behave = in_turn(hang, answer("200 OK", b'{"id": 7}'))
    with serve(behave) as server, ThreadPoolExecutor(8) as pool:
        client = acme(server, total_seconds=1.0)
        stuck = pool.submit(client.call, "set", CONVERGE, "PUT", "/", body={})
        while not server.requests:
            time.sleep(0.01)
        results = list(pool.map(lambda _: client.call("read", READ, "GET", "/"), range(40)))
        assert type(stuck.exception(timeout=5)) is Unavailable

    assert results == [{"id": 7}] * 40


def test_environment_proxies_and_cookies_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serve(answer("200 OK", b"{}", "Set-Cookie: a=b")) as server:
        client = acme(server)
        client.call("read", READ, "GET", "/")
        client.call("read", READ, "GET", "/")

    assert b"cookie" not in server.requests[1].lower()


# What goes wrong before the request left


@pytest.mark.parametrize("effect", Effect)
def test_refused_connection_leaves_no_byte(effect):
    with serve(hang) as server:
        pass
    error = failure(acme(server), effect)

    assert type(error) is Unavailable
    assert (error.provider, error.operation, error.status) == ("acme", "doThing", None)


@pytest.mark.parametrize("effect", Effect)
def test_unknown_name_leaves_no_byte(effect, monkeypatch):
    def look_up(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    error = failure(acme("https://nowhere.example"), effect)
    assert (type(error), error.detail) == (Unavailable, "The server's name could not be found.")


def test_deadline_spent_before_the_request_leaves_no_byte():
    with serve(answer("200 OK")) as server:
        assert type(failure(acme(server, total_seconds=0.0), ONCE)) is Unavailable

    assert server.requests == []


def test_resolver_that_hangs_ends_by_the_deadline(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: time.sleep(4))
    started_at = time.monotonic()

    assert type(failure(acme("https://slow.example", total_seconds=0.5), ONCE)) is Unavailable
    assert time.monotonic() - started_at < 2


def test_untrusted_certificate_leaves_no_byte(tmp_path):
    with serve(answer("200 OK"), wrap=Tls(tmp_path, "acme.test").wrap) as server:
        client = acme(f"https://{server.address}", private_addresses=[server.address])
        error = failure(client, ONCE)

    assert type(error) is Unavailable
    assert "certificate" in error.detail
    assert server.requests == []


def test_plain_server_behind_https_leaves_no_byte():
    def chat(connection: socket.socket) -> socket.socket:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return connection

    with serve(answer("200 OK"), wrap=chat) as server:
        client = acme(f"https://{server.address}", private_addresses=[server.address])
        assert type(failure(client, CREATE)) is Unavailable


# The address guard


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public(address):
    assert not sockets.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_that_are_public(address):
    assert sockets.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1",
        "https://127.0.0.1",
        "https://[::1]",
        "https://user:pw@1.1.1.1",
        "acme",
        "https://[::1",
        "https://exa mple.com",
        "ftp://1.1.1.1",
        "https://",
    ],
)
def test_unusable_addresses_are_refused_with_a_sentence(url):
    gate = Gate()
    error = failure(acme(url, gate=gate), ONCE)

    assert type(error) is Refused
    assert error.detail
    assert gate.health == [True]


@pytest.mark.parametrize("key", ["ключ", "two\nlines", "a\x00b"])
def test_key_that_no_header_can_hold_is_unauthorized(key):
    client = acme("https://acme.example")
    client.credentials = lambda: {"api-key": key}

    assert type(failure(client, READ)) is Unauthorized


def test_address_that_swallows_everything_leaves_time_for_the_next(monkeypatch):
    swallowing = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = swallowing.getsockname()[1]
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
    with serve(answer("200 OK", b'{"id": 7}')) as server:
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))
            for number in (port, server.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: both)
        assert acme(server, total_seconds=2.0).call("read", READ, "GET", "/") == {"id": 7}

    for each in (*fillers, swallowing):
        each.close()


def test_one_private_answer_among_public_ones_refuses_the_name(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: both)

    assert "public internet" in failure(acme("https://rebind.example"), READ).detail


def test_listed_address_covers_its_port_only():
    with serve(answer("200 OK")) as server:
        client = acme(server.url, private_addresses=["127.0.0.1:1"])
        assert type(failure(client, READ)) is Refused

    assert server.requests == []


def test_name_is_resolved_once_and_kept_for_tls(tmp_path, monkeypatch):
    names: list[str] = []
    tls = Tls(tmp_path, "acme.test", names)
    asked = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **options: int) -> list[object]:
        asked.append(host)
        return real("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with serve(answer("200 OK", b'{"id": 1}'), wrap=tls.wrap) as server:
        client = acme(f"https://acme.test:{server.port}", private_addresses=[f"acme.test:{server.port}"])
        client.session.verify = tls.certificate
        assert client.call("read", READ, "GET", "/") == {"id": 1}

    assert (asked, names) == (["acme.test"], ["acme.test"])
    assert f"Host: acme.test:{server.port}".encode() in server.requests[0]


# The deadline

STALLS = {
    "hang": hang,
    "drip of the head": drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "drip of heads": drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.1),
    "drip of the body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
    "drip of chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "drip of continues": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("effect", [READ, ONCE])
def test_no_reply_outlives_the_deadline(stall, effect):
    started_at = time.monotonic()
    with serve(stall) as server:
        error = failure(acme(server, total_seconds=0.6), effect)

    assert time.monotonic() - started_at < 3
    assert type(error) is (Unavailable if effect is READ else OutcomeUnknown)


def test_upload_nobody_reads_ends_by_the_deadline(monkeypatch):
    monkeypatch.setattr(http, "UPLOAD_SECONDS", 0.6)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    client = acme(f"http://{address}", private_addresses=[address], total_seconds=0.1)
    started_at = time.monotonic()
    with pytest.raises(Unavailable), listener:
        client.call("import", CONVERGE, "POST", "/", body="x" * 30_000_000, is_upload=True)

    assert 0.5 < time.monotonic() - started_at < 5


# What goes wrong after the request left

LOST = {
    "reset": reset,
    "end without an answer": raw(b""),
    "cut status": raw(b"HTTP/1.1 2"),
    "cut body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"id"'),
    "cut chunks": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
    "garbage": raw(b"\x00\xff SSH-2.0\r\n\r\n"),
    "503": answer("503 Service Unavailable", b"<html>down</html>"),
    "500": answer("500 Internal Server Error", b'{"message": "oops"}'),
    "408": answer("408 Request Timeout"),
}


@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
@pytest.mark.parametrize(
    ("effect", "kind"),
    [(READ, Unavailable), (CONVERGE, Unavailable), (CREATE, OutcomeUnknown), (ONCE, OutcomeUnknown)],
)
def test_lost_answers(behaviour, effect, kind):
    with serve(behaviour) as server:
        assert type(failure(acme(server), effect)) is kind

    assert len(server.requests) == (3 if effect is READ else 1)


UNREADABLE = {
    "HTML": answer("200 OK", b"<!doctype html><title>Maintenance</title>"),
    "truncated JSON": answer("200 OK", b'{"id": 7, "na'),
    "no UTF-8": answer("200 OK", b'{"id": "\xff\xfe"}'),
    "deep JSON": answer("200 OK", b"[" * 100_000 + b"]" * 100_000),
    "rather deep JSON": answer("200 OK", b'{"a":' * 70 + b"1" + b"}" * 70),
    "NaN": answer("200 OK", b'{"id": NaN}'),
    "endless number": answer("200 OK", b'{"id": ' + b"9" * 9999 + b"}"),
    "wrong encoding": answer("200 OK", b"{}", "Content-Encoding: gzip"),
    "redirect": answer("302 Found", b"", "Location: https://elsewhere.example/"),
    "page of a proxy": answer("404 Not Found", b"<html>nothing here</html>"),
    "refusal by a firewall": answer("403 Forbidden", b"<html>denied</html>"),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize(
    ("effect", "kind"),
    [(READ, UnexpectedReply), (CONVERGE, UnexpectedReply), (CREATE, OutcomeUnknown), (ONCE, OutcomeUnknown)],
)
def test_unreadable_answers(name, effect, kind):
    if name == "wrong encoding":
        kind = Unavailable if kind is UnexpectedReply else OutcomeUnknown
    with serve(UNREADABLE[name]) as server:
        error = failure(acme(server), effect)

    assert type(error) is kind
    assert name == "wrong encoding" or len(server.requests) == 1


def test_redirect_does_not_carry_the_key_elsewhere():
    with serve(answer("200 OK")) as other, serve(answer("307 Go", b"", f"Location: {other.url}/")) as server:
        client = acme(server.url, private_addresses=[server.address, other.address])
        assert type(failure(client, READ)) is UnexpectedReply

    assert other.requests == []


def test_what_the_reader_cannot_use_is_unexpected():
    with serve(answer("201 Created", b'{"number": 7}')) as server, pytest.raises(OutcomeUnknown) as caught:
        acme(server).call("make", CREATE, "POST", "/", body={}, read=lambda payload: payload["id"])

    assert "may have been done" in caught.value.detail


def test_cut_head_is_unexpected_where_a_body_was_due():
    with serve(raw(b"HTTP/1.1 200 OK\r\nContent-Le")) as server, pytest.raises(OutcomeUnknown):
        acme(server).call("make", CREATE, "POST", "/", body={}, read=lambda payload: payload["id"])


def test_body_beyond_the_limit_is_unexpected_even_when_compressed(monkeypatch):
    monkeypatch.setattr(http, "BODY_BYTES", 1_000_000)
    monkeypatch.setattr(
        http.Client._exchange, "__kwdefaults__", {**http.Client._exchange.__kwdefaults__, "limit": 1_000_000}
    )
    bomb = gzip.compress(b" " * 50_000_000)
    with serve(answer("200 OK", bomb, "Content-Encoding: gzip")) as server:
        error = failure(acme(server), READ)

    assert type(error) is UnexpectedReply
    assert "longer than" in error.detail


# The provider's words


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (404, Missing), (401, Unauthorized)])
def test_refusals_keep_the_words_and_hide_secrets(status, kind):
    body = json.dumps({"message": f"Key {SECRET} of ana@example.com is not\nwelcome"}).encode()
    with serve(answer(f"{status} No", body, "x-request-id: r-1")) as server:
        error = failure(acme(server), ONCE)

    assert type(error) is kind
    assert (error.detail, error.status, error.request_id) == ("Key … of a…@e… is not welcome", status, "r-1")


def test_unexpected_reply_keeps_a_redacted_excerpt():
    body = f"<h1>Sorry, ana@example.com</h1><p>api-key: {SECRET}</p>".encode() + b"x" * 5000
    with serve(answer("200 OK", body)) as server:
        error = failure(acme(server), READ)

    assert "<h1>Sorry, a…@e…</h1>" in error.detail
    assert SECRET not in error.detail
    assert len(error.detail) < 400


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ([], 60, 60),
        (["Retry-After: 7"], 6, 7),
        (["Retry-After: soon"], 60, 60),
        (
            [f"Retry-After: {(datetime.now(UTC) + timedelta(days=1)):%a, %d %b %Y %H:%M:%S GMT}"],
            84_000,
            86_400,
        ),
        (["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"], 1, 1),
    ],
)
def test_rate_limit_waits_as_long_as_it_is_told(headers, low, high):
    with serve(answer("429 Too Many Requests", b"<html>", *headers)) as server:
        error = failure(acme(server), READ)

    assert type(error) is RateLimited
    assert low - 1 < error.retry_after <= high
    assert len(server.requests) == 1


# Repeats, gate, log


def test_read_is_repeated_until_it_works():
    gate = Gate()
    behaviour = in_turn(answer("502 Bad Gateway"), reset, answer("200 OK", b'{"id": 7}'))
    with serve(behaviour) as server:
        assert acme(server, gate=gate).call("read", READ, "GET", "/") == {"id": 7}

    assert gate.entered == ["general"] * 3
    assert gate.health == [False, False, True]


def test_shut_gate_sends_nothing_and_is_not_knocked_at_twice():
    gate = Gate(Unavailable("The breaker is open."))
    with serve(answer("200 OK")) as server:
        error = failure(acme(server, gate=gate), READ)

    assert isinstance(error, Unavailable)
    assert (error.detail, gate.entered, gate.health, server.requests) == (
        "The breaker is open.",
        ["general"],
        [],
        [],
    )


def test_refusal_and_rate_limit_are_signs_of_health():
    gate = Gate()
    behaviour = in_turn(answer("400 No"), answer("429 Slow"), answer("401 Who"), answer("200 OK", b"<html>"))
    with serve(behaviour) as server:
        for _ in range(4):
            failure(acme(server, gate=gate), CONVERGE)

    assert gate.health == [True, True, True, False]


def test_call_is_logged_without_what_it_carried():
    with (
        serve(answer("200 OK", b'{"email": "ana@example.com"}', "x-request-id: r-1")) as server,
        capture_logs() as logs,
    ):
        acme(server).call("findPerson", READ, "GET", "/people/ana%40example.com")

    (line,) = logs
    assert {name: line[name] for name in ("provider", "operation", "status", "request_id", "log_level")} == {
        "provider": "acme",
        "operation": "findPerson",
        "status": 200,
        "request_id": "r-1",
        "log_level": "info",
    }
    assert "ana" not in str(line)


def test_lost_answer_names_no_address_in_its_traceback():
    with serve(reset) as server, pytest.raises(Unavailable) as caught:
        acme(server).call("findPerson", READ, "GET", "/people/ana%40example.com")

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# Downloads


def test_download_carries_no_credentials():
    with (
        serve(answer("200 OK", b"EMAIL\nana@example.com\n")) as server,
        acme(server).download("export", f"{server.url}/file.csv") as file,
    ):
        assert file.read() == b"EMAIL\nana@example.com\n"

    assert SECRET.encode() not in server.requests[0]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (answer("404 Gone", b"<html>"), UnexpectedReply),
        (answer("500 Oops"), Unavailable),
        (reset, Unavailable),
    ],
)
def test_download_that_fails(behaviour, kind):
    with serve(behaviour) as server, pytest.raises(kind):
        acme(server).download("export", f"{server.url}/file.csv")


def test_download_is_limited(monkeypatch):
    monkeypatch.setattr(http, "DOWNLOAD_BYTES", 1000)
    with serve(answer("200 OK", b"x" * 5000)) as server, pytest.raises(UnexpectedReply):
        acme(server).download("export", f"{server.url}/file.csv")


def test_download_keeps_to_public_addresses():
    with pytest.raises(Refused):
        acme("https://acme.example").download("export", "https://169.254.169.254/latest/meta-data")


# Paths


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_segment_refuses_what_would_leave_its_place(value):
    with pytest.raises(ValueError, match="path"):
        http.segment(value)


def test_segment_encodes_everything():
    assert http.segment("a+b/c@d.e?f#g") == "a%2Bb%2Fc%40d.e%3Ff%23g"


# TLS for the tests


class Tls:
    """A server's end of TLS with a certificate of its own; keeps the names it was asked for."""

    def __init__(self, folder: Path, name: str, names: list[str] | None = None) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate = str(folder / "certificate.pem")
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        Path(self.certificate).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(private)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, folder / "key.pem")
        if names is not None:
            self.context.sni_callback = lambda _sock, server_name, _context: names.append(server_name)

    def wrap(self, connection: socket.socket) -> socket.socket:
        return self.context.wrap_socket(connection, server_side=True)
