"""`python -m audiences.files.sheets <workbook> <target> [<sheet>]`: one sheet of a workbook as CSV in UTF-8.

Prints the names of all sheets, the one that was read first. Ends with 3 and a sentence when it cannot. Nothing in a
cell is worked out: a formula is the value the program that saved it had found.
"""

import csv
import resource
import sys
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

MEMORY_BYTES = 3 * 1024**3
REFUSED = 3
# Rows of a sheet that are looked at, and how many of them with an address make it the one.
LOOKED_AT = 200
ENOUGH = 20


def main(path: str, target: str, wanted: str = "") -> int:
    with suppress(ValueError, OSError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        workbook = CalamineWorkbook.from_path(path)
    except PasswordError:
        return _refuse("This workbook has a password. Save it without one.")
    except (CalamineError, OSError):
        return _refuse("This workbook cannot be read. Save its sheet as CSV and upload that.")
    names = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]
    name, sheet = _chosen(workbook, [wanted] if wanted in names else names)
    if sheet is not None:
        with Path(target).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            # Empty ones above the first are among them: rows keep the number they have in the sheet.
            for row in sheet.iter_rows():
                writer.writerow([_text(cell) for cell in row])
        others = [other for other in names if other != name]
        sys.stdout.write("\x1f".join([name, *others]))
        return 0
    if wanted in names:
        return _refuse("There is nothing on this sheet. Choose another one.")
    return _refuse("There is nothing in this workbook that can be seen. Choose another file.")


def _chosen(workbook: CalamineWorkbook, names: list[str]) -> tuple[str, CalamineSheet | None]:
    """The sheet with people on it, or the first one that is not empty: a cover sheet often comes first."""
    best: tuple[int, str, CalamineSheet | None] = (-1, "", None)
    for name in names:
        sheet = workbook.get_sheet_by_name(name)
        if not sheet.height:
            continue
        found = sum(any("@" in str(cell) for cell in row) for row in islice(sheet.iter_rows(), LOOKED_AT))
        if found > best[0]:
            best = (found, name, sheet)
        if found >= ENOUGH:
            break
    return best[1:]


def _refuse(sentence: str) -> int:
    sys.stdout.write(sentence)
    return REFUSED


def _text(cell: Any) -> str:
    match cell:
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return str(cell).replace("\r\n", "\n").replace("\r", "\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
