"""The embedded servers with a state folder of their own, held by real processes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from config import embedded
embedded.hold()
print(embedded._HOME, embedded.SOCKETS, (embedded.POSTGRES_DATA / "postmaster.pid").read_text().split()[0], sep="\\t", flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that holds the servers until it is told to leave."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "CAMPANILE_STATE": str(state)},
        )

    def ready(self) -> "Holder":
        self.home, self.sockets, self.postmaster = self.process.stdout.readline().strip().split("\t")
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture
def state(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "state with spaces"
    yield folder
    last = Holder(folder).ready()
    last.leave()
    shutil.rmtree(last.sockets)
    if Path(last.home) != folder:
        shutil.rmtree(last.home)


def answers(holder: Holder) -> list[bool]:
    found = []
    for name in (".s.PGSQL.5432", "valkey.sock"):
        with closing(socket.socket(socket.AF_UNIX)) as probe:
            found.append(probe.connect_ex(f"{holder.sockets}/{name}") == 0)
    return found


def test_the_last_one_to_leave_stops_the_servers(state):
    first, second = Holder(state).ready(), Holder(state).ready()
    assert first.postmaster == second.postmaster

    first.leave()
    assert answers(second) == [True, True]

    second.leave()
    assert answers(second) == [False, False]


def test_several_first_starts_at_once_make_one_server(state):
    holders = [Holder(state) for _ in range(3)]
    assert len({holder.ready().postmaster for holder in holders}) == 1

    for holder in holders:
        holder.leave()
    assert answers(holders[0]) == [False, False]


def test_a_start_after_a_killed_holder_attaches(state):
    killed = Holder(state).ready()
    killed.process.kill()
    killed.process.wait()
    assert answers(killed) == [True, True]

    next_one = Holder(state).ready()
    assert next_one.postmaster == killed.postmaster

    next_one.leave()
    assert answers(next_one) == [False, False]


def test_a_killed_postgres_comes_back_with_its_data(state):
    holder = Holder(state).ready()
    sql(holder, "CREATE TABLE kept AS SELECT 1 AS one")
    os.kill(int(holder.postmaster), signal.SIGKILL)
    holder.leave()

    again = Holder(state).ready()

    assert sql(again, "SELECT * FROM kept") == [(1,)]
    again.leave()


def sql(holder: Holder, statement: str) -> list[tuple]:
    import psycopg

    address = {"host": holder.sockets, "user": "postgres", "dbname": "campanile"}
    with psycopg.connect(**address, options="-c synchronous_commit=on", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.pgresult.ntuples else []


def test_strangers_cannot_reach_the_sockets(state):
    holder = Holder(state).ready()

    assert Path(holder.sockets).stat().st_mode & 0o077 == 0
    holder.leave()


def test_a_foreign_socket_folder_is_refused(tmp_path, monkeypatch):
    from config import embedded

    (tmp_path / "sockets").mkdir(mode=0o777)
    (tmp_path / "sockets").chmod(0o777)
    for name in ("STATE", "_HOME", "VALKEY_DATA"):
        monkeypatch.setattr(embedded, name, tmp_path / name)
    monkeypatch.setattr(embedded, "AS_ROOT", False)
    monkeypatch.setattr(embedded, "SOCKETS", tmp_path / "sockets")

    with pytest.raises(embedded.EmbeddedError, match="belongs to somebody else"):
        embedded._make_folders()


def test_a_secret_is_made_once_and_is_private(tmp_path, monkeypatch):
    from config import embedded

    monkeypatch.setattr(embedded, "STATE", tmp_path)
    words = iter(["first", "second"])

    assert [embedded.secret("key", lambda: next(words)) for _ in range(2)] == ["first", "first"]
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
