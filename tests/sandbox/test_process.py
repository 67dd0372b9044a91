"""The sandbox as a program: its state file, its clock, its end."""

import http.server
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo

KEY = {"api-key": "sandbox-kept"}
Start = Callable[..., "Program"]


class Program:
    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "accounts.sandbox", "--port", "0", *options]
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
        )
        assert self.process.stdout
        match = re.search(r"http://\S+", self.process.stdout.readline())
        self.url = match.group() if match else ""

    def control(self, command: str, **asked: Any) -> Any:
        asked = {"provider": "brevo", "account": KEY["api-key"]} | asked
        return requests.post(f"{self.url}/_control/{command}", json=asked, timeout=10).json()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = requests.request(method, f"{self.url}/brevo/v3{path}", json=body, headers=KEY, timeout=10)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        started = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(10) in (0, -signal.SIGKILL)
        return time.monotonic() - started


@pytest.fixture
def start() -> Iterator[Start]:
    programs: list[Program] = []

    def run(*options: str) -> Program:
        programs.append(Program(*options))
        return programs[-1]

    yield run
    for program in programs:
        program.process.kill()
        program.process.communicate()


def test_the_state_survives_a_restart(start: Start, tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "with space.json"))
    first = start(*options)
    first.control("seed", lists=1, contacts=50, limits="off")
    number = first.call("POST", "/emailCampaigns", {
        "name": "Letter", "subject": "S", "sender": {"id": 1}, "htmlContent": "<p>Hello</p>", "recipients": {"listIds": [2]},
    })["id"]  # fmt: skip
    first.call("POST", f"/emailCampaigns/{number}/sendNow")
    first.control("clock", advance=40)
    before = first.call("GET", f"/emailCampaigns/{number}?statistics=globalStats")
    assert 0 < before["statistics"]["globalStats"]["sent"] < 50
    assert first.stop() < 2

    second = start(*options)
    second.control("clock", advance=3600)

    after = second.call("GET", f"/emailCampaigns/{number}?statistics=globalStats")
    assert (after["status"], after["statistics"]["globalStats"]["sent"]) == ("sent", 50)
    assert second.call("GET", "/contacts/lists/2/contacts")["count"] == 50
    second.stop(signal.SIGINT)


def test_what_was_there_two_seconds_ago_survives_a_kill(start: Start, tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "state.json"))
    first = start(*options)
    first.call("POST", "/contacts", {"email": "a@example.com"})
    time.sleep(2.8)
    first.stop(signal.SIGKILL)

    assert start(*options).call("GET", "/contacts")["count"] == 1


def test_everything_is_kept(tmp_path: Path) -> None:
    """A full account, packed and read again, packs the same."""
    path = tmp_path / "state.json"
    sandbox = Sandbox(post=lambda *_: None, state=path)
    demo = Brevo(sandbox, "sandbox-demo")
    hook = {"url": "http://127.0.0.1:9/x", "events": ["listAddition"], "type": "marketing", "batched": True}
    demo.post("/webhooks", hook)
    demo.post("/contacts", {"email": "new@example.com", "listIds": [3]})
    demo.post("/contacts/import", {"fileBody": "EMAIL\nb@example.com", "listIds": [3]})
    assert sandbox.state_file
    sandbox.state_file.save()
    saved = json.loads(path.read_text())

    again = Sandbox(post=lambda *_: None, state=path)
    again.store.touch()
    assert again.state_file
    again.state_file.save()

    assert json.loads(path.read_text()) == saved
    other = Brevo(again, "sandbox-demo")
    kinds = ("globalStats", "linksStats", "statsByDomain", "statsByDevice", "statsByBrowser")
    for kind in kinds:
        assert other.get("/emailCampaigns/5", statistics=kind) == demo.get(
            "/emailCampaigns/5", statistics=kind
        )
    assert other.get("/contacts/new%40example.com") == demo.get("/contacts/new%40example.com")


def test_time_passes_and_webhooks_are_posted_by_themselves(start: Start) -> None:
    received: list[Any] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(
                (self.headers["X-Ours"], json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True).start()
    program = start()
    program.control("seed", lists=1, contacts=3, limits="off", pace={"send": 0})
    program.call("POST", "/webhooks", {
        "url": f"http://127.0.0.1:{receiver.server_port}/hook", "type": "marketing", "events": ["delivered", "hardBounce", "softBounce"],
        "headers": [{"key": "X-Ours", "value": "yes"}],
    })  # fmt: skip
    body = {
        "name": "L",
        "subject": "S",
        "sender": {"id": 1},
        "htmlContent": "<p>Hello</p>",
        "recipients": {"listIds": [2]},
    }
    number = program.call("POST", "/emailCampaigns", body)["id"]
    program.call("POST", f"/emailCampaigns/{number}/sendNow")
    deadline = time.monotonic() + 15
    while len(received) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    receiver.shutdown()
    receiver.server_close()

    assert [header for header, _ in received] == ["yes"] * 3
    assert {payload["camp_id"] for _, payload in received} == {number}


def test_a_hanging_reply_does_not_hold_up_the_end(start: Start) -> None:
    program = start()
    program.control("faults", kind="hang", seconds=60, provider="brevo", account="")

    def call() -> None:
        with pytest.raises(requests.ConnectionError):
            program.call("GET", "/account")

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.3)

    assert program.stop() < 2
    caller.join(5)


def test_it_says_why_it_cannot_start(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = start("--port", str(taken.getsockname()[1]))
        assert "cannot listen" in program.process.communicate(timeout=10)[1]
    assert "loopback" in start("--host", "0.0.0.0").process.communicate(timeout=10)[1]
