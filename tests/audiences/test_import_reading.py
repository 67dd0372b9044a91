"""What a file may hold: addresses as mails write them, cells that do not fit, sheets, and what is no table."""

import pytest
import xlsxwriter

from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.erased import Erased
from audiences.importing.decisions import Decisions
from audiences.importing.opening import NO_ROWS
from audiences.models import Contact, Import, ImportBody
from tests.audiences.importing import begin, bring, preview, start, work
from tests.audiences.test_import_pages import upload

pytestmark = pytest.mark.django_db


def names():
    return list(Contact.objects.order_by("email").values_list("email", "first_name", "last_name"))


def test_addresses_are_read_as_mails_write_them(workspace, by):
    text = (
        "Ana Lea Muster <Ana@X.test>\n<ben@x.test>\nmailto:cem@x.test\n\"Duck, Dora\" <mailto:dora@x.test>;\n"
        "eve@x.test <eve@x.test>,\nFay <fay@x.test>\nmailto:gus@x.test?subject=Hi\n<nobody>\n<>\nHal <hal@x.test> again\n"
    )  # fmt: skip
    mine = bring(
        workspace,
        by,
        "Email\n" + text.replace('"Duck, Dora" <mailto:dora@x.test>', '"Duck, Dora <mailto:dora@x.test>"'),
    )
    assert names() == [
        ("ana@x.test", "Ana Lea", "Muster"), ("ben@x.test", "", ""), ("cem@x.test", "", ""),
        ("dora@x.test", "Dora", "Duck"), ("eve@x.test", "", ""), ("fay@x.test", "Fay", ""), ("gus@x.test", "", ""),
    ]  # fmt: skip
    assert [(row.address, row.why) for row in queries.rows_of(mine, "invalid").rows] == [
        ("<nobody>", "This is no address"),
        ("<>", "This is no address"),
        ("Hal <hal@x.test> again", "This is no address"),
    ]


def test_a_name_beside_the_address_gives_way_to_a_column_of_names(workspace, by):
    bring(workspace, by, "Email,Vorname\nAna Muster <ana@x.test>,Anna\nBen Muster <ben@x.test>,\n")
    assert names() == [("ana@x.test", "Anna", ""), ("ben@x.test", "", "")]


def test_pasted_from_a_mail_the_column_of_addresses_is_found(browse, workspace):
    browse("editor").post(
        "/w/acme/imports/new/paste/", {"rows": "Ana Muster <ana@x.test>\nmailto:ben@x.test\n"}
    )
    work()
    mine = Import.objects.get()
    assert (mine.dialect["has_header"], mine.mapping) == (False, [{"to": "email", "as": "text"}])


@pytest.mark.parametrize(
    ("rows", "people"),
    [
        (
            "Ana Muster <ana@x.test>, ben@x.test;Cem <cem@x.test>\r\n",
            ["ana@x.test", "ben@x.test", "cem@x.test"],
        ),
        ("ana@x.test,Ana <Muster>\n", ["ana@x.test"]),
        ("Email\r\nana@x.test, ben@x.test\r\ncem@x.test", ["ana@x.test", "ben@x.test", "cem@x.test"]),
        ("Email\nana@x.test ben@x.test", ["ana@x.test", "ben@x.test"]),
        ("ana@x.test;second@x.test\n", ["ana@x.test", "second@x.test"]),
        (
            "Ana Zed <a@x.test>\nBen Zed <b@x.test>, c@x.test\nplease add them all",
            ["a@x.test", "b@x.test", "c@x.test"],
        ),
        ("a@x.test, b@x.test\nsee you Monday, Kim\n", ["a@x.test", "b@x.test"]),
        ("Hi Kim,\n\na@x.test b@x.test\n", ["a@x.test", "b@x.test"]),
        ("Ana,a@x.test,Bern\nBen,b@x.test,\n", ["a@x.test", "b@x.test"]),
        # A heading says what the second one is.
        ("Email;Second\nana@x.test;second@x.test\n", ["ana@x.test"]),
    ],
)
def test_one_line_of_a_mail_is_a_person_each(browse, workspace, by, rows, people):
    browse("editor").post("/w/acme/imports/new/paste/", {"rows": rows})
    work()
    start(preview(Import.objects.get(), by), by)
    assert sorted(email for email, *_ in names()) == people


def test_a_line_without_an_address_is_told(browse, workspace, by):
    rows = "Ana Zed <a@x.test>\nBen Zed <b@x.test>, c@x.test\nplease add them all"
    browse("editor").post("/w/acme/imports/new/paste/", {"rows": rows})
    work()
    mine = preview(Import.objects.get(), by)
    assert mine.preview == {"read": 4, "new": 3, "invalid": 1}
    assert [row.address for row in queries.rows_of(mine, "invalid").rows] == ["please add them all"]


def test_another_address_in_a_column_that_is_left_out_is_told(browse, workspace, by):
    text = "Email,Note,Again\na@x.test,or b@x.test,A@x.test\nc@x.test,,\nd@x.test,no @ here,Dee <e@x.test>\nnobody,f@x.test,\n"
    mine = preview(begin(workspace, by, text), by)
    page = browse("viewer").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "2 rows hold another address in a column that is left out" in page


def test_cells_that_say_nothing_are_no_text_of_a_person(workspace, by):
    text = "Email,First name,Last name,City,Country\na@x.test,N/A,-,n/a,Unknown\nb@x.test,Na,None,.,?\nc@x.test,Null,–,Nil,–\n"
    bring(workspace, by, text)
    assert list(
        Contact.objects.order_by("email").values_list("first_name", "last_name", "city", "country")
    ) == [("", "", "", ""), ("Na", "None", "", ""), ("", "", "Nil", "")]


@pytest.mark.parametrize("between", [", ", ",", " ", " / ", "/", ";", "\n", " | "])
def test_several_addresses_are_told_whatever_stands_between_them(workspace, by, between):
    cell = f'"a@x.test{between}b@x.test"'
    mine = preview(
        begin(
            workspace, by, f"Email,City\n{cell},Bern\na@x.test,b@x.test,c@x.test\na@x.test,Bern,CH\nno one,\n"
        ),
        by,
    )
    assert [row.why for row in queries.rows_of(mine, "invalid").rows] == [
        "There are several addresses in one cell: each person needs a row",
        "There are several addresses in the row: each person needs a row",
        "The row has more cells than the heading has names",
        "This is no address",
    ]


def test_erased_people_are_known_however_their_address_is_written(workspace, by, monkeypatch):
    monkeypatch.setattr(Erased, "__bool__", lambda self: True)
    monkeypatch.setattr(Erased, "__contains__", lambda self, address: address == "ana@x.test")
    mine = bring(
        workspace,
        by,
        "Email,City\nAna Muster <ana@x.test>,Bern\nnobody,mailto:ana@x.test\nben@x.test / ana@x.test,\n",
    )
    assert mine.counts == {"read": 3, "suppressed": 3}
    assert "ana@x.test" not in "".join(queries.rejects_csv(mine))


@pytest.fixture
def bad(workspace, by):
    """An import with a row of which three cells are wrong."""
    text = f"Email,City,Kundin seit,Wo\nana@x.test,Bern,1.2.2020,\nben@x.test,{'x' * 201},31.2.2020,hier\nnobody,,x,\n"
    said = (("email", "text"), ("city", "text"), ("consent_at", "date_dmy"), ("consent_ip", "text"))
    return preview(begin(workspace, by, text), by, [{"to": to, "as": how} for to, how in said])


WHY = (
    f"“City” holds “{'x' * 40}…”, more than the 120 letters the field takes; “Kundin seit” holds “31.2.2020”, no day such as"
    " 31.12.2026; “Wo” holds “hier”, no IP address such as 192.0.2.7"
)


def test_a_row_left_out_names_each_bad_cell_its_value_and_what_is_expected(bad):
    assert [row.why for row in queries.rows_of(bad, "invalid").rows] == [
        WHY,
        "This is no address; “Kundin seit” holds “x”, no day such as 31.12.2026",
    ]
    assert WHY in "".join(queries.rejects_csv(bad))


def test_who_sees_no_address_sees_no_cell_of_a_bad_row(bad):
    row = queries.rows_of(bad, "invalid", shows_addresses=False).rows[0]
    assert row.why == (
        "“City” holds more than the 120 letters the field takes; “Kundin seit” holds no day such as 31.12.2026;"
        " “Wo” holds no IP address such as 192.0.2.7"
    )


def test_a_consent_of_a_day_to_come_is_told_as_such(workspace, by):
    mapping = [
        {"to": "email", "as": "text"},
        {"to": "consent_at", "as": "date_ymd"},
        {"to": "consent_ip", "as": "text"},
    ]
    mine = preview(begin(workspace, by, "Email,When,IP\nana@x.test,2199-01-01,home\n"), by, mapping)
    assert [row.why for row in queries.rows_of(mine, "invalid").rows] == [
        "“When” holds “2199-01-01”, a day that has not come yet; “IP” holds “home”, no IP address such as 192.0.2.7"
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "This is a PDF, not a table."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "This is a picture, not a table."),
        (bytes(range(256)) * 8, "This is no table: it holds no text."),
        (b"Email,Vorname\n", "There is no row below the heading."),
        (b"\xef\xbb\xbfE-Mail;Name\r\n\r\n", "There is no row below the heading."),
        (b"\n \n", "There is nothing in this file."),
    ],
)
def test_what_is_no_table_is_refused_when_it_is_uploaded(browse, workspace, content, says):
    reply = upload(browse("editor"), content)
    assert (reply.status_code, says in reply.content.decode()) == (422, True)
    assert (Import.objects.count(), ImportBody.objects.count()) == (0, 0)


def test_pasted_headings_alone_are_refused_and_stay_typed(browse, workspace):
    reply = browse("editor").post("/w/acme/imports/new/paste/", {"rows": "Email\tVorname\n"})
    assert (reply.status_code, reply.context["pasted"]["rows"].value()) == (422, "Email\tVorname\n")
    assert "There is no row below the heading." in reply.content.decode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_of_any_encoding_is_no_binary(workspace, by, encoding):
    mine = begin(workspace, by, "Email;Grüße\nana@x.test;a\x07b\n".encode(encoding))
    assert [column["to"] for column in mine.mapping] == ["email", ""]


def test_a_file_that_turns_out_to_be_without_rows_offers_another_file_and_no_way_on(browse, workspace, by):
    mine = begin(workspace, by, "ana@x.test\n")
    mine.dialect |= {"has_header": True, "heading": 1}
    mine.save()
    client = browse("editor")
    preview(mine, by, [{"to": "email", "as": "text"}])
    page = client.get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "There is no row below the heading." in page
    assert "Go on" not in page
    with pytest.raises(CannotDo, match="nothing to go on with"):
        services.go_on(mine=mine, by=by)


def test_a_list_of_domains_has_no_heading(browse, workspace):
    browse("editor").post("/w/acme/suppressions/import/paste/", {"rows": "example.com\n"})
    work()
    mine = Import.objects.get()
    assert (mine.state, mine.dialect["has_header"]) == (Import.State.MAPPING, False)


@pytest.fixture
def workbook(tmp_path):
    """A cover sheet with one cell, notes that name an address, and the people."""
    book = xlsxwriter.Workbook(tmp_path / "people.xlsx")
    book.add_worksheet("Cover").write(0, 0, "Messe 2026")
    book.add_worksheet("Notes").write(0, 0, "Questions to info@x.test")
    people = book.add_worksheet("Leute")
    for line, cells in enumerate([["Email", "PLZ"], ["ana@x.test", 4057], ["ben@x.test", 8000]]):
        people.write_row(line, 0, cells)
    book.add_worksheet("Empty")
    book.close()
    return (tmp_path / "people.xlsx").read_bytes()


def test_the_sheet_with_the_addresses_is_read_and_the_others_are_a_button_away(
    browse, workspace, by, workbook
):
    mine = begin(workspace, by, workbook, name="people.xlsx")
    assert mine.dialect["sheets"] == ["Leute", "Cover", "Notes", "Empty"]
    client, url = browse("editor"), f"/w/acme/imports/{mine.pk}/"
    assert (
        '<button class="button button--small" name="sheet" value="Notes">' in client.get(url).content.decode()
    )
    assert client.post(f"{url}open/", {"sheet": "Notes"}).status_code == 302
    work()
    mine.refresh_from_db()
    assert (mine.dialect["sheets"][0], mine.columns[0]["samples"]) == ("Notes", ["Questions to info@x.test"])


def test_what_cannot_be_read_another_way_is_read_as_before(browse, workspace, by, workbook):
    mine = begin(workspace, by, workbook, name="people.xlsx")
    client, url = browse("editor"), f"/w/acme/imports/{mine.pk}/"
    before = mine.columns, mine.mapping, mine.dialect

    sheet = "There is nothing on this sheet. Choose another one."
    for asked, why in (
        ({"sheet": "Empty"}, sheet), ({"sheet": "Cover"}, NO_ROWS), ({"sheet": "Leute", "heading": "3"}, NO_ROWS),
    ):  # fmt: skip
        client.post(f"{url}open/", asked)
        work()
        mine.refresh_from_db()
        page = client.get(url).content.decode()

        assert (mine.state, (mine.columns, mine.mapping, mine.dialect)) == (Import.State.MAPPING, before)
        assert ("It cannot be read that way, and is read as before" in page, mine.note) == (True, why)
    preview(mine, by)
    assert (mine.preview, mine.note) == ({"read": 2, "new": 2}, "")


@pytest.mark.parametrize(
    ("far", "told"),
    [
        ("mapping", "The import is cancelled. Nothing was imported."),
        ("reading", "The preview stops. Nothing was imported."),
        ("ready", "The import is cancelled. Nothing was imported."),
        ("running", "The import stops after the rows under way."),
    ],
)
def test_cancelling_says_what_is_so(browse, workspace, by, far, told):
    mine = begin(workspace, by, "Email\nana@x.test\n")
    if far in ("ready", "running"):
        preview(mine, by)
    if far == "reading":
        services.preview_import(mine=mine, by=by, version=mine.version, decisions=Decisions(mine.mapping))
    if far == "running":
        services.start_import(mine=mine, by=by, version=mine.version)

    reply = browse("editor").post(f"/w/acme/imports/{mine.pk}/cancel/", follow=True)

    assert (mine.state, [str(message) for message in reply.context["messages"]]) == (far, [told])
