"""Faults as a caller meets them: over a real socket."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from accounts.sandbox.app import Sandbox
from accounts.sandbox.server import Server

KEY = {"api-key": "sandbox-faults"}


class Wire:
    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, **fault: Any) -> None:
        requests.post(
            f"{self.url}/_control/faults", json={"provider": "brevo"} | fault, timeout=5
        ).raise_for_status()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, f"{self.url}/brevo/v3{path}", headers=KEY, timeout=5, **options)

    def folders(self) -> int:
        count: int = self.call("GET", "/contacts/folders").json()["count"]
        return count


@pytest.fixture
def wire() -> Iterator[Wire]:
    sandbox = Sandbox()
    server = Server(("127.0.0.1", 0), sandbox)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Wire(f"http://127.0.0.1:{server.server_port}")
    sandbox.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_status_with_headers_and_a_body(wire: Wire) -> None:
    body = {"code": "too_many_requests", "message": "Slow down"}
    wire.fault(kind="status", status=429, headers={"x-sib-ratelimit-reset": "7"}, body=body, path="/account")

    reply = wire.call("GET", "/account")

    assert (reply.status_code, reply.headers["x-sib-ratelimit-reset"], reply.json()) == (429, "7", body)
    assert wire.call("GET", "/account").status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("status", 0), ("fail_after", 1)])
def test_a_failed_call_did_its_work_only_when_it_failed_after(wire: Wire, kind: str, made: int) -> None:
    before = wire.folders()
    wire.fault(kind=kind, status=500, method="POST", path="/contacts/folders")

    reply = wire.call("POST", "/contacts/folders", json={"name": "News"})

    assert (reply.status_code, wire.folders() - before) == (500, made)


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_call_did_its_work_only_when_dropped_after(wire: Wire, kind: str, made: int) -> None:
    before = wire.folders()
    wire.fault(kind=kind, method="POST", path="/v3/contacts/*")

    with pytest.raises(requests.ConnectionError):
        wire.call("POST", "/contacts/folders", json={"name": "Folder"})

    assert wire.folders() - before == made


def test_a_fault_counts_down_and_meets_only_its_method_and_path(wire: Wire) -> None:
    wire.fault(kind="status", status=503, method="POST", path="/brevo/v3/contacts/folders", times=2)

    assert wire.call("GET", "/contacts/folders").status_code == 200
    assert wire.call("POST", "/contacts/lists", json={}).status_code == 400
    replies = [wire.call("POST", "/contacts/folders", json={"name": "F"}).status_code for _ in range(3)]
    assert replies == [503, 503, 201]


def test_slow_and_hang(wire: Wire) -> None:
    wire.fault(kind="slow", seconds=0.3)
    started = time.monotonic()
    assert wire.call("GET", "/account").status_code == 200
    assert time.monotonic() - started >= 0.3
    wire.fault(kind="hang", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{wire.url}/brevo/v3/account", headers=KEY, timeout=0.3)


def test_garbage_html_and_half_an_answer(wire: Wire) -> None:
    wire.fault(kind="garbage")
    with pytest.raises(requests.JSONDecodeError):
        wire.call("GET", "/account").json()
    wire.fault(kind="html", status=502)
    page = wire.call("GET", "/account")
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")
    wire.fault(kind="truncate")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        wire.call("GET", "/account")


def test_a_dripping_answer_never_lets_a_read_time_out(wire: Wire) -> None:
    wire.fault(kind="drip", seconds=0.05)
    started = time.monotonic()
    with requests.get(f"{wire.url}/brevo/v3/account", headers=KEY, timeout=0.5, stream=True) as reply:
        for _ in zip(range(15), reply.iter_content(1), strict=False):
            pass

    assert time.monotonic() - started > 0.5


def test_a_fault_may_be_for_one_account_alone(wire: Wire) -> None:
    wire.fault(kind="status", status=500, account="sandbox-other", times=0)

    assert wire.call("GET", "/account").status_code == 200
    other = requests.get(f"{wire.url}/brevo/v3/account", headers={"api-key": "sandbox-other"}, timeout=5)
    assert other.status_code == 500
    assert len(requests.get(f"{wire.url}/_control/faults", timeout=5).json()["faults"]) == 1
    requests.delete(f"{wire.url}/_control/faults", timeout=5)
    assert requests.get(f"{wire.url}/_control/faults", timeout=5).json() == {"faults": []}


def test_unknown_faults_are_refused(wire: Wire) -> None:
    for fault in ({"kind": "flood"}, {"kind": "slow", "colour": "red"}):
        assert requests.post(f"{wire.url}/_control/faults", json=fault, timeout=5).status_code == 400


def test_one_connection_serves_many_calls(wire: Wire) -> None:
    connection = http.client.HTTPConnection(wire.url.removeprefix("http://"), timeout=5)
    connection.connect()
    sock = connection.sock
    for _ in range(3):
        for method, path, status in (("POST", "", 201), ("PUT", "/1", 204), ("GET", "", 200)):
            body = json.dumps({"name": "Folder"}) if method != "GET" else None
            connection.request(method, f"/brevo/v3/contacts/folders{path}", body, KEY)
            reply = connection.getresponse()
            assert (reply.status, bool(reply.read())) == (status, status != 204)

    assert connection.sock is sock
    connection.close()


def test_many_callers_at_once_lose_nothing(wire: Wire) -> None:
    requests.post(
        f"{wire.url}/_control/seed",
        json={"provider": "brevo", "account": KEY["api-key"], "limits": "off"},
        timeout=5,
    )
    before = wire.folders()

    def work() -> None:
        for _ in range(10):
            wire.call("POST", "/contacts/folders", json={"name": "Folder"})

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wire.folders() - before == 60
