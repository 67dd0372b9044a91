"""Rows of a text file one by one, in bounded memory, with what is wrong with a row beside it."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from audiences.files import MAX_BREAKS, MAX_CELL, MAX_COLUMNS, MAX_ROW
from audiences.files.dialects import Dialect

# Given to the parser as the last line: a quote that is still open swallows it.
_END = "\x1a\x1e\x1a\n"


class Row(NamedTuple):
    line: int
    cells: list[str]
    # Empty, or a code with detail: "open_quote:17" names the line in which the quote opened.
    problem: str = ""


class _OpenQuote(Exception):  # noqa: N818 - an event inside the parser
    pass


def rows(blocks: Iterable[bytes], dialect: Dialect) -> Iterator[Row]:
    """All rows, heading included; empty lines are none. One bad row never takes the next ones with it."""
    csv.field_size_limit(MAX_CELL)
    return _parse(_Lines(batches(blocks, dialect.encoding)), dialect)


def below_heading(found: Iterable[Row], dialect: Dialect) -> Iterator[Row]:
    """Without the heading and what stands above it, a title perhaps."""
    rest = iter(found)
    if dialect.has_header:
        next((row for row in rest if row.line >= dialect.heading), None)
    return rest


def batches(blocks: Iterable[bytes], encoding: str) -> Iterator[list[str]]:
    """Lines with `\\n` at their end, whatever ends them in the file. What lies beyond MAX_ROW in one is dropped."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    rest, is_first = "", True
    for block in blocks:
        text = decoder.decode(block)
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        if "\x00" in text:
            text = text.replace("\x00", "\ufffd")
        *whole, rest = (rest + text).split("\n")
        if whole:
            yield [line + "\n" for line in whole]
        if len(rest) > MAX_ROW:
            rest = rest[: MAX_ROW + 1]
    rest += decoder.decode(b"", final=True)
    if rest:
        yield [rest if rest.endswith("\n") else rest + "\n"]


class _Lines:
    """Lines one by one, or a batch of them at once where that is sure to mean the same."""

    def __init__(self, source: Iterator[list[str]]) -> None:
        self.source = source
        self.batch: list[str] = []
        self.place = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self.place >= len(self.batch):
            self.batch, self.place = next(self.source), 0
        self.place += 1
        return self.batch[self.place - 1]

    def simple(self, delimiter: str) -> list[list[str]] | None:
        """The records of the next batch if each of its lines is one, with nothing wrong; None leaves it to be read by line."""
        if self.place < len(self.batch):
            return None
        self.batch, self.place = next(self.source, []), 0
        if not self.batch or max(map(len, self.batch)) > MAX_CELL:
            return None
        last = self.batch[-1]
        try:
            if '"' in last and len(list(csv.reader([last, _END], delimiter=delimiter))) < 2:
                return None
            records = list(csv.reader(self.batch, delimiter=delimiter))
        except csv.Error:
            return None
        if len(records) != len(self.batch) or any("\ufffd" in line for line in self.batch):
            return None
        if max(map(len, records)) > MAX_COLUMNS:
            return None
        self.place = len(self.batch)
        return records


def _parse(source: _Lines, dialect: Dialect) -> Iterator[Row]:
    for _ in range(dialect.skip):
        next(source, None)
    before = dialect.skip
    record = 0
    taken: list[str] = []
    again: list[str] = []  # lines a quote had swallowed, the next one last

    def feed() -> Iterator[str]:
        while True:
            line = again.pop() if again else next(source, _END)
            taken.append(line)
            if (
                len(taken) % MAX_BREAKS == 1
                and len(taken) > MAX_BREAKS
                and _opened(taken, dialect) is not None
            ):
                raise _OpenQuote
            yield line

    reader = csv.reader(feed(), delimiter=dialect.delimiter)
    while True:
        while not again and (found := source.simple(dialect.delimiter)) is not None:
            first = (record if dialect.by_record else before) + 1
            for line, cells in enumerate(found, start=first):
                if any(cells):
                    yield Row(line, cells)
            record += len(found)
            before += len(found)
        problem, swallowed, cells = "", False, []
        try:
            cells = next(reader)
        except csv.Error:
            swallowed = len(taken) > 1
            problem = "" if swallowed else "cell_too_long"
        except _OpenQuote:
            swallowed = True
        if taken[-1] is _END:
            if len(taken) == 1:
                return
            swallowed = True
        used = len(taken)
        if swallowed:
            opened = _opened(taken, dialect, strictly=False) or 0
            used = opened + 1
            problem = f"open_quote:{before + used}"
            again.extend(reversed([line for line in taken[used:] if line is not _END]))
        if problem:
            cells = ["".join(taken[:used])[:500].rstrip("\n")]
            reader = csv.reader(feed(), delimiter=dialect.delimiter)
        else:
            problem = _problem(cells, taken)
        record += 1
        line = record if dialect.by_record else before + 1
        before += used
        taken.clear()
        if any(cells):
            yield Row(line, cells[:MAX_COLUMNS], problem)


def _problem(cells: list[str], taken: list[str]) -> str:
    if len(cells) > MAX_COLUMNS:
        return "too_many_columns"
    if len(taken) == 1:
        return "row_too_long" if len(taken[0]) > MAX_ROW else "unreadable" if "\ufffd" in taken[0] else ""
    if sum(map(len, taken)) > MAX_ROW:
        return "row_too_long"
    if any(cell.count("\n") > MAX_BREAKS for cell in cells):
        return "too_many_breaks"
    return "unreadable" if any("\ufffd" in line for line in taken) else ""


def _opened(taken: list[str], dialect: Dialect, *, strictly: bool = True) -> int | None:
    """In which of the lines the quote opened that is open at their end; None if none has been for MAX_BREAKS lines."""
    opened: int | None = None
    for number, line in enumerate(taken):
        # Two in a row are a letter of the cell.
        marks = line.replace('""', "").count('"')
        if marks:
            stays_open = (opened is not None) == (marks % 2 == 0)
            opened = number if stays_open else None
    if opened is None:
        return None if strictly else 0
    return opened if not strictly or len(taken) - opened > MAX_BREAKS else None
