"""A first look at an uploaded file: unpacked, its writing and columns guessed, the last mapping for such columns recalled."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction

from audiences.addresses import NotAnAddress, address_or_pattern, read_address
from audiences.field_names import CONSENT_NAMES, EMAIL_NAMES, STANDARD_NAMES, fold, key_of
from audiences.files import MAX_BYTES, MAX_COLUMNS, BadFile, dialects, values
from audiences.files.dialects import Dialect
from audiences.files.reading import Row, below_heading, rows
from audiences.files.unpacking import blocks_of, is_packed, unpack
from audiences.importing import bodies
from audiences.importing.blocks import TARGETS, TIMES, guess_columns
from audiences.importing.headings import NEAR, first_rows, line_of_heading
from audiences.models import Field, Import, ImportBody

SAMPLES = 3
LOOKED_AT = 200
SHOWN_LETTERS = 120
_OF_TEXT = ("text", "choice")
NO_ROWS = "There is no row below the heading. Choose another file."


def open_file(mine: Import) -> None:
    """Fill dialect, columns and a first mapping. Raises BadFile."""
    asked = mine.dialect.get("asked", {})
    sheets = _unpack(mine, asked.get("sheet", ""))
    dialect, read = look(mine, asked, is_sheet=bool(sheets))
    found = [row for row in read if not row.problem]
    if not found:
        raise BadFile("No row of this file can be read. Is it a table? Save it as CSV and upload that.")
    below = [row.cells for row in below_heading(found, dialect)]
    names = (
        next((row.cells for row in found if row.line >= dialect.heading), []) if dialect.has_header else []
    )
    width = len(names) or max(map(len, below), default=0)
    if width > MAX_COLUMNS - 1 and any(len(cells) >= MAX_COLUMNS for cells in (names, *below)):
        raise BadFile(f"This file has more than {MAX_COLUMNS} columns. Leave out those you do not need.")
    days = TIMES if mine.is_of_blocks else ()
    columns = describe(names, below, width=width, is_address=_recognised(mine), days=days)
    mine.dialect = dialect.as_json() | {"sheets": sheets, "asked": asked, "first": first_rows(read)}
    mine.columns = columns
    mine.header_digest = header_digest(columns) if dialect.has_header else ""
    mine.mapping = _remembered(mine) or guess_mapping(mine, columns)


def look(mine: Import, asked: Mapping[str, Any], *, is_sheet: bool = False) -> tuple[Dialect, list[Row]]:
    """How the text is written, as far as it was not `asked`, and its first rows. Raises BadFile when none is below a heading."""

    def text() -> Iterator[bytes]:
        return bodies.blocks(mine)

    encoding = "utf-8" if is_sheet else asked.get("encoding", "")
    dialect = dialects.guess(
        text, encoding=encoding, delimiter="," if is_sheet else asked.get("delimiter", "")
    )
    if is_sheet:
        dialect = replace(dialect, skip=0, by_record=True)
    read = list(islice(rows(text(), dialect), LOOKED_AT + NEAR))
    heading = asked.get("heading")
    if heading is None or heading not in (0, *(row.line for row in read)):
        heading = line_of_heading(read, _recognised(mine))
    if heading and heading == read[-1].line:
        raise BadFile(NO_ROWS)
    return replace(dialect, has_header=heading > 0, heading=heading), read


def describe(
    names: Sequence[str],
    data: Sequence[list[str]],
    *,
    width: int,
    is_address: Callable[[str], bool],
    days: Collection[str] = (),
) -> list[dict[str, Any]]:
    """A column: its name, some cells to recognise it by, the reading its cells allow, and the best of each kind.

    `days`: names, folded, of columns that tell days.
    """
    columns = []
    for index in range(width):
        cells = [row[index] for row in data if index < len(row) and row[index].strip()]
        name = names[index].strip()[:200] if index < len(names) else ""
        shown = [" ".join(cell.split())[:SHOWN_LETTERS] for cell in cells[:SAMPLES]]
        columns.append(
            {"name": name or f"Column {index + 1}", "samples": shown,
             "as": values.guess(cells, of_days=fold(name) in days),
             "best": values.best_of_kinds(cells), "addresses": _share(cells[:50], is_address)}
        )  # fmt: skip
    return columns


def guess_mapping(mine: Import, columns: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Each field once; a column nobody knows is left out until a person says what it is."""
    email = _email_column(columns)
    if mine.is_of_blocks:
        return guess_columns(columns, email=email)
    by_name: dict[str, dict[str, str]] = defaultdict(dict)
    for field in Field.objects.filter(workspace=mine.workspace_id).order_by("id"):
        for name in (fold(field.label), fold(field.key)):
            by_name[name].setdefault(field.key, field.kind)
    taken: set[str] = set()
    mapping = []
    for index, column in enumerate(columns):
        name = fold(column["name"])
        target, reading = "", column["as"]
        if index == email:
            target, reading = "email", "text"
        elif standard := STANDARD_NAMES.get(name):
            target, reading = standard, "text"
        elif known := by_name.get(name) or by_name.get(fold(key_of(column["name"]))):
            target, reading = _of_one_name(known, column)
        elif name in CONSENT_NAMES and values.READINGS[reading][1] == "date":
            target = "consent_at"
        if target in taken:
            target = ""
        taken.add(target)
        mapping.append({"to": target, "as": reading})
    return mapping


def _of_one_name(fields: Mapping[str, str], column: Mapping[str, Any]) -> tuple[str, str]:
    """Which of the fields of its name (key → kind) the column fills, and as what; none where most cells are nothing they hold."""
    reading = column["as"]
    kind = values.READINGS[reading][1]
    # First the one of the kind its cells look like, or of dates, which a file may write in several ways.
    for key, held in sorted(
        fields.items(), key=lambda field: (field[1] not in (kind, "date"), field[1] in _OF_TEXT)
    ):
        if held in _OF_TEXT:
            return key, "text"
        if held == kind:
            return key, reading
        best, share = column["best"].get(held, (reading, 0))
        if share >= 0.5:
            return key, best
    return "", reading


def header_digest(columns: Sequence[dict[str, Any]]) -> str:
    """Equal for files with the same headings, in whatever case and order of letters they are shown."""
    return sha256("\x1f".join(fold(column["name"]) for column in columns).encode()).hexdigest()


def _remembered(mine: Import) -> list[dict[str, str]]:
    """What a person matched the last time such a file came, as far as its fields are still there."""
    if not mine.header_digest:
        return []
    last = (
        Import.objects.filter(workspace=mine.workspace_id, header_digest=mine.header_digest, aim=mine.aim)
        .exclude(pk=mine.pk)
        .exclude(state__in=[Import.State.OPENING, Import.State.MAPPING])
        .order_by("-id")
        .first()
    )
    if last is None or len(last.mapping) != len(mine.columns):
        return []
    known = {*Field.objects.filter(workspace=mine.workspace_id).values_list("key", flat=True)}
    known |= {*TARGETS, "consent_at", "consent_ip", "", *STANDARD_NAMES.values()}
    return [
        # What was left out may be wanted this time, as what it looks like now.
        {"to": column["to"], "as": column["as"]}
        if column["to"] and column["to"] in known
        else {"to": "", "as": now["as"]}
        for column, now in zip(last.mapping, mine.columns, strict=True)
    ]


def _email_column(columns: Sequence[dict[str, Any]]) -> int:
    """By its cells, for a heading may lie; one that is called so needs only half of them to be addresses."""
    named = [fold(column["name"]) in EMAIL_NAMES for column in columns]
    shares: list[float] = [column["addresses"] for column in columns]
    scores = [
        (is_named and share >= 0.5, share, is_named) for share, is_named in zip(shares, named, strict=True)
    ]
    best = max(range(len(scores)), key=lambda index: scores[index])
    return best if scores[best] > (False, 0, False) else -1


def _share(cells: Sequence[str], fits: Callable[[str], bool]) -> float:
    return round(sum(map(fits, cells)) / len(cells), 1) if cells else 0.0


def _recognised(mine: Import) -> Callable[[str], bool]:
    """What tells a cell that makes a row one of the file's own: a domain looks like the name of a column."""
    return _is_entry if mine.is_of_blocks else _is_address


def _is_address(cell: str) -> bool:
    try:
        return bool(read_address(cell)[0])
    except NotAnAddress:
        return False


def _is_entry(cell: str) -> bool:
    try:
        return bool(address_or_pattern(cell))
    except NotAnAddress:
        return False


def _unpack(mine: Import, sheet: str) -> list[str]:
    """Store the text inside the upload, if it is packed; answers its sheets, the one that was read first."""
    original = ImportBody.Part.ORIGINAL
    start = next(bodies.blocks(mine, original), b"")[:8]
    if not is_packed(start):
        ImportBody.objects.filter(of=mine, part=ImportBody.Part.TEXT).delete()
        return []
    with tempfile.TemporaryDirectory(prefix="campanile-import-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            for block in bodies.blocks(mine, original):
                file.write(block)
        text = unpack(path, Path(folder), sheet=sheet, name=mine.name)
        if text.path.stat().st_size > MAX_BYTES * 5 // 2:
            raise BadFile("Unpacked, this file is larger than 500 MB. Split it, and upload the parts.")
        with transaction.atomic():
            bodies.store(mine, ImportBody.Part.TEXT, blocks_of(text.path))
        return text.sheets
