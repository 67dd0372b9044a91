"""What a kill, a second worker and a cancelling leave of an import, and when its rows go."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import OutboxEntry
from accounts.refusals import CannotDo
from audiences import services
from audiences.importing import applying, running, staging
from audiences.importing.tables import Tables
from audiences.models import (
    Consent,
    Contact,
    Import,
    ImportBody,
    ImportChange,
    Subscription,
)
from tests.audiences.importing import (
    begin,
    bring,
    on,
    preview,
    start,
    undo,
    work,
)
from tests.factories import (
    ContactFactory,
)

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker is gone; nothing catches it."""


def many(count=9):
    return "Email,Vorname\n" + "".join(
        f"p{number % (count - 1)}@x.test,P{number}\n" for number in range(count)
    )


def crash(task):
    """The lease of the entry runs out, and the sweep frees it."""
    OutboxEntry.objects.filter(task=task, state="claimed").update(state="waiting", fence=99)


def one_chunk_in(workspace, by, monkeypatch):
    """An import of which the first three rows are imported."""
    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    Tables(mine).make_result()
    applying.apply_next(mine)
    return mine


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_an_import_killed_between_chunks_goes_on_with_no_row_twice(workspace, by, news, monkeypatch, after):
    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = preview(begin(workspace, by, many()), by, on_list=news)
    real, calls = applying.apply_next, []

    def dying(mine):
        calls.append(1)
        if len(calls) > after:
            raise Killed
        return real(mine)

    monkeypatch.setattr(applying, "apply_next", dying)
    with pytest.raises(Killed):
        start(mine, by)
    assert Contact.objects.count() == min(3 * after, 8)
    monkeypatch.setattr(applying, "apply_next", real)
    crash("audiences.run_import")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts) == (Import.State.DONE, {"read": 9, "new": 8, "duplicate": 1})
    assert (Contact.objects.count(), len(on(news)), Consent.objects.count()) == (8, 8, 8)


def test_a_kill_within_a_chunk_leaves_nothing_of_it(workspace, by, news, monkeypatch):
    mine = preview(begin(workspace, by, many()), by, on_list=news)
    real = applying.remember

    def dying(*args, **checkpoint):
        raise Killed

    monkeypatch.setattr(applying, "remember", dying)
    with pytest.raises(Killed):
        start(mine, by)
    assert (Contact.objects.count(), Subscription.objects.count(), Consent.objects.count()) == (0, 0, 0)
    monkeypatch.setattr(applying, "remember", real)
    crash("audiences.run_import")
    work()
    assert Contact.objects.count() == 8


def test_reading_killed_midway_goes_on_where_it_was(workspace, by, monkeypatch):
    monkeypatch.setattr(staging, "BATCH", 2)
    mine = begin(workspace, by, many())
    real, calls = staging.remember, []

    def dying(*args, **checkpoint):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        real(*args, **checkpoint)

    monkeypatch.setattr(staging, "remember", dying)
    with pytest.raises(Killed):
        preview(mine, by)
    mine.refresh_from_db()
    assert mine.checkpoint == {"stage": 5, "rows": 4}
    monkeypatch.setattr(staging, "remember", real)
    crash("audiences.read_import")
    work()
    mine.refresh_from_db()
    assert mine.preview == {"read": 9, "new": 8, "duplicate": 1}


def test_rows_lost_with_the_database_are_read_again(workspace, by, monkeypatch):
    monkeypatch.setattr(running, "SLICE_SECONDS", -1)
    monkeypatch.setattr(staging, "BATCH", 2)
    mine = begin(workspace, by, many())
    services.preview_import(mine=mine, by=by, version=mine.version, decisions=running_decisions(mine))
    entry = OutboxEntry.objects.get(task="audiences.read_import")
    OutboxEntry.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    from audiences.tasks.imports import read_import

    read_import(entry_id=entry.pk)
    mine.refresh_from_db()
    assert mine.checkpoint["stage"]
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {Tables(mine).stage}")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.preview["read"]) == (Import.State.READY, 9)


def running_decisions(mine):
    from audiences.importing.decisions import Decisions

    return Decisions(mine.mapping)


def test_a_roll_back_killed_between_chunks_goes_on(workspace, by, news, monkeypatch):
    from audiences.importing import undoing

    monkeypatch.setattr(applying, "CHUNK", 3)
    mine = bring(workspace, by, many(), on_list=news)
    real, calls = undoing.undo_next, []

    def dying(mine):
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return real(mine)

    monkeypatch.setattr(undoing, "undo_next", dying)
    with pytest.raises(Killed):
        undo(mine, by)
    monkeypatch.setattr(undoing, "undo_next", real)
    crash("audiences.undo_import")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.undone["people"], Contact.objects.count()) == (Import.State.UNDONE, 8, 0)


def test_a_second_worker_on_the_same_chunk_writes_nothing(workspace, by):
    from accounts.outbox import LeaseLost

    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    stale = Import.objects.select_related("workspace").get(pk=mine.pk)
    Tables(mine).make_result()
    assert applying.apply_next(mine) is True
    with pytest.raises(LeaseLost):
        applying.apply_next(stale)
    assert Contact.objects.count() == 8


def test_import_pressed_twice_is_one_import(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    version = mine.version
    services.start_import(mine=mine, by=by, version=version)
    with pytest.raises(CannotDo):
        services.start_import(mine=mine, by=by, version=version)
    work()
    assert Contact.objects.count() == 8


def test_cancelled_midway_what_is_there_stays_and_can_be_taken_back(workspace, by, monkeypatch):
    mine = one_chunk_in(workspace, by, monkeypatch)
    services.cancel_import(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts, Contact.objects.count()) == (
        Import.State.CANCELLED,
        {"read": 3, "new": 3},
        3,
    )
    assert not ImportBody.objects.exists()
    undo(mine, by)
    assert (mine.state, Contact.objects.count()) == (Import.State.UNDONE, 0)


def test_a_worker_killed_while_it_ends_a_cancelled_import_imports_nothing_more(workspace, by, monkeypatch):
    def killed(*args):
        raise Killed
        yield

    mine = one_chunk_in(workspace, by, monkeypatch)
    services.cancel_import(mine=mine, by=by)
    with monkeypatch.context() as dying:
        dying.setattr(running, "keep_left_out", killed)
        with pytest.raises(Killed):
            work()
    crash("audiences.run_import")
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts) == (Import.State.CANCELLED, {"read": 3, "new": 3})


def test_a_stopped_import_is_cancelled_without_reading_its_file_meanwhile(workspace, by, monkeypatch):
    mine = one_chunk_in(workspace, by, monkeypatch)
    running.fail(mine, "Cut off.")
    with monkeypatch.context() as reading:
        reading.setattr("audiences.importing.left_out.keep_left_out", None)
        services.cancel_import(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts, ImportBody.objects.count()) == ("cancelled", {"read": 3, "new": 3}, 0)


def test_gone_on_with_a_stopped_import_forgets_that_it_was_to_end(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    services.cancel_import(mine=mine, by=by)
    mine.refresh_from_db()
    running.fail(mine, "Cut off.")
    services.go_on(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, Contact.objects.count()) == (Import.State.DONE, 8)


def test_cancelled_before_it_began_nothing_is_kept(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    services.cancel_import(mine=mine, by=by)
    mine.refresh_from_db()
    assert (mine.state, mine.columns[0]["samples"], mine.has_rows) == (Import.State.CANCELLED, [], False)
    assert not ImportBody.objects.exists()
    assert not Tables(mine).holds(Tables(mine).stage)


def test_an_import_whose_work_was_set_aside_says_so_and_goes_on(workspace, by):
    mine = preview(begin(workspace, by, many()), by)
    services.start_import(mine=mine, by=by, version=mine.version)
    OutboxEntry.objects.filter(task="audiences.run_import").update(state="set_aside", note="Cut off.")
    assert services.end_stuck_imports() == 1
    mine.refresh_from_db()
    assert (mine.state, mine.note) == (Import.State.FAILED, "Cut off.")
    services.go_on(mine=mine, by=by)
    work()
    mine.refresh_from_db()
    assert (mine.state, Contact.objects.count()) == (Import.State.DONE, 8)


def test_file_and_rows_go_when_nobody_needs_them(workspace, by):
    ContactFactory(workspace=workspace, email="p1@x.test", first_name="Old")
    mine = bring(workspace, by, many())
    assert not ImportBody.objects.exists()
    assert mine.columns[0]["samples"] == []
    assert services.prune_imports() == 0
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert services.prune_imports() == 1
    mine.refresh_from_db()
    assert (mine.has_rows, ImportChange.objects.count(), mine.counts["read"]) == (False, 0, 9)
    assert not Tables(mine).holds(Tables(mine).stage)


def test_a_long_journal_goes_a_bit_at_a_time_and_nothing_is_rolled_back_meanwhile(
    browse, workspace, by, monkeypatch
):
    monkeypatch.setattr("audiences.journal.FORGOTTEN", 2)
    monkeypatch.setattr("audiences.services.imports.PRUNED_AT_ONCE", 1)
    for number in (1, 2, 3):
        ContactFactory(workspace=workspace, email=f"p{number}@x.test", first_name="Old")
    mine = bring(workspace, by, many())
    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert (services.prune_imports(), ImportChange.objects.count()) == (0, 1)
    with pytest.raises(services.CannotImport, match="can no longer be rolled back"):
        services.undo_import(mine=mine, by=by)
    assert "Roll back" not in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert (services.prune_imports(), ImportChange.objects.count(), mine.steps.count()) == (1, 0, 0)
    with pytest.raises(services.CannotImport, match="can no longer be rolled back"):
        services.undo_import(mine=mine, by=by)


def test_what_stopped_over_a_month_ago_is_not_gone_on_with(browse, workspace, by):
    mine = bring(workspace, by, many())
    stopped = {"state": "failed", "failed_in": "undoing", "finished_at": timezone.now() - timedelta(days=31)}
    Import.objects.update(**stopped)

    with pytest.raises(services.CannotImport, match="more than 30 days ago"):
        services.go_on(mine=mine, by=by)

    assert "Go on" not in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()


def test_a_file_nobody_went_on_with_is_dropped_after_a_week(workspace, by):
    mine = begin(workspace, by, many())
    Import.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert services.prune_imports() == 1
    mine.refresh_from_db()
    assert mine.state == Import.State.CANCELLED
    assert not ImportBody.objects.exists()
