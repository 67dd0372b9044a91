"""Pages side by side, in order."""

import threading
import time

import pytest

from accounts.providers.errors import Unavailable
from accounts.providers.records import Page
from audiences.mirror import walk


def page_of(cursor, last=9, items=2):
    number = int(cursor or 0)
    following = None if number == last else str(number + 1)
    ahead = tuple(str(n) for n in range(number + 2, last + 1))
    return Page((number,) * items, following, None, ahead)


def test_pages_come_in_order_with_several_under_way():
    under_way, most, lock = 0, 0, threading.Lock()

    def fetch(cursor):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02 if int(cursor or 0) % 2 else 0.005)
        with lock:
            under_way -= 1
        return page_of(cursor)

    assert [page.items[0] for page in walk.pages(fetch, None)] == list(range(10))
    assert 1 < most <= walk.UNDER_WAY


def test_a_walk_goes_on_from_a_cursor():
    assert [page.items[0] for page in walk.pages(page_of, "7")] == [7, 8, 9]


def test_without_foresight_it_is_a_plain_loop():
    def fetch(cursor):
        page = page_of(cursor)
        return Page(page.items, page.cursor)

    assert [page.items[0] for page in walk.pages(fetch, None)] == list(range(10))


def test_what_came_before_an_error_is_given_out_first():
    def fetch(cursor):
        if cursor == "3":
            raise Unavailable("away")
        return page_of(cursor)

    batches = walk.batches(walk.pages(fetch, None))
    assert [page.items[0] for page in next(batches)] == [0, 1, 2]
    with pytest.raises(Unavailable):
        next(batches)


def test_batches_hold_about_as_many_rows_as_one_transaction_takes(monkeypatch):
    monkeypatch.setattr(walk, "BATCH_ROWS", 6)
    found = list(walk.batches(walk.pages(page_of, None)))
    assert [len(batch) for batch in found] == [3, 3, 3, 1]
