"""A row of the file → a row of the stage, by the columns a person matched."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address
from json.encoder import encode_basestring
from typing import Any

from audiences.addresses import (
    MOST_SPLIT,
    NotAnAddress,
    addresses_in,
    first_and_last,
    names_another,
    read_address,
)
from audiences.erased import GONE, PROBLEM, Erased
from audiences.field_names import tells_births
from audiences.files.formulas import unguarded
from audiences.files.reading import Row
from audiences.files.values import READINGS, MistypedYear, is_no_text, is_nothing, parser
from audiences.importing.tables import STANDARD
from audiences.models import Field, Import
from audiences.models.contacts import STANDARD_LETTERS
from audiences.plain import READERS, Told

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CLOCK = re.compile(r"[T ](\d{1,2}):(\d{2})(?::(\d{2}))?")
# At the end of a moment that is not of UTC.
_OFFSET = re.compile(r":\d{2}(?:[.,]\d+)? ?([+-])([01]\d):?(\d{2})?\Z")

# Objects are put together by hand: an encoder takes several times as long for a single value.
_JSON: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: str,
    float: repr,
    bool: {True: "true", False: "false"}.__getitem__,
}

Cell = Callable[[str], Any]
# Values of cells left empty that are told, and letters of each.
MOST_TOLD, TOLD = 5, 60


class NotYet(ValueError):  # noqa: N818 - what is wrong with a cell
    """A consent of the future is none."""


class Shape:
    """How the columns of one import become a row of the stage."""

    def __init__(self, mine: Import) -> None:
        self.width = len(mine.columns)
        self.email = -1
        # Column, place among the fields, field, what its texts mean.
        self.standard: list[tuple[int, int, str, Told | None]] = []
        # Column, the JSON a value begins with, what turns a cell into one.
        self.custom: list[tuple[int, str, Cell]] = []
        # Columns that tell when people were born.
        self.born: set[int] = set()
        labels = dict(Field.objects.filter(workspace=mine.workspace_id).values_list("key", "label"))
        self.consent_at: tuple[int, Cell] | None = None
        self.consent_ip = -1
        for index, column in enumerate(mine.mapping):
            target, reading = column["to"], column["as"]
            if target == "email":
                self.email = index
            elif target in STANDARD:
                told = Told(READERS[target]) if target in READERS else None
                self.standard.append((index, STANDARD.index(target), target, told))
            elif target == "consent_at":
                self.consent_at = (index, parser(reading))
            elif target == "consent_ip":
                self.consent_ip = index
            elif target:
                start = f"{encode_basestring(target)}:"
                is_born = tells_births(target, labels.get(target, column.get("label", "")))
                parse = one_line if reading == "text" else parser(reading, of_past=is_born)
                self.custom.append((index, start, parse))
                if is_born and READINGS[reading][1] == "date":
                    self.born.add(index)
        # Columns that go nowhere, and rows with another address in one of them.
        self.left_out = [index for index, column in enumerate(mine.mapping) if not column["to"]]
        self.elsewhere: int = mine.checkpoint.get("elsewhere", 0)
        # A name that stands beside the address is theirs where no column tells names.
        names = ("first_name", "last_name")
        is_named = any(target in names for _, _, target, _ in self.standard)
        self.names = () if is_named else tuple(STANDARD.index(name) for name in names)
        self.erased = Erased(mine.workspace)
        # Somewhere a day has begun already.
        self.today = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        # What is wrong with cells without which a person is taken → rows, and the first of the values.
        self.without: dict[str, tuple[int, list[str]]] = {
            problem: (count, values)
            for problem, (count, values) in mine.checkpoint.get("without", {}).items()
        }

    def staged(self, row: Row) -> tuple[Any, ...]:
        """The row in the order of tables.STAGED."""
        line, cells, problem = row
        if problem:
            return self._bad(row, problem)
        missing = self.width - len(cells)
        if missing > 0:
            cells = cells + [""] * missing
        elif missing < 0 and any(cells[self.width :]):
            return self._bad(row, too_many(row))
        problems: list[str] = []
        email = name = ""
        try:
            email, name = read_address(cells[self.email])
        except NotAnAddress as error:
            problems.append(error.problem.value)
        if self.erased and email in self.erased:
            return nothing_of(row)
        values = [""] * len(STANDARD)
        if name and self.names:
            for place, part in zip(self.names, first_and_last(one_line(name)), strict=True):
                values[place] = part if len(part) <= STANDARD_LETTERS[STANDARD[place]] else ""
        without: list[tuple[str, str]] = []
        for index, place, target, told in self.standard:
            text = cells[index]
            if not text:
                continue
            text = text.strip()
            if text[:1] == "'":
                text = unguarded(text)
            if not text.isprintable():
                text = one_line(text)
            if told is not None and text:
                meant = told[text]
                if len(meant) > STANDARD_LETTERS[target]:
                    without.append((f"too_long:{index}", text))
                    meant = ""
                elif not meant and not is_nothing(text):
                    without.append((f"no_{target}:{index}", text))
                text = meant
            elif is_no_text(text):
                text = ""
            if len(text) > STANDARD_LETTERS[target]:
                problems.append(f"too_long:{index}")
            values[place] = text
        custom = []
        for index, start, parse in self.custom:
            text = cells[index].strip()
            if not text:
                continue
            if text[:1] == "'":
                text = unguarded(text)
            if len(text) > Field.MOST_LETTERS:
                problems.append(f"too_long:{index}")
                continue
            try:
                value = parse(text)
            except MistypedYear:
                without.append((f"no_such_year:{index}", text))
                continue
            except ValueError:
                if not is_nothing(text):
                    without.append((f"not_such_a_value:{index}", text))
                continue
            if index in self.born and str(value) > self.today:
                without.append((f"not_yet:{index}", text))
                continue
            custom.append(start + _JSON[type(value)](value))
        consent_at = consent_ip = ""
        if self.consent_at is not None:
            index, parse = self.consent_at
            try:
                consent_at = instant(cells[index].strip(), parse)
            except NotYet:
                problems.append(f"not_yet:{index}")
            except MistypedYear:
                problems.append(f"no_such_year:{index}")
            except ValueError:
                if not is_nothing(cells[index]):
                    problems.append(f"not_such_a_value:{index}")
        if self.consent_ip >= 0 and (text := cells[self.consent_ip].strip()):
            try:
                consent_ip = str(ip_address(text))
            except ValueError:
                if not is_nothing(text):
                    problems.append(f"no_ip:{self.consent_ip}")
        if problems:
            return self._bad(row, " ".join(problems))
        for problem, text in without:
            self._leave_empty(problem, text)
        if self.left_out and any(
            "@" in cells[index] and names_another(cells[index], email) for index in self.left_out
        ):
            self.elsewhere += 1
        custom_text = f"{{{','.join(custom)}}}" if custom else "{}"
        return (line, email, *values, custom_text, consent_at, consent_ip, "", "")

    def _leave_empty(self, problem: str, text: str) -> None:
        count, values = self.without.get(problem, (0, []))
        if (
            len(values) < MOST_TOLD
            and (told := GONE if self.erased.is_in(text) else text[:TOLD]) not in values
        ):
            values = [*values, told]
        self.without[problem] = count + 1, values

    def _bad(self, row: Row, problem: str) -> tuple[Any, ...]:
        return nothing_of(row) if names_erased(row, self.erased) else bad(row, problem)


def too_many(row: Row) -> str:
    """What is wrong with a row of more cells than there are columns: often they are all people."""
    return "several_in_row" if len(addresses_in(" ".join(row.cells)[:MOST_SPLIT])) > 1 else "too_many_cells"


def bad(row: Row, problem: str) -> tuple[Any, ...]:
    """A row that cannot be taken, in the order of tables.STAGED; all that is wrong with it as codes, a blank between."""
    return (row.line, "", *("",) * len(STANDARD), "{}", "", "", problem, cells_text(row))


def cells_text(row: Row) -> str:
    """The cells of a row that is left out, as they stand in the file."""
    return json.dumps([cell[:1000].replace("\x00", "\ufffd") for cell in row.cells], ensure_ascii=False)


def names_erased(row: Row, erased: Erased) -> bool:
    """Whether the address of somebody who was erased stands in a cell of the row."""
    return bool(erased) and any(erased.is_in(cell) for cell in row.cells)


def nothing_of(row: Row) -> tuple[Any, ...]:
    """That somebody stands in this line who was erased, and not who."""
    return (row.line, "", *("",) * len(STANDARD), "{}", "", "", PROBLEM, "")


def copy_text(rows: Iterable[tuple[Any, ...]]) -> str:
    """Rows as COPY reads CSV: the writer is C and much quicker than a row at a time."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def one_line(text: str) -> str:
    """In one line and without control characters; joiners and directions inside a word stay."""
    text = text.strip()
    return text if text.isprintable() else _CONTROL.sub(" ", text).strip()


def instant(text: str, parse: Cell) -> str:
    if not text:
        return ""
    value = parse(text)
    day = date.fromisoformat(str(value))
    clock = _CLOCK.search(text)
    at = time(int(clock[1]), int(clock[2]), int(clock[3] or 0)) if clock else time()
    instant = datetime.combine(day, at, UTC)
    if offset := _OFFSET.search(text):
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        instant += -ahead if offset[1] == "+" else ahead
    if instant > datetime.now(UTC):
        raise NotYet(text)
    return instant.isoformat()
