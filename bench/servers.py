"""Databases of the measurements' own, and the processes measured."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent


def hold() -> None:
    """Have servers for as long as this process lives."""
    from config import embedded

    if not os.environ.get("DATABASE_URL"):
        embedded.hold()


def prepare(database: str) -> None:
    """Point the settings at a database of our own, on the embedded server or the one DATABASE_URL names."""
    import psycopg

    from config import embedded

    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    hold()
    url = os.environ.get("DATABASE_URL")
    if not url:
        url = f"postgres://postgres@/postgres?host={embedded.SOCKETS}"
        os.environ["REDIS_URL"] = f"unix://{embedded.VALKEY_SOCKET}?db=14"
    os.environ["EMBEDDED"] = "true"
    with psycopg.connect(url, autocommit=True) as server:
        if not server.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            server.execute(f"create database {database}")
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextmanager
def web(*, workers: int = 2, threads: int = 4) -> Iterator[int]:
    """gunicorn as in production; its port."""
    port = _free_port()
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
        "--threads", str(threads), "--worker-class", "gthread", "--log-level", "warning", "--keep-alive", "30",
    ]  # fmt: skip
    with _running(command, port, {"LOG_LEVEL": "ERROR"}):
        yield port


@contextmanager
def sandbox() -> Iterator[int]:
    port = _free_port()
    with _running([sys.executable, "-m", "accounts.sandbox", "--port", str(port)], port, {}):
        yield port


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise RuntimeError(f"{command[2]} ended with {process.returncode}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
