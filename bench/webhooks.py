"""Webhook calls taken in, against a view with one INSERT."""

import itertools
import json
import time
from collections.abc import Iterator
from statistics import median

from django.db import connection as database

from accounts.models import Connection, Workspace
from bench import load, servers
from bench.report import Line

SECRET = "bench-secret"
CONNECTIONS = 8
DAY = 1_795_000_000


def measure(*, rounds: int, seconds: float) -> Iterator[Line]:
    connection = _connection()
    with servers.web() as port:
        limit_rates, rates, limit_p95, p95 = [], [], [], []
        # The first requests load the code.
        load.press(port, _calls("/bench/insert/"), connections=CONNECTIONS, seconds=2, expect=204)
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
