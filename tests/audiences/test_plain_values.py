"""What a text plainly means is the same in a form, in a bulk action and in a file; what means nothing is said."""

import pytest

from audiences import plain, queries, services
from audiences.models import Contact, Field
from audiences.queries.fields import value_of
from audiences.rules.codes import language_of
from tests.audiences.importing import begin, bring, preview
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

LATE, EARLY = "This is after 2200. Is the year right?", "This is before 1900. Is the year right?"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "de"), ("DE", "de"), ("de-DE", "de"), ("de_CH", "de-CH"), ("PT-br", "pt-BR"), ("deu", "de"), ("ger", "de"),
        ("zh_hant_tw", "zh-Hant-TW"), ("es-419", "es-419"), ("en-UK", "en-GB"), ("gsw", "gsw"),
        ("Deutsch", "de"), ("German", "de"), ("allemand", "de"), ("Englisch", "en"), ("FRANÇAIS", "fr"), ("norsk", "no"),
        ("English (US)", "en-US"), ("Deutsch (Schweiz)", "de-CH"), ("Deutsch (Deutschland)", "de"),
    ],
)  # fmt: skip
def test_a_language_is_its_code_however_it_is_named(text, code):
    assert (language_of(text), language_of(code)) == (code, code)


@pytest.mark.parametrize(
    "text", ["klingon", "abc", "de-XQ", "n/a", "-", "Deutsch, Englisch", "de-", "d", "م"]
)
def test_what_names_no_language_is_none(text):
    with pytest.raises(ValueError, match="no language"):
        value_of(Field(key="language", label="Language"), text)


def test_a_file_says_it_in_its_own_way_and_is_kept_in_ours(workspace, by):
    mine = preview(
        begin(
            workspace, by,
            "Email,Sprache,Tel\na@x.test,Deutsch,+41 44 123 45 67\nb@x.test,de-DE,\nc@x.test,klingon,\n"
            "d@x.test,fr,abc\ne@x.test,Deutsch,12\n",
        ),
        by,
    )  # fmt: skip

    assert [(row.line, row.why) for row in queries.rows_of(mine, "invalid").rows] == [
        (4, "“Sprache” holds “klingon”, no language such as de or German"),
        (5, "“Tel” holds “abc”, no phone number such as +41 44 123 45 67"),
        (6, "“Tel” holds “12”, no phone number such as +41 44 123 45 67"),
    ]
    services.start_import(mine=mine, by=by, version=mine.version)


def test_a_cell_that_says_there_is_nothing_is_empty_where_no_text_is_asked_for(workspace, by):
    for key, kind in (("since", "date"), ("points", "number"), ("note", "text")):
        Field.objects.create(workspace=workspace, key=key, label=key, kind=kind)
    mine = bring(
        workspace, by,
        "Email,Language,Phone,Since,Points,Note\na@x.test,n/a,-,unknown,NULL,n/a\nb@x.test,de,+41 44 123 45 67,2020-02-01,12,\n",
    )  # fmt: skip

    assert mine.counts == {"read": 2, "new": 2}
    assert list(Contact.objects.order_by("email").values_list("language", "phone", "custom")) == [
        ("", "", {"note": "n/a"}),
        ("de", "+41 44 123 45 67", {"since": "2020-02-01", "points": 12}),
    ]


def test_whoever_is_typed_in_speaks_the_same(workspace, by):
    bring(workspace, by, "Email,Language\nb@x.test,German\n")
    services.add_person(workspace=workspace, by=by, email="a@x.test", fields={"language": "Deutsch"})
    services.edit_person(
        contact=ContactFactory(workspace=workspace, email="c@x.test", language=""), by=by, email="c@x.test",
        fields={"language": "de_DE"}, seen={}, version=1,
    )  # fmt: skip

    assert [*Contact.objects.order_by("email").values_list("language", flat=True)] == ["de"] * 3


def test_each_text_of_a_column_is_read_once(workspace, by, monkeypatch):
    read = []
    monkeypatch.setitem(plain.READERS, "language", lambda text: read.append(text) or text)

    bring(workspace, by, "Email,Language\n" + "".join(f"p{number}@x.test,de\n" for number in range(9)))

    assert read == ["de"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("0001-01-01", EARLY), ("0085-05-05", EARLY), ("1700-01-01", EARLY), ("2201-01-01", LATE), ("9999-12-31", LATE)],
)  # fmt: skip
def test_a_year_that_nobody_means_is_refused_for_a_field(workspace, by, browse, typed, sentence):
    born = Field.objects.create(workspace=workspace, key="born", label="Born", kind=Field.Kind.DATE)
    ana = ContactFactory(workspace=workspace, email="ana@x.test")
    client = browse("editor")

    with pytest.raises(ValueError, match=sentence):
        value_of(born, typed)
    with pytest.raises(services.CannotEdit, match=sentence):
        services.edit_person(contact=ana, by=by, email=ana.email, fields={"born": typed}, seen={}, version=1)
    asked = client.get("/w/acme/contacts/", {"field": "born", "value": typed}).content.decode()
    mine = preview(begin(workspace, by, f"Email,Born\nben@x.test,{typed}\ncid@x.test,1984-02-29\n"), by)

    assert sentence in asked
    assert [row.why for row in queries.rows_of(mine, "invalid").rows] == [
        f"“Born” holds “{typed}”, a year that is before 1900 or after 2200"
    ]
    assert (mine.preview, ana.custom) == ({"read": 2, "new": 1, "invalid": 1}, {})


@pytest.mark.parametrize("day", ["1900-01-01", "2200-12-31"])
def test_the_first_and_the_last_day_are_days(day):
    assert value_of(Field(key="born", label="Born", kind=Field.Kind.DATE), day) == day
