"""Rolled back, an import leaves what a later one said as well, which becomes the word of that one, to be rolled back in its turn."""

import pytest

from audiences.models import Consent, Contact, ImportChange, Subscription
from tests.audiences.importing import bring, on, undo
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db
FILE = "Email\nana@x.test\nnew@x.test\n"


@pytest.fixture
def news(workspace):
    return ListFactory(workspace=workspace, name="News")


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
