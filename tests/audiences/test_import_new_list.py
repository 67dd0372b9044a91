"""A list that comes with an import: made by it, not by its preview, and gone with it while nobody has to do with it."""

import pytest
from django.utils import timezone

from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.models import Contact, Import, List
from tests.audiences.importing import begin, on, preview, start, undo
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db

TEXT = "Email,City\nana@x.test,Bern\nnew@x.test,Chur\n"


def ready(workspace, by, **decisions):
    ContactFactory(workspace=workspace, email="ana@x.test", city="Bern")
    return preview(begin(workspace, by, TEXT), by, new_list="Messe", consent_source="Stand 4", **decisions)


def lists():
    return list(List.objects.values_list("name", flat=True))


def test_a_preview_makes_no_list_and_says_who_would_join_it(browse, workspace, by):
    mine = ready(workspace, by)
    assert (lists(), mine.preview) == ([], {"read": 2, "new": 1, "changed": 1})
    (row,) = queries.rows_of(mine, "changed").rows
    assert row.changes == [("List", "", "Messe")]
    client = browse("editor")
    assert "new list <bdi>Messe</bdi>" in client.get(f"/w/acme/imports/{mine.pk}/").content.decode()
    services.change_columns(mine=mine)
    form = client.get(f"/w/acme/imports/{mine.pk}/").context["columns"]
    assert (form["new_list"].value(), form["consent_source"].value()) == ("Messe", "Stand 4")


def test_cancelled_no_list_is_left(workspace, by):
    services.cancel_import(mine=ready(workspace, by), by=by)
    assert lists() == []


def test_a_list_that_a_proof_names_outlives_a_roll_back(workspace, by):
    mine = start(ready(workspace, by), by)
    assert on(List.objects.get()) == [("ana@x.test", "subscribed"), ("new@x.test", "subscribed")]
    undo(mine, by)
    # Ana stays, and with her the proof that names the list.
    assert (lists(), list(Contact.objects.values_list("email", flat=True))) == (["Messe"], ["ana@x.test"])


def test_a_list_nobody_has_to_do_with_goes_with_the_roll_back(browse, workspace, by):
    mine = preview(
        begin(workspace, by, "Email\nnew@x.test\n"), by, new_list="Messe", consent_source="Stand 4"
    )
    start(mine, by)
    undo(mine, by)
    assert lists() == []
    assert (mine.state, mine.list, mine.list_name) == (Import.State.UNDONE, None, "Messe")
    assert "Messe" in browse("editor").get(f"/w/acme/imports/{mine.pk}/").content.decode()


def test_a_list_of_that_name_made_meanwhile_is_the_one(workspace, by):
    mine = ready(workspace, by)
    made = ListFactory(workspace=workspace, name="Messe")
    SubscriptionFactory(list=made, contact=Contact.objects.get(), status="unsubscribed")
    start(mine, by)
    assert on(made) == [("ana@x.test", "unsubscribed"), ("new@x.test", "subscribed")]
    undo(mine, by)
    assert lists() == ["Messe"]


@pytest.mark.parametrize("name", ["Club Letter", "club  létter", "Club letter", "ClubLetter"])
def test_a_list_there_is_is_not_made_again_under_nearly_its_name(workspace, by, name):
    ListFactory(workspace=workspace, name="Club letter")
    ListFactory(workspace=workspace, name="Club letters")
    mine = begin(workspace, by, TEXT)
    with pytest.raises(CannotDo) as refused:
        preview(mine, by, new_list=name, consent_source="Stand 4")
    assert refused.value.fields == {
        "new_list": "There is a list “Club letter” already. Choose it above, or take another name."
    }


def test_a_list_that_is_archived_or_differs_in_more_takes_no_name(workspace, by):
    for name in ("東京", "Club 東", "Messe!"):
        ListFactory(workspace=workspace, name=name)
    ListFactory(workspace=workspace, name="Messe", archived_at=timezone.now())
    for name in ("京都", "Club", "Messe"):
        mine = preview(
            begin(workspace, by, f"Email\n{len(name)}{ord(name[0])}@x.test\n"),
            by,
            new_list=name,
            consent_source="Stand 4",
        )
        assert (mine.state, mine.new_list) == (Import.State.READY, name)
