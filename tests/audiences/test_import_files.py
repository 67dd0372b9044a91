"""A file as it is opened, and what is decided of it before anything is read."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.models import (
    Contact,
    Field,
    Import,
    ImportBody,
)
from tests.audiences.importing import (
    begin,
    preview,
    start,
    work,
)
from tests.factories import (
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db


def test_a_file_is_opened_with_its_columns_guessed(workspace, by):
    Field.objects.create(workspace=workspace, key="shoe", label="Schuhgröße", kind=Field.Kind.NUMBER)
    mine = begin(
        workspace,
        by,
        "Kunde;E-Mail;Vorname;Schuhgröße;Geburtstag\n17;ana@x.test;Ana;38,5;3.2.1984\n".encode("cp1252"),
    )
    assert mine.state == Import.State.MAPPING
    assert mine.dialect["encoding"] == "cp1252"
    assert mine.dialect["delimiter"] == ";"
    assert mine.mapping == [
        {"to": "", "as": "number"},
        {"to": "email", "as": "text"},
        {"to": "first_name", "as": "text"},
        {"to": "shoe", "as": "number_comma"},
        {"to": "", "as": "date_dmy"},
    ]
    assert mine.columns[2] == {
        "name": "Vorname",
        "samples": ["Ana"],
        "as": "text",
        "best": {},
        "addresses": 0.0,
    }


def test_without_a_heading_the_column_with_addresses_is_found(workspace, by):
    mine = begin(workspace, by, "Ana,ana@x.test\nBen,ben@x.test\n")
    assert not mine.dialect["has_header"]
    assert [column["to"] for column in mine.mapping] == ["", "email"]
    assert preview(mine, by).preview == {"read": 2, "new": 2}


def test_a_file_that_cannot_be_read_says_why_and_is_not_kept(workspace, by):
    mine = begin(workspace, by, b"PK\x03\x04nonsense", name="people.zip")
    assert (mine.state, mine.note) == (
        Import.State.FAILED,
        "This archive is damaged or cut off. Make it again, or upload the file without it.",
    )
    assert not ImportBody.objects.exists()


def test_an_empty_file_is_refused_at_once(workspace, by):
    with pytest.raises(CannotDo, match="This file is empty"):
        begin(workspace, by, "")
    assert not Import.objects.exists()


def test_a_file_beyond_the_limit_is_refused_and_not_kept(workspace, by, monkeypatch):
    monkeypatch.setattr("audiences.services.imports.MAX_BYTES", 10)
    with pytest.raises(CannotDo, match="larger than 200 MB"):
        begin(workspace, by, "Email\nana@x.test\n")
    assert not ImportBody.objects.exists()


def test_a_file_can_be_read_another_way(workspace, by):
    mine = begin(workspace, by, "Email;Name\nana@x.test;Жан\n".encode("cp1251"))
    assert mine.columns[1]["samples"] != ["Жан"]
    services.open_again(mine=mine, encoding="cp1251", delimiter=";", heading=1)
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.columns[1]["samples"]) == (Import.State.MAPPING, ["Жан"])


def test_the_same_file_is_another_import_as_suppressions(workspace, by):
    begun = [
        services.begin_import(workspace=workspace, by=by, name="left.csv", blocks=[b"Email\na@x.test\n"], aim=aim)
        for aim in (Import.Aim.PEOPLE, Import.Aim.SUPPRESSIONS, Import.Aim.SUPPRESSIONS)
    ]  # fmt: skip
    assert [is_new for _, is_new in begun] == [True, True, False]
    assert begun[1][0] == begun[2][0] != begun[0][0]


def test_a_column_that_is_called_so_holds_the_addresses_though_some_are_bad(workspace, by):
    mine = begin(workspace, by, "Email,Friend\na@x.test,\nb@x.test,f@x.test\nnone,\n")
    assert [column["to"] for column in mine.mapping] == ["email", ""]


def test_the_same_file_while_it_is_open_is_one_import(workspace, by, approver):
    first = begin(workspace, by, "Email\nana@x.test\n")
    second, is_new = services.begin_import(
        workspace=workspace, by=approver, name="copy.csv", blocks=[b"Email\nana@x.test\n"]
    )
    assert (second, is_new) == (first, False)
    assert Import.objects.count() == 1
    other = WorkspaceFactory()
    assert (
        services.begin_import(workspace=other, by=by, name="x.csv", blocks=[b"Email\nana@x.test\n"])[1]
        is True
    )
    start(preview(first, by), by)
    assert (
        services.begin_import(workspace=workspace, by=by, name="again.csv", blocks=[b"Email\nana@x.test\n"])[
            1
        ]
        is True
    )


def test_what_was_matched_is_remembered_for_the_same_headings(workspace, by):
    mine = begin(workspace, by, "E-Mail;Kundin;Rest\nana@x.test;Ana;1\n")
    bring_mapping = [
        {"to": "email", "as": "text"},
        {"to": "first_name", "as": "text"},
        {"to": "", "as": "number"},
    ]
    start(preview(mine, by, bring_mapping), by)
    again = begin(workspace, by, "e-mail;KUNDIN;Rest\nben@x.test;Ben;x\n")
    assert again.mapping == [*bring_mapping[:2], {"to": "", "as": "text"}]


def test_a_mapping_must_name_the_address_and_fill_each_field_once(workspace, by):
    mine = begin(workspace, by, "Email,A,B\nana@x.test,1,2\n")
    text = {"as": "text"}
    with pytest.raises(CannotDo, match="Which column holds the addresses"):
        preview(mine, by, [{"to": "", **text}] * 3)
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, [{"to": "email", **text}, {"to": "city", **text}, {"to": "city", **text}])
    assert refused.value.fields == {"to_2": "Another column fills this already."}


@pytest.mark.parametrize("rows", ["ana@x.test,in spring\n", "ana@x.test,in spring\nben@x.test,03.03.90\n"])
def test_most_cells_must_be_what_the_field_holds(workspace, by, rows):
    Field.objects.create(workspace=workspace, key="born", label="Born", kind=Field.Kind.DATE)
    mine = begin(workspace, by, f"Email,Day\n{rows}")
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, [{"to": "email", "as": "text"}, {"to": "born", "as": "text"}])
    assert refused.value.fields == {"as_1": "This field holds a date. Choose how the column writes it."}


ODD = [
    "0000",
    "00.00.0000",
    "soon",
    "31.02.2020",
    "3. März 1990",
    "03.03.90",
    "03.03.1990",
    "04.04.1991",
    "05.05.1992",
]


def test_a_field_whose_cells_are_odd_now_and_then_is_matched_all_the_same(workspace, by):
    for key, kind in (("born", "date"), ("points", "number"), ("vip", "boolean")):
        Field.objects.create(workspace=workspace, key=key, label=key, kind=kind)
    rows = "".join(f"p{number}@x.test,{day},1{number},ja\n" for number, day in enumerate(ODD))

    mine = begin(workspace, by, f"Email,Born,Points,VIP\n{rows}odd@x.test,,12a,vielleicht\n")

    assert mine.mapping[1:] == [
        {"to": "born", "as": "date_dmy"}, {"to": "points", "as": "number"}, {"to": "vip", "as": "boolean"},
    ]  # fmt: skip


def test_of_fields_of_one_name_the_one_that_holds_the_cells_is_matched_and_the_day_of_consent_is_known(
    workspace, by
):
    for key, kind in (("birthday", "boolean"), ("birthday_2", "date"), ("birthday_3", "text")):
        Field.objects.create(workspace=workspace, key=key, label="Birthday", kind=kind)
    days = ["1984-05-12", "n/a", "0001", "1984-05-13", "klingon", "1984-05-14", "", "1984-05-15"]
    rows = "".join(f"p{number}@x.test,{day},2025-03-0{number + 1}\n" for number, day in enumerate(days))

    mine = begin(workspace, by, f"Email,Birthday,Consent date\n{rows}")
    other = begin(workspace, by, "Email,Birthday,Opt-in\na@x.test,in spring,yes\nb@x.test,soon,no\n")

    # Half of them are days, each written in its own way.
    mixed = begin(
        workspace,
        by,
        "Email,Birthday\na@x.test,1984-05-12\nb@x.test,12.05.1984\nc@x.test,0001\nd@x.test,31.02.1990\n",
    )

    assert mine.mapping[1:] == [
        {"to": "birthday_2", "as": "date_ymd"}, {"to": "consent_at", "as": "date_ymd"},
    ]  # fmt: skip
    assert mixed.mapping[1] == {"to": "birthday_2", "as": "date_ymd"}
    assert [column["to"] for column in other.mapping[1:]] == ["birthday_3", ""]


def test_a_field_that_is_chosen_gets_the_cells_it_can_hold_and_the_others_are_told(workspace, by):
    Field.objects.create(workspace=workspace, key="born", label="Born", kind=Field.Kind.DATE)
    mine = begin(workspace, by, "Email,Day\na@x.test,in spring\nb@x.test,04.04.91\nc@x.test,03.03.90\n")

    mine = preview(mine, by, [{"to": "email", "as": "text"}, {"to": "born", "as": "text"}])

    assert (mine.mapping[1], mine.preview) == ({"to": "born", "as": "date_dmy"}, {"read": 3, "new": 3})
    told = queries.left_empty(mine)
    assert told == [("“Day” holds no day such as 31.12.2026", 1, ["in spring"])]
    start(mine, by)
    assert Contact.objects.get(email="c@x.test").custom == {"born": "1990-03-03"}


def test_a_sample_says_which_century_two_digits_are(workspace, by, browse):
    mine = begin(workspace, by, "Email,Day\na@x.test,03.03.90\nb@x.test,04.04.1991\n")

    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()

    assert (
        '<bdi>03.03.90</bdi> = 3 Mar 1990</span><span class="columns__sample"><bdi>04.04.1991</bdi></span>'
        in page
    )


def test_a_list_needs_to_know_where_consent_comes_from(workspace, by, news):
    mine = begin(workspace, by, "Email\nana@x.test\n")
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, on_list=news, consent_source=" ")
    assert list(refused.value.fields) == ["consent_source"]
    tomorrow = (timezone.now() + timedelta(days=2)).date()
    with pytest.raises(CannotDo, match="has not come yet"):
        preview(mine, by, on_list=news, consent_date=tomorrow)


def test_new_fields_are_made_with_the_kind_of_their_cells(workspace, by):
    mine = begin(workspace, by, "Email,Shoe size,Email\nana@x.test,38,x\n")
    mapping = [{"to": "email", "as": "text"}, {"to": "new", "as": "number"}, {"to": "new", "as": "text"}]
    start(preview(mine, by, mapping), by)
    assert list(Field.objects.order_by("key").values_list("key", "label", "kind")) == [
        ("email_2", "Email", "text"),
        ("shoe_size", "Shoe size", "number"),
    ]
    assert Contact.objects.get().custom == {"shoe_size": 38, "email_2": "x"}


def test_a_decision_on_an_old_page_is_refused(workspace, by):
    mine = begin(workspace, by, "Email\nana@x.test\n")
    old = mine.version
    preview(mine, by)
    with pytest.raises(CannotDo, match="Somebody changed this import"):
        services.start_import(mine=mine, by=by, version=old)
