"""Whether an address stands in a file that is kept, packed or not; one piece of it is in memory at a time."""

import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO
from xml.sax.saxutils import escape

from audiences.files.unpacking import BLOCK, UNREADABLE, is_packed

# In workbooks, parts of a text that look different stand in tags of their own.
_TAG = re.compile(rb"<[^<>]*>")
# Goes along from one piece to the next: longer than an address with the tags in it.
_KEPT = 4096


def stands_in(blocks: Iterable[bytes], wanted: str, *, is_xml: bool = False) -> bool:
    """In small letters. Where it is XML, what the tags leave counts as well."""
    words = {wanted.encode(), escape(wanted).encode()} if is_xml else {wanted.encode()}
    rest = b""
    for block in blocks:
        # Without its zeros, text of two or four bytes a letter is text of one.
        rest += block.replace(b"\0", b"").lower()
        if any(word in rest for word in words):
            return True
        if is_xml and any(word in _TAG.sub(b"", rest) for word in words):
            return True
        rest = rest[-_KEPT:]
    return False


def may_stand_in_archive(blocks: Iterable[bytes], wanted: str) -> bool:
    """Every file in it is looked through, so also the sheets that nobody chose. Yes, where that cannot be done."""
    with tempfile.TemporaryFile() as file:
        for block in blocks:
            file.write(block)
        try:
            with zipfile.ZipFile(file) as archive:
                return any(_may_stand_in(archive, member, wanted) for member in archive.infolist())
        except (*UNREADABLE, OSError, ValueError):
            return True


def _may_stand_in(archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: str) -> bool:
    with archive.open(member) as inner:
        start = inner.read(BLOCK)
        return is_packed(start[:8]) or stands_in(_all(start, inner), wanted, is_xml=True)


def _all(start: bytes, file: IO[bytes]) -> Iterator[bytes]:
    while start:
        yield start
        start = file.read(BLOCK)
