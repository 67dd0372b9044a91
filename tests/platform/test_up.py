"""`manage.py up` end to end: real servers, web, worker, beat and sandbox, in a state folder of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest

from accounts.models import Pull
from config import embedded

ROOT = Path(__file__).parents[2]
TIDY = """
import sys
sys.path.insert(0, sys.argv[1])
from config import embedded
embedded.hold()  # and let go: what a killed start left is stopped
print(embedded._HOME, embedded.SOCKETS, sep="\\t")
"""


class Up:
    running: "list[subprocess.Popen[str]]" = []

    def __init__(self, state: Path, port: int) -> None:
        self.port, self.state = port, state
        inside = ("DATABASE_URL", "REDIS_URL", "PGOPTIONS")
        self.outside = {k: v for k, v in os.environ.items() if k not in inside}
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "up", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.outside, "CAMPANILE_STATE": str(state)},
        )
        self.running.append(self.process)

    def ready(self) -> "Up":
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                return self
        raise AssertionError(said)

    def end(self, number: int = signal.SIGINT) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[0]

    def descendants(self) -> list[str]:
        """Command lines of every process that was started with this state folder."""
        mark = f"CAMPANILE_STATE={self.state}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("up") / "state with spaces"
    yield folder
    environment = {**os.environ, "CAMPANILE_STATE": str(folder)}
    told = subprocess.run(
        [sys.executable, "-c", TIDY, ROOT], env=environment, capture_output=True, text=True, check=True
    )
    for place in told.stdout.strip().split("\t"):
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    yield
    while Up.running:
        process = Up.running.pop()
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())


def test_everything_starts_once_serves_and_ends(state):
    up = Up(state, free_port()).ready()

    with urlopen(f"http://127.0.0.1:{up.port}/readyz", timeout=10) as reply:
        assert reply.read() == b'{"database": "ok", "migrations": "ok", "redis": "ok"}'
    with urlopen(f"http://127.0.0.1:{up.port}/accounts/login/", timeout=10) as reply:
        assert reply.status == 200

    second, _ = Up(state, free_port()).process.communicate()
    assert f"already runs from this folder: http://127.0.0.1:{up.port}" in second

    began = time.monotonic()
    up.end(signal.SIGINT)
    assert (up.process.returncode, up.descendants()) == (0, [])
    assert time.monotonic() - began < 15


def test_a_taken_port_gets_one_sentence(state):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said, _ = Up(state, port).process.communicate()

    assert said.splitlines()[-1] == (
        f"CommandError: Port {port} cannot be used ([Errno 98] Address already in use)."
        " Choose another: python3 run.py --port 8001"
    )


def test_when_one_dies_all_end_and_it_is_named(state):
    up = Up(state, free_port()).ready()
    os.kill(child(up, "celery -A config worker"), signal.SIGKILL)

    said, _ = up.process.communicate(timeout=30)

    assert "The worker ended, so everything was stopped." in said
    assert (up.process.returncode, up.descendants()) == (1, [])


def child(up: Up, part: str) -> int:
    """The direct child whose command line holds `part`."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if parent == up.process.pid and part in command:
            return int(folder.name)
    raise AssertionError(f"no child runs {part}")


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_a_killed_up_leaves_no_orphans(state):
    up = Up(state, free_port()).ready()

    up.process.kill()
    up.process.wait()

    assert eventually(lambda: up.descendants() == [])


SOCKETS = "import sys; sys.path.insert(0, sys.argv[1]); from config import embedded; print(embedded.SOCKETS)"
BREVO = """
select pull.id, pull.state, pull.step, coalesce(pull.counts -> 'audiences.pull_contacts', '{}'), account.base_url
from accounts_pull pull join accounts_connection account on account.id = pull.connection_id
where account.provider = 'brevo' order by pull.id desc limit 1
"""
START = """
from accounts import pulls
from accounts.models import Connection
pulls.start(connection=Connection.objects.get(provider="brevo"), by=None)
"""


def run(up: Up, *words: Any) -> str:
    environment = {**up.outside, "CAMPANILE_STATE": str(up.state)}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def pulls_of(up: Up) -> Callable[[], list[Any]]:
    """A look at Brevo's newest pull: its id, state, the task of its step, counts of contacts, and where the account is."""
    sockets = run(up, "-c", SOCKETS, ROOT)

    def look() -> list[Any]:
        try:
            with psycopg.connect(host=sockets, user="postgres", dbname=embedded.DATABASE) as database:
                found = database.execute(BREVO).fetchone()
        except psycopg.OperationalError as away:
            return [None, str(away), None, {}, ""]
        number, state, step, counts, base_url = found or (None, "none", len(Pull.STEPS), {}, "")
        return [number, state, Pull.STEPS[step][0] if step < len(Pull.STEPS) else "", counts, base_url]

    return look


def test_a_pull_survives_a_restart_of_the_database(state):
    """PostgreSQL goes down at once, in the middle of a page; the pull resumes there and its sums hold."""
    up = Up(state, free_port()).ready()
    pull = pulls_of(up)
    assert eventually(lambda: pull()[1] == "done", 60), pull()
    first, *_, base_url = pull()
    sandbox = base_url.removesuffix("/brevo/v3")
    slow = {
        "provider": "brevo",
        "method": "GET",
        "path": "/v3/contacts",
        "kind": "slow",
        "seconds": 2,
        "times": 4,
    }
    urlopen(Request(f"{sandbox}/_control/faults", json.dumps(slow).encode(), method="POST"), timeout=10)

    run(up, ROOT / "manage.py", "shell", "-v0", "-c", START)
    assert pull()[0] > first
    assert eventually(lambda: pull()[2] == "audiences.pull_contacts", 60), pull()
    restart = "embedded._postgres('pg_ctl', 'restart', '-w', '-s', '-m', 'immediate', '-D', embedded.POSTGRES_DATA, '-l', embedded.POSTGRES_LOG)"
    run(
        up, "-c", f"import sys; sys.path.insert(0, sys.argv[1]); from config import embedded; {restart}", ROOT
    )
    assert eventually(lambda: pull()[1] == "done", 120), pull()

    counts = pull()[3]
    outcomes = ("created", "changed", "unchanged", "rejected", "suppressed")
    assert counts["read"] == sum(counts.get(name, 0) for name in outcomes) > 1000
    assert (counts.get("created", 0), counts.get("rejected", 0)) == (0, 0)
