"""Workbooks of each kind, written by hand where no library of ours writes them: cells become text, or a sentence says why not."""

import struct
import zipfile
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
import xlsxwriter

from audiences.files import BadFile
from audiences.files.dialects import Dialect
from audiences.files.reading import rows
from audiences.files.unpacking import blocks_of, unpack

PASSWORD = "This workbook has a password. Save it without one."
NOTHING = "There is nothing in this workbook that can be seen. Choose another file."
UNREADABLE = "This workbook cannot be read. Save its sheet as CSV and upload that."


def read(path: Path) -> list[tuple[int, list[str]]]:
    folder = path.parent / "work"
    folder.mkdir()
    text = unpack(path, folder)
    return [(row.line, row.cells) for row in rows(blocks_of(text.path), Dialect(by_record=True))]


# Excel since 2007


def test_each_kind_of_cell_is_text(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "upload") as book:
        sheet = book.add_worksheet()
        day, hour = (
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            book.add_format({"num_format": "[h]:mm"}),
        )
        for column, value in enumerate(["true", 1234567890123456, 0.1, "007"]):
            sheet.write(0, column, value)
        sheet.write_string(0, 4, "=1+1")
        sheet.write_boolean(1, 0, True)
        sheet.write_datetime(1, 1, datetime(2026, 2, 3, 4, 5), day)  # noqa: DTZ001 - a sheet knows no zones
        sheet.write_datetime(1, 2, timedelta(hours=30), hour)
        sheet.write_datetime(1, 3, time(6, 7), book.add_format({"num_format": "hh:mm"}))
        sheet.write_formula(2, 0, "=A1", None, "shown")
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(2, 2, "=NA()", None, "#N/A")
        sheet.write_formula(2, 3, "=1=1", None, True)
        sheet.write_string(3, 0, "two\nlines\u202e😀")
    assert read(tmp_path / "upload") == [
        (1, ["true", "1234567890123456", "0.1", "007", "=1+1"]),
        (2, ["true", "2026-02-03 04:05:00", "1 day, 6:00:00", "06:07:00", ""]),
        (3, ["shown", "", "", "true", ""]),  # a fault has no value
        (4, ["two\nlines\u202e😀", "", "", "", ""]),
    ]


# OpenDocument

CELLS = """
<table:table-row><table:table-cell office:value-type="string"><text:p>Email</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Born</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>Size</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>a@x.test</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="1984-02-03"><text:p>3 Feb</text:p></table:table-cell>
<table:table-cell office:value-type="float" office:value="38.5" table:formula="of:=1+37.5"><text:p>38.5</text:p></table:table-cell>
</table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>&lt;b&gt;</text:p></table:table-cell>
<table:table-cell office:value-type="boolean" office:boolean-value="true"><text:p>TRUE</text:p></table:table-cell></table:table-row>
"""


def ods(path: Path, cells: str, *, manifest: str = "") -> Path:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest or "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="People">{cells.replace(chr(10), "")}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_a_sheet_of_opendocument(tmp_path):
    assert read(ods(tmp_path / "upload", CELLS)) == [
        (1, ["Email", "Born", "Size"]),
        (4, ["a@x.test", "1984-02-03", "38.5"]),
        (5, ["<b>", "true", ""]),
    ]


def test_an_empty_sheet_of_opendocument(tmp_path):
    with pytest.raises(BadFile, match=NOTHING):
        read(ods(tmp_path / "upload", ""))


# The old Excel: records in a file system of its own


def xls(path: Path, *, locked: bool = False) -> Path:
    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def begin(of: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, of, 0, 0, 0, 0))

    def label(row: int, column: int, text: str) -> bytes:
        return record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))

    end = record(0x000A, b"")
    lock = record(0x002F, b"\1\0" * 27) if locked else b""
    name = struct.pack("<BB", 6, 0) + b"People"
    head = len(begin(5) + lock + record(0x0085, bytes(6) + name) + end)
    book = begin(5) + lock + record(0x0085, struct.pack("<IBB", head, 0, 0) + name) + end
    sheet = (
        begin(0x10) + label(0, 0, "Email") + label(0, 1, "Größe") + label(0, 2, "OK") + label(2, 0, "a@x.test")
        + record(0x0203, struct.pack("<HHHd", 2, 1, 0, 38.5)) + record(0x0205, struct.pack("<HHHBB", 2, 2, 0, 1, 0))
        + record(0x0205, struct.pack("<HHHBB", 3, 2, 0, 0x2A, 1)) + end
    )  # fmt: skip
    return compound(path, "Workbook", book + sheet)


def compound(path: Path, name: str, stream: bytes) -> Path:
    """One stream in Microsoft's compound file: header, allocation table, directory, then the stream."""
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    stream = stream.ljust(4096, b"\0")  # a smaller one would live elsewhere
    stream += bytes(-len(stream) % 512)
    count = len(stream) // 512
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        + struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0, 0) + struct.pack("<I", free) * 108
    )  # fmt: skip
    chain = [table, end, *range(3, count + 2), end]
    sectors = struct.pack(f"<{len(chain)}I", *chain).ljust(512, b"\xff")

    def entry(text: str, kind: int, child: int, start: int, size: int) -> bytes:
        letters = text.encode("utf-16-le")
        return (
            letters.ljust(64, b"\0") + struct.pack("<HBBIII", len(letters) + 2, kind, 1, free, free, child)
            + bytes(36) + struct.pack("<IQ", start, size)
        )  # fmt: skip

    directory = entry("Root Entry", 5, 1, end, 0) + entry(name, 2, free, 2, len(stream))
    path.write_bytes(header + sectors + directory.ljust(512, b"\0") + stream)
    return path


def test_a_sheet_of_the_old_excel(tmp_path):
    assert read(xls(tmp_path / "upload")) == [
        (1, ["Email", "Größe", "OK"]),
        (3, ["a@x.test", "38.5", "true"]),
    ]


# With a password


@pytest.mark.parametrize(
    "make",
    [
        lambda path: xls(path, locked=True),
        lambda path: compound(path, "EncryptedPackage", b"x" * 5000),
        lambda path: ods(path, CELLS, manifest=(
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry'
            ' manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry></manifest:manifest>')),
    ],
    ids=["xls", "xlsx", "ods"],
)  # fmt: skip
def test_a_workbook_with_a_password(tmp_path, make):
    with pytest.raises(BadFile, match=PASSWORD):
        read(make(tmp_path / "upload"))


def test_an_archive_with_a_password(tmp_path):
    path = tmp_path / "upload"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("people.csv", "a,b\n")
    data = bytearray(path.read_bytes())
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + place] |= 1
    path.write_bytes(data)
    with pytest.raises(BadFile, match="This archive has a password"):
        read(path)


@pytest.mark.parametrize(
    "name", ["../../people.csv", "/etc/people.csv", "..\\..\\people.csv", "a\x1b[31m\u202e.csv"]
)
def test_a_name_within_an_archive_leads_nowhere(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr(name, "a,b\n")
    before = set(tmp_path.parent.rglob("*"))
    assert read(tmp_path / "upload") == [(1, ["a", "b"])]
    assert {path.name for path in set(tmp_path.parent.rglob("*")) - before} == {"work", "inner"}


@pytest.mark.parametrize(
    "members",
    [
        {"[Content_Types].xml": "<x/>"},
        {"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<workbook/>"},
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<x/>"},
        # Entities within entities would fill all memory.
        {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "META-INF/manifest.xml": "<manifest/>",
         "content.xml": "<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b;</x>"},
    ],
    ids=["types alone", "no sheets", "a text", "entities"],
)  # fmt: skip
def test_what_only_looks_like_a_workbook(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(BadFile, match=f"{UNREADABLE}|{NOTHING}"):
        read(tmp_path / "upload")
