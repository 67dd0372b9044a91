"""The outbox: nothing lost, nothing done twice, whoever dies, and every error by its verdict."""

import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connections, transaction
from django.utils import timezone

from accounts import outbox, tasks, vault
from accounts.models import ActivityEntry, Connection, OutboxAttempt, OutboxEntry
from accounts.providers.base import Effect
from accounts.providers.errors import (
    Conflict,
    Missing,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
    Unsupported,
)
from accounts.refusals import CannotDo
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db
# For tests of what a commit does, and of threads, which must see each other's rows.
committed = pytest.mark.django_db(transaction=True)
# Inside a test's transaction the clock of the database stands still, so what is due is due since before it.
A_WHILE = timedelta(minutes=1)

State = OutboxEntry.State
Priority = OutboxEntry.Priority


@pytest.fixture
def rung(monkeypatch):
    """Task names and ids that a worker was told of."""
    calls = []
    monkeypatch.setattr(
        current_app, "send_task", lambda task, kwargs, retry: calls.append((task, kwargs["entry_id"]))
    )
    return calls


@pytest.fixture
def connection(rung):
    return ConnectionFactory()


@pytest.fixture
def record(connection):
    def make(task="audiences.push", effect=Effect.CONVERGE, **extra):
        extra = {
            "connection": connection,
            "order_key": f"key-{OutboxEntry.objects.count()}",
            "not_before": timezone.now() - A_WHILE,
        } | extra
        return outbox.record(task=task, subject=connection, effect=effect, **extra)

    return make


def run(entry, work):
    """Deliver with `work`: an error class or instance is raised, another value is answered."""

    def do(claimed):
        if isinstance(work, Exception):
            raise work
        return work(claimed) if callable(work) else work

    outbox.deliver(entry.pk, do)
    entry.refresh_from_db()
    return entry


def due(entry):
    OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now() - A_WHILE)


# Recording and ringing


@committed
def test_work_is_recorded_with_the_change_and_rung_when_it_commits(connection, rung):
    with transaction.atomic():
        entry = outbox.record(task="audiences.push", subject=connection, effect=Effect.CONVERGE)
        assert rung == []

    assert rung == [("audiences.push", entry.pk)]
    assert entry.workspace == connection.workspace
    assert entry.order_key == f"accounts.connection:{connection.pk}"


def test_a_change_that_is_undone_leaves_no_work(connection, rung):
    with transaction.atomic():
        outbox.record(task="audiences.push", subject=connection, effect=Effect.CONVERGE)
        transaction.set_rollback(True)

    assert not OutboxEntry.objects.exists()
    assert rung == []


def test_work_for_later_is_not_rung_now(record, rung):
    record(not_before=timezone.now() + timedelta(minutes=1))

    assert rung == []


@committed
def test_a_failed_ring_loses_nothing(connection, monkeypatch):
    def away(*_, **__):
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app, "send_task", away)

    entry = outbox.record(task="audiences.push", subject=connection, effect=Effect.CONVERGE)

    assert outbox.ring(entry) is False
    entry.refresh_from_db()
    assert entry.state == State.WAITING


# Claiming


def test_a_claim_raises_the_fence_and_takes_a_lease(record, settings):
    entry = outbox.claim(record().pk)

    assert (entry.state, entry.fence) == (State.CLAIMED, 1)
    assert entry.leased_until > timezone.now() + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS - 5)
    assert OutboxAttempt.objects.get().fence == 1


def test_what_is_claimed_is_not_claimed_again(record):
    entry = record()
    outbox.claim(entry.pk)

    assert outbox.claim(entry.pk) is None


def test_what_is_not_due_is_not_claimed(record):
    assert outbox.claim(record(not_before=timezone.now() + timedelta(seconds=30)).pk) is None


@pytest.mark.parametrize("status", ["paused", "reconnect", "disconnected", "checking"])
def test_work_of_an_account_that_rests_waits(record, connection, status):
    entry = record()
    Connection.objects.filter(pk=connection.pk).update(status=status)

    assert outbox.claim(entry.pk) is None


def test_only_a_check_runs_for_what_was_only_typed_in(record, connection):
    entry = record(task="accounts.check")
    Connection.objects.filter(pk=connection.pk).update(status="checking")

    assert outbox.claim(entry.pk) is not None


def test_a_ring_for_other_work_under_the_same_number_does_nothing(record):
    """After a restore, numbers are given out again while old messages are still in the queue."""
    entry = record(task="audiences.follow")

    tasks.check(entry_id=entry.pk)

    entry.refresh_from_db()
    assert (entry.state, entry.fence) == (State.WAITING, 0)
    assert outbox.claim(entry.pk, task="audiences.follow") is not None


def test_entries_of_one_order_key_go_one_after_the_other(record):
    first, second = record(order_key="audience:1"), record(order_key="audience:1")

    assert outbox.claim(second.pk) is None
    assert outbox.claim(first.pk) is not None
    assert outbox.claim(second.pk) is None


def test_what_waits_for_later_does_not_hold_up_its_order_key(record):
    record(order_key="audience:1", not_before=timezone.now() + timedelta(hours=1))

    assert outbox.claim(record(order_key="audience:1").pk) is not None


def test_what_matters_more_overtakes_in_its_order_key(record):
    record(order_key="audience:1", priority=Priority.BULK)
    urgent = record(order_key="audience:1", priority=Priority.SUPPRESS)

    assert outbox.claim(urgent.pk) is not None


def test_one_account_keeps_only_some_workers_busy(record, settings):
    settings.OUTBOX_PER_CONNECTION = 2
    for _ in range(2):
        assert outbox.claim(record(priority=Priority.BULK).pk) is not None

    assert outbox.claim(record(priority=Priority.BULK).pk) is None
    assert outbox.claim(record(priority=Priority.SEND).pk) is not None


@committed
def test_many_workers_at_once_claim_an_entry_once(record):
    entry = record()

    assert [taken for taken in at_once([entry.pk] * 8) if taken] == [entry.pk]


@committed
def test_many_workers_at_once_take_one_entry_per_order_key(record):
    entries = [record(order_key="audience:1", priority=Priority.SEND) for _ in range(4)]

    taken = [pk for pk in at_once([entry.pk for entry in entries] * 2) if pk]

    assert taken == [entries[0].pk]


def at_once(ids):
    """Claim from a thread per id, all let go in the same instant; answers what each got."""
    gate, results = threading.Barrier(len(ids)), [None] * len(ids)

    def worker(place, pk):
        try:
            gate.wait()
            entry = outbox.claim(pk)
            results[place] = entry.pk if entry else None
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker, args=pair) for pair in enumerate(ids)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# Delivering


def test_work_that_ends_well_is_done_and_leaves_no_attempt(record):
    entry = run(record(), None)

    assert (entry.state, entry.note, entry.leased_until) == (State.DONE, "", None)
    assert entry.ended_at is not None
    assert not OutboxAttempt.objects.exists()


def test_a_second_delivery_does_nothing(record):
    entry, times = record(), []
    for _ in range(2):
        run(entry, lambda claimed: times.append(1))

    assert times == [1]


def test_work_may_ask_for_later_without_it_counting_as_an_attempt(record):
    entry = run(record(), outbox.Later(60, "Waiting for the account."))

    assert (entry.state, entry.attempts, entry.note) == (State.WAITING, 0, "Waiting for the account.")
    assert 55 < (entry.not_before - timezone.now()).total_seconds() <= 60


def test_work_that_goes_on_at_once_is_rung_at_once(record, rung):
    entry = record()
    rung.clear()

    run(entry, outbox.Later(0))

    assert (entry.task, entry.pk) in rung


def test_whoever_waited_behind_is_rung(record, rung):
    first, second = record(order_key="audience:1"), record(order_key="audience:1")
    rung.clear()

    run(first, None)

    assert rung == [(second.task, second.pk)]


@committed
def test_no_transaction_is_open_while_work_runs(record):
    seen = []
    run(record(), lambda claimed: seen.append(transaction.get_connection().in_atomic_block))

    assert seen == [False]


def test_work_whose_subject_is_gone_is_done(record, connection):
    entry = record(connection=None, workspace=connection.workspace)
    OutboxEntry.objects.filter(pk=entry.pk).update(subject_id=0)

    assert run(entry, Refused("never called")).state == State.DONE


def test_what_was_learned_under_an_older_fence_is_dropped(record):
    entry = record()

    def lose_the_lease(claimed):
        OutboxEntry.objects.filter(pk=claimed.pk).update(fence=claimed.fence + 1)

    run(entry, lose_the_lease)

    assert (entry.state, entry.fence) == (State.CLAIMED, 2)
    assert OutboxAttempt.objects.get().outcome == "lease lost"


def test_a_lost_lease_stops_long_work(record):
    entry = record()

    def go_on(claimed):
        outbox.renew(claimed)
        OutboxEntry.objects.filter(pk=claimed.pk).update(fence=claimed.fence + 1)
        outbox.renew(claimed)
        raise AssertionError("went on without its lease")

    run(entry, go_on)

    assert entry.state == State.CLAIMED
    assert OutboxAttempt.objects.get().outcome == "lease lost"


# Verdicts

UNAVAILABLE = Unavailable("away")
UNKNOWN = OutcomeUnknown("no answer")
ODD = UnexpectedReply("HTML")
NO = Refused("no such list")


@pytest.mark.parametrize(
    ("effect", "error", "state", "must_look", "attempts"),
    [
        (Effect.READ, UNAVAILABLE, State.WAITING, False, 1),
        (Effect.CONVERGE, UNAVAILABLE, State.WAITING, False, 1),
        (Effect.CREATE, UNAVAILABLE, State.WAITING, False, 1),
        (Effect.ONCE, UNAVAILABLE, State.WAITING, False, 1),
        (Effect.READ, UNKNOWN, State.WAITING, False, 1),
        (Effect.CONVERGE, UNKNOWN, State.WAITING, False, 1),
        (Effect.CREATE, UNKNOWN, State.WAITING, True, 1),
        (Effect.ONCE, UNKNOWN, State.WAITING, True, 1),
        (Effect.READ, ODD, State.WAITING, False, 1),
        (Effect.CREATE, ODD, State.WAITING, True, 1),
        (Effect.ONCE, ODD, State.SET_ASIDE, True, 0),
        (Effect.READ, NO, State.SET_ASIDE, False, 0),
        (Effect.CONVERGE, NO, State.SET_ASIDE, False, 0),
        (Effect.CREATE, NO, State.SET_ASIDE, False, 0),
        (Effect.ONCE, NO, State.SET_ASIDE, False, 0),
        (Effect.CONVERGE, Missing("gone"), State.SET_ASIDE, False, 0),
        (Effect.CREATE, Conflict("there already"), State.SET_ASIDE, False, 0),
        (Effect.CONVERGE, Unsupported("cannot"), State.SET_ASIDE, False, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_goes_the_way_of_its_verdict(record, effect, error, state, must_look, attempts):
    entry = run(record(effect=effect), error)

    assert (entry.state, entry.must_look, entry.attempts) == (state, must_look, attempts)
    assert entry.note == error.detail
    assert (entry.ended_at is not None) == (state == State.SET_ASIDE)


def test_a_limit_waits_for_its_time_and_is_no_attempt(record):
    entry = run(record(), RateLimited("slow down", retry_after=100))

    assert (entry.state, entry.attempts, entry.failing_since_at) == (State.WAITING, 0, None)
    assert 100 < (entry.not_before - timezone.now()).total_seconds() < 104


def test_a_refused_key_stops_the_account_and_its_work_waits(record, connection):
    entry = run(record(), Unauthorized("401"))

    connection.refresh_from_db()
    assert connection.status == Connection.Status.RECONNECT
    assert (entry.state, entry.attempts) == (State.WAITING, 0)
    assert ActivityEntry.objects.filter(verb="connection.refused").count() == 1


def test_an_answer_misread_twice_is_set_aside(record):
    entry = run(record(effect=Effect.READ), ODD)
    assert 290 < (entry.not_before - timezone.now()).total_seconds() <= 300
    due(entry)

    assert run(entry, ODD).state == State.SET_ASIDE


def test_our_own_no_is_set_aside_with_its_sentence(record):
    entry = run(record(), CannotDo("The list is locked."))

    assert (entry.state, entry.note) == (State.SET_ASIDE, "The list is locked.")


def test_waiting_grows_up_to_a_quarter_of_an_hour(record, monkeypatch):
    monkeypatch.setattr(outbox._jitter, "uniform", lambda low, high: high)
    entry, waits = record(), []
    for _ in range(12):
        run(entry, UNAVAILABLE)
        waits.append(round((entry.not_before - timezone.now()).total_seconds()))
        due(entry)

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_after_a_day_of_failures_it_is_set_aside(record):
    entry = run(record(), UNAVAILABLE)
    OutboxEntry.objects.filter(pk=entry.pk).update(
        failing_since_at=timezone.now() - outbox.GIVE_UP_AFTER - timedelta(seconds=1)
    )
    due(entry)

    entry = run(entry, UNAVAILABLE)

    assert (entry.state, entry.must_look, entry.note) == (State.SET_ASIDE, True, "away")


def test_secrets_and_addresses_in_an_error_are_hidden_before_they_are_stored(record):
    entry = run(record(), Refused("api-key: xkeysib-abcdef0123456789 refused ana@example.com\x00"))

    assert "abcdef" not in entry.note
    assert "ana@" not in entry.note
    assert "\x00" not in entry.note


def test_our_own_mistake_is_tried_again_twice_then_set_aside(record):
    entry = record()
    states = []
    for _ in range(outbox.MAX_CRASHES):
        due(entry)
        run(entry, ZeroDivisionError("secret detail"))
        states.append((entry.state, entry.crashes, entry.must_look))

    assert states == [(State.WAITING, 1, True), (State.WAITING, 2, True), (State.SET_ASIDE, 3, True)]
    assert "ZeroDivisionError" in entry.note
    assert "secret detail" not in entry.note
    assert OutboxAttempt.objects.filter(outcome="crashed").count() == 3


# Sweeping


def expire(entry):
    OutboxEntry.objects.filter(pk=entry.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def test_work_of_a_killed_worker_comes_back_and_must_look(record):
    entry = record(effect=Effect.CREATE)
    outbox.claim(entry.pk)
    expire(entry)

    assert outbox.sweep()["expired"] == 1
    entry.refresh_from_db()
    assert (entry.state, entry.crashes, entry.must_look) == (State.WAITING, 1, True)


def test_a_worker_that_comes_back_late_changes_nothing(record):
    entry = record()
    late = outbox.claim(entry.pk)
    expire(entry)
    outbox.sweep()
    due(entry)
    outbox.claim(entry.pk)

    assert outbox._settle(late, "done", state=State.DONE) is False
    entry.refresh_from_db()
    assert (entry.state, entry.fence) == (State.CLAIMED, 2)


def test_what_kills_its_worker_three_times_is_set_aside(record):
    entry = record()
    for _ in range(outbox.MAX_CRASHES):
        due(entry)
        outbox.claim(entry.pk)
        expire(entry)
        outbox.sweep()

    entry.refresh_from_db()
    assert (entry.state, entry.crashes) == (State.SET_ASIDE, 3)


def test_two_sweeps_at_once_count_a_crash_once(record):
    entry = record()
    outbox.claim(entry.pk)
    expire(entry)

    stale = OutboxEntry.objects.get(pk=entry.pk)
    assert outbox._crash(stale, "cut off") is True
    assert outbox._crash(stale, "cut off") is False
    entry.refresh_from_db()
    assert entry.crashes == 1


def test_the_sweep_rings_for_what_nobody_was_told_of(record, rung, settings):
    entry = record()
    OutboxEntry.objects.update(rung_at=timezone.now())
    assert outbox.sweep()["rung"] == 0

    OutboxEntry.objects.update(
        rung_at=timezone.now() - timedelta(seconds=settings.OUTBOX_RING_AGAIN_SECONDS + 1)
    )
    assert outbox.sweep()["rung"] == 1
    assert rung == [(entry.task, entry.pk)]


def test_the_sweep_rings_for_what_has_become_due(record, rung):
    entry = run(record(), outbox.Later(60))
    rung.clear()
    OutboxEntry.objects.filter(pk=entry.pk).update(
        rung_at=timezone.now() - timedelta(seconds=2), not_before=timezone.now() - timedelta(seconds=1)
    )

    assert outbox.sweep()["rung"] == 1


def test_the_sweep_leaves_a_broker_that_is_away_alone_after_one_try(record, monkeypatch):
    tries = []

    def away(*_, **__):
        tries.append(1)
        raise ConnectionError

    for _ in range(3):
        record()
    OutboxEntry.objects.update(rung_at=None)
    monkeypatch.setattr(current_app, "send_task", away)

    assert outbox.sweep()["rung"] == 0
    assert tries == [1]


def test_the_sweep_does_not_ring_for_an_account_that_rests(record, connection, rung):
    record()
    OutboxEntry.objects.update(rung_at=None)
    Connection.objects.update(status="paused")
    rung.clear()

    assert outbox.sweep()["rung"] == 0


# Taking back, trying again, tidying


def test_waiting_work_is_taken_back_and_what_runs_goes_on(record, connection):
    running, waiting = record(), record()
    outbox.claim(running.pk)

    assert outbox.cancel(subject=connection) == 1
    running.refresh_from_db()
    waiting.refresh_from_db()
    assert (running.state, waiting.state) == (State.CLAIMED, State.CANCELLED)
    assert outbox.claim(waiting.pk) is None


def test_set_aside_work_starts_afresh_and_looks_first(record):
    entry = run(record(effect=Effect.CREATE), NO)

    assert outbox.retry(entry) is True
    entry.refresh_from_db()
    assert (entry.state, entry.attempts, entry.must_look, entry.ended_at) == (State.WAITING, 0, True, None)
    assert outbox.retry(entry) is False


def test_what_mails_people_is_never_tried_again_from_here(record):
    entry = run(record(effect=Effect.ONCE), NO)

    with pytest.raises(CannotDo, match="mails people"):
        outbox.retry(entry)


def test_much_old_work_is_removed_a_bit_at_a_time(record, monkeypatch):
    monkeypatch.setattr(outbox, "PRUNED", 1)
    monkeypatch.setattr(outbox, "PRUNED_AT_ONCE", 2)
    for number in range(3):
        run(record(order_key=f"x:{number}"), None)
    OutboxEntry.objects.update(ended_at=timezone.now() - timedelta(days=15))

    assert (outbox.prune(), outbox.prune(), OutboxEntry.objects.count()) == (2, 1, 0)


def test_old_finished_work_is_removed_and_set_aside_work_stays(record):
    done, aside = run(record(), None), run(record(), NO)
    OutboxEntry.objects.update(ended_at=timezone.now() - timedelta(days=15))

    assert outbox.prune() == 1
    assert not OutboxEntry.objects.filter(pk=done.pk).exists()
    assert OutboxEntry.objects.filter(pk=aside.pk).exists()


def test_a_good_run_of_standing_work_forgets_the_bad_ones(record):
    entry = record()
    OutboxEntry.objects.filter(pk=entry.pk).update(attempts=9, crashes=2)

    run(entry, outbox.Later(60))

    assert (entry.attempts, entry.crashes) == (0, 0)


def test_a_clock_ahead_of_the_databases_frees_no_lease(record, monkeypatch):
    entry = record()
    outbox.claim(entry.pk)
    ahead = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(outbox.timezone, "now", lambda: ahead)

    assert outbox.sweep()["expired"] == 0


def test_work_waits_for_a_vault_key_that_is_missing(record):
    entry = run(record(effect=Effect.ONCE), vault.Locked())

    assert (entry.state, entry.must_look, entry.ended_at) == (State.WAITING, False, None)
    assert entry.note.startswith("The stored credentials cannot be read")
