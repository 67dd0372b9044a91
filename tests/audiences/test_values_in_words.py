"""Values of fields are written alike wherever they stand."""

import pytest

from audiences import queries
from audiences.models import Field
from audiences.queries.fields import value_in_words
from audiences.queries.merging import field_choices
from tests.audiences.importing import begin, preview
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

FIELDS = {"since": "date", "sum": "number", "vip": "boolean", "note": "text"}


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("2013-12-06", "date", "6 Dec 2013"),
        ("2013-12-06", "text", "2013-12-06"),
        ("soon", "date", "soon"),
        (1234.56, "number", "1\xa0234.56"),
        (-12345, "number", "\u221212\xa0345"),
        (1984, "number", "1984"),
        (True, "boolean", "Yes"),
        (["a", "b"], "choice", "a, b"),
        (None, "text", ""),
    ],
)
def test_a_value_in_words(value, kind, words):
    assert value_in_words(value, kind) == words


def test_a_person_a_merge_an_import_and_the_table_say_the_same(browse, workspace, by):
    for key, kind in FIELDS.items():
        Field.objects.create(workspace=workspace, key=key, label=key, kind=kind)
    ana = ContactFactory(
        workspace=workspace, email="ana@x.test", first_name="", last_name="", language="", city="",
        custom={"since": "2013-12-06", "sum": 12345, "vip": True, "note": "2013-12-06"},
    )  # fmt: skip
    other = ContactFactory(
        workspace=workspace, email="ben@x.test", first_name="", last_name="", language="", city="",
        custom={"since": "2013-12-06T10:00"},
    )  # fmt: skip
    grouped = value_in_words(12345)
    client = browse("editor")

    person = dict(queries.person(ana, shows_addresses=True).fields)
    merge = {choice.key: (choice.kept, choice.other) for choice in field_choices(ana, other, {})}
    mine = preview(
        begin(workspace, by, "Email,since,sum,vip\nana@x.test,2014-01-02,12346,no\n"), by,
        [{"to": "email", "as": "text"}, {"to": "since", "as": "date_ymd"}, {"to": "sum", "as": "number"}, {"to": "vip", "as": "boolean"}],
    )  # fmt: skip
    (row,) = queries.rows_of(mine, "changed").rows

    assert {key: person[key] for key in FIELDS} == {
        "since": "6 Dec 2013", "sum": grouped, "vip": "Yes", "note": "2013-12-06",
    }  # fmt: skip
    assert merge == {
        "since": ("2013-12-06", "2013-12-06T10:00"), "sum": (grouped, ""), "vip": ("Yes", ""), "note": ("2013-12-06", ""),
    }  # fmt: skip
    assert row.changes == [
        ("since", "6 Dec 2013", "2 Jan 2014"), ("sum", grouped, value_in_words(12346)), ("vip", "Yes", "No"),
    ]  # fmt: skip
    client.post("/w/acme/contacts/columns/", {"columns": ["field:since", "field:sum"]})
    table = client.get("/w/acme/contacts/").content.decode()
    assert ("6\xa0Dec\xa02013" in table, grouped in table) == (True, True)
