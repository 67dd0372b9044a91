"""The uploaded file in the database, piece by piece: any worker can read it, and no page serves it."""

import zlib
from collections.abc import Iterable, Iterator

from django.db import connection as database

from audiences.models import Import, ImportBody

PIECE = 1024 * 1024


def store(mine: Import, part: ImportBody.Part, blocks: Iterable[bytes]) -> None:
    """In place of what was stored under this part before."""
    ImportBody.objects.filter(of=mine, part=part).delete()
    with (
        database.cursor() as cursor,
        cursor.copy("copy audiences_importbody (of_id, part, number, body) from stdin") as copy,
    ):
        for number, block in enumerate(_pieces(blocks)):
            copy.write_row((mine.pk, part.value, number, zlib.compress(block, 1)))


def blocks(mine: Import, part: ImportBody.Part | None = None) -> Iterator[bytes]:
    """The text of the file; one piece is in memory at a time."""
    if part is None:
        is_unpacked = ImportBody.objects.filter(of=mine, part=ImportBody.Part.TEXT).exists()
        part = ImportBody.Part.TEXT if is_unpacked else ImportBody.Part.ORIGINAL
    number = 0
    while body := (
        ImportBody.objects.filter(of=mine, part=part, number=number).values_list("body", flat=True).first()
    ):
        yield zlib.decompress(body)
        number += 1


def forget(mine: Import) -> None:
    """The file and the samples from it, and the values that are told of it."""
    ImportBody.objects.filter(of=mine).delete()
    mine.columns = [column | {"samples": []} for column in mine.columns]
    mine.dialect = {name: value for name, value in mine.dialect.items() if name != "first"}
    if without := mine.checkpoint.get("without"):
        counts = {problem: [count, []] for problem, (count, _) in without.items()}
        mine.checkpoint = mine.checkpoint | {"without": counts}
    Import.objects.filter(pk=mine.pk).update(
        columns=mine.columns, dialect=mine.dialect, checkpoint=mine.checkpoint
    )


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        rest += block
        while len(rest) >= PIECE:
            yield rest[:PIECE]
            rest = rest[PIECE:]
    if rest:
        yield rest
