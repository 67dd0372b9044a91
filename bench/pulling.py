"""A pull from the sandbox over HTTP, against what the provider's answers cost as raw JSON (`limits`)."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import requests
from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import Connection, OutboxEntry, Pull, Workspace
from accounts.providers import provider_class
from accounts.providers.base import Effect
from audiences import mirror
from bench import limits, servers
from bench.report import Line, Memory

ACCOUNT = "sandbox-bench"
CREDENTIALS = {
    "brevo": {"api_key": ACCOUNT},
    "especial": {"username": f"{ACCOUNT}@example.test", "password": "secret"},
    "mailmojo": {"way": "client", "client_id": ACCOUNT, "client_secret": "sandbox"},
    "leadfox": {"api_key": ACCOUNT, "secret": "secret"},
    "emailcampaigns": {"token": ACCOUNT},
}
PATHS = {"brevo": "/v3"}
PAGE = 1000
BEFORE, PEOPLE = ("fields", "lists"), ("leaves", "contacts")


def measure(*, slug: str, people: int, rounds: int) -> Iterator[Line]:
    with servers.sandbox() as port:
        settings.PRIVATE_ADDRESSES = [f"127.0.0.1:{port}"]
        # What is measured is the work, not the wait for a provider's published rate.
        provider_class(slug).rates = {}
        _control(port, "seed", provider=slug, account=ACCOUNT, limits="off", lists=5, contacts=people)
        follows = provider_class(slug).capabilities.lists_changed_contacts
        first, again, changed, naive_first, naive_again, fetched = [], [], [], [], [], []
        memory = Memory()
        for number in range(rounds):
            _forget()
            connection = _connection(port, slug)
            # In the first round alone: later the limit's own memory would be counted with it.
            with nullcontext() if number else memory:
                _run_steps(connection, BEFORE)
                first.append(_timed(_run_steps, connection, PEOPLE))
            _check(connection, people)
            _end(connection)
            again.append(_timed(_again, connection))
            _check(connection, people)
            _end(connection)
            if follows:
                since = _let_time_pass(port, connection, number)
                _change(port, people // 100, number)
                fetched.append(_timed(_fetch_changed, port, since))
            changed.append(_timed(_follow, connection))
            _forget()
            connection = _connection(port, slug)
            naive_first.append(_timed(limits.run, connection))
            naive_again.append(_timed(limits.run, connection))
        against = limits.LIMITS[slug].words
        yield Line(
            f"{slug}: pull of {people:,} contacts, first", median(first), "s", median(naive_first), against, 1.1,
            note=str(memory),
        )  # fmt: skip
        yield Line(
            f"{slug}: pull of {people:,} contacts, again",
            median(again),
            "s",
            median(naive_again),
            against,
            0.8,
        )
        if follows:
            yield Line(
                f"{slug}: following, 1 % changed", median(changed), "s", median(fetched),
                "the same pages fetched, not read",
                note=f"promised ≤ 0.3 s beyond the provider's own time: {median(changed) - median(fetched):.2f} s",
            )  # fmt: skip
        else:
            yield Line(f"{slug}: following, nobody left", median(changed), "s", 0, "")


def _check(connection: Connection, people: int) -> None:
    """A pull that was cut short is no measurement."""
    with database.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from audiences_contact where workspace_id = %(workspace)s),"
            " (select count(*) from accounts_mirrorrow where connection_id = %(connection)s and kind = 4)",
            {"workspace": connection.workspace_id, "connection": connection.pk},
        )
        found = cursor.fetchone()
    done = Pull.objects.filter(connection=connection).latest("pk")
    if found != (people, people) or Pull.STEPS[done.step][0] == "audiences.pull_contacts":
        raise RuntimeError(f"{found} of {people} people; step {done.step}: {done.note}")


def _timed(work: Callable[..., object], *args: object) -> float:
    began = time.perf_counter()
    work(*args)
    return time.perf_counter() - began


def _again(connection: Connection) -> None:
    pulls.start(connection=connection, by=None)
    _run_steps(connection, (*BEFORE, *PEOPLE))


def _run_steps(connection: Connection, steps: tuple[str, ...]) -> None:
    """The steps of the running pull, driven as a worker drives them."""
    if not Pull.objects.filter(connection=connection, state=Pull.State.RUNNING).exists():
        pulls.start(connection=connection, by=None)
    walks = {
        "fields": mirror.pull_fields,
        "lists": mirror.pull_lists,
        "leaves": mirror.pull_leaves,
        "contacts": mirror.pull_contacts,
    }
    for step in steps:
        while True:
            entry = OutboxEntry.objects.filter(
                task=f"audiences.pull_{step}", state=OutboxEntry.State.WAITING
            ).first()
            if entry is None:
                break
            outbox.deliver(entry.pk, lambda entry, walk=walks[step]: pulls.step(entry, walk))


def _follow(connection: Connection) -> None:
    entry = outbox.record(
        task="audiences.follow", subject=connection, connection=connection, effect=Effect.READ
    )
    outbox.deliver(entry.pk, lambda entry: mirror.follow(entry, every_seconds=60))


def _end(connection: Connection) -> None:
    Pull.objects.filter(connection=connection).update(state=Pull.State.DONE)
    OutboxEntry.objects.filter(connection=connection, state=OutboxEntry.State.WAITING).delete()
    Connection.objects.filter(pk=connection.pk).update(followed_to_at=None, pulled_at=timezone.now())


def _connection(port: int, slug: str) -> Connection:
    workspace, _ = Workspace.objects.get_or_create(slug="bench-pull", defaults={"name": "Bench"})
    base_url = f"http://127.0.0.1:{port}/{slug}{PATHS.get(slug, '')}"
    connection = Connection(
        workspace=workspace, provider=slug, name="Bench", base_url=base_url, status=Connection.Status.READY,
        fingerprint="bench",
    )  # fmt: skip
    connection.set_credentials(CREDENTIALS[slug])
    connection.save()
    return connection


def _forget() -> None:
    tables = "audiences_contact, audiences_list, audiences_folder, audiences_field, accounts_mirrorrow, accounts_outboxentry"
    with database.cursor() as cursor:
        cursor.execute(f"truncate {tables}, accounts_pull cascade")
    Connection.objects.filter(workspace__slug="bench-pull").delete()


def _let_time_pass(port: int, connection: Connection, number: int) -> datetime:
    """An hour over there, so that only what changes from now on is new."""
    _control(port, "clock", advance=3600)
    now = timezone.now() + timedelta(hours=number + 1)
    Connection.objects.filter(pk=connection.pk).update(followed_to_at=now)
    connection.followed_to_at = now
    return now


def _fetch_changed(port: int, since: datetime) -> None:
    offset, found = 0, PAGE
    while found == PAGE:
        found = len(
            _get(port, "/contacts", limit=PAGE, offset=offset, modifiedSince=since.isoformat())["contacts"]
        )
        offset += PAGE


def _change(port: int, many: int, number: int) -> None:
    """Over there, a name changes for one person in a hundred."""
    for start in range(0, many, PAGE):
        page = _get(port, "/contacts", limit=PAGE, offset=start, sort="asc")["contacts"][: many - start]
        reply = requests.post(
            f"http://127.0.0.1:{port}/brevo/v3/contacts/batch",
            headers={"api-key": ACCOUNT},
            json={
                "contacts": [{"id": p["id"], "attributes": {"LASTNAME": f"Changed {number}"}} for p in page]
            },
            timeout=60,
        )
        assert reply.ok, reply.text


def _get(port: int, path: str, **query: Any) -> Any:
    reply = requests.get(
        f"http://127.0.0.1:{port}/brevo/v3{path}", params=query, headers={"api-key": ACCOUNT}, timeout=60
    )
    reply.raise_for_status()
    return reply.json()


def _control(port: int, verb: str, **values: Any) -> None:
    requests.post(f"http://127.0.0.1:{port}/_control/{verb}", json=values, timeout=300).raise_for_status()
