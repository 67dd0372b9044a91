"""A pull from the sandbox over HTTP, against its pages as raw JSON by COPY, split and upserted in SQL."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import requests
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import Connection, OutboxEntry, Pull, Workspace
from accounts.providers import provider_class
from accounts.providers.base import Effect
from audiences import mirror
from bench import servers
from bench.report import Line, Memory

KEY = "sandbox-bench"
PAGE = 1000


def measure(*, people: int, rounds: int) -> Iterator[Line]:
    with servers.sandbox() as port:
        settings.PRIVATE_ADDRESSES = [f"127.0.0.1:{port}"]
        # What is measured is the work, not the wait for a provider's published rate.
        provider_class("brevo").rates = {}
        _control(port, "seed", provider="brevo", account=KEY, limits="off", lists=5, contacts=people)
        first, again, changed, naive_first, naive_again, fetched = [], [], [], [], [], []
        memory = Memory()
        for number in range(rounds):
            _forget()
            connection = _connection(port)
            _run_steps(connection, ("fields", "lists"))
            # In the first round alone: later the limit's own memory would be counted with it.
            with nullcontext() if number else memory:
                first.append(_timed(_walk, connection))
            _end(connection)
            again.append(_timed(_again, connection))
            _end(connection)
            since = _let_time_pass(port, connection, number)
            _change(port, people // 100, number)
            fetched.append(_timed(_fetch_changed, port, since))
            changed.append(_timed(_follow, connection))
            _forget()
            connection = _connection(port)
            naive_first.append(_timed(_naive, port, connection))
            naive_again.append(_timed(_naive, port, connection))
        against = "raw JSON pages, one after the other, split and upserted in SQL"
        yield Line(
            f"pull of {people:,} contacts, first", median(first), "s", median(naive_first), against, 1.1,
            note=str(memory),
        )  # fmt: skip
        yield Line(
            f"pull of {people:,} contacts, again", median(again), "s", median(naive_again), against, 0.8
        )
        yield Line(
            "following, 1 % changed", median(changed), "s", median(fetched), "the same pages fetched, not read",
            note=f"promised ≤ 0.3 s beyond the provider's own time: {median(changed) - median(fetched):.2f} s",
        )  # fmt: skip


def _timed(work: Callable[..., object], *args: object) -> float:
    began = time.perf_counter()
    work(*args)
    return time.perf_counter() - began


def _walk(connection: Connection) -> None:
    _run_steps(connection, ("contacts",))


def _again(connection: Connection) -> None:
    pulls.start(connection=connection, by=None)
    _run_steps(connection, ("fields", "lists", "contacts"))


def _run_steps(connection: Connection, steps: tuple[str, ...]) -> None:
    """The steps of the running pull, driven as a worker drives them."""
    if not Pull.objects.filter(connection=connection, state=Pull.State.RUNNING).exists():
        pulls.start(connection=connection, by=None)
    walks = {"fields": mirror.pull_fields, "lists": mirror.pull_lists, "contacts": mirror.pull_contacts}
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


def _connection(port: int) -> Connection:
    workspace, _ = Workspace.objects.get_or_create(slug="bench-pull", defaults={"name": "Bench"})
    connection = Connection(
        workspace=workspace, provider="brevo", name="Bench", base_url=f"http://127.0.0.1:{port}/brevo/v3",
        status=Connection.Status.READY, fingerprint="bench",
    )  # fmt: skip
    connection.set_credentials({"api_key": KEY})
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
            headers={"api-key": KEY},
            json={
                "contacts": [{"id": p["id"], "attributes": {"LASTNAME": f"Changed {number}"}} for p in page]
            },
            timeout=60,
        )
        assert reply.ok, reply.text


def _get(port: int, path: str, **query: Any) -> Any:
    reply = requests.get(
        f"http://127.0.0.1:{port}/brevo/v3{path}", params=query, headers={"api-key": KEY}, timeout=60
    )
    reply.raise_for_status()
    return reply.json()


def _control(port: int, verb: str, **values: Any) -> None:
    requests.post(f"http://127.0.0.1:{port}/_control/{verb}", json=values, timeout=300).raise_for_status()


@transaction.atomic
def _naive(port: int, connection: Connection) -> None:
    """The limit: contacts, memberships and remote ids by the plain statements anybody would write."""
    values = {"workspace": connection.workspace_id, "connection": connection.pk}
    with requests.Session() as session, database.cursor() as cursor:
        session.headers["api-key"] = KEY
        lists = session.get(f"http://127.0.0.1:{port}/brevo/v3/contacts/lists?limit=50&offset=0", timeout=60)
        cursor.execute("create unlogged table bench_pages (body jsonb)")
        with cursor.copy("copy bench_pages (body) from stdin") as copy:
            copy.write_row([lists.text])
        cursor.execute(_NAIVE_LISTS, values)
        cursor.execute("truncate bench_pages")
        offset = 0
        with cursor.copy("copy bench_pages (body) from stdin") as copy:
            while True:
                reply = session.get(
                    f"http://127.0.0.1:{port}/brevo/v3/contacts",
                    params={"limit": PAGE, "offset": offset, "sort": "asc"},
                    timeout=60,
                )
                copy.write_row([reply.text])
                offset += PAGE
                if len(reply.json()["contacts"]) < PAGE:
                    break
        cursor.execute("set local work_mem = '256MB'")
        for statement in (_NAIVE_SPLIT, _NAIVE_CONTACTS, _NAIVE_SUBSCRIPTIONS, _NAIVE_MIRROR):
            cursor.execute(statement, values)
        cursor.execute("drop table bench_pages")


_NAIVE_LISTS = """
insert into audiences_list (workspace_id, name, description, subscribed_count, version, created_at)
select %(workspace)s, l ->> 'id', '', 0, 1, now() from bench_pages, jsonb_array_elements(body -> 'lists') l
where not exists (select 1 from audiences_list)
"""
_NAIVE_SPLIT = """
create temp table people on commit drop as
select distinct on (lower(p ->> 'email')) lower(p ->> 'email') as email, p
from bench_pages, jsonb_array_elements(body -> 'contacts') p
order by lower(p ->> 'email')
"""
_NAIVE_CONTACTS = """
insert into audiences_contact (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version)
select %(workspace)s, email, coalesce(p #>> '{attributes,FIRSTNAME}', ''), coalesce(p #>> '{attributes,LASTNAME}', ''),
       '', '', '', coalesce(p #>> '{attributes,SMS}', ''),
       (p -> 'attributes') - 'FIRSTNAME' - 'LASTNAME' - 'SMS', 1
from people
on conflict (workspace_id, email) do update
set first_name = excluded.first_name, last_name = excluded.last_name, phone = excluded.phone,
    custom = excluded.custom, updated_at = now()
"""
_NAIVE_SUBSCRIPTIONS = """
insert into audiences_subscription (list_id, contact_id, status)
select l.id, c.id, 'subscribed'
from people, jsonb_array_elements_text(p -> 'listIds') as on_list
join audiences_list l on l.name = on_list
join audiences_contact c on true
where c.workspace_id = %(workspace)s and c.email = people.email
on conflict (list_id, contact_id) do update set status = excluded.status
"""
_NAIVE_MIRROR = """
insert into accounts_mirrorrow (connection_id, kind, object_id, remote_id, version, seen_at)
select %(connection)s, 4, c.id, p ->> 'id', 1, now()
from people join audiences_contact c on c.workspace_id = %(workspace)s and c.email = people.email
on conflict (connection_id, kind, remote_id) do update set seen_at = excluded.seen_at
"""
