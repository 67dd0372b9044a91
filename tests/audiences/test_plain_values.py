"""What a text plainly means is the same in a form, in a bulk action and in a file; what means nothing is said."""

import pytest

from audiences import plain, queries, services
from audiences.importing import staging
from audiences.models import Contact, Field
from audiences.queries.fields import value_of
from audiences.rules.codes import _english, language_of
from tests.audiences.erasing import erase
from tests.audiences.importing import begin, bring, preview, start
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

LATE, EARLY = "This is after 2200. Is the year right?", "This is before 1900. Is the year right?"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "de"), ("DE", "de"), ("de-DE", "de"), ("de_CH", "de-CH"), ("PT-br", "pt-BR"), ("deu", "de"), ("ger", "de"),
        ("zh_hant_tw", "zh-Hant-TW"), ("es-419", "es-419"), ("en-UK", "en-GB"), ("gsw", "gsw"),
        ("Deutsch", "de"), ("German", "de"), ("allemand", "de"), ("Englisch", "en"), ("FRANÇAIS", "fr"), ("norsk", "no"),
        ("en_US.UTF-8", "en-US"), ("jp", "ja"), ("cz", "cs"), ("ga", "ga"), ("yi", "yi"), ("British English", "en-GB"),
        ("Chinese (Simplified)", "zh-Hans"), ("Brazilian Portuguese", "pt-BR"), ("European Portuguese", "pt"),
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


def test_each_code_is_its_language_even_where_another_one_is_called_so():
    codes = _english("language")

    assert {code: language_of(code) for code in codes} == {code: code for code in codes}
    assert [language_of(code) for code in ("deu", "iw", "hbs", "hbs_BA")] == [
        "de",
        "he",
        "sr-Latn",
        "sr-Latn-BA",
    ]


FILE = (
    "Email,Sprache,Tel\na@x.test,Deutsch,+41 44 123 45 67\nb@x.test,de-DE,1-800-FLOWERS\nc@x.test,klingon,\n"
    "d@x.test,fr,abc\ne@x.test,Klingon,12\nnobody,x,y\nf@x.test,," + "1" * 41 + "\n"
)


def test_a_cell_that_is_no_language_or_phone_leaves_the_person_in_without_it(
    workspace, by, browse, monkeypatch
):
    monkeypatch.setattr(staging, "BATCH", 2)
    mine = preview(begin(workspace, by, FILE), by)
    page = f"/w/acme/imports/{mine.pk}/"
    no_language = "“Sprache” holds no language such as de or German"
    no_phone = "“Tel” holds no phone number such as +41 44 123 45 67"
    too_long = "“Tel” holds more than the 40 letters the field takes"

    assert mine.preview == {"read": 7, "new": 6, "invalid": 1}
    told = browse("editor").get(page)
    assert told.context["left_empty"] == [
        (no_language, 2, ["klingon", "Klingon"]), (no_phone, 2, ["abc", "12"]), (too_long, 1, ["1" * 40 + "…"]),
    ]  # fmt: skip
    assert (
        "in 2 rows: “<bdi>abc</bdi>”, “<bdi>12</bdi>”. The people come all the same" in told.content.decode()
    )
    assert [row[2] for row in browse("viewer").get(page).context["left_empty"]] == [[], [], []]

    start(mine, by)
    assert [*Contact.objects.order_by("email").values_list("language", "phone")] == [
        ("de", "+41 44 123 45 67"), ("de", "1-800-FLOWERS"), ("", ""), ("fr", ""), ("", ""), ("", ""),
    ]  # fmt: skip
    assert "klingon" not in str(mine.checkpoint)
    assert queries.left_empty(mine) == [(no_language, 2, []), (no_phone, 2, []), (too_long, 1, [])]
    assert (
        "in 2 rows. The people came all the same, without these values."
        in browse("editor").get(page).content.decode()
    )


ODD = (
    "Email,Born,Points,VIP,Until\na@x.test,31.02.2020,12a,vielleicht,31.12.2099\nb@x.test,01.01.0001,1,ja,\n"
    "c@x.test,00.00.0000,2,nein,\nd@x.test,31.12.2099,3,ja,\n"
)


def test_a_cell_that_a_field_cannot_hold_leaves_the_person_in_without_it(workspace, by, browse):
    for key, kind in (("born", "date"), ("points", "number"), ("vip", "boolean"), ("until", "date")):
        Field.objects.create(workspace=workspace, key=key, label=key, kind=kind)
    readings = ("text", "date_dmy", "number", "boolean", "date_dmy")
    mapping = [
        {"to": key, "as": reading}
        for key, reading in zip(("email", "born", "points", "vip", "until"), readings, strict=True)
    ]

    mine = preview(begin(workspace, by, ODD), by, mapping)

    assert mine.preview == {"read": 4, "new": 4}
    assert queries.left_empty(mine) == [
        ("“Born” holds a year that is before 1900 or after 2200", 1, ["01.01.0001"]),
        ("“Born” holds no day such as 31.12.2026", 2, ["31.02.2020", "00.00.0000"]),
        ("“Born” holds a day that has not come yet", 1, ["31.12.2099"]),
        ("“Points” holds no number such as 1,234.5", 1, ["12a"]),
        ("“VIP” holds neither yes nor no", 1, ["vielleicht"]),
    ]
    start(mine, by)
    assert [*Contact.objects.order_by("email").values_list("custom", flat=True)] == [
        {"until": "2099-12-31"}, {"points": 1, "vip": True}, {"points": 2, "vip": False}, {"points": 3, "vip": True},
    ]  # fmt: skip
    assert "".join(queries.rejects_csv(mine)).splitlines()[1:] == []


def test_a_value_that_names_somebody_erased_is_not_told(workspace, member):
    erase(workspace, member("admin"), "ana@x.test")
    mine = preview(begin(workspace, member("admin"), "Email,Tel\nb@x.test,ask ana@x.test\n"), member("admin"))

    assert queries.left_empty(mine)[0][1:] == (1, ["…"])


@pytest.mark.parametrize(
    "phone",
    ["tel:+41 44 123 45 67", "+41‑44‑123", "044 123 45 67;", "+41 44 123 45 67 / +41 79 123 45 67", "044 1 (mobile)", "112"],
)  # fmt: skip
def test_a_phone_number_is_kept_as_it_is_written(phone):
    assert value_of(Field(key="phone", label="Phone"), phone) == phone


def test_what_has_no_three_digits_is_no_phone_number_however_long_it_is():
    told = plain.Told(plain.READERS["phone"])

    assert [told[text] for text in ("(" * 30_000, "12", "+ () -")] == ["", "", ""]
    assert [*told] == ["12", "+ () -"]


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
    mine = bring(workspace, by, f"Email,Born\nben@x.test,{typed}\ncid@x.test,1984-02-29\n")

    assert sentence in asked
    assert (mine.counts, ana.custom) == ({"read": 2, "new": 2}, {})
    people = Contact.objects.exclude(pk=ana.pk).order_by("email")
    assert [*people.values_list("custom", flat=True)] == [{}, {"born": "1984-02-29"}]


@pytest.mark.parametrize("day", ["1900-01-01", "2200-12-31"])
def test_the_first_and_the_last_day_are_days(day):
    assert value_of(Field(key="born", label="Born", kind=Field.Kind.DATE), day) == day
