"""The rows that are left out, as they stand in the file: who mends them has every column back, written as it was.

Of the others only what is imported is kept.
"""

from collections.abc import Iterator

from django.db import connection as database
from django.db import transaction

from audiences.erased import Erased
from audiences.importing.shaping import cells_text, names_erased
from audiences.importing.staging import data_rows, remember
from audiences.importing.tables import Tables
from audiences.models import Import

CHUNK = 5_000


def keep_left_out(mine: Import, table: str) -> Iterator[None]:
    """Write the cells of those that `table` leaves out into the stage, while the file is there; what was done stays done."""
    tables = Tables(mine)
    with database.cursor() as cursor:
        # No join: of tables just written the planner knows too little to choose one.
        cursor.execute(
            f"select min(line) - 1, max(line) from (select line from {table} where outcome = any(%s)"
            f" except select line from {tables.stage} where problem <> '' or cells is not null) missing",
            [Import.LEFT_OUT],
        )
        after, last = cursor.fetchone()
    if after is None:
        return
    erased = Erased(mine.workspace)
    rows = data_rows(mine)
    for first in range(after + 1, last + 1, CHUNK):
        lines = _lines(table, first)
        if not lines:
            continue
        kept, end = {}, max(lines)
        for row in rows:
            if row.line in lines and not names_erased(row, erased):
                kept[row.line] = cells_text(row)
            if row.line >= end:
                break
        with transaction.atomic(), database.cursor() as cursor:
            # "+ 0": the lines between are looked at once, and not again for each.
            cursor.execute(
                f"update {tables.stage} s set cells = k.cells::jsonb from unnest(%s::bigint[], %s::text[]) k(line, cells)"
                " where s.line + 0 = k.line and s.line between %s and %s and s.problem = '' and s.cells is null",
                [[*kept], [*kept.values()], first, end],
            )
            remember(mine)
        yield
    tables.summarise_stage()


def _lines(table: str, first: int) -> set[int]:
    with database.cursor() as cursor:
        cursor.execute(
            f"select line from {table} where outcome = any(%s) and line between %s and %s",
            [Import.LEFT_OUT, first, first + CHUNK - 1],
        )
        return {line for (line,) in cursor.fetchall()}
