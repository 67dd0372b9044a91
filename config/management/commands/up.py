"""Everything on one machine: sandbox, web, worker and beat, until Ctrl-C."""

import ctypes
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from contextlib import closing, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.embedded import STATE

LOGS = STATE / "logs"
SANDBOX_PORT = 8900  # if it is free
START_SECONDS = 60
STOP_SECONDS = 6  # then killed; what a worker had in hand is done again after its lease
PR_SET_PDEATHSIG = 1


class Command(BaseCommand):
    help = "Start everything on this machine and print the address. Ctrl-C stops all of it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the pages are served (8000)")

    def handle(self, *, port: int, **_: Any) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
        LOGS.mkdir(exist_ok=True)
        logging.getLogger().setLevel(logging.WARNING)  # the console is for the address, the logs for the rest
        with closing(_listen(port)) as pages, (STATE / "up.lock").open("a+") as lock:
            _claim(lock)
            self.know_address(pages.getsockname()[1], lock)
            self.say("Campanile is starting …")
            try:
                self.start_everything(pages)
                self.watch()
            finally:
                self.stop_everything()

    def know_address(self, port: int, lock: IO[str]) -> None:
        """Tell this process and all it starts where the pages and the sandbox are."""
        settings.PUBLIC_URL = os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        settings.SANDBOX_URL = os.environ["SANDBOX_URL"] = f"http://127.0.0.1:{_free_port(SANDBOX_PORT)}"
        settings.PRIVATE_ADDRESSES.append(settings.SANDBOX_URL.removeprefix("http://"))
        lock.truncate(0)
        lock.write(settings.PUBLIC_URL)
        lock.flush()

    def start_everything(self, pages: socket.socket) -> None:
        sandbox_port = settings.SANDBOX_URL.rpartition(":")[2]
        self.start("sandbox", "accounts.sandbox", "--port", sandbox_port, "--state", STATE / "sandbox.json")
        call_command("migrate", interactive=False, verbosity=0)
        self.wait_for(f"{settings.SANDBOX_URL}/")
        if settings.EMBEDDED and not self.stopping.is_set():
            call_command("demo", stdout=StringIO())
        bind = ("--bind", f"fd://{pages.fileno()}", "--no-control-socket")
        self.start(
            "web", "gunicorn", "config.wsgi", *bind, "--preload", "--workers=2", "--threads=4", keep=pages
        )
        self.start("worker", *CELERY, "worker", "--concurrency=4", "--without-mingle", "--without-gossip")
        self.start("beat", *CELERY, "beat", "--schedule", STATE / "beat-schedule", "--pidfile=")
        pages.close()
        self.wait_for(f"{settings.PUBLIC_URL}/healthz")
        if self.stopping.is_set():
            return
        lines = [f"\nCampanile   {settings.PUBLIC_URL}"]
        if settings.EMBEDDED:
            lines += [
                "Log in as   admin@demo.test (or approver@, editor@, viewer@)",
                "Password    campanile-demo",
            ]
        lines += [f"Sandbox     {settings.SANDBOX_URL}", f"Logs        {LOGS}", "Ctrl-C stops everything.\n"]
        self.say("\n".join(lines))

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()  # whoever reads us through a pipe wants to know now

    def start(
        self, name: str, module: str, *arguments: str | Path, keep: socket.socket | None = None
    ) -> None:
        """Run `python -m module …` in its own session; its output goes to its own log."""
        if self.stopping.is_set():
            return
        with (LOGS / f"{name}.log").open("wb") as log:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[keep.fileno()] if keep else [],
                preexec_fn=partial(_end_with, os.getpid()) if sys.platform == "linux" else None,
            )

    def wait_for(self, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.stopping.wait(0.05):
            self.notice_deaths()
            if _answers(url):
                return
            if time.monotonic() > deadline:
                raise CommandError(f"{url} did not answer within {START_SECONDS} s. The logs are in {LOGS}.")

    def watch(self) -> None:
        while not self.stopping.wait(0.2):
            self.notice_deaths()

    def notice_deaths(self) -> None:
        for name, child in self.children.items():
            if child.poll() is not None:
                log = LOGS / f"{name}.log"
                last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-8:])
                raise CommandError(
                    f"The {name} ended, so everything was stopped. Its last lines ({log}):\n{last}"
                )

    def stop_everything(self) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0, deadline - time.monotonic()))
            with suppress(ProcessLookupError):  # also what a killed child has left behind
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


CELERY = ("celery", "-A", "config")


def _end_with(parent: int) -> None:
    """In the child: be asked to stop when `up` dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _listen(port: int) -> socket.socket:
    """The socket that the web processes will serve. Held from the start, so nobody can take the port meanwhile."""
    pages = socket.socket()
    pages.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        pages.bind(("127.0.0.1", port))
        pages.listen(512)
    except (OSError, OverflowError) as problem:
        pages.close()
        raise CommandError(
            f"Port {port} cannot be used ({problem}). Choose another: python3 run.py --port 8001"
        ) from None
    return pages


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise CommandError("There is no free port for the sandbox.")


def _claim(lock: IO[str]) -> None:
    """Two schedulers on one database would do everything twice."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise CommandError(f"Campanile already runs from this folder: {lock.read()}") from None


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except URLError as problem:
        return hasattr(problem, "code")  # a refusal is an answer
    except OSError:
        return False
