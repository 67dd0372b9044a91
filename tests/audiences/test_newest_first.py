"""A search looks among the newest first; whom it finds there is whom the index would find."""

import importlib

import pytest

from audiences.models import Tag, Tagging
from audiences.queries.contacts import People, contacts
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db

# The package has a function of the same name.
module = importlib.import_module("audiences.queries.contacts")


@pytest.fixture
def narrowed(workspace):
    """Name → whom to search; each has some of the people called Ana and some called Ben."""
    news, tag = ListFactory(workspace=workspace), Tag.objects.create(workspace=workspace, name="vip")
    for number in range(24):
        person = ContactFactory(
            workspace=workspace, email=f"p{number}@x.test", first_name="Ben" if number % 3 else "Ana",
            last_name="", language="fr" if number % 2 else "",
        )  # fmt: skip
        if number % 4 < 2:
            SubscriptionFactory(list=news, contact=person, status="subscribed" if number % 8 else "removed")
            Tagging.objects.create(tag=tag, contact=person)
    ContactFactory(first_name="Ana", language="fr")  # elsewhere
    return {
        "all": {}, "list": {"list_id": news.pk}, "off the list": {"list_id": news.pk, "status": "removed"},
        "tag": {"tag_id": tag.pk}, "language": {"language": "fr"}, "both": {"list_id": news.pk, "tag_id": tag.pk},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["all", "list", "off the list", "tag", "language", "both"])
def test_pages_are_the_same_wherever_people_are_found(workspace, narrowed, monkeypatch, name):
    people = People(workspace, words="ana", **narrowed[name])
    monkeypatch.setattr(module, "PAGE", 2)

    def all_pages():
        found, before = [], None
        while True:
            page = contacts(people, before=before)
            found += [row.email for row in page.rows]
            if (before := page.before) is None:
                return found

    monkeypatch.setattr(module, "NEWEST", 0)
    by_index = all_pages()
    monkeypatch.setattr(module, "NEWEST", 8)

    assert all_pages() == by_index != []


@pytest.mark.parametrize("name", ["list", "tag", "language"])
def test_a_common_word_needs_no_index_where_few_of_all_are_asked_for(
    workspace, narrowed, monkeypatch, name, django_assert_num_queries
):
    monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(module, "NEWEST", 10)
    with django_assert_num_queries(1):
        contacts(People(workspace, words="ana", **narrowed[name]))
