"""Webhook calls taken in, against a view with one INSERT; and their events applied, against keeping new keys only."""

import itertools
import json
import time
from collections.abc import Iterator
from statistics import median

from django.db import connection as database
from django.db import transaction

from accounts.models import Connection, Workspace
from bench import load, servers
from bench.report import Line
from reporting.mirror import inbox
from reporting.models import InboxCall

SECRET = "bench-secret"
CONNECTIONS = 8
DAY = 1_795_000_000


def measure(*, events: int, rounds: int, seconds: float) -> Iterator[Line]:
    connection = _connection()
    with servers.web() as port:
        limit_rates, rates, limit_p95, p95 = [], [], [], []
        for _ in range(rounds):
            database.cursor().execute("truncate reporting_inboxcall")
            limit = load.press(
                port, _calls("/bench/insert/"), connections=CONNECTIONS, seconds=seconds, expect=204
            )
            mine = load.press(
                port,
                _calls(f"/hooks/{connection.webhook_token}/"),
                connections=CONNECTIONS,
                seconds=seconds,
                expect=204,
            )
            limit_rates.append(limit.per_second)
            rates.append(mine.per_second)
            limit_p95.append(limit.p95_ms)
            p95.append(mine.p95_ms)
    against = "a view with one INSERT"
    yield Line(
        "webhook calls taken in", median(rates), "a second", median(limit_rates), against, 0.8, is_rate=True
    )
    yield Line("webhook call: p95", median(p95), "ms", median(limit_p95), against, 4)

    limits, firsts, repeats = [], [], []
    for _ in range(rounds):
        _clear()
        _store(connection, events)
        limits.append(_keep_keys())
        firsts.append(_apply(connection))
        InboxCall.objects.update(state=InboxCall.State.NEW)
        repeats.append(_apply(connection))
    against = "keeping new keys only"
    yield Line(f"{events:,} events applied", median(firsts), "s", median(limits), against, 4)
    yield Line("the same events again", median(repeats), "s", median(firsts), "the first time", 0.3)


def _calls(path: str) -> Iterator[bytes]:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {SECRET}",
        "X-Campanile-Secret": SECRET,
    }
    for number in itertools.count(time.time_ns()):
        yield load.request("POST", path, headers=headers, body=_body(number, number))


def _body(key: int, person: int) -> bytes:
    return json.dumps(
        {
            "event": "opened", "email": f"reader{person}@example.test", "id": 1, "camp_id": 1, "ts_event": DAY + key % 86_400,
            "ts": DAY + key % 86_400, "date_event": "2026-11-21 10:00:00", "tag": "", "segment_ids": [1], "key": str(key),
        }
    ).encode()  # fmt: skip


def _connection() -> Connection:
    workspace, _ = Workspace.objects.get_or_create(slug="bench-hooks", defaults={"name": "Bench"})
    connection = Connection.objects.filter(workspace=workspace).first()
    if connection is None:
        connection = Connection(
            workspace=workspace, provider="brevo", name="Hooks", base_url="http://127.0.0.1:1/brevo/v3",
            status=Connection.Status.READY, fingerprint="hooks",
        )  # fmt: skip
        connection.set_credentials({"api_key": "sandbox-hooks"})
        connection.set_webhook_secrets([SECRET])
        connection.save()
    return connection


def _clear() -> None:
    with database.cursor() as cursor:
        cursor.execute("truncate reporting_inboxcall, reporting_event, reporting_seen")


def _store(connection: Connection, events: int) -> None:
    """One event a call, a tenth of them told twice."""
    with (
        database.cursor() as cursor,
        cursor.copy("copy reporting_inboxcall (connection_id, body, digest) from stdin") as copy,
    ):
        for number in range(events):
            body = _body(number % (events * 9 // 10), number % 50_000)
            copy.write_row([connection.pk, body, number.to_bytes(16, "big")])


@transaction.atomic
def _keep_keys() -> float:
    began = time.perf_counter()
    with database.cursor() as cursor:
        cursor.execute("create temp table keys (key bytea primary key) on commit drop")
        cursor.execute(
            "insert into keys select decode(md5(concat(convert_from(body, 'UTF8')::jsonb ->> 'email',"
            " convert_from(body, 'UTF8')::jsonb ->> 'ts_event', convert_from(body, 'UTF8')::jsonb ->> 'event')), 'hex')"
            " from reporting_inboxcall on conflict do nothing"
        )
    return time.perf_counter() - began


def _apply(connection: Connection) -> float:
    began = time.perf_counter()
    while inbox.apply_some(connection):
        pass
    return time.perf_counter() - began
