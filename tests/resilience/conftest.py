"""Real workers on the test database: started, killed and started again by the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection

from tests.conftest import SandboxServer

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60


class Installation:
    """Worker and beat as processes of their own; `env` is what they are started with."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        self.env = env
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.broker: redis.Redis = redis.Redis.from_url(env["REDIS_URL"])

    def start(self, name: str, *arguments: str, **env: str) -> None:
        log = (self.logs / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", *arguments],
            cwd=ROOT,
            env=self.env | env,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start_worker(self, **env: str) -> None:
        arguments = ("worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "-l", "INFO")
        self.start("worker", *arguments, "--include", "tests.resilience.saboteur", **env)

    def start_beat(self) -> None:
        self.start("beat", "beat", "-s", str(self.logs / "beat"), "--pidfile=")

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
                tail = "\n".join(
                    f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}"
                    for log in self.logs.glob("*.log")
                )
                raise AssertionError(f"{what} did not happen within {WAIT_SECONDS} s.\n{tail}")
            time.sleep(0.1)


# How soon things happen, in this process and in the others.
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


@pytest.fixture
def installation(
    transactional_db: None, sandbox: SandboxServer, settings: Any, tmp_path: Path, worker_id: str
) -> Iterator[Installation]:
    for name, seconds in TIMES.items():
        setattr(settings, name, seconds)
    database = connection.get_connection_params()
    login = quote(database["user"]) + (f":{quote(database['password'])}" if database.get("password") else "")
    query = urlencode({name: database[name] for name in ("host", "port") if database.get(name)})
    address = f"postgres://{login}@/{database['dbname']}?{query}"
    number = 40 + int(worker_id.removeprefix("gw") if worker_id.startswith("gw") else 0) * 2
    broker = django_settings.REDIS_URL.partition("?")[0]
    broker = f"{broker}?db={number}" if broker.startswith("unix") else f"{broker.rstrip('/0')}/{number % 16}"
    env = os.environ | {
        "DATABASE_URL": address,
        "REDIS_URL": broker,
        "EMBEDDED": "true",
        "SECRET_KEY": django_settings.SECRET_KEY,
        "VAULT_KEYS": ",".join(django_settings.VAULT_KEYS),
        "SANDBOX_URL": sandbox.url,
        "PRIVATE_ADDRESSES": ",".join(django_settings.PRIVATE_ADDRESSES),
        **{name: str(seconds) for name, seconds in TIMES.items()},
        "PYTHONPATH": str(ROOT),
    }
    made = Installation(env, tmp_path)
    made.broker.flushdb()
    yield made
    for name in list(made.processes):
        made.kill(name)
    made.broker.flushdb()
