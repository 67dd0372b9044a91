"""What is no table at all, told by its first bytes."""

from audiences.files import BadFile
from audiences.files.dialects import wide_encoding

SAMPLE = 4096
_KINDS: dict[bytes, str] = {
    b"%PDF-": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"RIFF": "a picture or a sound",
    b"{\\rtf": "a letter",
    b"\x1f\x8b": "an archive that cannot be opened here",
    b"7z\xbc\xaf": "an archive that cannot be opened here",
    b"Rar!": "an archive that cannot be opened here",
    b"BZh9": "an archive that cannot be opened here",
    b"\xfd7zXZ": "an archive that cannot be opened here",
    b"SQLite format 3": "a database",
    b"\x7fELF": "a program",
}
# Letters no program writes into a table; a few may have slipped into somebody's cells.
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")
_FEW = 8


def refuse_binary(start: bytes) -> None:
    """Raises BadFile when a file that begins so is neither text nor a workbook."""
    start = start[:SAMPLE]
    for signature, kind in _KINDS.items():
        if start.startswith(signature):
            raise BadFile(f"This is {kind}, not a table. Save the table as CSV or Excel, and upload that.")
    controls = sum(byte in _CONTROL for byte in start)
    if controls > max(_FEW, len(start) // 20) and not wide_encoding(start):
        raise BadFile("This is no table: it holds no text. Save the table as CSV or Excel, and upload that.")
