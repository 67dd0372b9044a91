"""From the outbox: rows by COPY into a file, and from there piece by piece into the database.

One statement reads all rows, so that they are those of one moment. A killed worker's file is made anew.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO

import xlsxwriter
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from accounts import activity, outbox
from accounts.models import OutboxEntry
from accounts.redaction import redact
from accounts.refusals import CannotDo, CannotMove
from audiences.exporting.rows import Rows, rows_of
from audiences.files.formulas import plain
from audiences.models import Export, ExportPiece
from audiences.sets import one_writer

KEPT = timedelta(days=7)
PIECE = 1024 * 1024
# Between two looks at the lease and at who wants to cancel.
STEP = 20_000
# What the statement that reads all rows may take; nothing renews the lease meanwhile, which is longer.
READ_SECONDS = 90
_COPY = "copy audiences_exportpiece (of_id, number, body) from stdin (format binary)"
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
# So that Excel takes the file for UTF-8.
BOM = b"\xef\xbb\xbf"


class Cancelled(Exception):  # noqa: N818 - an event, not a mistake
    pass


def make_export(entry: OutboxEntry) -> None:
    with transaction.atomic():
        # An erasure that began before is over when the rows are read; one that begins later finds this under way.
        one_writer(entry.workspace)
    export = Export.objects.select_related("workspace").get(pk=entry.subject_id)
    try:
        if export.state == Export.State.MAKING and export.run == _run(entry):
            _make(export, entry)
    except CannotMove:  # cancelled, erased or begun anew at the last piece
        pass
    _tidy(export)


def _make(export: Export, entry: OutboxEntry) -> None:
    try:
        rows = rows_of(export)
        with tempfile.TemporaryFile() as file:
            outbox.renew(entry)
            count = _read_in_time(rows, file)
            if export.format == Export.Format.XLSX:
                with tempfile.TemporaryFile() as book:
                    _fill(book, rows, file, entry)
                    size = _store(export, book, entry)
            else:
                size = _store(export, file, entry)
        _end(export, count, size)
    except Cancelled:
        _drop(export, Export.State.CANCELLED)
    except CannotMove:
        raise
    except CannotDo as refusal:
        _drop(export, Export.State.FAILED, refusal.sentence)


def _read_in_time(rows: Rows, file: IO[bytes]) -> int:
    try:
        return _read(rows, file)
    except QueryCanceled as error:
        less = (
            "Filter them first, such as by account or day"
            if rows.said
            else "Choose fewer columns, or fewer people"
        )
        raise CannotDo(f"The database took too long for this. {less}.") from error


def _read(rows: Rows, file: IO[bytes]) -> int:
    file.write(BOM)
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    write = csv.writer(text, lineterminator="\n").writerow
    write([plain(label) for label in rows.head])
    how = "" if rows.said else "with (format csv)"
    with transaction.atomic(), database.cursor() as cursor:
        # A column of subselects is no reason to compile the statement.
        cursor.execute(
            f"set local jit = off; set local work_mem = '64MB'; set local statement_timeout = '{READ_SECONDS}s'"
        )
        with cursor.copy(f"copy ({rows.sql}) to stdout {how}", rows.values) as copy:
            if rows.said:
                for cells in copy.rows():
                    write([plain(cell) for cell in rows.said(cells)])
            else:
                for block in copy:
                    file.write(block)
        text.detach()
        return cursor.rowcount


def _fill(book: IO[bytes], rows: Rows, file: IO[bytes], entry: OutboxEntry) -> None:
    """The same rows as a workbook: numbers and days as such, all else as text, so that none is a formula."""
    workbook = xlsxwriter.Workbook(book, {"constant_memory": True, "strings_to_numbers": False})
    sheet = workbook.add_worksheet("Export")
    bold = workbook.add_format({"bold": True})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    file.seek(0)
    for number, cells in enumerate(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""))):
        for place, cell in enumerate(cells):
            if not cell:
                continue
            if number and place in rows.numbers and _NUMBER.fullmatch(cell):
                sheet.write_number(number, place, float(cell))
            elif number and place in rows.dates and (at := _day(cell)):
                sheet.write_datetime(number, place, at, day)
            else:
                sheet.write_string(number, place, cell[:32_767], bold if number == 0 else None)
        if number % STEP == STEP - 1:
            _go_on(entry)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(0, len(rows.head) - 1), 20)
    workbook.close()


def _day(cell: str) -> datetime | None:
    """None for what is no day, and for those before the calendar of workbooks begins."""
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return at if at.year >= 1900 else None


def _store(export: Export, file: IO[bytes], entry: OutboxEntry) -> int:
    """In place of what a killed worker had stored."""
    ExportPiece.objects.filter(of=export).delete()
    file.seek(0)
    size = 0
    for number, piece in enumerate(iter(lambda: file.read(PIECE), b"")):
        if number % 16 == 0:
            _go_on(entry)
        # As bytes: written out as a parameter, a piece takes eight times as long.
        with database.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(["int8", "int4", "bytea"])
            copy.write_row((export.pk, number, piece))
        size += len(piece)
    return size


def _go_on(entry: OutboxEntry) -> None:
    outbox.renew(entry)
    still = Export.objects.filter(pk=entry.subject_id, state=Export.State.MAKING, run=_run(entry))
    if not still.filter(cancel_requested=False).exists():
        raise Cancelled


def _run(entry: OutboxEntry) -> int:
    return int(entry.payload.get("run", 1))


@transaction.atomic
def _end(export: Export, count: int, size: int) -> None:
    now = timezone.now()
    export.move_to(Export.State.READY, rows=count, size=size, finished_at=now, expires_at=now + KEPT, note="")
    activity.record(
        export.workspace,
        "export.ready",
        f"Made the export “{redact(export.title)}”.",
        subject=export,
        after={"rows": count},
    )


@transaction.atomic
def _drop(export: Export, state: str, note: str = "") -> None:
    ExportPiece.objects.filter(of=export).delete()
    export.move_to(state, note=note, finished_at=timezone.now())


@transaction.atomic
def _tidy(export: Export) -> None:
    """Nothing stays of a file that is not to be had: a piece may have come in behind who stopped it."""
    now = Export.objects.select_for_update().get(pk=export.pk)
    if now.state not in (Export.State.MAKING, Export.State.READY):
        ExportPiece.objects.filter(of=export).delete()


def pieces(export: Export) -> Iterator[bytes]:
    """The file; one piece is in memory at a time."""
    number = 0
    while body := ExportPiece.objects.filter(of=export, number=number).values_list("body", flat=True).first():
        yield bytes(body)
        number += 1
