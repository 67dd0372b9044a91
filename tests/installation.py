"""Campanile as processes of its own on the test database: for tests of what happens between processes."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import redis
from django.conf import settings
from django.db import connection

from tests.conftest import SandboxServer

ROOT = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 60
PR_SET_PDEATHSIG = 1

# How soon things happen.
TIMES = {
    "HOLD_SECONDS": 0,
    "SEND_NOW_LEAD_SECONDS": 3,
    "SETTLE_SECONDS": 1,
    "LOOK_INTERVAL_SECONDS": 1,
    "WATCH_SECONDS": 1,
    "SWEEP_SECONDS": 1,
    "OUTBOX_LEASE_SECONDS": 3,
    "OUTBOX_RING_AGAIN_SECONDS": 2,
}


class Installation:
    """Web, worker, beat and sandbox as processes; `env` is what they are started with."""

    sandbox: SandboxServer

    def __init__(self, env: Mapping[str, str], logs: Path) -> None:
        self.env = dict(env)
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.broker: redis.Redis = redis.Redis.from_url(env["REDIS_URL"])

    def start(
        self, name: str, module: str, *arguments: str, keep: socket.socket | None = None, **env: str
    ) -> None:
        """Run `python -m module …` in a session of its own."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=self.env | env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                pass_fds=[keep.fileno()] if keep else [],
            )

    def start_worker(self, *arguments: str, **env: str) -> None:
        usual = ("--concurrency", "2", "--without-gossip", "--without-mingle", "-l", "INFO")
        self.start("worker", "celery", "-A", "config", "worker", *usual, *arguments, **env)

    def start_beat(self) -> None:
        self.start("beat", "celery", "-A", "config", "beat", "-s", str(self.logs / "beat"), "--pidfile=")

    def start_web(self) -> None:
        """The processes started later learn the address of the pages too."""
        pages = _listening()
        self.env["PUBLIC_URL"] = f"http://127.0.0.1:{pages.getsockname()[1]}"
        with pages:
            options = ("--bind", f"fd://{pages.fileno()}", "--no-control-socket", "--threads=8")
            self.start("web", "gunicorn", "config.wsgi", *options, keep=pages)
        self.wait_for(lambda: _answers(f"{self.env['PUBLIC_URL']}/healthz"), "An answer of the pages")

    def start_sandbox(self) -> None:
        with _listening() as chosen:
            port = chosen.getsockname()[1]
        self.env |= {"SANDBOX_URL": f"http://127.0.0.1:{port}", "PRIVATE_ADDRESSES": f"127.0.0.1:{port}"}
        self.start("sandbox", "accounts.sandbox", "--port", str(port))
        self.wait_for(lambda: _answers(f"http://127.0.0.1:{port}/_control/health"), "The sandbox's answer")
        self.sandbox = SandboxServer(port)

    def kill(self, name: str) -> None:
        """SIGKILL for the whole process group."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def wait_for(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not happen within {WAIT_SECONDS} s.\n{self.last_words()}")
            time.sleep(0.1)

    def last_words(self) -> str:
        """The end of every log."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in self.logs.glob("*.log")
        )

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.broker.flushdb()


def environment(redis_url: str, times: Mapping[str, int] = TIMES) -> dict[str, str]:
    """What a process needs to work on the test database."""
    database = connection.get_connection_params()
    login = quote(database["user"]) + (f":{quote(database['password'])}" if database.get("password") else "")
    query = urlencode({name: database[name] for name in ("host", "port") if database.get(name)})
    return os.environ | {
        "DATABASE_URL": f"postgres://{login}@/{database['dbname']}?{query}",
        "REDIS_URL": redis_url,
        "EMBEDDED": "true",
        "SECRET_KEY": settings.SECRET_KEY,
        "VAULT_KEYS": ",".join(settings.VAULT_KEYS),
        **{name: str(seconds) for name, seconds in times.items()},
        "PYTHONPATH": str(ROOT),
    }


def _die_with_parent() -> None:
    """Linux: a test run that is killed leaves nobody working on its database."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _listening() -> socket.socket:
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", 0))
    place.listen()
    return place


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except URLError as problem:
        return hasattr(problem, "code")
    except OSError:
        return False
