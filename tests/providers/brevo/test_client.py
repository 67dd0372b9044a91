"""Paging, apart from any server."""

import pytest

from accounts.providers.brevo.client import Pages


class Source:
    """Rows by offset; gives at most `most` at a time, and tells the total if it is asked to."""

    def __init__(self, count: int, *, most: int = 1000, tells: object = True) -> None:
        self.rows = [{"id": number} for number in range(count)]
        self.most, self.tells = most, tells
        self.offsets: list[int] = []

    def __call__(self, *, limit: int, offset: int) -> dict:
        self.offsets.append(offset)
        found = self.rows[offset : offset + min(limit, self.most)]
        total = len(self.rows) if self.tells is True else self.tells
        return {"rows": found, **({} if total is None else {"count": total})}


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 57])
@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("tells", [True, None, 0, "many"])
def test_walk_finds_every_row(count, overlap, tells):
    source = Source(count, tells=tells)

    assert {row["id"] for row in Pages(source, "rows", 10, overlap)} == set(range(count))


def test_walk_goes_on_where_the_server_gives_less_than_asked():
    source = Source(57, most=7)

    assert [row["id"] for row in Pages(source, "rows", 10)] == list(range(57))


def test_exact_pages_cost_no_extra_call():
    source = Source(20)
    list(Pages(source, "rows", 10))

    assert source.offsets == [0, 10]


def test_rows_that_vanish_during_the_walk_hide_no_others():
    source = Source(40)
    pages = Pages(source, "rows", 10, overlap=3)
    first = pages.page(0)
    del source.rows[0:3]
    rest = pages.page(first.next_offset)

    assert {row["id"] for row in (*first.items, *rest.items)} == set(range(20))


@pytest.mark.parametrize("payload", [{}, {"rows": None}, {"rows": [None, 7]}, {"rows": [], "count": 99}])
def test_odd_pages_end_the_walk(payload):
    assert list(Pages(lambda **_: payload, "rows", 10)) == []
