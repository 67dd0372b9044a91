"""What exports leave behind: no address in the log, no file nobody waits for, no person erased meanwhile."""

from urllib.parse import quote

import pytest
from celery import current_app
from django.utils import timezone

from accounts import attention
from accounts.models import ActivityEntry, OutboxEntry
from audiences import services
from audiences.exporting import making
from audiences.models import Contact, Export, ExportPiece
from audiences.queries.contacts import People
from audiences.services import segments
from tests.audiences.erasing import ANA, erase
from tests.factories import ContactFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(member):
    return member("admin")


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email=ANA)


@pytest.fixture
def begun(workspace, by, ana):
    """An export of everybody, found by an address."""
    return services.begin_export(
        workspace=workspace, by=by, kind="people", title=f"People: “{ANA}”", selection=People(workspace).as_json(),
        columns=["email"], written_as="csv", total=1,
    )  # fmt: skip


def test_no_address_stands_in_the_log_or_among_what_is_under_way(workspace, by, begun):
    (item,) = attention.running(workspace)
    services.cancel_export(export=begun, by=by)
    Export.objects.update(state="failed")
    begun.refresh_from_db()
    services.make_again(export=begun, by=by)
    run_outbox("audiences.export")
    begun.refresh_from_db()
    services.fetch_export(export=begun, by=by)
    services.throw_away(export=begun, by=by)

    assert item.title == "Export: People: “a…@e…”"
    assert list(ActivityEntry.objects.order_by("pk").values_list("sentence", flat=True)) == [
        "Had “People: “a…@e…”” exported.",
        "Cancelled the export “People: “a…@e…””.",
        "Had “People: “a…@e…”” exported again.",
        "Made the export “People: “a…@e…””.",
        "Downloaded the export “People: “a…@e…””.",
        "Threw the export “People: “a…@e…”” away.",
    ]


def stored(export):
    """(state, what is in the file)"""
    export.refresh_from_db()
    return export.state, b"".join(making.pieces(export)).decode("utf-8-sig")


def test_a_worker_that_was_overtaken_by_an_erasure_ends_nothing(workspace, by, begun, monkeypatch):
    renew = making.outbox.renew

    calls = []

    def erased_and_begun_again(entry):
        renew(entry)
        calls.append(entry)
        if len(calls) == 1:  # before anything is read
            return
        if Contact.objects.exists():
            erase(workspace, by)
            begun.refresh_from_db()
            services.make_again(export=begun, by=by)

    monkeypatch.setattr(making.outbox, "renew", erased_and_begun_again)
    run_outbox("audiences.export")
    run_outbox("audiences.export")

    assert stored(begun) == ("ready", "Address\n")


def test_rows_are_read_after_an_erasure_that_began_before(begun, monkeypatch):
    monkeypatch.setattr(making, "one_writer", lambda _: Contact.objects.all().delete(), raising=False)

    run_outbox("audiences.export")

    assert stored(begun) == ("ready", "Address\n")


def _cancelled(export, by):
    services.cancel_export(export=export, by=by)


def _set_aside(export, by):
    OutboxEntry.objects.update(state="set_aside", note="Crashed.")
    services.sweep_exports()


def _erased_after_a_cancel(export, by):
    OutboxEntry.objects.update(state="claimed")
    Export.objects.update(state="cancelled")
    erase(export.workspace, by)


def _come_back_to(export, by):
    Export.objects.update(state="failed")
    run_outbox("audiences.export")


@pytest.mark.parametrize("stop", [_cancelled, _set_aside, _erased_after_a_cancel, _come_back_to])
def test_no_piece_of_a_file_stays_that_is_not_to_be_had(begun, by, stop):
    ExportPiece.objects.create(of=begun, number=0, body=b"half a file")

    stop(begun, by)

    assert ExportPiece.objects.count() == 0
    assert Export.objects.get().state in ("cancelled", "failed")


def test_who_fetches_many_addresses_proves_who_they_are(browse, begun, monkeypatch):
    run_outbox("audiences.export")
    client, path = browse("editor"), f"/w/acme/exports/{begun.pk}/file/"
    monkeypatch.setattr("accounts.http.logged_in_lately", lambda _: False)

    few, look = client.get(path), client.head(path)
    Export.objects.update(rows=10_001)
    many = client.get(path)
    monkeypatch.setattr("accounts.http.logged_in_lately", lambda _: True)
    proved = client.get(path)

    assert [reply.status_code for reply in (few, look, many, proved)] == [200, 405, 302, 200]
    assert many.url == f"/accounts/reauthenticate/?next={quote(path, safe='')}"
    assert ActivityEntry.objects.filter(verb="export.fetched").count() == 2


def test_the_lease_outlasts_the_statement_that_reads_all_rows_by_little(begun, monkeypatch):
    leases = []
    read = making._read

    def look(*args):
        entry = OutboxEntry.objects.get(task="audiences.export")
        leases.append((entry.leased_until - timezone.now()).total_seconds())
        return read(*args)

    monkeypatch.setattr(making, "_read", look)
    run_outbox("audiences.export")
    assert making.READ_SECONDS < leases[0] < making.READ_SECONDS + 70
    assert stored(begun)[0] == "ready"


def test_a_worker_ends_no_export_or_count_before_its_statement_has_a_say(settings):
    export = current_app.tasks["audiences.export"]

    assert export.soft_time_limit > 2 * making.READ_SECONDS
    assert export.time_limit > export.soft_time_limit
    # A ring that is not answered within this time comes once more.
    assert export.time_limit < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert segments.LONGEST_SECONDS < settings.CELERY_TASK_SOFT_TIME_LIMIT


def test_a_statement_that_takes_too_long_ends_the_export_with_a_sentence(begun, monkeypatch):
    monkeypatch.setattr(making, "rows_of", lambda _: making.Rows(["Address"], "select pg_sleep(2)::text", {}))
    monkeypatch.setattr(making, "READ_SECONDS", 0.02)
    run_outbox("audiences.export")
    begun.refresh_from_db()
    assert (begun.state, begun.note) == (
        "failed", "The database took too long for this. Choose fewer columns, or fewer people.",
    )  # fmt: skip
