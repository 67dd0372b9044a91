"""What is no plain text yet: a zip with one file in it, and sheets of Excel and OpenDocument."""

import lzma
import mmap
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from audiences.files import MAX_UNPACKED_BYTES, BadFile
from audiences.files.binary import SAMPLE, refuse_binary

BLOCK = 1024 * 1024
# What reading a member of a damaged or hostile archive raises, beside OSError.
UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError)
SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
SECONDS = 90
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Where a newer workbook with a password lies within the container of the old ones.
_LOCKED = "EncryptedPackage".encode("utf-16-le")


class Text(NamedTuple):
    """A text file on disk, and the sheets there were to choose from."""

    path: Path
    sheets: list[str]
    name: str

    @property
    def is_sheet(self) -> bool:
        return bool(self.sheets)


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so must be unpacked first."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def unpack(path: Path, folder: Path, *, sheet: str = "", name: str = "") -> Text:
    """The text in an uploaded file. Raises BadFile for what is too large, nested, locked or nothing of ours."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_OLE):
        return _sheet(path, folder, sheet, name)
    if not zipfile.is_zipfile(path):
        raise BadFile("This archive is damaged or cut off. Make it again, or upload the file without it.")
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check_size(members)
        names = {member.filename for member in members}
        if "[Content_Types].xml" in names or "mimetype" in names:
            return _sheet(path, folder, sheet, name)
        # What a Mac adds to each archive is nobody's file.
        files = [member for member in members if not member.filename.startswith("__MACOSX/")]
        if len(files) != 1:
            raise BadFile(
                f"There are {len(files)} files in this archive. Pack one file, or upload it without packing."
            )
        if files[0].flag_bits & 1:
            raise BadFile("This archive has a password. Upload the file without one.")
        inner = folder / "inner"
        _extract(archive, files[0], inner)
    name = Path(files[0].filename).name
    with inner.open("rb") as file:
        start = file.read(SAMPLE)
    if not is_packed(start):
        refuse_binary(start)
        return Text(inner, [], name)
    if Path(name).suffix.lower() not in SHEETS:
        raise BadFile("There is an archive inside this archive. Unpack it first.")
    if start.startswith(b"PK"):
        with zipfile.ZipFile(inner) as archive:
            _check_size([member for member in archive.infolist() if not member.is_dir()])
    return _sheet(inner, folder, sheet, name)


def _check_size(members: list[zipfile.ZipInfo]) -> None:
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES or len(members) > 10_000:
        raise BadFile("Unpacked, this file is larger than 500 MB. Split it, or upload it as CSV in parts.")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """What an archive says of a size is checked while it is read."""
    left = MAX_UNPACKED_BYTES
    try:
        with archive.open(member) as source, target.open("wb") as file:
            while block := source.read(BLOCK):
                left -= len(block)
                if left < 0:
                    raise BadFile(
                        "Unpacked, this file is larger than 500 MB. Split it, and upload the parts."
                    )
                file.write(block)
    except UNREADABLE as error:
        raise BadFile(
            "This archive cannot be unpacked. Make it again, or upload the file without it."
        ) from error


def _sheet(path: Path, folder: Path, sheet: str, name: str) -> Text:
    """In a process of its own: a whole sheet lies in memory while it is read, and a hostile one may break its reader."""
    target = folder / "sheet.csv"
    path = path.rename(path.with_suffix(_suffix(path)))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "audiences.files.sheets", str(path), str(target), sheet],
            capture_output=True,
            cwd=Path(__file__).parents[2],
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadFile(
            "This workbook takes too long to open. Save its sheet as CSV and upload that."
        ) from error
    if done.returncode == 0:
        return Text(target, done.stdout.decode().split("\x1f"), name)
    if done.returncode == 3:
        raise BadFile(done.stdout.decode())
    raise BadFile("This workbook cannot be read. Save its sheet as CSV and upload that.")


def _suffix(path: Path) -> str:
    """Of the kind of workbook this is: without one, its reader tries all kinds and cannot tell a password from damage."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
        return ".ods" if "mimetype" in names else ".xlsb" if "xl/workbook.bin" in names else ".xlsx"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return ".xlsx" if content.find(_LOCKED) >= 0 else ".xls"


def blocks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
