"""How a text file is written: encoding and separator. Guessed from the file, corrected by a person."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from audiences.files import BadFile

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16, big-endian",
    "cp1252": "Windows-1252, Western Europe",
    "latin-1": "Latin-1",
    "cp1250": "Windows-1250, Central Europe",
    "cp1251": "Windows-1251, Cyrillic",
    "mac-roman": "Mac Roman",
}
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}
SAMPLE_RECORDS = 200
SAMPLE_BYTES = 256 * 1024
_WIDE_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ADDRESS = re.compile(r"[^@\s]@[^@\s.]{1,63}\.")
# Some programs tell their separator in a line of its own.
_TOLD = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)

Blocks = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Dialect:
    encoding: str = "utf-8"
    delimiter: str = ","
    has_header: bool = True
    # The line of the heading, of which rows above it are titles; 0 for the first row there is.
    heading: int = 0
    # Lines before the heading that are no rows.
    skip: int = 0
    # Rows of a sheet have a number of their own; lines of a text are counted as an editor counts them.
    by_record: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def guess_encoding(blocks: Blocks) -> str:
    """Read to the end: a file is UTF-8 only if all of it is."""
    first = _first(blocks())
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if wide := wide_encoding(first):
        return wide
    for encoding in ("utf-8", "cp1252"):
        if _decodes(blocks(), encoding):
            return encoding
    return "latin-1"


def wide_encoding(first: bytes) -> str:
    """The encoding of two bytes a letter in which a file that begins so is written; empty when it is none."""
    for mark, encoding in _WIDE_MARKS:
        if first.startswith(mark):
            return encoding
    start = first[:4096]
    if len(start) > 3:
        even, odd = start[::2].count(0), start[1::2].count(0)
        if odd > len(start) // 5 and even <= odd // 4:
            return "utf-16-le"
        if even > len(start) // 5 and odd <= even // 4:
            return "utf-16-be"
    return ""


def guess(blocks: Blocks, *, encoding: str = "", delimiter: str = "") -> Dialect:
    """The dialect of a text file, but for its heading; what a person has said already is not guessed. Raises BadFile."""
    encoding = encoding or guess_encoding(blocks)
    text = _beginning(blocks(), encoding)
    if not text.strip("\x00 \r\n\t"):
        raise BadFile("There is nothing in this file. Choose another one.")
    skip = 0
    if told := _TOLD.match(text):
        skip, text = 1, text[told.end() :]
        delimiter = delimiter or told[1]
    return Dialect(encoding, delimiter or _delimiter(text), skip=skip)


def looks_like_header(cells: Sequence[str]) -> bool:
    """A heading holds names: no address, no number."""
    if any(_ADDRESS.search(cell) for cell in cells):
        return False
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and not any(re.fullmatch(r"[\d\s.,:/+-]+", cell) for cell in filled)


def _decodes(blocks: Iterable[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _beginning(blocks: Iterable[bytes], encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("replace").decode(_first(blocks)).removeprefix("\ufeff")


def _first(blocks: Iterable[bytes]) -> bytes:
    """Enough for samples."""
    found = b""
    for block in blocks:
        found += block
        if len(found) >= SAMPLE_BYTES:
            break
    return found[:SAMPLE_BYTES]


def _delimiter(text: str) -> str:
    """The one that splits most records into the same number of cells, and into the most cells."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(record) for record in _records(text, delimiter)[:50])
        if not widths:
            return (0.0, 0)
        width, times = max(widths.items(), key=lambda found: (found[0] > 1, found[1]))
        return (times / widths.total() if width > 1 else 0.0, width)

    return max(DELIMITERS, key=score)


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The first records of a sample; the last one may have been cut off and is left out when there are more."""
    lines = re.split(r"\r\n|\n|\r", text)[: SAMPLE_RECORDS * 4]
    found: list[list[str]] = []
    try:
        for record in csv.reader((line + "\n" for line in lines), delimiter=delimiter):
            if record:
                found.append(record)
            if len(found) > SAMPLE_RECORDS:
                break
    except csv.Error:
        pass  # a cell beyond all limits; what came before it is sample enough
    return found[:-1] if len(found) > 2 and not text.endswith(("\n", "\r")) else found
