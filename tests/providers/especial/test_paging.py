"""Paging, apart from any server."""

import pytest

from accounts.providers.especial.paging import Pages


class Source:
    """Rows by page or by cursor; at most `most` at a time. `tells`: the size it says it gives."""

    def __init__(self, count: int, *, most: int = 1000, tells: object = True, cursors: object = True) -> None:
        self.rows = [{"id": number} for number in range(count)]
        self.most, self.tells, self.cursors = most, tells, cursors
        self.asked: list[object] = []

    def __call__(self, *, per_page: int, page: int | None = None, cursor: str | None = None) -> dict:
        self.asked.append(cursor if page is None else page)
        size = min(per_page, self.most)
        start = (page - 1) * size if page else int(cursor or 0)
        found = self.rows[start : start + size]
        pagination = {"page": page, "per_page": size if self.tells is True else self.tells}
        if page is None and self.cursors:
            end = start + len(found)
            more = self.cursors == "always" or end < len(self.rows)
            pagination["cursor"] = {"previous": None, "next": str(end) if more else None}
        return {"pagination": pagination, "data": found}


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 57])
@pytest.mark.parametrize("has_cursor", [True, False])
@pytest.mark.parametrize("cursors", [True, "always", False])
@pytest.mark.parametrize("tells", [True, None])
def test_walk_finds_every_row_once(count, has_cursor, cursors, tells):
    source = Source(count, cursors=cursors, tells=tells)

    assert [row["id"] for row in Pages(source, has_cursor, size=10)] == list(range(count))


@pytest.mark.parametrize("has_cursor", [True, False])
def test_walk_goes_on_where_the_server_gives_less_than_asked_and_says_so(has_cursor):
    source = Source(57, most=7)

    assert [row["id"] for row in Pages(source, has_cursor, size=10)] == list(range(57))


def test_walk_by_cursor_goes_on_where_the_server_gives_less_and_does_not_say_so():
    source = Source(57, most=7, tells=None)

    assert [row["id"] for row in Pages(source, True, size=10)] == list(range(57))


def test_either_a_page_or_a_cursor_is_named():
    by_cursor, by_page = Source(25), Source(25)
    list(Pages(by_cursor, True, size=10))
    list(Pages(by_page, size=10))

    assert (by_cursor.asked, by_page.asked) == ([None, "10", "20"], [1, 2, 3])


def test_where_no_cursor_comes_pages_do():
    source = Source(25, cursors=False)

    assert len(list(Pages(source, True, size=10))) == 25
    assert source.asked == [None, 2, 3]


def test_a_cursor_that_stands_still_ends_the_walk():
    def fetch(**_: object) -> dict:
        return {"pagination": {"cursor": {"next": "same"}}, "data": [{"id": 1}] * 10}

    assert len(list(Pages(fetch, True, size=10))) == 20


@pytest.mark.parametrize(
    "payload",
    [
        {"data": None},
        {"data": [None, 7]},
        {"data": [], "pagination": None},
        {"pagination": {"cursor": None}, "data": []},
    ],
)
def test_odd_pages_end_the_walk(payload):
    assert list(Pages(lambda **_: payload, True, size=10)) == []


def test_total_comes_where_it_is_counted():
    assert Pages(lambda **_: {"pagination": {"count": 7}, "data": [{"id": 1}]}).page().total == 7
    assert Pages(lambda **_: {"pagination": {"count": None}, "data": [{"id": 1}]}).page().total is None
