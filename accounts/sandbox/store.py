"""What the sandbox remembers: accounts, its own clock, mail to be posted to callbacks, calls, and the state file."""

import heapq
import json
import os
import threading
import time as real_time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from accounts.sandbox.codec import pack, unpack
from accounts.sandbox.faults import Fault
from accounts.sandbox.outbound import fetch_loopback

RETRY_AFTER = (600, 3600, 7200, 28800)  # seconds; then a callback that never answers is given up


class Letter(NamedTuple):
    """A callback waiting to be posted. `seq` keeps letters of one instant in the order they were written."""

    due_at: float
    seq: int
    provider: str
    account: str
    url: str
    headers: dict[str, str]
    payload: Any
    tries: int = 0


@dataclass(slots=True)
class Outbox:
    letters: list[Letter] = field(default_factory=list)
    posted: deque[dict[str, Any]] = field(
        default_factory=lambda: deque(maxlen=5000), metadata={"kept": False}
    )
    last_seq: int = 0

    def add(
        self, provider: str, account: str, url: str, payload: Any, *, due_at: float, headers: dict[str, str]
    ) -> None:
        self.last_seq += 1
        heapq.heappush(self.letters, Letter(due_at, self.last_seq, provider, account, url, headers, payload))

    def take_due(self, now: float) -> Letter | None:
        return heapq.heappop(self.letters) if self.letters and self.letters[0].due_at <= now else None

    def settle(self, letter: Letter, status: int | None, now: float) -> None:
        """Keep a letter for later when there was no answer or a 429; any other answer ends it."""
        self.posted.append(
            {
                "at": now,
                "account": letter.account,
                "url": letter.url,
                "status": status,
                "body": letter.payload,
            }
        )
        if status in (None, 429) and letter.tries < len(RETRY_AFTER):
            again = letter._replace(due_at=now + RETRY_AFTER[letter.tries], tries=letter.tries + 1)
            heapq.heappush(self.letters, again)


@dataclass(slots=True)
class Store:
    """Everything, behind one lock. `accounts` is slug → name → that provider's own account object."""

    time: Callable[[], float] = real_time.time
    fetch: Callable[[str], bytes] = fetch_loopback
    offset: float = 0.0
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    outbox: Outbox = field(default_factory=Outbox)
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=10_000))
    faults: list[Fault] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    changes: int = 0  # grows with each change worth saving

    def now(self) -> float:
        return self.time() + self.offset

    def touch(self) -> None:
        self.changes += 1

    def reset(self) -> None:
        self.offset = 0.0
        self.accounts.clear()
        self.outbox = Outbox()
        self.calls.clear()
        self.faults.clear()
        self.touch()

    def find_calls(self, provider: str, account: str) -> Iterable[dict[str, Any]]:
        return [
            call
            for call in self.calls
            if provider in ("", call["provider"]) and account in ("", call["account"])
        ]


class StateFile:
    """The store on disk as one JSON file, replaced atomically, at most every two seconds and never half the time."""

    def __init__(self, path: Path, store: Store, account_types: dict[str, type]) -> None:
        self.path, self.store, self.account_types = path, store, account_types
        self._saved_changes = 0
        self._not_before = 0.0
        self._saving = threading.Lock()

    def load(self) -> None:
        if not self.path.exists():
            return
        data = json.loads(self.path.read_text(encoding="utf-8"))
        self.store.offset = data["offset"]
        self.store.outbox = unpack(Outbox, data["outbox"])
        for slug, accounts in data["accounts"].items():
            kind = self.account_types[slug]
            self.store.accounts[slug] = {name: unpack(kind, packed) for name, packed in accounts.items()}

    def save_if_due(self) -> None:
        if real_time.monotonic() >= self._not_before:
            self.save()

    def save(self) -> None:
        """Save if anything changed since it was last saved."""
        with self._saving:
            if self.store.changes != self._saved_changes:
                self._save()

    def _save(self) -> None:
        started = real_time.monotonic()
        with self.store.lock:
            self._saved_changes = self.store.changes
            data = {
                "offset": self.store.offset,
                "outbox": pack(self.store.outbox),
                "accounts": {
                    slug: {name: pack(account) for name, account in accounts.items()}
                    for slug, accounts in self.store.accounts.items()
                },
            }
        partial = self.path.with_name(self.path.name + ".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        spent = real_time.monotonic() - started
        self._not_before = real_time.monotonic() + max(2.0, 10 * spent)
