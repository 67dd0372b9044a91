"""Which row names the columns: found below titles, chosen by a person, and never with somebody lost above it."""

import pytest
import xlsxwriter

from audiences import queries
from audiences.models import Import
from tests.audiences.importing import begin, preview, start, work

pytestmark = pytest.mark.django_db

TITLED = "Members 2026;;\n;;\nE-Mail;Vorname;Shoe\nana@x.test;Ana;38\nnobody;Ben;39\n"


def names(mine):
    return [column["name"] for column in mine.columns]


def choose(client, mine, **typed):
    reply = client.post(f"/w/acme/imports/{mine.pk}/open/", typed)
    work()
    mine.refresh_from_db()
    return reply.status_code


@pytest.mark.parametrize(
    ("text", "heading", "columns"),
    [
        (TITLED, 3, ["E-Mail", "Vorname", "Shoe"]),
        ("Members 2026\n\nEmail\nana@x.test\n", 3, ["Email"]),
        ("Members, Basel, 2026\n\nKontakt,Who,Note\nana@x.test,Ana,\n", 3, ["Kontakt", "Who", "Note"]),
        ("Questions to,info@x.test,\n,,\nWho,Email,City\nAna,ana@x.test,Bern\n", 3, ["Who", "Email", "City"]),
        ("Person,,Gifts,\nEmail,Who,2025,2026\nana@x.test,Ana,5,7\n", 2, ["Email", "Who", "2025", "2026"]),
        ("\n\nEmail,Who\nana@x.test,Ana\n", 3, ["Email", "Who"]),
        ("Kontakt,Who\n,Ben\nana@x.test,Ana\n", 1, ["Kontakt", "Who"]),
        ("Kontakt,Who\n,Ben\nnone,Cem\n", 1, ["Kontakt", "Who"]),
        # The row with a word that stands for addresses elsewhere is a person here.
        ("ana@x.test,mail\n,mail\n", 0, ["Column 1", "Column 2"]),
        ("Members\nana@x.test,Ana\n", 0, ["Column 1", "Column 2"]),
        ("ana@x.test,Ana\nben@x.test,Ben\n", 0, ["Column 1", "Column 2"]),
    ],
)
def test_the_row_that_names_the_columns_is_found_below_titles(workspace, by, text, heading, columns):
    mine = begin(workspace, by, text)
    assert (mine.dialect["heading"], names(mine)) == (heading, columns)


def test_what_stands_above_the_heading_is_nobody_and_lines_stay_those_of_the_file(workspace, by):
    mine = preview(begin(workspace, by, TITLED), by)
    assert (mine.preview, [row.line for row in queries.rows_of(mine, "invalid").rows]) == (
        {"read": 2, "new": 1, "invalid": 1}, [5],
    )  # fmt: skip
    start(mine, by)
    assert "".join(queries.rejects_csv(mine)).splitlines()[1:] == ["5,This is no address,nobody,Ben,39"]


def test_titles_above_the_rows_of_a_workbook_are_passed_over(workspace, by, tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "people.xlsx")
    sheet = book.add_worksheet("Members")
    sheet.write(1, 0, "Members 2026\nof the club")
    for line, cells in enumerate([["Email", "Name"], ["ana@x.test", "Ana"], ["nobody", "Ben"]], start=3):
        sheet.write_row(line, 0, cells)
    book.close()
    mine = begin(workspace, by, (tmp_path / "people.xlsx").read_bytes(), name="people.xlsx")
    assert (mine.dialect["heading"], names(mine)) == (4, ["Email", "Name"])
    preview(mine, by)
    assert [row.line for row in queries.rows_of(mine, "invalid").rows] == [6]


@pytest.mark.parametrize(
    ("text", "told"),
    [(TITLED, "2 rows"), ("\n\n\nEmail;Who\nana@x.test;Ana\n", "3 rows"), ("a\nEmail\n", "1 row")],
)
def test_rows_above_the_heading_are_counted_as_a_spreadsheet_counts_them(browse, workspace, by, text, told):
    mine = begin(workspace, by, f"{text}ben@x.test\n")

    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()

    assert f"without the {told} above it" in page


@pytest.mark.parametrize(
    ("titles", "told"), [("", "in row 2"), ("a\n", "in row 3, without the 1 row above it")]
)
def test_the_line_that_tells_the_delimiter_is_no_row_above_the_heading(browse, workspace, by, titles, told):
    mine = begin(workspace, by, f"sep=;\n{titles}Email;Who\nana@x.test;Ana\n")

    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/")

    assert page.context["written"].endswith(f", names of the columns {told}")


def test_another_row_is_chosen_or_none(browse, workspace, by):
    client = browse("editor")
    mine = begin(workspace, by, "Kontakt,Who,City\nEmpfänger,Wer,Ort\nana@x.test,Ana,Bern\n")
    page = client.get(f"/w/acme/imports/{mine.pk}/")
    assert page.context["dialect"].fields["heading"].choices == [
        (1, "Row 1: Kontakt · Who · City"),
        (2, "Row 2: Empfänger · Wer · Ort"),
        (3, "Row 3: ana@x.test · Ana · Bern"),
        (0, "In no row"),
    ]
    assert choose(client, mine, heading="2") == 302
    assert (names(mine), mine.columns[1]["samples"]) == (["Empfänger", "Wer", "Ort"], ["Ana"])
    assert "names of the columns in row 2, without the 1 row above it" in (
        client.get(f"/w/acme/imports/{mine.pk}/").content.decode()
    )
    # It stays chosen when something else is.
    assert choose(client, mine, heading="2", encoding="latin-1", delimiter=",") == 302
    assert mine.dialect["heading"] == 2
    assert choose(client, mine, heading="0") == 302
    assert (names(mine), mine.columns[1]["samples"]) == (
        ["Column 1", "Column 2", "Column 3"], ["Who", "Wer", "Ana"],
    )  # fmt: skip
    assert choose(client, mine, heading="99") == 422


def test_the_heading_is_looked_for_again_when_something_else_is_chosen(browse, workspace, by):
    mine = begin(workspace, by, "Members\n\nKontakt|Who\nana@x.test|Ana\n")
    client = browse("editor")
    choose(client, mine, heading="3", encoding="utf-8", delimiter=";")
    choose(client, mine, heading="1", encoding="utf-8", delimiter="|")
    assert (mine.dialect["heading"], names(mine)) == (3, ["Kontakt", "Who"])


def test_what_was_matched_is_remembered_below_a_title_too(workspace, by):
    mine = begin(workspace, by, "E-Mail;Kundin\nana@x.test;Ana\n")
    matched = [{"to": "email", "as": "text"}, {"to": "first_name", "as": "text"}]
    start(preview(mine, by, matched), by)
    assert begin(workspace, by, "March\n\ne-mail;KUNDIN\nben@x.test;Ben\n").mapping == matched


def test_the_rows_to_choose_from_go_with_the_file(workspace, by):
    mine = begin(workspace, by, TITLED)
    assert "ana@x.test" in str(mine.dialect)
    start(preview(mine, by), by)
    assert "ana@x.test" not in str(Import.objects.values().get())
