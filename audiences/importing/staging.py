"""The file into the stage, in batches; each is one transaction with its checkpoint."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection as database
from django.db import transaction

from accounts import outbox
from audiences.files.dialects import Dialect
from audiences.files.reading import Row, below_heading, rows
from audiences.importing import bodies
from audiences.importing.blocks import BlockShape
from audiences.importing.shaping import Shape, copy_text
from audiences.importing.tables import STAGED, Tables
from audiences.models import Import

# Rows of a transaction, and of a text of them.
BATCH = 20_000
PIECE = 1_000


def dialect_of(mine: Import) -> Dialect:
    return Dialect(**{name: mine.dialect[name] for name in Dialect.__slots__ if name in mine.dialect})


def data_rows(mine: Import) -> Iterator[Row]:
    """All rows of the file below its heading."""
    dialect = dialect_of(mine)
    return below_heading(rows(bodies.blocks(mine), dialect), dialect)


def stage(mine: Import) -> Iterator[int]:
    """Go on after the last line that is staged; yields the rows staged so far after each batch."""
    tables = Tables(mine)
    shape = BlockShape(mine) if mine.is_of_blocks else Shape(mine)
    done = mine.checkpoint.get("stage", 0)
    if not done:
        tables.make_stage()
    staged = (shape.staged(row) for row in data_rows(mine) if row.line > done)
    count = mine.checkpoint.get("rows", 0)
    # Read before they are copied: the file comes over the same connection.
    while (batch := _read(islice(staged, BATCH))).rows:
        count += batch.rows
        with transaction.atomic(), database.cursor() as cursor:
            with cursor.copy(_copy(tables)) as copy:
                for text in batch.texts:
                    copy.write(text)
            remember(mine, stage=batch.last, rows=count, **_left_empty(shape))
        yield count
    with transaction.atomic():
        tables.know_stage()
        remember(mine, staged=True)


def _left_empty(shape: Shape | BlockShape) -> dict[str, object]:
    if isinstance(shape, BlockShape):
        return {}
    without = {problem: [*told] for problem, told in shape.without.items()}
    told = {"without": without, "elsewhere": shape.elsewhere}
    return {name: value for name, value in told.items() if value}


class _Batch(NamedTuple):
    rows: int
    # The line of the last one.
    last: int
    # As texts, which the garbage collector does not look through again and again.
    texts: list[str]


def _read(rows: Iterator[tuple[Any, ...]]) -> _Batch:
    count, last, texts = 0, 0, []
    while piece := list(islice(rows, PIECE)):
        count, last = count + len(piece), piece[-1][0]
        texts.append(copy_text(piece))
    return _Batch(count, last, texts)


def _copy(tables: Tables) -> str:
    texts = ", ".join(column for column in STAGED if column not in ("consent_at", "consent_ip", "cells"))
    return f"copy {tables.stage} ({', '.join(STAGED)}) from stdin with (format csv, force_not_null ({texts}))"


def remember(mine: Import, **checkpoint: object) -> None:
    """Store how far it is, at the end of the transaction of the work: until then a person can ask to stop.

    Raises LeaseLost when another worker is further.
    """
    check(mine, Import.objects.select_for_update().get(pk=mine.pk))
    mine.checkpoint = mine.checkpoint | checkpoint
    Import.objects.filter(pk=mine.pk).update(checkpoint=mine.checkpoint)


def check(mine: Import, row: Import) -> None:
    """Raises LeaseLost when `row` is no longer as `mine` was read."""
    if row.checkpoint != mine.checkpoint or row.state != mine.state or row.version != mine.version:
        raise outbox.LeaseLost
