"""Pulls: page by page, resumable at the last one, and driven by the outbox."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import ActivityEntry, OutboxEntry, Pull
from accounts.providers.errors import Refused, Unavailable
from accounts.queries import pull_progress
from accounts.refusals import CannotDo
from tests.factories import ConnectionFactory, UserFactory

pytestmark = pytest.mark.django_db

State = OutboxEntry.State


@pytest.fixture
def connection():
    return ConnectionFactory()


@pytest.fixture
def pull(connection):
    started = pulls.start(connection=connection, by=None)
    OutboxEntry.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    return started


def entry_of(pull):
    return OutboxEntry.objects.filter(subject_id=pull.pk, task=Pull.STEPS[pull.step][0]).latest("pk")


def walk_of(pages, dies_at=None, error=None):
    """Reads `pages` pages of two rows; `dies_at`: the page before which `error` comes."""

    def walk(pull, provider):
        for page in range(pull.checkpoint.get("page", 0), pages):
            if page == dies_at:
                raise error
            pulls.store_page(pull, checkpoint={"page": page + 1}, total=2 * pages, read=2, created=2)
            yield

    return walk


def step(pull, walk):
    entry = entry_of(pull)
    OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now() - timedelta(minutes=1))
    outbox.deliver(entry.pk, lambda claimed: pulls.step(claimed, walk))
    entry.refresh_from_db()
    pull.refresh_from_db()
    return entry


def test_only_one_pull_of_an_account_runs(connection, pull):
    with pytest.raises(CannotDo, match="already running"):
        pulls.start(connection=connection, by=None)


def test_a_step_that_is_through_hands_on_to_the_next(pull):
    entry = step(pull, walk_of(3))

    assert entry.state == State.DONE
    assert (pull.step, pull.checkpoint) == (1, {})
    assert pull.counts["audiences.pull_fields"] == {"read": 6, "created": 6, "total": 6}
    assert entry_of(pull).task == "audiences.pull_lists"


def test_a_step_resumes_at_the_last_page_and_counts_nothing_twice(pull):
    entry = step(pull, walk_of(4, dies_at=2, error=Unavailable("away")))
    assert (entry.state, pull.checkpoint) == (State.WAITING, {"page": 2})
    assert pull_progress(pull).waiting_for == "away"

    step(pull, walk_of(4))

    assert pull.counts["audiences.pull_fields"] == {"read": 8, "created": 8, "total": 8}


def test_a_long_walk_goes_on_in_slices(pull, monkeypatch):
    monkeypatch.setattr(pulls, "SLICE_SECONDS", -1)

    entry = step(pull, walk_of(2))

    assert (entry.state, pull.checkpoint, pull.step) == (State.WAITING, {"page": 1}, 0)


def test_the_last_step_ends_the_pull(connection, pull):
    for _ in Pull.STEPS:
        step(pull, walk_of(1))

    connection.refresh_from_db()
    assert pull.state == Pull.State.DONE
    assert connection.pulled_at is not None
    assert ActivityEntry.objects.latest("pk").verb == "pull.done"
    assert pull_progress(pull).read == 2 * len(Pull.STEPS)


def test_a_cancelled_pull_stops_after_its_page_and_keeps_what_it_has(pull):
    pulls.request_cancel(pull=pull, by=UserFactory())

    entry = step(pull, walk_of(5))

    assert (pull.state, entry.state) == (Pull.State.CANCELLED, State.DONE)
    assert pull.counts["audiences.pull_fields"]["read"] == 2
    with pytest.raises(CannotDo, match="already ended"):
        pulls.request_cancel(pull=pull, by=UserFactory())


def test_the_providers_no_ends_the_pull_with_its_words(pull):
    entry = step(pull, walk_of(2, dies_at=1, error=Refused("Account suspended")))

    assert (pull.state, pull.note) == (Pull.State.FAILED, "Account suspended")
    assert entry.state == State.SET_ASIDE


def test_a_pull_whose_work_was_set_aside_is_over(pull):
    OutboxEntry.objects.update(state=State.SET_ASIDE, note="Gave up.")

    assert pulls.end_stuck() == 1
    pull.refresh_from_db()
    assert (pull.state, pull.note) == (Pull.State.FAILED, "Gave up.")
    assert pulls.end_stuck() == 0


def test_a_second_worker_on_the_same_page_stores_nothing(pull):
    stale = Pull.objects.get(pk=pull.pk)
    pulls.store_page(pull, checkpoint={"page": 1}, read=2)

    with pytest.raises(outbox.LeaseLost):
        pulls.store_page(stale, checkpoint={"page": 1}, read=2)
    pull.refresh_from_db()
    assert pull.counts["audiences.pull_fields"] == {"read": 2}


def test_an_entry_of_a_pull_that_is_over_does_nothing(pull):
    Pull.objects.update(state=Pull.State.CANCELLED)

    assert step(pull, walk_of(1)).state == State.DONE
    assert pull.counts == {}


def test_progress_tells_how_far_and_how_long(pull):
    assert pull_progress(pull).share is None
    OutboxEntry.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    pulls.store_page(pull, checkpoint={"page": 1}, total=100, read=25)
    pull.refresh_from_db()

    progress = pull_progress(pull)

    assert progress.share == 25
    assert 29 < progress.seconds_left < 32
    assert [row.state for row in progress.steps][:2] == ["running", "waiting"]
