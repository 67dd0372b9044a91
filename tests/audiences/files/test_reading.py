"""Rows of text files: every line counted, every limit kept, no bad row taking others with it."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiences.files.dialects import Dialect
from audiences.files.reading import Row, rows

CSV = Dialect()


def read(text, dialect=CSV, encoding="utf-8", block=7):
    """In small blocks, so that each boundary falls into something."""
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return list(rows((data[start : start + block] for start in range(0, len(data), block)), dialect))


def test_rows_carry_the_line_an_editor_shows():
    assert read('a,b\n\n1,"x\ny"\r\n2,z\r3,w') == [
        Row(1, ["a", "b"]),
        Row(3, ["1", "x\ny"]),
        Row(5, ["2", "z"]),
        Row(6, ["3", "w"]),
    ]


def test_rows_of_a_sheet_carry_their_own_number():
    dialect = Dialect(by_record=True)
    assert [row.line for row in read('a\n""\n"x\ny"\nb\n', dialect)] == [1, 3, 4]


def test_a_mark_at_the_beginning_is_no_letter():
    assert read("\ufeffa,b\n") == [Row(1, ["a", "b"])]
    assert read("\ufeffa,b\n", Dialect(encoding="utf-16-le"), "utf-16-le") == [Row(1, ["a", "b"])]


def test_an_open_quote_takes_its_own_line_only_and_says_where_it_opened():
    many = "".join(f"{number},fine\n" for number in range(80))
    assert read('a,b\n1,"open\n' + many) == [
        Row(1, ["a", "b"]),
        Row(2, ['1,"open'], "open_quote:2"),
        *(Row(3 + number, [str(number), "fine"]) for number in range(80)),
    ]


def test_a_quote_open_at_the_end_swallows_nothing():
    assert read('a,b\n1,"open\n2,fine\n') == [
        Row(1, ["a", "b"]),
        Row(2, ['1,"open'], "open_quote:2"),
        Row(3, ["2", "fine"]),
    ]


def test_a_quote_that_opens_late_in_a_row_is_named_by_its_line():
    text = 'a,b\n"two\nlines","open\n' + "x,y\n" * 60
    found = read(text)
    assert found[1] == Row(2, ['"two\nlines","open'], "open_quote:3")
    assert found[2] == Row(4, ["x", "y"])
    assert len(found) == 62


def test_many_lines_in_many_cells_are_one_row():
    cells = ",".join('"' + "x\n" * 20 + '"' for _ in range(6))
    (row,) = read(cells + "\n")
    assert (row.line, len(row.cells), row.problem) == (1, 6, "")


def test_limits_are_a_rows_own_problem():
    breaks = '"' + "\n" * 51 + '"'
    found = read(
        "fine\n" + "x" * 40_000 + "\n" + ",".join("y" * 30_000 for _ in range(40)) + "\n"
        + "," * 200 + "z\n" + "fine\n" + f"{breaks},1\n" + "fine\n", block=65536,
    )  # fmt: skip
    assert [(row.line, row.problem) for row in found] == [
        (1, ""),
        (2, "cell_too_long"),
        (3, "row_too_long"),
        (4, "too_many_columns"),
        (5, ""),
        (6, "open_quote:6"),
        (57, "open_quote:57"),
        (58, ""),
    ]


def test_a_file_without_an_end_of_line_costs_no_more_than_a_row():
    tracemalloc.start()
    found = list(rows((b"x" * 1_000_000 for _ in range(30)), CSV))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [row.problem for row in found] == ["cell_too_long"]
    assert peak < 12_000_000


def test_letters_that_cannot_be_read_are_told():
    assert [row.problem for row in read(b"a\nZ\xfcrich\nBern\n\x00\n")] == [
        "",
        "unreadable",
        "",
        "unreadable",
    ]


def test_a_line_that_tells_the_separator_is_skipped():
    assert read("sep=;\na;b\n", Dialect(delimiter=";", skip=1)) == [Row(2, ["a", "b"])]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00\x1a\x1e\ufffd\ufeff"), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12), st.integers(1, 40))
def test_what_was_written_is_what_is_read(table, block):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    kept = [row for row in table if any(row)]
    assert [row.cells for row in read(text.getvalue(), block=block) if not row.problem] == kept


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_no_bytes_make_it_fall_over(data, block):
    for encoding in ("utf-8", "utf-16-le", "cp1252"):
        found = read(data, Dialect(encoding=encoding), block=block)
        assert [row.line for row in found] == sorted({row.line for row in found})


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_endings_of_lines_are_all_the_same(ending):
    assert read(ending.join(["a", "b", "c"])) == [Row(1, ["a"]), Row(2, ["b"]), Row(3, ["c"])]
