"""Fields: what they hold, what uses them, and nothing lost when they change."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import ActivityEntry, MirrorKind, MirrorRow, OutboxEntry
from audiences import services, uses
from audiences.files import values
from audiences.models import Contact, Field, FieldChange, Segment
from audiences.queries import elsewhere
from audiences.queries import fields as queries
from audiences.services import field_changes
from tests.audiences.importing import begin, preview
from tests.factories import (
    CampaignFactory,
    ConnectionFactory,
    ContactFactory,
    MembershipFactory,
    TemplateFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db
TASKS = ("audiences.change_field", "audiences.count_fields")


@pytest.fixture
def size(workspace):
    return Field.objects.create(workspace=workspace, key="size", label="Size")


def people(workspace, *customs):
    return [ContactFactory(workspace=workspace, custom=custom) for custom in customs]


def customs(workspace):
    return [*workspace.contacts.order_by("id").values_list("custom", flat=True)]


def mirrored(connection, field, remote_id, kind="text"):
    return MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.FIELD, object_id=field.pk, remote_id=remote_id,
        theirs={"name": remote_id, "kind": kind, "choices": []},
    )  # fmt: skip


def convert(field, by, kind, **more):
    return services.change_kind(
        workspace=field.workspace, key=field.key, by=by, version=field.version, kind=kind, **more
    )


def test_a_new_field_gets_a_key_of_its_own(workspace, by):
    first = services.add_field(workspace=workspace, by=by, label="Shoe size", kind="number")
    with pytest.raises(services.CannotChangeField, match="of this name already"):
        services.add_field(workspace=workspace, by=by, label="shoe  SIZE", kind="text")
    other = services.add_field(workspace=workspace, by=by, label="Shoe-size", kind="text")
    assert [(f.key, f.kind) for f in (first, other)] == [("shoe_size", "number"), ("shoe_size_2", "text")]
    assert services.add_field(workspace=workspace, by=by, label="E-mail!", kind="text").key == "e_mail"
    assert services.add_field(workspace=workspace, by=by, label="Email", kind="text").key == "email_2"


def test_a_choice_needs_choices(workspace, by):
    with pytest.raises(services.CannotChangeField, match="at least one choice"):
        services.add_field(workspace=workspace, by=by, label="Colour", kind="choice")


def test_two_editors_at_once_are_told(size, workspace, by):
    services.rename_field(workspace=workspace, key="size", by=by, version=1, label="Shoe size")
    with pytest.raises(services.CannotChangeField, match="Somebody changed this field"):
        services.rename_field(workspace=workspace, key="size", by=by, version=1, label="Größe")
    size.refresh_from_db()
    assert (size.key, size.label, size.version) == ("size", "Shoe size", 2)


def test_a_choice_that_people_have_goes_only_when_it_is_said_what_becomes_of_it(workspace, by):
    Field.objects.create(
        workspace=workspace, key="colour", label="Colour", kind="choice", choices=["Red", "Blue"]
    )
    people(workspace, {"colour": "Red"}, {"colour": "Blue"})
    change = {"workspace": workspace, "key": "colour", "by": by, "choices": ["Blue", "Green"]}
    with pytest.raises(services.CannotChangeField, match="1 person has a choice that goes"):
        services.change_choices(**change, version=1)
    services.change_choices(**change, version=1, clears=False)
    assert customs(workspace) == [{"colour": "Red"}, {"colour": "Blue"}]
    services.change_choices(**change | {"choices": ["Red"]}, version=2, clears=True)
    assert customs(workspace) == [{"colour": "Red"}, {}]


def test_text_becomes_numbers_and_nothing_is_lost(size, workspace, by):
    people(
        workspace,
        {"size": "38"},
        {"size": "38,5"},
        {"size": "big"},
        {"size": ""},
        {"other": "38"},
        {"size": 40},
    )
    found = queries.conversion(size, reading="number_comma")
    assert (found.fits, found.fails, found.samples) == (3, 1, [("big", 1)])
    with pytest.raises(services.CannotChangeField, match="The values of 1 person do not convert"):
        convert(size, by, "number", reading="number_comma")
    assert customs(workspace)[0] == {"size": "38"}
    change = convert(size, by, "number", reading="number_comma", empties=True)
    assert customs(workspace) == [{"size": 38}, {"size": 38.5}, {}, {}, {"other": "38"}, {"size": 40}]
    assert (change.state, change.counts) == ("done", {"changed": 3, "emptied": 1, "kept": 0})
    size.refresh_from_db()
    assert (size.kind, size.reading, size.version) == ("number", "number_comma", 2)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["1,234.5", "1.234", "12.3.2024", "yes", "NEIN", "-3", " 7 ", "31.2.2024", "=1"]),
            st.text(max_size=6),
        ),
        max_size=6,
    ),
    st.sampled_from(["number", "number_comma", "date_dmy", "date_ymd", "date_mdy", "boolean"]),
)
def test_converted_values_are_what_the_parser_reads(texts, reading):
    workspace = WorkspaceFactory()
    by = MembershipFactory(workspace=workspace).user
    field = Field.objects.create(workspace=workspace, key="x", label="X")
    texts = [text.replace("\x00", "") for text in texts]
    people(workspace, *({"x": text} for text in texts))
    convert(field, by, values.READINGS[reading][1], reading=reading, empties=True)

    def read(text):
        for way in (reading, "date_ymd") if reading.startswith("date") else (reading,):
            try:
                return {"x": values.parser(way)(text)}
            except ValueError:
                continue
        return {}

    assert customs(workspace) == [read(text) for text in texts]


def test_many_people_are_changed_in_chunks_that_survive_a_kill(size, workspace, by, monkeypatch):
    people(workspace, *({"size": str(number)} for number in range(5)))
    monkeypatch.setattr("audiences.services.fields.AT_ONCE", 0)
    monkeypatch.setattr(field_changes, "CHUNK", 2)
    change = convert(size, by, "number")
    assert customs(workspace)[0] == {"size": "0"}
    with pytest.raises(services.CannotChangeField, match="still being changed"):
        services.rename_field(workspace=workspace, key="size", by=by, version=2, label="S")
    run = field_changes.steps(change)
    next(run)
    run.close()  # killed after a chunk
    assert customs(workspace) == [{"size": 0}, {"size": 1}, {"size": "2"}, {"size": "3"}, {"size": "4"}]
    run_outbox(*TASKS)
    change.refresh_from_db()
    assert customs(workspace) == [{"size": number} for number in range(5)]
    assert (change.state, change.counts["changed"]) == ("done", 5)


def test_an_import_under_way_is_finished_first(size, workspace, by):
    mine = begin(workspace, by, "Email,Size\na@x.test,38\n")
    preview(mine, by, [{"to": "email", "as": "text"}, {"to": "size", "as": "text"}])
    with pytest.raises(services.CannotChangeField, match="fills this field and is not finished"):
        convert(size, by, "number")


def test_a_field_that_is_used_is_not_deleted(size, workspace, by):
    people(workspace, {"size": "38", "other": 1})
    Segment.objects.create(
        workspace=workspace, name="Big feet",
        rule={"join": "all", "rules": [{"kind": "field", "of": "size", "op": "more", "value": 40}]},
    )  # fmt: skip
    delete = {"workspace": workspace, "key": "size", "by": by, "version": 1}
    with pytest.raises(services.CannotChangeField, match="Size is used by: Segment Big feet"):
        services.delete_field(**delete, typed="Size")
    Segment.objects.update(archived_at=timezone.now())
    with pytest.raises(services.CannotChangeField, match="Type Size"):
        services.delete_field(**delete, typed="size")
    services.delete_field(**delete, typed="Size")
    assert customs(workspace) == [{"other": 1}]
    assert not Field.objects.filter(key="size").exists()
    entry = ActivityEntry.objects.get(verb="field.deleted")
    assert (entry.sentence, entry.before["people"]) == ("Deleted the field Size.", 1)


def test_the_fields_everybody_has_stay(workspace, by):
    for act in (
        lambda: services.delete_field(workspace=workspace, key="city", by=by, version=1, typed="City"),
        lambda: services.change_kind(workspace=workspace, key="city", by=by, version=1, kind="number"),
    ):
        with pytest.raises(services.CannotChangeField):
            act()
    services.rename_field(workspace=workspace, key="city", by=by, version=1, label="Town")
    assert Field.objects.get(key="city").label == "Town"


def test_a_twin_field_goes_into_the_other(workspace, by):
    connection = ConnectionFactory(workspace=workspace)
    kept = Field.objects.create(workspace=workspace, key="birthday", label="Birthday")
    twin = Field.objects.create(workspace=workspace, key="birthday_2", label="birthday")
    row = mirrored(connection, twin, "BIRTHDAY")
    people(
        workspace, {"birthday_2": "1.1."}, {"birthday": "2.2.", "birthday_2": "2.2."},
        {"birthday": "3.3.", "birthday_2": "4.4."}, {"birthday": "", "birthday_2": "5.5."}, {"birthday": "6.6."},
    )  # fmt: skip
    assert [str(row.looks_like) for row in queries.field_rows(workspace) if row.looks_like] == ["Birthday"]
    assert queries.merge_outcome(twin, kept) == (2, 1, 1)
    change = services.merge_fields(workspace=workspace, key="birthday_2", into="birthday", by=by, version=1)
    assert customs(workspace) == [{"birthday": day} for day in ("1.1.", "2.2.", "3.3.", "5.5.", "6.6.")]
    assert change.counts == {"changed": 2, "kept": 2}
    row.refresh_from_db()
    assert (row.object_id, Field.objects.filter(key="birthday_2").exists()) == (kept.pk, False)


def test_a_field_goes_into_one_that_every_person_has(workspace, by):
    Field.objects.create(workspace=workspace, key="town", label="Town")
    ContactFactory(workspace=workspace, city="", custom={"town": "Bern"})
    ContactFactory(workspace=workspace, city="Ulm", custom={"town": "Bern"})
    long = ContactFactory(workspace=workspace, city="", custom={"town": "x" * 121})
    merge = {"workspace": workspace, "key": "town", "into": "city", "by": by, "version": 1}
    with pytest.raises(services.CannotChangeField, match="longer than City holds"):
        services.merge_fields(**merge)
    long.delete()
    services.merge_fields(**merge)
    assert [*workspace.contacts.order_by("id").values_list("city", "custom")] == [("Bern", {}), ("Ulm", {})]


def test_all_fields_are_counted_in_one_statement(size, workspace):
    people(workspace, {"size": "38"}, {"size": ""}, {"size": None}, {"size": 0}, {"size": False})
    Contact.objects.filter(workspace=workspace).update(city="")
    assert queries.people_with(workspace, "size") == 3
    services.ask_for_counts(workspace=workspace)
    services.ask_for_counts(workspace=workspace)
    assert run_outbox(*TASKS) == ["audiences.count_fields"]
    counts = dict(Field.objects.filter(workspace=workspace).values_list("key", "people_count"))
    assert (counts["size"], counts["first_name"], counts["city"]) == (3, 5, 0)


def test_old_counts_are_asked_for_again(size, workspace):
    assert services.count_stale_fields() == 1
    run_outbox(*TASKS)
    assert services.count_stale_fields() == 0
    assert OutboxEntry.objects.filter(task="audiences.count_fields", state="waiting").count() == 0


def test_a_field_takes_another_attribute_of_an_account(size, workspace, by):
    connection = ConnectionFactory(workspace=workspace)
    other = Field.objects.create(workspace=workspace, key="shoe", label="Shoe")
    mine, theirs = mirrored(connection, size, "SIZE"), mirrored(connection, other, "SHOE")
    services.map_field(workspace=workspace, key="size", by=by, connection=connection, row_id=theirs.pk)
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.object_id, theirs.object_id) == (-mine.pk, size.pk)
    services.map_field(workspace=workspace, key="size", by=by, connection=connection, row_id=None)
    theirs.refresh_from_db()
    assert theirs.object_id == -theirs.pk
    services.map_field(workspace=workspace, key="shoe", by=by, connection=connection, row_id=mine.pk)
    mine.refresh_from_db()
    assert mine.object_id == other.pk


def test_the_pages_say_what_there_is(browse, size, workspace, member):
    Field.objects.create(workspace=WorkspaceFactory(), key="foreign", label="Foreign")
    mirrored(ConnectionFactory(workspace=workspace, name="Brevo <b>"), size, "SIZE", kind="number")
    rule = {"join": "none", "rules": [{"kind": "field", "of": "size", "op": "empty"}]}
    Segment.objects.create(workspace=workspace, name="Big", rule=rule)
    client = browse("viewer")
    page = client.get("/w/acme/fields/").content.decode()
    assert "Brevo &lt;b&gt;" in page
    assert "New field" not in page
    one = client.get("/w/acme/fields/of/size/").content.decode()
    assert "<dt>Segment</dt>" in one
    assert "<bdi>Big</bdi>" in one
    assert "Rename" not in one
    assert client.get("/w/acme/fields/of/foreign/").status_code == 404
    assert client.post("/w/acme/fields/of/size/rename/", {"label": "x", "version": 1}).status_code == 403


def test_the_list_of_fields_asks_as_much_for_three_as_for_one(browse, size, workspace):
    client = browse("editor")
    client.get("/w/acme/fields/")
    with CaptureQueriesContext(database) as one:
        client.get("/w/acme/fields/")
    for number in range(2):
        field = Field.objects.create(workspace=workspace, key=f"f{number}", label=f"F{number}")
        mirrored(ConnectionFactory(workspace=workspace, name=f"C{number}"), field, "X")
    with CaptureQueriesContext(database) as three:
        client.get("/w/acme/fields/")
    assert len(three) == len(one)


def test_a_kind_is_changed_by_pages_alone(browse, size, workspace):
    people(workspace, {"size": "38"}, {"size": "<b>"})
    client = browse("editor")
    url = "/w/acme/fields/of/size/kind/"
    page = client.get(url, {"reading": "number"}).content.decode()
    assert "1 value converts; 1 does not." in page
    assert "&lt;b&gt;" in page
    order = {"reading": "number", "version": 1}
    assert client.post(url, order).status_code == 422
    assert client.post(url, order | {"empties": "on"}).url == "/w/acme/fields/of/size/"
    assert customs(workspace) == [{"size": 38}, {}]
    choices = client.get("/w/acme/fields/of/size/kind/", {"reading": "choice"}).content.decode()
    assert "Choices: <bdi>38</bdi>" in choices


def test_pages_refuse_with_a_sentence_and_keep_what_was_typed(browse, size, workspace):
    client = browse("editor")
    again = client.post("/w/acme/fields/new/", {"label": "Size", "kind": "choice"})
    assert (again.status_code, again.context["form"].errors) == (
        422,
        {
            "label": ["There is a field of this name already."],
            "choices": ["Name at least one choice, one a line."],
        },
    )
    bad = client.post("/w/acme/fields/of/size/delete/", {"typed": "no", "version": 1})
    assert (bad.status_code, "Type Size to delete the field." in bad.content.decode()) == (422, True)
    gone = client.post("/w/acme/fields/of/size/delete/", {"typed": "Size", "version": 1})
    assert (gone.url, Field.objects.filter(key="size").exists()) == ("/w/acme/fields/", False)


def test_a_change_that_stopped_goes_on(size, workspace, by, browse, monkeypatch):
    people(workspace, {"size": "1"})
    monkeypatch.setattr("audiences.services.fields.AT_ONCE", 0)
    change = convert(size, by, "number")
    OutboxEntry.objects.filter(task="audiences.change_field").update(
        state="set_aside", note="Broke.", ended_at=timezone.now()
    )
    assert services.fail_stuck_changes() == 1
    assert [(item.title, item.url) for item in elsewhere.stopped_changes(workspace)] == [
        ("Change the kind: Size", "/fields/of/size/")
    ]
    client = browse("editor")
    assert "The change stopped" in client.get("/w/acme/fields/of/size/").content.decode()
    client.post("/w/acme/fields/of/size/go-on/")
    run_outbox(*TASKS)
    change.refresh_from_db()
    assert (change.state, customs(workspace)) == (FieldChange.State.DONE, [{"size": 1}])


def test_drafts_and_templates_that_name_a_field_use_it(browse, size, workspace, by):
    CampaignFactory(workspace=workspace, name="Spring", subject='{{ contact.size|default:"x" }}')
    CampaignFactory(workspace=workspace, name="Gone out", subject="{{ contact.size }}", status="sent")
    TemplateFactory(workspace=workspace, name="Base", blocks=[{"text": '{{contact.size|default:"a"}}'}])
    TemplateFactory(name="Foreign", subject="{{ contact.size }}")
    assert [(use.title, use.note) for use in uses.of(workspace, "field", ["size"])["size"]] == [
        ("Campaign Spring", "Draft"), ("Template Base", ""),
    ]  # fmt: skip
    assert "<dt>Campaign · draft</dt>" in browse("editor").get("/w/acme/fields/of/size/").content.decode()


def test_another_attribute_and_another_kind_hold_from_the_next_pull_on(
    account, connection, pull, by, workspace
):
    for name in ("SIZE", "SHOE"):
        account.call("POST", f"/contacts/attributes/normal/{name}", type="text")
    account.contact("ana@example.test", SIZE="38", SHOE="40")
    account.contact("ben@example.test", SIZE="big", SHOE="large")
    pull()
    size, shoe = (Field.objects.get(key=key) for key in ("size", "shoe"))
    assert customs(workspace)[0] == {"size": "38", "shoe": "40"}

    convert(size, by, "number", empties=True)
    assert [*map(dict, customs(workspace))] == [{"size": 38, "shoe": "40"}, {"shoe": "large"}]
    account.update("ben@example.test", attributes={"FIRSTNAME": "Ben"})
    pull()
    assert customs(workspace) == [{"size": 38, "shoe": "40"}, {"shoe": "large"}]

    row = MirrorRow.objects.get(kind=MirrorKind.FIELD, remote_id="SHOE")
    services.map_field(workspace=workspace, key="size", by=by, connection=connection, row_id=row.pk)
    pull()
    pull()
    assert customs(workspace) == [{"size": 40, "shoe": "40"}, {"shoe": "large"}]
    assert Field.objects.filter(workspace=workspace, key__startswith="s").count() == 2
    assert shoe.pk in Field.objects.values_list("pk", flat=True)
