"""The gate before every call of an account: buckets, breaker and quota, in a real Valkey."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import limits
from accounts.limits import ConnectionGate
from accounts.providers.base import Rate
from accounts.providers.errors import RateLimited, Unavailable
from accounts.providers.records import Quota
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate():
    made = ConnectionGate(ConnectionFactory())
    made.rates = {"general": (Rate(3, 60),), "fast": (Rate(2, 1), Rate(100, 3600))}
    return made


def test_as_many_calls_pass_as_were_published_then_the_next_is_told_when(gate):
    for _ in range(3):
        gate.enter("general")

    with pytest.raises(RateLimited) as refused:
        gate.enter("general")
    assert 18 < refused.value.retry_after <= 20


def test_a_short_wait_is_waited_for(gate):
    began = time.monotonic()
    for _ in range(3):
        gate.enter("fast")

    assert 0.3 < time.monotonic() - began < 0.9


def test_threads_that_want_the_same_place_all_get_one_in_turn(gate):
    """As the pages of a pull do: more callers at once than a second has places for."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(gate.enter, ["fast"] * 8))


def test_a_rate_class_without_a_limit_is_open(gate):
    for _ in range(50):
        gate.enter("unheard of")


def test_accounts_do_not_share_their_buckets(gate):
    other = ConnectionGate(ConnectionFactory())
    other.rates = gate.rates
    for _ in range(3):
        gate.enter("general")

    other.enter("general")


def test_workers_share_the_bucket_of_an_account():
    connection = ConnectionFactory()
    first, second = ConnectionGate(connection), ConnectionGate(connection)
    first.rates = second.rates = {"general": (Rate(2, 60),)}
    first.enter("general")
    second.enter("general")

    with pytest.raises(RateLimited):
        first.enter("general")


def test_an_account_that_fails_again_and_again_is_left_alone_but_for_a_probe(gate):
    gate.rates = {}
    for _ in range(limits.BREAKER_FAILURES):
        gate.enter("general")
        gate.ended(healthy=False)

    gate.enter("general")  # the probe
    with pytest.raises(Unavailable):
        gate.enter("general")

    gate.ended(healthy=True)
    gate.enter("general")


def test_what_a_reply_says_of_the_quota_is_remembered(gate):
    gate.saw(Quota(name="general", limit=100, remaining=42, reset_at=None))

    (row,) = gate.quotas()
    assert (row["name"], row["limit"], row["remaining"], row["reset_at"]) == ("general", 100, 42, None)
    assert row["seen_at"] is not None


def test_without_valkey_calls_go_on_unmetered(gate, monkeypatch):
    away = limits.connect("redis://127.0.0.1:1")
    began = time.monotonic()
    monkeypatch.setattr(limits, "_redis", lambda: away)

    for _ in range(9):
        gate.enter("general")
        gate.ended(healthy=False)
    gate.saw(Quota(name="general", limit=1, remaining=0, reset_at=None))

    assert gate.quotas() == []
    assert time.monotonic() - began < 2
