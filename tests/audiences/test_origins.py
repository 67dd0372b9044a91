"""The people of an import and of a bulk action: found from their pages, as a filter, in segments, as long as it is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audiences import rules, services
from audiences.models import BulkAction, BulkOutcome, Contact, Field, Import, ImportStep, Tagging
from audiences.queries.contacts import People, contacts, people_meant
from tests.audiences.bulk import people_of
from tests.audiences.importing import begin as begin_import
from tests.audiences.importing import preview, start, undo
from tests.factories import (
    ConnectionFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db
FILE = "Email,City\nnew@x.test,Bern\nchanged@x.test,Bern\nsame@x.test,Bern\nleft@x.test,Oslo\nblocked@x.test,Bern\nno\n"


@pytest.fixture
def imported(workspace, by):
    """Each of its outcomes once, among people who were not in it."""
    news = ListFactory(workspace=workspace, name="News")
    changed, same, left, blocked = people_of(workspace, "changed", "same", "left", "blocked", city="Bern")
    people_of(workspace, "other")
    Contact.objects.filter(pk=changed.pk).update(city="Oslo")
    for contact in (changed, same):
        SubscriptionFactory(list=news, contact=contact)
    SubscriptionFactory(list=news, contact=left, status="unsubscribed")
    SuppressionFactory(contact=blocked)
    return start(preview(begin_import(workspace, by, FILE), by, on_list=news), by)


@pytest.fixture
def found(workspace):
    def names(kind, of, op):
        rule = rules.read({"join": "all", "rules": [{"kind": kind, "of": of, "op": op}]})
        rows = contacts(People(workspace, rule=rule)).rows
        return {row.email.removesuffix("@x.test") for row in rows}

    return names


def test_people_are_found_by_what_an_import_made_of_them(imported, found):
    (later,) = people_of(imported.workspace, "later")
    ImportStep.objects.update(last_contact=later.pk)  # as when somebody came between two chunks

    assert {op: found("import", imported.pk, op) for op in rules.KINDS["import"].all_ops()} == {
        "in": {"new", "changed", "same", "left", "blocked"}, "new": {"new"}, "changed": {"changed"},
        "unchanged": {"same"}, "left": {"left"}, "suppressed": {"blocked"},
    }  # fmt: skip


def test_an_import_is_offered_by_its_name_and_moment_until_its_rows_go(workspace, imported):
    (thing,) = rules.KINDS["import"].things(workspace).values()
    assert thing.label.startswith("people.csv, ")
    assert thing.note.startswith("until ")
    assert rules.KINDS["import"].things(WorkspaceFactory(), [imported.pk]) == {}

    Import.objects.update(finished_at=timezone.now() - timedelta(days=31))
    services.prune_imports()

    rule = rules.read(
        {"join": "all", "rules": [{"kind": "import", "of": imported.pk, "op": "in", "name": "people.csv"}]}
    )
    with pytest.raises(rules.Incomplete) as refusal:
        contacts(People(workspace, rule=rule))
    assert (
        refusal.value.sentence
        == "The import “people.csv” is gone. Change the rule, then it can be worked out."
    )


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("imported from people.csv", {"new", "changed", "same", "left", "blocked"}),
        ("everyone uploaded with people.csv", {"new", "changed", "same", "left", "blocked"}),
        ("came by people.csv", {"new"}),
        ("not imported from people.csv", {"other"}),
    ],
)
def test_people_of_an_import_are_asked_for_by_the_name_of_its_file(workspace, imported, words, who):
    things = {key: kind.things(workspace) for key, kind in rules.KINDS.items()}

    node = rules.Reader(things, timezone.now().date()).offers(words)[0].node

    rows = contacts(People(workspace, rule=rules.Group("all", (node,)))).rows
    assert {row.email.removesuffix("@x.test") for row in rows} == who


def test_one_that_was_rolled_back_says_so(workspace, imported, by, found):
    undo(imported, by)

    assert [thing.note for thing in rules.KINDS["import"].things(workspace).values()] == ["rolled back"]
    assert found("import", imported.pk, "in") == {"changed", "same", "left", "blocked"}


def test_an_import_that_was_stopped_midway_has_its_people(workspace, by, imported, found):
    Import.objects.filter(pk=imported.pk).update(state="failed", failed_in="running")
    imported.refresh_from_db()
    services.cancel_import(mine=imported, by=by)

    assert found("import", imported.pk, "new") == {"new"}


def test_the_page_of_an_import_leads_to_its_people_and_they_are_tagged(workspace, imported, browse):
    client = browse("editor")
    page = client.get(f"/w/acme/imports/{imported.pk}/", {"show": "changed"}).content.decode()
    everybody, these = (
        f"/w/acme/contacts/?import={imported.pk}{more}" for more in ("", "&amp;outcome=changed")
    )
    assert f'href="{everybody}"' in page
    assert f'href="{these}"' in page

    shown = client.get("/w/acme/contacts/", {"import": imported.pk, "outcome": "changed"})
    html = shown.content.decode()

    assert "changed@x.test" in html
    assert "same@x.test" not in html
    assert f'<input type="hidden" name="import" value="{imported.pk}">' in html
    assert "changed by the import “people.csv, " in html
    data = {"action": "tag", "tag": "Fair", "nonce": "n", "people": shown.context["selection"]}
    client.post("/w/acme/contacts/bulk/begin/", data)
    assert Tagging.objects.get().contact.email == "changed@x.test"


def test_numbers_that_stand_for_nobody_lead_nowhere(workspace, imported, browse):
    client = browse("editor")

    assert (
        "See these people" not in client.get(f"/w/acme/imports/{imported.pk}/?show=invalid").content.decode()
    )


def test_an_import_of_another_workspace_finds_nobody(browse, workspace):
    foreign = Import.objects.create(
        workspace=WorkspaceFactory(), name="theirs.csv", digest="x", has_rows=True
    )
    BulkAction.objects.create(workspace=foreign.workspace, action="tag", people={}, until=0, has_journal=True)
    people_of(workspace, "ana")
    client = browse("editor")

    for query in (f"import={foreign.pk}", f"bulk={BulkAction.objects.get().pk}"):
        html = client.get(f"/w/acme/contacts/?{query}").content.decode()
        assert "is gone" in html
        assert "ana@x.test" not in html
        assert "theirs.csv" not in html


def test_an_outcome_that_there_is_not_finds_nobody(browse, imported):
    page = browse("editor").get(f"/w/acme/contacts/?import={imported.pk}&outcome=nonsense")
    assert page.context["notes"] == ["No import tells people apart by “nonsense”."]
    assert (page.context["rows"], "bulk" in page.context) == ([], False)


@pytest.mark.parametrize("query", ["import=nope", "import=0", "bulk=-1", "import=99999999999999999999"])
def test_nonsense_finds_nobody(browse, workspace, query):
    people_of(workspace, "ana")
    html = browse("editor").get(f"/w/acme/contacts/?{query}").content.decode()
    assert "ana@x.test" not in html
    assert "There is no " in html


def test_whom_a_bulk_action_changed_is_found_until_it_is_undone(workspace, begin, browse, by, found):
    people_of(workspace, "ana", city="Bern")
    people_of(workspace, "ben", city="Oslo")
    mine = begin("set_field", field="city", value="Oslo")
    client, link = browse("viewer"), f'href="/w/acme/contacts/?bulk={mine.pk}"'
    assert found("bulk", mine.pk, "changed") == {"ana"}
    (thing,) = rules.KINDS["bulk"].things(workspace).values()
    assert thing.label.startswith("Set a field ‘City’: 2 people, ")
    assert link in client.get(f"/w/acme/bulk/{mine.pk}/").content.decode()

    services.undo_bulk(mine=mine, by=by)

    assert link not in client.get(f"/w/acme/bulk/{mine.pk}/").content.decode()
    assert rules.KINDS["bulk"].things(workspace) == {}
    assert [thing.note for thing in rules.KINDS["bulk"].things(workspace, [mine.pk]).values()] == ["undone"]


def test_whom_a_bulk_action_blocked_and_whom_it_found_blocked_are_found_from_its_page(
    workspace, begin, browse, found
):
    _, _, told, hand = people_of(workspace, "ana", "ben", "told", "hand")
    SuppressionFactory(contact=told, connection=ConnectionFactory(workspace=workspace))
    SuppressionFactory(contact=hand, reason="by_hand")
    client = browse("viewer")

    mine = begin("suppress", reason="Asked by phone", typed=4)

    (thing,) = rules.KINDS["bulk"].things(workspace).values()
    assert {op: found("bulk", mine.pk, op) for op in rules.KINDS["bulk"].ops(mine.pk, thing)} == {
        "changed": {"ana", "ben"}, "suppressed_before": {"hand"}, "by_hand_too": {"told"},
    }  # fmt: skip
    page = client.get(f"/w/acme/bulk/{mine.pk}/")
    links = {row["label"]: row["url"] for row in page.context["figures"]}
    assert links == {
        "Suppressed": f"/w/acme/contacts/?bulk={mine.pk}",
        "Suppressed before and now by hand": f"/w/acme/contacts/?bulk={mine.pk}&outcome=by_hand_too",
        "Suppressed before": f"/w/acme/contacts/?bulk={mine.pk}&outcome=suppressed_before",
    }
    assert (page.context["may_undo"], mine.can_be_undone) == (False, False)
    before = client.get(links["Suppressed before"])
    assert [row[0] for row in before.context["rows"]] == [f"/w/acme/contacts/{hand.pk}/"]
    assert "suppressed already before the bulk action “Suppress: 4 people, " in before.content.decode()


def test_a_bulk_action_that_blocked_nobody_tells_no_blocked_people_apart(workspace, begin, browse):
    people_of(workspace, "ana")
    mine = begin("set_field", field="city", value="Oslo")

    page = browse("editor").get(f"/w/acme/contacts/?bulk={mine.pk}&outcome=nonsense")

    assert page.context["notes"] == ["No bulk action tells people apart by “nonsense”."]
    (thing,) = rules.KINDS["bulk"].things(workspace).values()
    assert list(rules.KINDS["bulk"].ops(mine.pk, thing)) == ["changed", "same"]


def test_of_whom_a_bulk_action_changed_nothing_is_found_by_why(
    workspace, begin, in_background, browse, found
):
    names = ("new", "new2", "there", "asked", "left", "told", "late")
    people = dict(zip(names, people_of(workspace, *names), strict=True))
    news, vip = ListFactory(workspace=workspace), workspace.tags.create(name="VIP")
    for name, status in (("there", "subscribed"), ("asked", "pending"), ("left", "unsubscribed")):
        SubscriptionFactory(list=news, contact=people[name], status=status)
    SuppressionFactory(contact=people["told"])
    Tagging.objects.create(tag=vip, contact=people["left"])
    begun = {
        "add_to_list": {"list": news.pk, "consent_source": "Fair"},
        "remove_from_list": {"list": news.pk}, "tag": {"tag": vip.pk}, "untag": {"tag": vip.pk},
        "set_field": {"field": "city", "value": ""},
    }  # fmt: skip
    everybody = set(names)
    wanted = {
        "add_to_list": {
            "changed": {"new", "new2", "late"}, "there": {"there"}, "pending": {"asked"}, "left": {"left"},
            "suppressed": {"told"},
        },
        "remove_from_list": {
            "changed": everybody - {"left", "told"}, "left": {"left"}, "not_there": {"told"},
        },
        "tag": {"changed": everybody - {"left"}, "had_it": {"left"}},
        "untag": {"changed": everybody, "had_it_not": set()},
        "set_field": {"changed": set(), "same": everybody},
    }  # fmt: skip
    for action, arguments in begun.items():
        mine = begin(action, **arguments)
        run_outbox("audiences.bulk")
        ops = rules.KINDS["bulk"].ops(mine.pk, rules.KINDS["bulk"].things(workspace)[mine.pk])
        assert {op: found("bulk", mine.pk, op) for op in ops} == wanted[action]
        mine.refresh_from_db()
        page = browse("viewer").get(f"/w/acme/bulk/{mine.pk}/")
        numbers = {row["url"]: row["count"] for row in page.context["figures"] if row["url"]}
        assert [len(browse("viewer").get(url).context["rows"]) for url in numbers] == list(numbers.values())
        assert sum(numbers.values()) == len(names)

    BulkAction.objects.update(finished_at=timezone.now() - timedelta(days=31))
    services.prune_bulk()
    assert not BulkOutcome.objects.exists()


def test_of_many_people_those_of_a_page_are_looked_up_and_a_number_takes_them_all(
    workspace, begin, in_background, monkeypatch, django_assert_num_queries
):
    people_of(workspace, "a", "b", "c", "d", "e")
    mine = begin("set_field", field="city", value="")
    run_outbox("audiences.bulk")
    people_of(workspace, "later")
    monkeypatch.setattr("audiences.rules.origins.FEW", 4)
    same = {"kind": "bulk", "of": mine.pk, "op": "same"}
    them, others = (
        People(workspace, rule=rules.read({"join": join, "rules": [same]})) for join in ("all", "none")
    )

    with django_assert_num_queries(6) as done:
        pages = ["".join(row.email[0] for row in contacts(people).rows) for people in (them, others)]
        total, _ = people_meant(them)

    assert (pages, total) == (["edcba", "l"], 5)
    statements = [query["sql"] for query in done.captured_queries if "contact_ids" in query["sql"]]
    assert ["unnest" in statement for statement in statements] == [False, True, True]


def test_an_outcome_is_offered_where_all_of_its_people_are_written_down(
    workspace, begin, in_background, browse
):
    people_of(workspace, "a", "b", "c")
    mine = begin("set_field", field="city", value="")
    run_outbox("audiences.bulk")
    BulkOutcome.objects.earliest("pk").delete()  # as when a release came between two chunks

    thing = rules.KINDS["bulk"].things(workspace)[mine.pk]
    figures = browse("viewer").get(f"/w/acme/bulk/{mine.pk}/").context["figures"]

    assert list(rules.KINDS["bulk"].ops(mine.pk, thing)) == ["changed"]
    assert [(row["label"], row["count"], row["url"]) for row in figures] == [
        ("Changed", 0, ""), ("The same already", 3, ""),
    ]  # fmt: skip


def test_a_merged_person_is_found_by_what_became_of_the_other(workspace, begin, in_background, by, found):
    ana, ben, cid = people_of(workspace, "ana", "ben", "cid")
    mine = begin("set_field", field="city", value="", people=People(workspace, ids=(ana.pk, cid.pk)))
    run_outbox("audiences.bulk")

    services.merge_people(kept=ben, other=cid, by=by, picks={}, versions=(ben.version, cid.version))

    assert found("bulk", mine.pk, "same") == {"ana", "ben"}
    outcome = mine.outcomes.get()
    assert (outcome.contact_ids, outcome.first, outcome.last, outcome.many) == (
        [ana.pk, ben.pk],
        ana.pk,
        cid.pk,
        2,
    )


def test_a_changed_field_is_told_by_its_label_and_not_by_its_key(workspace, begin, browse):
    Field.objects.create(workspace=workspace, key="birthday_2", label="Birthday", kind="date")
    people_of(workspace, "ana")
    mine = begin("set_field", field="birthday_2", value="1990-02-01")

    page = browse("viewer").get("/w/acme/contacts/", {"bulk": mine.pk}).content.decode()

    assert "Set a field ‘Birthday’: 1 person" in page
