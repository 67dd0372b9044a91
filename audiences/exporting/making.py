"""From the outbox: rows by COPY into a file, and from there piece by piece into the database.

One statement reads all rows, so that they are those of one moment. A killed worker's file is made anew.
"""

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO

import xlsxwriter
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry
from accounts.refusals import CannotDo, CannotMove
from audiences.exporting.rows import Rows, plain, rows_of
from audiences.models import Export, ExportPiece

KEPT = timedelta(days=7)
PIECE = 1024 * 1024
# Between two looks at the lease and at who wants to cancel.
STEP = 20_000
_COPY = "copy audiences_exportpiece (of_id, number, body) from stdin (format binary)"
# So that Excel takes the file for UTF-8.
BOM = b"\xef\xbb\xbf"


class Cancelled(Exception):  # noqa: N818 - an event, not a mistake
    pass


def make_export(entry: OutboxEntry) -> None:
    export = Export.objects.select_related("workspace").get(pk=entry.subject_id)
    if export.state != Export.State.MAKING:
        return
    try:
        rows = rows_of(export)
        with tempfile.TemporaryFile() as file:
            count = _read(rows, file)
            if export.format == Export.Format.XLSX:
                with tempfile.TemporaryFile() as book:
                    _fill(book, rows.head, file, entry)
                    size = _store(export, book, entry)
            else:
                size = _store(export, file, entry)
        _end(export, count, size)
    except Cancelled:
        _drop(export, Export.State.CANCELLED)
    except CannotMove:
        # Cancelled while the last piece was stored.
        ExportPiece.objects.filter(of=export).delete()
    except CannotDo as refusal:
        _drop(export, Export.State.FAILED, refusal.sentence)


def _read(rows: Rows, file: IO[bytes]) -> int:
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow([plain(label) for label in rows.head])
    file.write(BOM + head.getvalue().encode())
    statement = f"copy ({rows.sql}) to stdout with (format csv)"
    with transaction.atomic(), database.cursor() as cursor:
        # A column of subselects is no reason to compile the statement.
        cursor.execute("set local jit = off; set local work_mem = '64MB'")
        with cursor.copy(statement, rows.values) as copy:
            for block in copy:
                file.write(block)
        return cursor.rowcount


def _fill(book: IO[bytes], head: list[str], file: IO[bytes], entry: OutboxEntry) -> None:
    """The same rows as a workbook; each cell is text, so that none is a formula and no zero is lost."""
    workbook = xlsxwriter.Workbook(book, {"constant_memory": True, "strings_to_numbers": False})
    sheet = workbook.add_worksheet("Export")
    bold = workbook.add_format({"bold": True})
    file.seek(0)
    for number, cells in enumerate(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""))):
        for place, cell in enumerate(cells):
            if cell:
                sheet.write_string(number, place, cell[:32_767], bold if number == 0 else None)
        if number % STEP == STEP - 1:
            _go_on(entry)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(0, len(head) - 1), 20)
    workbook.close()


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
    if Export.objects.filter(pk=entry.subject_id, cancel_requested=True).exists():
        raise Cancelled


@transaction.atomic
def _end(export: Export, count: int, size: int) -> None:
    now = timezone.now()
    export.move_to(Export.State.READY, rows=count, size=size, finished_at=now, expires_at=now + KEPT, note="")
    activity.record(
        export.workspace,
        "export.ready",
        f"Made the export “{export}”.",
        subject=export,
        after={"rows": count},
    )


@transaction.atomic
def _drop(export: Export, state: str, note: str = "") -> None:
    ExportPiece.objects.filter(of=export).delete()
    export.move_to(state, note=note, finished_at=timezone.now())


def pieces(export: Export) -> Iterator[bytes]:
    """The file; one piece is in memory at a time."""
    number = 0
    while body := ExportPiece.objects.filter(of=export, number=number).values_list("body", flat=True).first():
        yield bytes(body)
        number += 1
