"""Archives and workbooks: the one file in them, or a sentence why not."""

import io
import zipfile
from datetime import date

import pytest
import xlsxwriter

from audiences.files import BadFile, unpacking
from audiences.files.dialects import Dialect
from audiences.files.reading import rows
from audiences.files.searching import may_stand_in_archive
from audiences.files.unpacking import blocks_of, is_packed, unpack


def zipped(tmp_path, *files, **options):
    path = tmp_path / "upload"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def workbook(path, sheets):
    book = xlsxwriter.Workbook(path)
    for name, table in sheets.items():
        sheet = book.add_worksheet(name)
        if name.startswith("hidden"):
            sheet.hide()
        for line, cells in enumerate(table):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(line, column, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
                elif cell is not None:
                    sheet.write(line, column, cell)
    book.close()
    return path


def cells(text):
    return [(row.line, row.cells) for row in rows(blocks_of(text.path), Dialect(by_record=text.is_sheet))]


def folder(tmp_path):
    made = tmp_path / "work"
    made.mkdir()
    return made


def broken(method):
    """An archive of one file whose bytes are no longer what they were packed to."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("people.csv", "Email\nana@x.test\n" * 50)
    body = bytearray(target.getvalue())
    start = 30 + len("people.csv")
    body[start : start + 24] = b"\xff" * 24
    return bytes(body)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_anybody_may_stand_in_an_archive_that_cannot_be_read(method):
    assert may_stand_in_archive([broken(method)], "ana@x.test")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_whose_file_cannot_be_read_is_refused(tmp_path, method):
    (tmp_path / "upload").write_bytes(broken(method))

    with pytest.raises(BadFile, match="This archive cannot be unpacked"):
        unpack(tmp_path / "upload", tmp_path)


def test_the_one_file_in_an_archive_is_read(tmp_path):
    path = zipped(tmp_path, ("list/people.csv", "a,b\n"), ("__MACOSX/._people.csv", "junk"))
    text = unpack(path, folder(tmp_path))
    assert (text.name, text.sheets, cells(text)) == ("people.csv", [], [(1, ["a", "b"])])


def test_a_sheet_keeps_its_rows_numbers_and_days(tmp_path):
    table = [
        [],
        ["Email", "Born", "Size", "Note"],
        [],
        ["ana@x.test", date(1984, 2, 3), 38.5, "two\nlines"],
        ["b@x.test", None, 40, True],
    ]
    path = workbook(tmp_path / "upload.xlsx", {"People": table, "hidden one": [["secret"]], "More": [["x"]]})
    text = unpack(path, folder(tmp_path))
    assert text.sheets == ["People", "More"]
    assert cells(text) == [
        (2, ["Email", "Born", "Size", "Note"]),
        (4, ["ana@x.test", "1984-02-03", "38.5", "two\nlines"]),
        (5, ["b@x.test", "", "40", "true"]),
    ]


def test_another_sheet_can_be_chosen(tmp_path):
    path = workbook(tmp_path / "upload.xlsx", {"People": [["a"]], "More": [["x"]]})
    text = unpack(path, folder(tmp_path), sheet="More")
    assert (text.sheets, cells(text)) == (["More", "People"], [(1, ["x"])])


def test_a_workbook_in_an_archive_is_opened(tmp_path):
    inner = workbook(tmp_path / "people.xlsx", {"People": [["a"]]}).read_bytes()
    text = unpack(zipped(tmp_path, ("people.xlsx", inner)), folder(tmp_path))
    assert cells(text) == [(1, ["a"])]


def test_a_formula_is_never_worked_out(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "upload.xlsx")
    book.add_worksheet().write_formula(0, 0, '=HYPERLINK("http://evil.test")', None, "shown")
    book.close()
    assert cells(unpack(tmp_path / "upload.xlsx", folder(tmp_path))) == [(1, ["shown"])]


def test_several_files_are_refused(tmp_path):
    with pytest.raises(BadFile, match="2 files"):
        unpack(zipped(tmp_path, ("a.csv", "x"), ("b.csv", "y")), folder(tmp_path))


def test_what_is_no_table_is_refused_in_an_archive_too(tmp_path):
    with pytest.raises(BadFile, match="This is a PDF"):
        unpack(zipped(tmp_path, ("people.csv", "%PDF-1.4\n")), folder(tmp_path))


def test_an_empty_archive_is_refused(tmp_path):
    with pytest.raises(BadFile, match="0 files"):
        unpack(zipped(tmp_path), folder(tmp_path))


def test_an_archive_in_an_archive_is_refused(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "x")
    with pytest.raises(BadFile, match="inside this archive"):
        unpack(zipped(tmp_path, ("a.zip", inner.getvalue())), folder(tmp_path))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "upload", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w") as file,
    ):
        for _ in range(501):
            file.write(b"0" * 1024 * 1024)
    with pytest.raises(BadFile, match="larger than 500 MB"):
        unpack(tmp_path / "upload", folder(tmp_path))


def test_an_archive_that_lies_about_its_size_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 1000)
    path = zipped(tmp_path, ("a.csv", "0" * 5000))
    data = path.read_bytes().replace((5000).to_bytes(4, "little"), (900).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(BadFile):
        unpack(path, folder(tmp_path))


@pytest.mark.parametrize("data", [b"PK\x03\x04garbage", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1garbage"])
def test_damaged_ones_are_refused(tmp_path, data):
    (tmp_path / "upload").write_bytes(data)
    assert is_packed(data)
    with pytest.raises(BadFile, match=r"damaged|cannot be read"):
        unpack(tmp_path / "upload", folder(tmp_path))


def test_an_empty_workbook_is_refused(tmp_path):
    with pytest.raises(BadFile, match="nothing in this workbook"):
        unpack(workbook(tmp_path / "upload.xlsx", {"People": []}), folder(tmp_path))
