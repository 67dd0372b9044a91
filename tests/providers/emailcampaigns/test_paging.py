"""Pages over long readings, apart from any server."""

from collections.abc import Iterator

import pytest

from accounts.providers.emailcampaigns.paging import OVERLAP, Addresses, Walk


class Source:
    """Sections with so many rows each; counts how often each is opened."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes
        self.opened: list[str] = []

    def read(self, section: str) -> Iterator[str]:
        self.opened.append(section)
        return (f"{section}{number}" for number in range(1, self.sizes.get(section, 0) + 1))

    def walk(self, size: int = 300) -> Walk:
        return Walk(lambda: reversed(self.sizes), self.read, size=size)

    def everything(self) -> list[str]:
        return [f"{name}{n}" for name in sorted(self.sizes) for n in range(1, self.sizes[name] + 1)]


@pytest.mark.parametrize(
    "sizes", [{}, {"a": 0}, {"a": 1}, {"a": 300}, {"a": 301}, {"a": 1000, "b": 0, "c": 250, "d": 50}]
)
def test_walk_finds_every_row_once_and_opens_each_section_once(sizes):
    source = Source(**sizes)
    walk, found, cursor = source.walk(), [], None
    while True:
        rows, cursor = walk.page(cursor)
        found += [row.raw for row in rows]
        if cursor is None:
            break

    assert found == source.everything()
    assert source.opened == sorted(sizes)


def test_walk_goes_on_in_another_process_with_some_overlap():
    source = Source(a=1000, b=1000)
    first, cursor = source.walk().page(None)
    rest, found = source.walk(size=5000), [row.raw for row in first]
    rows, following = rest.page(cursor)

    assert cursor == "a:300"
    assert [row.raw for row in rows][: OVERLAP + 1] == [f"a{n}" for n in range(201, 302)]
    assert rows[0].position == 201
    assert set(found) | {row.raw for row in rows} == set(source.everything())
    assert following is None


def test_the_same_page_can_be_asked_for_again():
    source = Source(a=1000)
    walk = source.walk()
    _, cursor = walk.page(None)
    once, _ = walk.page(cursor)
    again, _ = walk.page(cursor)

    assert {row.raw for row in once} <= {row.raw for row in again} | {f"a{n}" for n in range(401, 601)}
    assert again[OVERLAP].raw == once[0].raw


def test_sections_that_vanish_hide_no_others():
    source = Source(a=400, b=400, c=400)
    _, cursor = source.walk().page("a:400")
    assert cursor.startswith("b:")
    del source.sizes["a"], source.sizes["b"]

    rows, following = source.walk(size=1000).page(cursor)
    assert [row.raw for row in rows] == source.everything()
    assert following is None


def test_a_failure_on_the_way_loses_no_row():
    source = Source(a=500)
    broken = [True]

    def read(section: str) -> Iterator[str]:
        for row in source.read(section):
            if row == "a350" and broken:
                broken.clear()
                raise OSError
            yield row

    walk = Walk(lambda: ["a"], read, size=300)
    first, cursor = walk.page(None)
    with pytest.raises(OSError):
        walk.page(cursor)
    second, _ = walk.page(cursor)

    assert {row.raw for row in (*first, *second)} == set(source.everything())


def test_addresses_are_known_whatever_their_case():
    known = Addresses(["Ana@Example.com ", "", "ben@example.com"])

    assert "ana@example.com" in known
    assert "BEN@example.com" in known
    assert "cy@example.com" not in known
    assert "" not in known
    assert "ana@example.com" not in Addresses([])
