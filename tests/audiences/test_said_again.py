"""Rolled back, an import leaves what a later one said as well, which becomes the word of that one, to be rolled back in its turn."""

from datetime import date, timedelta
from importlib import import_module

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audiences import queries, services
from audiences.importing import said_again, undoing
from audiences.importing.tables import Tables
from audiences.models import Consent, Contact, Field, ImportChange, Subscription, Tagging
from tests.audiences.importing import bring, fields, left_before, on, undo
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db
FILE = "Email\nana@x.test\nnew@x.test\n"


@pytest.fixture
def ana(workspace):
    return ContactFactory(workspace=workspace, email="ana@x.test")


def words():
    """(address, kind, source) of all consents."""
    return sorted(Consent.objects.values_list("contact__email", "kind", "basis__source"))


def test_who_came_on_the_list_by_a_later_file_too_stays_on_it_by_that_one(workspace, by, news, ana):
    first = bring(workspace, by, FILE, on_list=news, consent_source="Shop")
    second = bring(workspace, by, FILE, on_list=news, consent_source="Fair")
    assert second.counts == {"read": 2, "unchanged": 2}

    undo(first, by)

    assert on(news) == [("ana@x.test", "subscribed"), ("new@x.test", "subscribed")]
    assert {row.evidence["import"] for row in Subscription.objects.all()} == {second.pk}
    assert [word for word in words() if word[0] == "new@x.test"] == [
        ("new@x.test", "given", "Fair"), ("new@x.test", "given", "Shop"), ("new@x.test", "undone", "Shop"),
    ]  # fmt: skip
    assert {(row.contact.email, row.basis.source) for row in Consent.objects.standing()} == {
        ("ana@x.test", "Fair"), ("new@x.test", "Fair"),
    }  # fmt: skip

    undo(second, by)

    assert (on(news), Consent.objects.standing().count()) == ([], 0)


def test_a_later_file_that_was_itself_taken_back_says_nothing(workspace, by, news, ana):
    first, second = (bring(workspace, by, FILE, on_list=news) for _ in "12")

    undo(second, by)
    undo(first, by)

    assert (on(news), [*Contact.objects.values_list("email", flat=True)]) == ([], ["ana@x.test"])


def test_another_list_of_a_later_file_is_no_word_for_this_one(workspace, by, news, ana):
    first = bring(workspace, by, FILE, on_list=news)
    bring(workspace, by, FILE, on_list=ListFactory(workspace=workspace, name="Club"))

    undo(first, by)

    assert on(news) == []


def test_whoever_a_later_file_names_stays(workspace, by):
    first = bring(workspace, by, "Email\nnew@x.test\ngone@x.test\n")
    bring(workspace, by, "Email\nnew@x.test\n")

    undo(first, by)

    assert [*Contact.objects.values_list("email", flat=True)] == ["new@x.test"]
    assert first.undone == {"people": 1, "fields": 0, "lists": 0, "off": 0, "kept": 1}


def test_rolled_back_both_a_membership_is_what_it_was_before_the_first(workspace, by, news, ana):
    SubscriptionFactory(list=news, contact=ana, status="removed")
    before = Subscription.objects.values("status", "evidence", "changed_at").get()
    first, second = (bring(workspace, by, "Email\nana@x.test\n", on_list=news) for _ in "12")

    undo(first, by)
    undo(second, by)

    assert Subscription.objects.values("status", "evidence", "changed_at").get() == before


def test_who_left_since_stays_off_whatever_a_later_file_said(workspace, by, news, ana):
    first, _ = (bring(workspace, by, FILE, on_list=news) for _ in "12")
    Subscription.objects.filter(contact=ana).update(status="unsubscribed", evidence={})

    undo(first, by)

    assert on(news) == [("ana@x.test", "unsubscribed"), ("new@x.test", "subscribed")]
    assert ImportChange.objects.filter(contact_id=ana.pk).count() == 1


def test_who_had_left_before_the_first_has_left_again_whatever_a_plain_file_found(
    workspace, member, browse, news
):
    approver = member("approver")
    left_before(workspace, news, 10)
    file = "Email\nleft@x.test\n"
    yesterday = (timezone.now() - timedelta(days=1)).date()
    first = bring(workspace, approver, file, on_list=news, resubscribes=True, consent_date=yesterday)
    second = bring(workspace, approver, file, on_list=news)
    assert (on(news), second.counts) == ([("left@x.test", "subscribed")], {"read": 1, "unchanged": 1})
    page = browse("editor").get(f"/w/acme/imports/{first.pk}/").context

    undo(first, approver)

    assert page["undo_text"].startswith("1 person gets back the fields and lists they had.")
    assert (on(news), Consent.objects.standing().count()) == ([("left@x.test", "unsubscribed")], 0)


def test_who_had_left_before_the_first_has_left_again_though_somebody_took_them_off_since(
    workspace, member, by, news
):
    approver = member("approver")
    left_before(workspace, news, 10)
    left = Subscription.objects.values("status", "evidence", "changed_at").get()
    yesterday = (timezone.now() - timedelta(days=1)).date()
    first = bring(
        workspace, approver, "Email\nleft@x.test\n", on_list=news, resubscribes=True, consent_date=yesterday
    )
    services.change_subscription(
        contact=Contact.objects.get(), on_list=news, by=by, status="removed", was="subscribed"
    )

    undo(first, approver)

    assert Subscription.objects.values("status", "evidence", "changed_at").get() == left
    bring(workspace, by, "Email,City\nleft@x.test,Bern\n", on_list=news)
    assert on(news) == [("left@x.test", "unsubscribed")]


def test_the_first_later_file_takes_over_with_the_day_of_its_row(workspace, by, news, ana):
    first = bring(workspace, by, FILE, on_list=news)
    dated = bring(
        workspace, by, "Email,Since\nno@x.test,2020-01-01\nana@x.test,2020-01-02\n", on_list=news,
        mapping=[{"to": "email", "as": "text"}, {"to": "consent_at", "as": "date_ymd"}],
    )  # fmt: skip
    bring(workspace, by, "Email\nana@x.test\n", on_list=news)

    undo(first, by)

    word = Consent.objects.standing().get(contact=ana)
    assert (word.basis_id, word.at.date()) == (dated.basis_id, date(2020, 1, 2))


def test_a_later_file_that_only_changed_them_takes_over_too(workspace, by, news, ana):
    first = bring(workspace, by, FILE, on_list=news)
    second = bring(workspace, by, "Email,City\nana@x.test,Bern\nnew@x.test,Bern\n", on_list=news)
    assert second.counts == {"read": 2, "changed": 2}

    undo(first, by)

    assert {row.evidence["import"] for row in Subscription.objects.all()} == {second.pk}
    undo(second, by)
    assert on(news) == []


def test_more_later_files_than_one_statement_reads_are_all_heard(workspace, by, browse, news, monkeypatch):
    monkeypatch.setattr(said_again, "READ_AT_ONCE", 1)
    first = bring(workspace, by, "Email\na@x.test\nb@x.test\nc@x.test\n", on_list=news)
    others = [bring(workspace, by, f"Email\n{name}@x.test\n", on_list=news) for name in "abb"]
    page = browse("editor").get(f"/w/acme/imports/{first.pk}/").context

    undo(first, by)

    assert page["undo_action"] == "Roll back the import"
    assert {row.contact.email: row.evidence["import"] for row in Subscription.objects.all()} == {
        "a@x.test": others[0].pk,
        "b@x.test": others[1].pk,
    }


@pytest.mark.django_db(transaction=True)
def test_the_rows_of_later_files_are_not_held_while_a_chunk_goes_back(workspace, by, news):
    """There is room for so many locks only, and one transaction reads them all."""
    first = bring(workspace, by, FILE, on_list=news)
    bring(workspace, by, FILE, on_list=news)

    with transaction.atomic(), connection.cursor() as cursor:
        people, again = "select id from audiences_contact", said_again.later(first)
        said_again.find(first, again, people=people, values={})
        cursor.execute("select count(*) from named")
        found = cursor.fetchone()[0]
        cursor.execute(
            "select count(*) from pg_locks l join pg_class c on c.oid = l.relation"
            " where l.pid = pg_backend_pid() and c.relname like 'audiences\\_import\\_%\\_stage'"
        )
        held = cursor.fetchone()[0]

    assert (found, held) == (2, 0)


def test_people_typed_in_later_cost_the_page_nothing(workspace, by, browse, news):
    first = bring(workspace, by, FILE, on_list=news)
    client = browse("editor")
    client.get(f"/w/acme/imports/{first.pk}/")

    def asked():
        with CaptureQueriesContext(connection) as seen:
            client.get(f"/w/acme/imports/{first.pk}/")
        return len(seen)

    services.add_person(workspace=workspace, by=by, email="h1@x.test", fields={})
    one = asked()
    for number in (2, 3):
        services.add_person(workspace=workspace, by=by, email=f"h{number}@x.test", fields={})

    assert asked() == one
    assert said_again.later(first) == []


def test_who_was_given_back_to_a_later_file_is_one_person_in_its_dialog(workspace, by, browse, news):
    ContactFactory(workspace=workspace, email="ana@x.test", city="Old")
    first = bring(workspace, by, "Email\nana@x.test\n", on_list=news)
    second = bring(workspace, by, "Email,City\nana@x.test,New\n", on_list=news)
    undo(first, by)
    page = browse("editor").get(f"/w/acme/imports/{second.pk}/").context
    Contact.objects.update(city="Newer")
    Subscription.objects.update(status="removed", evidence={})

    undo(second, by)

    assert page["undo_action"] == "Roll back 1 person"
    assert second.undone == {"fields": 0, "lists": 0, "people": 0, "off": 0, "kept": 1}


def test_the_dialog_says_that_people_go_with_the_last_file_that_names_them(workspace, by, browse, news):
    first = bring(workspace, by, FILE, on_list=news)
    client = browse("editor")
    alone = client.get(f"/w/acme/imports/{first.pk}/").context["undo_text"]
    second = bring(workspace, by, FILE, on_list=news)

    assert "later file too goes" not in alone
    assert client.get(f"/w/acme/imports/{first.pk}/").context["undo_text"].endswith(
        "Who came with a later file too goes once that one is rolled back as well."
    )  # fmt: skip
    undo(first, by)
    told = client.get(f"/w/acme/imports/{second.pk}/").context
    undo(second, by)
    assert (told["undo_text"].partition(".")[0], told["undo_action"]) == (
        "2 people whom nothing else keeps here go again", "Roll back 2 people",
    )  # fmt: skip
    assert (Contact.objects.count(), second.undone["people"], second.undone["kept"]) == (0, 2, 0)


def test_whom_somebody_changed_since_stays_when_the_last_file_goes_too(workspace, by, browse):
    first, second = (bring(workspace, by, FILE) for _ in "12")
    ana = Contact.objects.get(email="ana@x.test")
    undo(first, by)
    services.edit_person(
        contact=ana, by=by, version=ana.version, email=ana.email, fields={"city": "Bern"}, seen={"city": ""}
    )
    told = browse("editor").get(f"/w/acme/imports/{second.pk}/").context["undo_text"]

    undo(second, by)

    assert told.startswith(
        "1 person whom nothing else keeps here goes again; 1 person who changed since or came with a later file too stays as they are."
    )
    assert [*Contact.objects.values_list("email", flat=True)] == ["ana@x.test"]
    assert (second.undone["people"], second.undone["kept"]) == (1, 1)


def test_whom_a_file_has_from_one_rolled_back_stays_whatever_goes_after_it(workspace, by):
    first, _ = (bring(workspace, by, FILE) for _ in "12")
    undo(first, by)
    third = bring(workspace, by, "Email,City\nana@x.test,Bern\n")

    undo(third, by)

    assert Contact.objects.count() == 2


def test_a_value_that_a_later_file_says_too_stays_as_its_word(workspace, by, browse):
    Field.objects.create(workspace=workspace, key="points", label="Points", kind="number")
    ContactFactory(workspace=workspace, email="ana@x.test", city="Old", first_name="", custom={"points": 1})
    first = bring(workspace, by, "Email,City,Points,First name\nana@x.test,New,2,Ana\n")
    second = bring(workspace, by, "Email,City,Points,First name\nana@x.test,New,2,Anna\n")
    before = browse("editor").get(f"/w/acme/imports/{first.pk}/").context

    undo(first, by)

    assert before["undo_text"].startswith(
        "1 person who changed since or came with a later file too stays as they are."
    )
    assert fields("ana@x.test")[:3] == ("Anna", "New", {"points": 2})
    page = browse("editor").get(f"/w/acme/imports/{first.pk}/").context
    assert [what for _, _, what in page["undone"]] == ["City, First name, Points"]
    undo(second, by)
    assert fields("ana@x.test")[:3] == ("", "Old", {"points": 1})
    assert second.undone == {"fields": 1, "lists": 0, "people": 0, "off": 0, "kept": 0}


def test_a_value_that_a_later_file_was_not_to_take_is_no_word_of_it(workspace, by):
    ContactFactory(workspace=workspace, email="ana@x.test", city="Old")
    first = bring(workspace, by, "Email,City\nana@x.test,New\n")
    bring(workspace, by, "Email,City\nana@x.test,New\n", policy="leave")
    bring(workspace, by, "Email,City\nana@x.test,Other\n", policy="fill")

    undo(first, by)

    assert fields("ana@x.test")[1] == "Old"


def test_rows_alone_are_shown_without_working_out_a_roll_back(workspace, by, browse, monkeypatch):
    first = bring(workspace, by, FILE)
    monkeypatch.setattr(queries, "outlook", None)

    answer = browse("editor").get(
        f"/w/acme/imports/{first.pk}/", headers={"HX-Request": "true", "HX-Target": "rows"}
    )

    assert answer.status_code == 200


def emails():
    return sorted(Contact.objects.values_list("email", flat=True))


def test_a_file_takes_nobody_with_it_who_was_not_handed_over_to_it(workspace, by):
    first = bring(workspace, by, "Email\nnew@x.test\n")
    services.tag_person(contact=Contact.objects.get(), by=by, name="VIP")
    undo(first, by)
    Tagging.objects.all().delete()
    last = bring(workspace, by, "Email,City\nnew@x.test,Bern\n")

    undo(last, by)

    assert (emails(), fields("new@x.test")[1]) == (["new@x.test"], "")


def test_whose_holder_is_forgotten_stays_whatever_else_goes(workspace, by):
    first, second = (bring(workspace, by, "Email\nnew@x.test\n") for _ in "12")
    undo(first, by)
    ImportChange.objects.filter(step__of=second).delete()
    third = bring(workspace, by, "Email,City\nnew@x.test,Bern\n")

    undo(third, by)

    assert (emails(), fields("new@x.test")[1]) == (["new@x.test"], "")


def test_to_hand_over_changes_nobody_so_that_an_account_is_heard_on(workspace, by, account, pull, news):
    account.contact("new@x.test", FIRSTNAME="One")
    first, _ = (bring(workspace, by, "Email\nnew@x.test\n", on_list=news) for _ in "12")
    pull()

    undo(first, by)

    account.update("new@x.test", attributes={"FIRSTNAME": "Two"})
    pull()
    assert fields("new@x.test")[0] == "Two"


def test_whom_two_files_hold_is_told_of_alike_before_and_after(workspace, by):
    first, second = (bring(workspace, by, "Email\nnew@x.test\n") for _ in "12")
    bring(workspace, by, "Email,City\nnew@x.test,Bern\n")
    undo(first, by)
    seen = queries.outlook(second)

    undo(second, by)

    assert (seen.gone, seen.off, seen.staying, seen.back, seen.kept) == (0, 0, 0, 0, 1)
    assert (second.undone["kept"], len(queries.undone(second, "kept").rows)) == (1, 1)


def test_what_the_release_before_handed_over_is_marked(workspace, by, news):
    first = bring(workspace, by, FILE, on_list=news)
    bring(workspace, by, "Email\nana@x.test\nnew@x.test\n", on_list=news)
    other = bring(workspace, by, "Email\nnew@x.test\n", on_list=ListFactory(workspace=workspace, name="Club"))
    undo(first, by)
    marked = set(ImportChange.objects.filter(is_handed=True))
    ImportChange.objects.update(is_handed=False)

    with connection.cursor() as cursor:
        cursor.execute(import_module("audiences.migrations.0031_handed_changes")._MARK)

    assert marked == set(ImportChange.objects.filter(is_handed=True)) != set()
    assert {change.step.of_id for change in ImportChange.objects.filter(is_handed=False)} == {
        first.pk,
        other.pk,
    }


def test_a_file_that_met_only_who_had_left_said_their_fields_too(workspace, by, news, ana):
    Contact.objects.update(city="Old")
    SubscriptionFactory(
        list=news, contact=ana, status="unsubscribed", changed_at=timezone.now() - timedelta(days=3)
    )
    first, again, other = (
        bring(workspace, by, f"Email,City\nana@x.test,{city}\n", on_list=on_list)
        for city, on_list in (("New", None), ("New", news), ("Other", news))
    )
    assert again.counts == {"read": 1, "left": 1}

    found = []
    for mine in (other, first, again):
        undo(mine, by)
        found.append(fields("ana@x.test")[1])

    assert found == ["New", "New", "Old"]


def test_a_file_that_only_wrote_to_who_had_left_goes_back_to_what_was_before_both(workspace, by, news, ana):
    Contact.objects.update(city="Old")
    SubscriptionFactory(
        list=news, contact=ana, status="unsubscribed", changed_at=timezone.now() - timedelta(days=3)
    )
    first = bring(workspace, by, "Email,City\nana@x.test,New\n")
    second = bring(workspace, by, "Email,City\nana@x.test,Other\n", on_list=news)

    undo(first, by)
    undo(second, by)

    assert fields("ana@x.test")[1] == "Old"


@pytest.mark.parametrize(
    ("order", "cities"),
    [("acb", ["Other", "New", "Old"]), ("cab", ["New", "New", "Old"]), ("abc", ["Other", "Other", "Old"])],
)
def test_a_value_said_again_before_it_was_written_over_is_a_word_still(workspace, by, ana, order, cities):
    Contact.objects.update(city="Old")
    done = {
        name: bring(workspace, by, f"Email,City\nana@x.test,{city}\n")
        for name, city in (("a", "New"), ("b", "New"), ("c", "Other"))
    }
    found = []
    for name in order:
        undo(done[name], by)
        found.append(fields("ana@x.test")[1])

    assert found == cities


def test_a_file_whose_rows_a_crash_emptied_said_what_it_could_have(workspace, by, ana):
    Contact.objects.update(city="Old", first_name="Ana")
    file = "Email,City{}\nana@x.test,New{}\n"
    first = bring(workspace, by, file.format(",First name", ",Anna"))
    second = bring(workspace, by, file.format("", ""))
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {Tables(second).stage}")

    undo(first, by)

    assert fields("ana@x.test")[:2] == ("Ana", "New")


def test_a_file_that_wrote_nothing_is_rolled_back_without_the_number(workspace, by, browse, monkeypatch):
    first, second = (bring(workspace, by, "Email\nnew@x.test\n") for _ in "12")
    undo(first, by)
    monkeypatch.setattr(queries, "outlook", lambda mine: None)

    text = browse("editor").get(f"/w/acme/imports/{second.pk}/").context["undo_text"]

    assert text.startswith("Those who came with it go again unless they changed since")


def test_a_chunk_that_later_files_are_asked_about_goes_back_in_parts(workspace, by, news, ana, monkeypatch):
    monkeypatch.setattr(undoing, "VALUES", 1)
    Contact.objects.update(city="Old")
    file = "Email,City\nana@x.test,New\nnew@x.test,New\n{}"
    first = bring(workspace, by, file.format("gone@x.test,New\n"), on_list=news)
    second = bring(workspace, by, file.format(""), on_list=news)

    undo(first, by)

    assert (emails(), fields("ana@x.test")[1], len(on(news))) == (["ana@x.test", "new@x.test"], "New", 2)
    assert first.undone == {"people": 1, "fields": 0, "lists": 0, "off": 0, "kept": 2}
    assert first.checkpoint.keys() & {"undo"} == set()
    undo(second, by)
    assert (emails(), fields("ana@x.test")[1], on(news)) == (["ana@x.test"], "Old", [])
    assert second.undone == {"people": 1, "fields": 1, "lists": 1, "off": 0, "kept": 0}
