"""Paging, apart from any server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.providers.errors import Unavailable
from accounts.providers.mailmojo import paging
from accounts.providers.mailmojo.paging import OVERLAP, PAGE_ROWS, Walk, newsletters, newsletters_page


class Answer:
    """A long answer, opened as often as asked; breaks off after `breaks_at` rows the first time."""

    def __init__(self, count: int, *, breaks_at: int | None = None) -> None:
        self.rows: list = [{"n": number} for number in range(count)]
        self.breaks_at = breaks_at
        self.opened = 0

    def __call__(self) -> Iterator[dict]:
        self.opened += 1
        for number, row in enumerate(self.rows):
            if number == self.breaks_at:
                self.breaks_at = None
                raise Unavailable("cut off")
            yield row


def numbers(rows: list) -> list[int]:
    return [row["n"] for row in rows]


@pytest.mark.parametrize("count", [0, 1, PAGE_ROWS - 1, PAGE_ROWS, PAGE_ROWS + 1, 2 * PAGE_ROWS + 7])
def test_walk_reads_one_answer_to_its_end(count):
    answer, cursor, found = Answer(count), None, []
    walk = Walk(answer)
    while True:
        rows, cursor = walk.page(cursor)
        found += numbers(rows)
        if cursor is None:
            break

    assert found == list(range(count))
    assert answer.opened == 1


def test_walk_may_go_on_in_another_thread():
    walk = Walk(Answer(PAGE_ROWS + 5))
    _, cursor = walk.page(None)
    with ThreadPoolExecutor(1) as pool:
        rows, cursor = pool.submit(walk.page, cursor).result()

    assert (numbers(rows), cursor) == (list(range(PAGE_ROWS, PAGE_ROWS + 5)), None)


def test_walk_goes_on_anew_with_an_overlap():
    answer = Answer(PAGE_ROWS + 5)
    rows, cursor = Walk(answer).page(str(PAGE_ROWS))

    assert (numbers(rows), cursor) == (list(range(PAGE_ROWS - OVERLAP, PAGE_ROWS + 5)), None)


def test_cursor_that_does_not_continue_the_open_answer_reads_anew():
    answer = Answer(3 * PAGE_ROWS)
    walk = Walk(answer)
    walk.page(None)
    rows, cursor = walk.page(str(2 * PAGE_ROWS))

    assert (rows[0]["n"], cursor, answer.opened) == (2 * PAGE_ROWS - OVERLAP, str(3 * PAGE_ROWS - OVERLAP), 2)


def test_answer_that_became_shorter_ends_the_walk():
    assert Walk(Answer(5)).page("4000") == ([], None)


def test_walk_from_the_start_reads_anew():
    answer = Answer(PAGE_ROWS + 5)
    walk = Walk(answer)
    walk.page(None)
    rows, _ = walk.page(None)

    assert numbers(rows)[0] == 0
    assert answer.opened == 2


@pytest.mark.parametrize("breaks_at", [3, PAGE_ROWS + 3])
def test_answer_that_breaks_off_does_not_look_finished(breaks_at):
    answer, found, cursor = Answer(PAGE_ROWS + 5, breaks_at=breaks_at), [], None
    walk = Walk(answer)
    while True:
        try:
            rows, following = walk.page(cursor)
        except Unavailable:
            continue
        found += numbers(rows)
        if following is None:
            break
        cursor = following

    assert set(found) == set(range(PAGE_ROWS + 5))


def test_rows_that_are_nothing_are_left_out():
    answer = Answer(0)
    answer.rows = [{"n": 1}, None, "x"]

    assert Walk(answer).page(None) == ([{"n": 1}], None)


# Newsletters


def source(count: int, *, most: int, tells: str = "next_page total per_page"):
    """Pages of at most `most` newsletters; `tells` is what `meta` says of them."""
    asked = []

    def fetch(page: int) -> dict:
        asked.append(page)
        end = page * most
        meta = {"next_page": page + 1 if end < count else None, "total": count, "per_page": most}
        data = [{"n": number} for number in range(count)[end - most : end]]
        return {"data": data, "meta": {name: meta[name] for name in tells.split()}}

    return fetch, asked


@pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
@pytest.mark.parametrize("tells", ["next_page total per_page", "next_page", "total per_page"])
def test_all_newsletters_are_found(count, tells):
    fetch, asked = source(count, most=10, tells=tells)

    assert numbers(list(newsletters(fetch))) == list(range(count))
    assert asked == list(range(1, max(-(-count // 10), 1) + 1))


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"data": None, "meta": None},
        {"data": [], "meta": {"next_page": 2, "total": 99, "per_page": 1}},
        {"data": [{"n": 1}], "meta": {"next_page": 1}},
        {"data": [None], "meta": {"next_page": "x"}},
    ],
)
def test_odd_pages_end_the_walk(payload):
    assert newsletters_page(payload, 1).next_page is None


def test_page_tells_the_total():
    assert newsletters_page({"data": [{"n": 1}], "meta": {"total": 7, "per_page": 1}}, 1) == paging.Slice(
        [{"n": 1}], 2, 7
    )
