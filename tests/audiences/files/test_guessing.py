"""How a file is written, and what its cells are, guessed from itself."""

from datetime import UTC, datetime, timedelta

import pytest

from audiences.files import BadFile
from audiences.files.dialects import Dialect, guess, guess_encoding
from audiences.files.values import guess as guess_reading
from audiences.files.values import parser

TEXT = "Name,Address\nJürg,juerg@example.test\nZoé,zoe@example.test\n"


def of(data, **asked):
    return guess(lambda: [data[:5], data[5:]] if len(data) < 100 else [data], **asked)


@pytest.mark.parametrize(
    ("written", "guessed"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16-le", "utf-16-le"),
     ("utf-16-be", "utf-16-be"), ("cp1252", "cp1252")],
)  # fmt: skip
def test_encodings_are_known_by_their_bytes(written, guessed):
    assert guess_encoding(lambda: [TEXT.encode(written)]) == guessed


def test_one_byte_at_the_end_decides():
    assert guess_encoding(lambda: [b"a" * 100_000, b"b" * 100_000, "é".encode()]) == "utf-8"
    assert guess_encoding(lambda: [b"a" * 100_000, b"b" * 100_000, b"\xe9"]) == "cp1252"
    assert guess_encoding(lambda: [b"caf\xe9 \x81"]) == "latin-1"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_splits_all_rows_alike(delimiter):
    rows = [["Name", "Note"], ["Ana", "one, two; three"], ["Ben", "a,b"]]
    text = "\n".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows
    )
    assert of(text.encode()).delimiter == delimiter


def test_one_column_is_a_file_too():
    assert of(b"ana@x.test\nben@x.test\n") == Dialect()


def test_a_line_that_tells_the_separator_is_believed():
    assert of(b"sep=;\r\nName;Email\r\nA,B;a@x.test\r\n") == Dialect(delimiter=";", skip=1)


def test_what_a_person_said_is_not_guessed():
    assert of(TEXT.encode(), encoding="latin-1", delimiter=";") == Dialect("latin-1", ";")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\x00" * 50])
def test_a_file_with_nothing_in_it_is_refused(data):
    with pytest.raises(BadFile, match="nothing in this file"):
        of(data)


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (["38", "44.5", "1,000"], "number"),
        (["38", "44,5", "1.000,25"], "number_comma"),
        (["2026-01-31", "1999-12-01 10:00"], "date_ymd"),
        (["31.12.2026", "1.2.2026"], "date_dmy"),
        (["12/31/2026", "1/2/2026"], "date_mdy"),
        (["1/2/2026", "3/4/2026", "5/31/2026", "6/7/2026"], "date_mdy"),
        (["1.2.2026", "3.4.2026", "5.6.2026", "31.2.2026"], "date_dmy"),
        (["1.2.2026", "end of March", "5.6.2026"], "date_dmy"),
        (["1.2.2026", "end of March"], "text"),
        (["03.03.90", "31.12.84", "00", "03-Mar-90"], "date_dmy"),
        (["3 March 1990", "Mar 3, 1990", "somewhen"], "date_named"),
        (["ja", "nein", "JA"], "boolean"),
        (["1", "0", "1"], "boolean"),
        (["1", "1"], "number"),
        (["01099", "20095"], "text"),
        (["+41 44 123", "044"], "text"),
        (["12", "12a"], "text"),
        (["1234567890123456789"], "text"),
        (["", " "], "text"),
        (["Ana"], "text"),
    ],
)
def test_cells_are_read_in_the_habit_of_their_column(cells, reading):
    assert guess_reading(cells) == reading


@pytest.mark.parametrize(
    ("reading", "cell", "value"),
    [
        ("number", "1,234.5", 1234.5), ("number", "-7", -7), ("number", "1 000", 1000), ("number", "2.0", 2),
        ("number_comma", "1.234,5", 1234.5), ("number_comma", "1’000,5", 1000.5), ("number_comma", "1\u00a0000", 1000),
        ("date_dmy", "3. 2. 1984", "1984-02-03"), ("date_mdy", "2/3/1984 10:30 PM", "1984-02-03"),
        ("date_ymd", "1984-02-03T10:00:00.000Z", "1984-02-03"), ("date_dmy", "1.1.85", "1985-01-01"),
        ("date_mdy", "12/31/'05", "2005-12-31"), ("date_mdy", "2/29/00 10:30 PM", "2000-02-29"), ("boolean", " Oui ", True), ("boolean", "0", False),
        ("text", " a ", "a"),
    ],
)  # fmt: skip
def test_values_come_out_typed(reading, cell, value):
    assert parser(reading)(cell) == value


@pytest.mark.parametrize(
    ("reading", "cell"),
    [
        ("number", "1,23"), ("number", "1e9"), ("number", "NaN"), ("number", "∞"), ("number", "٣"), ("number", "9" * 41),
        ("number", "1\n2"), ("date_dmy", "31.02.1999"), ("date_dmy", "1.1.185"), ("date_named", "3 Marching 1990"), ("date_named", "31 February 1990"), ("date_named", "3.3.1990"),
        ("date_ymd", "0000-01-01"), ("boolean", "maybe"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(reading, cell):
    with pytest.raises(ValueError):
        parser(reading)(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "3 March 1990", "Mar 3, 1990", "March 3rd 1990", "3. März 1990", "3. Mrz. 90", "03-Mar-90", "3 mars 1990", "3 de marzo de 1990",
        "3 de março de 1990", "3 maart 1990", "3rd of March, 1990", "3\u00a0MARS  1990", "3 mar. 1990 10:00",
    ],
)  # fmt: skip
@pytest.mark.parametrize("reading", ["date_named", "date_ymd", "date_dmy", "date_mdy"])
def test_a_named_month_is_read_in_the_languages_here_however_the_others_are_written(reading, cell):
    assert parser(reading)(cell) == "1990-03-03"


@pytest.mark.parametrize("ahead", [-1, 1, 19 * 365, 21 * 365])
def test_a_year_of_two_digits_has_come_for_birthdays_and_is_near_for_other_days(ahead):
    meant = datetime.now(UTC).date() + timedelta(days=ahead)
    before = (meant - timedelta(days=36525)).replace(month=meant.month, day=meant.day)

    of_births, of_others = (
        parser("date_dmy", of_past=of_past)(f"{meant:%d.%m.%y}") for of_past in (True, False)
    )

    assert (of_births, of_others) == (
        str(before if ahead > 0 else meant),
        str(before if ahead > 20 * 365 else meant),
    )
