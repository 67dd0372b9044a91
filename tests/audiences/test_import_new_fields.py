"""Fields that come with an import: planned before it, made by it, gone again with it."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.importing import new_fields
from audiences.models import Contact, Field, Import, Segment
from tests.audiences.importing import begin, preview, start, undo, work
from tests.factories import ConnectionFactory, ContactFactory

pytestmark = pytest.mark.django_db

MAPPING = [
    {"to": "email", "as": "text"},
    {"to": "new", "as": "text"},
    {"to": "new", "as": "date_ymd"},
]
TEXT = "Email,PLZ,Kundin seit\nana@x.test,4057,2013-12-06\nben@x.test,,\n"


def labels():
    return list(Field.objects.order_by("id").values_list("label", flat=True))


def ready(workspace, by):
    return preview(begin(workspace, by, TEXT), by, MAPPING)


def test_a_preview_makes_no_field_and_shows_the_ones_to_come(browse, workspace, by):
    ContactFactory(workspace=workspace, email="ana@x.test")
    mine = ready(workspace, by)
    assert labels() == []
    (row,) = queries.rows_of(mine, "changed").rows
    assert row.changes == [("Kundin seit", "", "6 Dec 2013"), ("PLZ", "", "4057")]
    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "2 new fields come with it: <bdi>PLZ</bdi>, <bdi>Kundin seit</bdi>." in " ".join(page.split())


def test_an_import_makes_its_fields_under_the_headings_as_they_are(workspace, by):
    start(ready(workspace, by), by)
    assert labels() == ["PLZ", "Kundin seit"]
    assert Contact.objects.get(email="ana@x.test").custom == {"plz": "4057", "kundin_seit": "2013-12-06"}


def test_cancelled_no_field_is_left(workspace, by):
    services.cancel_import(mine=ready(workspace, by), by=by)
    assert labels() == []


def test_stopped_before_its_first_row_an_import_leaves_no_field(workspace, by):
    mine = ready(workspace, by)
    services.start_import(mine=mine, by=by, version=mine.version)
    assert labels() == ["PLZ", "Kundin seit"]
    Import.objects.update(cancel_requested=True, checkpoint={})
    work()
    mine.refresh_from_db()
    assert (mine.state, mine.counts, labels()) == (Import.State.CANCELLED, {}, [])


def test_a_field_made_meanwhile_is_not_filled_by_chance(workspace, by):
    mine = ready(workspace, by)
    services.add_field(workspace=workspace, by=by, label="Plz", kind="number")
    with pytest.raises(CannotDo, match="The field Plz was made meanwhile"):
        services.start_import(mine=mine, by=by, version=mine.version)
    assert labels() == ["Plz"]
    services.cancel_import(mine=mine, by=by)
    assert labels() == ["Plz"]


def test_back_at_the_columns_a_new_field_is_still_one(browse, workspace, by):
    mine = ready(workspace, by)
    services.change_columns(mine=mine)
    form = browse("editor").get(f"/w/acme/imports/{mine.pk}/").context["columns"]
    assert [form[f"to_{index}"].value() for index in range(3)] == ["email", "new", "new"]


def test_the_next_file_of_these_headings_fills_the_fields_made(workspace, by):
    start(ready(workspace, by), by)
    again = begin(workspace, by, TEXT + "cem@x.test,8000,\n")
    assert again.mapping == [
        {"to": "email", "as": "text"}, {"to": "plz", "as": "text"}, {"to": "kundin_seit", "as": "date_ymd"},
    ]  # fmt: skip


def test_a_roll_back_takes_the_fields_back(browse, workspace, by):
    mine = start(ready(workspace, by), by)
    page = browse("editor").get(f"/w/acme/imports/{mine.pk}/")
    assert (
        "the new fields go, unless somebody who stays fills them or something uses them: PLZ, Kundin seit"
        in page.context["undo_text"]
    )
    undo(mine, by)
    assert labels() == []
    assert mine.undone == {
        "people": 2, "fields": 0, "lists": 0, "off": 0, "kept": 0, "fields_gone": ["PLZ", "Kundin seit"],
    }  # fmt: skip
    told = browse("viewer").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "Gone again with it: the fields <bdi>PLZ</bdi>, <bdi>Kundin seit</bdi>." in told


def test_all_people_are_looked_through_once_however_many_fields_go(workspace, by):
    mine = start(ready(workspace, by), by)
    with CaptureQueriesContext(database) as told:
        new_fields.take_back(mine)
    looks = [query["sql"] for query in told if "from audiences_contact c" in query["sql"].lower()]
    assert len(looks) == 1


@pytest.mark.parametrize("why", ["filled", "used", "told", "renamed"])
def test_a_field_that_somebody_fills_or_uses_stays_and_is_named(browse, workspace, by, why):
    mine = start(ready(workspace, by), by)
    if why == "filled":
        ContactFactory(workspace=workspace, custom={"plz": "9"})
    elif why == "used":
        rule = {"join": "all", "rules": [{"kind": "field", "of": "plz", "op": "filled"}]}
        Segment.objects.create(workspace=workspace, name="S", rule=rule)
    elif why == "renamed":
        services.rename_field(workspace=workspace, key="plz", by=by, version=1, label="Postleitzahl")
        services.rename_field(workspace=workspace, key="plz", by=by, version=2, label="PLZ")
    else:
        MirrorRow.objects.create(
            connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.FIELD, remote_id="PLZ",
            object_id=Field.objects.get(key="plz").pk,
        )  # fmt: skip
    undo(mine, by)
    assert (labels(), mine.undone["fields_gone"], mine.undone["fields_left"]) == (
        ["PLZ"],
        ["Kundin seit"],
        ["PLZ"],
    )
    assert ActivityEntry.objects.get(verb="import.undone").after["fields_left"] == ["PLZ"]
    told = browse("viewer").get(f"/w/acme/imports/{mine.pk}/").content.decode()
    assert "here to stay: the field <bdi>PLZ</bdi>." in told


def test_a_field_made_anew_since_is_not_the_imports(workspace, by):
    mine = start(ready(workspace, by), by)
    Field.objects.filter(key="plz").delete()
    Contact.objects.update(custom={})
    services.add_field(workspace=workspace, by=by, label="PLZ", kind="text")
    undo(mine, by)
    assert labels() == ["PLZ"]


def test_after_an_import_and_its_roll_back_fields_are_counted_anew(workspace, by):
    def asked():
        return OutboxEntry.objects.filter(task="audiences.count_fields", state="waiting").delete()[0]

    mine = start(ready(workspace, by), by)
    assert asked() == 1
    undo(mine, by)
    assert asked() == 1
    services.add_person(workspace=workspace, by=by, email="one@x.test", fields={})
    assert asked() == 0  # for one person nobody reads a million


def test_fields_of_ones_own_stand_apart_from_those_of_every_person(browse, workspace, by):
    for key, label, kind in (
        ("town", "City", "text"),
        ("born", "Birthday", "date"),
        ("birthday", "birthday", "text"),
        ("x", "X", "text"),
    ):
        Field.objects.create(workspace=workspace, key=key, label=label, kind=kind)
    mine = begin(workspace, by, "Email\na@x.test\n")

    form = browse("editor").get(f"/w/acme/imports/{mine.pk}/").context["columns"]

    groups = {label: of for label, of in form.fields["to_0"].choices if isinstance(of, list)}
    assert ([*groups], ("city", "City") in groups["Person"], sorted(groups["Own fields"])) == (
        ["Person", "Own fields", "Proof"], True,
        [("birthday", "birthday (text)"), ("born", "Birthday (date)"), ("town", "City (text)"), ("x", "X")],
    )  # fmt: skip


@pytest.mark.parametrize(("heading", "known"), [("CITY", "City"), ("shoe  sizé", "Shoe size")])
def test_a_field_there_is_is_not_made_again_under_nearly_its_name(workspace, by, heading, known):
    Field.objects.create(workspace=workspace, key="size", label="Shoe size", kind="number")
    mine = begin(workspace, by, f"Email,{heading}\nana@x.test,38\n")
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, MAPPING[:2])
    assert refused.value.fields == {
        "to_1": f"There is a field “{known}” already. Choose it, or name the column otherwise."
    }
