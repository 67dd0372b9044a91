"""The events of one large mailing applied with every count drawn from them, against keeping new keys only."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.db import connection as database
from django.db import transaction

from accounts.models import Connection, Workspace
from audiences.models import Contact
from bench.report import Line, Memory
from campaigns.models import Campaign, Delivery
from reporting.mirror import inbox
from reporting.models import InboxCall
from reporting.queries import report_of

SENT_AT = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
REMOTE_ID = "42"
LINKS = 20


def measure(*, events: int, rounds: int) -> Iterator[Line]:
    memory = Memory()
    people = events * 9 // 10 // 3
    connection = _connection()
    delivery = _delivery(connection, people)
    limits, firsts, repeats, pages_early, pages = [], [], [], [], []
    with memory:
        for _ in range(rounds):
            _clear(delivery)
            _store(connection, events, people)
            limits.append(_keep_keys())
            memory.forget()
            inbox.apply_some(connection)
            pages_early.append(_report_ms(delivery))
            _clear(delivery)
            InboxCall.objects.update(state=InboxCall.State.NEW)
            firsts.append(_apply(connection))
            pages.append(_report_ms(delivery))
            InboxCall.objects.update(state=InboxCall.State.NEW)
            repeats.append(_apply(connection))
    against = "keeping new keys only"
    yield Line(
        f"{events:,} events applied", median(firsts), "s", median(limits), against, 4, note=str(memory)
    )
    yield Line("the same events again", median(repeats), "s", median(firsts), "the first time", 0.3)
    yield Line(
        "report page: SQL", median(pages), "ms", median(pages_early), f"after {inbox.BATCH_EVENTS:,} events",
        note="promised ≤ 5 ms, not growing with events",
    )  # fmt: skip


def _connection() -> Connection:
    workspace, _ = Workspace.objects.get_or_create(slug="bench-events", defaults={"name": "Bench"})
    connection = Connection.objects.filter(workspace=workspace).first()
    if connection is None:
        connection = Connection(
            workspace=workspace, provider="brevo", name="Events", base_url="http://127.0.0.1:1/brevo/v3",
            status=Connection.Status.READY, fingerprint="events",
        )  # fmt: skip
        connection.set_credentials({"api_key": "sandbox-events"})
        connection.save()
    return connection


def _delivery(connection: Connection, people: int) -> Delivery:
    """A mailing that was handed over to that many people, kept for the next run."""
    workspace = connection.workspace
    campaign, _ = Campaign.objects.get_or_create(
        workspace=workspace, connection=connection, name="Bench", defaults={"status": Campaign.Status.SENT}
    )
    delivery, _ = Delivery.objects.get_or_create(
        campaign=campaign,
        connection=connection,
        remote_id=REMOTE_ID,
        defaults={
            "state": Delivery.State.SENT, "subject": "Bench", "html": "", "sender_name": "Bench",
            "sender_email": "bench@example.test", "fingerprint": connection.fingerprint, "send_at": SENT_AT,
            "started_at": SENT_AT, "finished_at": SENT_AT, "zone": "UTC", "content_hash": "0" * 64,
        },
    )  # fmt: skip
    if Contact.objects.filter(workspace=workspace).count() != people:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute("delete from campaigns_recipient where delivery_id = %s", [delivery.pk])
            cursor.execute("delete from audiences_engagement")
            cursor.execute("delete from audiences_suppression where workspace_id = %s", [workspace.pk])
            cursor.execute("delete from audiences_contact where workspace_id = %s", [workspace.pk])
            cursor.execute(_PEOPLE, {"workspace": workspace.pk, "people": people})
            cursor.execute(_RECIPIENTS, {"workspace": workspace.pk, "delivery": delivery.pk, "at": SENT_AT})
        with database.cursor() as cursor:
            cursor.execute("vacuum analyze audiences_contact, campaigns_recipient")
    return delivery


def _clear(delivery: Delivery) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "truncate reporting_event, reporting_seen, reporting_figures, reporting_linkfigures,"
            " reporting_domainfigures, reporting_spanfigures, audiences_engagement"
        )
        cursor.execute(
            "delete from audiences_suppression where workspace_id = %s", [delivery.campaign.workspace_id]
        )
        cursor.execute(
            "update campaigns_recipient set state = 'handed_over', reason = '', first_open_at = null,"
            " first_machine_open_at = null, first_click_at = null, left_at = null, complained_at = null"
            " where delivery_id = %s and state <> 'handed_over'",
            [delivery.pk],
        )
        cursor.execute("vacuum campaigns_recipient, audiences_suppression")


def _store(connection: Connection, events: int, people: int) -> None:
    """One event a call, three for each person, and the first tenth of them told twice."""
    with database.cursor() as cursor:
        cursor.execute("truncate reporting_inboxcall")
        with cursor.copy("copy reporting_inboxcall (connection_id, body, digest) from stdin") as copy:
            for number in range(events):
                body = _body(number % (people * 3), people)
                copy.write_row((connection.pk, body, number.to_bytes(16, "big")))


def _body(number: int, people: int) -> bytes:
    """Everybody's mail arrives and is opened; then most click, some open again, few leave or bounce."""
    turn, person = divmod(number, people)
    kind, more = "delivered", {}
    if turn == 1:
        kind = "proxy_open" if person % 10 == 0 else "opened"
    elif turn == 2:
        chance = person % 100
        kind = (
            "unsubscribe" if chance == 0 else "hard_bounce" if chance == 1 else "click" if chance < 60 else "opened"
        )  # fmt: skip
        if kind == "click":
            more = {"link": f"https://example.test/offer/{person % LINKS}"}
    at = int(SENT_AT.timestamp()) + turn * 3600 + person % 3600
    return json.dumps(
        {
            "id": 7, "event": kind, "email": _email(person), "camp_id": int(REMOTE_ID), "campaign name": "Bench",
            "ts_event": at, "ts": at, "date_event": "2026-11-18 10:00:00", "tag": "", "segment_ids": [1], **more,
        }
    ).encode()  # fmt: skip


def _email(person: int) -> str:
    return f"reader{person}@mail{person % 50}.example"


@transaction.atomic
def _keep_keys() -> float:
    began = time.perf_counter()
    with database.cursor() as cursor:
        cursor.execute("create temp table keys (key bytea primary key) on commit drop")
        cursor.execute(_KEEP_KEYS)
    return time.perf_counter() - began


def _apply(connection: Connection) -> float:
    began = time.perf_counter()
    while inbox.apply_some(connection):
        pass
    return time.perf_counter() - began


def _report_ms(delivery: Delivery) -> float:
    """The database's share of the report, at its second reading."""
    spent = 0.0

    def watch(execute: Callable[..., Any], *args: Any) -> Any:
        nonlocal spent
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            spent += time.perf_counter() - began

    report_of(delivery.campaign, delivery)
    with database.execute_wrapper(watch):
        report_of(delivery.campaign, delivery)
    return spent * 1000


_PEOPLE = """
insert into audiences_contact (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version)
select %(workspace)s, 'reader' || n || '@mail' || n %% 50 || '.example', '', '', '', '', '', '', '{}', 1
from generate_series(0, %(people)s - 1) n
"""
_RECIPIENTS = """
insert into campaigns_recipient (delivery_id, planned_on, contact_id, email, state, reason, changed_at)
select %(delivery)s, %(at)s::date, id, email, 'handed_over', '', %(at)s
from audiences_contact where workspace_id = %(workspace)s order by id
"""
_KEEP_KEYS = """
insert into keys
select decode(md5(concat_ws('|', call ->> 'email', call ->> 'ts_event', call ->> 'event', call ->> 'link')), 'hex')
from (select convert_from(body, 'UTF8')::jsonb as call from reporting_inboxcall offset 0) told
on conflict do nothing
"""
