"""Which row of a file names its columns: a title, a date or blank rows may stand above it."""

from collections.abc import Callable, Sequence
from statistics import median

from audiences.field_names import EMAIL_NAMES, fold
from audiences.files.dialects import looks_like_header
from audiences.files.reading import Row

# Rows in which a heading is looked for, and which a person can choose from.
NEAR = 20
SHOWN_LETTERS = 80


def line_of_heading(found: Sequence[Row], is_address: Callable[[str], bool]) -> int:
    """The line of the row that names the columns, 0 when none does.

    One with a word for addresses; else, above the first address, one that fills more than half of the columns: a title
    does not.
    """
    near = [row for row in found[:NEAR] if not row.problem]
    if not near:
        return 0
    people = [row for row in found if any(map(is_address, row.cells))]
    for row in near:
        above = [_filled(person) for person in people if person.line <= row.line]
        # Below somebody who fills as many cells it is a person without an address.
        if any(fold(cell) in EMAIL_NAMES for cell in row.cells) and _filled(row) > max(above, default=0):
            return row.line
    if not people:
        return near[0].line if looks_like_header(near[0].cells) else 0
    wide = median(map(_filled, people))
    named = (row for row in near if row.line < people[0].line and looks_like_header(row.cells))
    return next((row.line for row in named if _filled(row) * 2 > wide), 0)


def first_rows(found: Sequence[Row]) -> list[tuple[int, str]]:
    """(line, its beginning) of the rows a heading can be chosen from."""
    return [
        (row.line, " · ".join(" ".join(cell.split()) for cell in row.cells if cell.strip())[:SHOWN_LETTERS])
        for row in found[:NEAR]
    ]


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row.cells)
