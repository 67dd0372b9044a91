"""People of several lists: who is meant, and what is asked before they are put on another."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import MirrorKind, MirrorRow
from audiences import queries
from audiences.models import BulkAction, Consent, List
from audiences.queries.contacts import People
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox

URL = "/w/acme/lists/combine/"


@pytest.fixture
def lists(workspace):
    """News: ana, ben, cleo (suppressed). Fairs: ben, cleo, dan. Shops: ben; ana has left it."""
    news, fairs, shops = (ListFactory(workspace=workspace, name=name) for name in ("News", "Fairs", "Shops"))
    ana, ben, cleo, dan = (
        ContactFactory(workspace=workspace, email=f"{name}@a.test") for name in ("ana", "ben", "cleo", "dan")
    )
    for mine, members in ((news, (ana, ben, cleo)), (fairs, (ben, cleo, dan)), (shops, (ben,))):
        for contact in members:
            SubscriptionFactory(list=mine, contact=contact)
    SubscriptionFactory(list=shops, contact=ana, status="unsubscribed")
    SuppressionFactory(contact=cleo)
    return news, fairs, shops


def choice(first, *others, how="any"):
    return {"first": first.pk, "others": [mine.pk for mine in others], "how": how}


@pytest.mark.parametrize(
    ("how", "chosen", "names", "says"),
    [
        ("any", (0, 1), "abcd", "On the list “News” or on the list “Fairs”"),
        ("all", (0, 1), "bc", "On the list “News” and on the list “Fairs”"),
        ("all", (0, 1, 2), "b", "On the list “News” and on the list “Fairs” and on the list “Shops”"),
        ("but", (0, 1), "a", "On the list “News” and none of (on the list “Fairs”)"),
        ("but", (0, 1, 2), "a", "none of (on the list “Fairs” or on the list “Shops”)"),
        ("but", (1, 0), "d", "On the list “Fairs” and none of (on the list “News”)"),
        ("but", (2, 0), "", "On the list “Shops” and none of (on the list “News”)"),
    ],
)
def test_lists_combine_to_the_people_that_are_meant(browse, workspace, lists, how, chosen, names, says):
    reply = browse("editor").get(URL, choice(*(lists[index] for index in chosen), how=how))
    assert "".join(sorted(row[1][0] for row in reply.context["rows"])) == names
    assert reply.context["total"] == len(names)
    assert reply.context["suppressed"] == names.count("c")
    assert says in reply.content.decode()
    meant = queries.contacts(People(workspace, rule=reply.context["form"].rule()))
    assert [row.id for row in meant.rows] == [int(row[0].split("/")[-2]) for row in reply.context["rows"]]


def test_the_people_of_lists_go_on_page_after_page(browse, workspace, lists):
    news, fairs, _ = lists
    for _ in range(60):
        SubscriptionFactory(list=news)
    client = browse("editor")
    first = client.get(URL, choice(news, fairs)).context
    second = client.get(URL, choice(news, fairs) | {"before": first["older"]}).context
    shown = [row[0] for row in [*first["rows"], *second["rows"]]]
    assert len(shown) == len(set(shown)) == first["total"] == 64
    assert second["older"] is None


def test_the_source_of_their_consent_is_proposed(browse, lists):
    client = browse("editor")
    for how, source in (
        ("any", "On the lists News, Fairs or Shops"),
        ("all", "On the lists News, Fairs and Shops"),
        ("but", "On the list News"),
    ):
        reply = client.get(URL, choice(*lists, how=how))
        assert [onto["consent_source"].value() for onto in reply.context["ontos"][:2]] == [source, source]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"others": ["1"]}, "This field is required."),
        ({"first": "x", "others": "y"}, "The first list is archived or gone. Choose another one."),
        ({"first": "9" * 40}, "Choose at least one other list."),
        ({"first": "1", "others": "1", "how": "burn"}, "Select a valid choice"),
    ],
)
def test_an_odd_choice_says_what_is_missing(browse, lists, query, says):
    reply = browse("editor").get(URL, query)
    assert reply.status_code == 200
    assert says in reply.content.decode()


def test_an_archived_list_is_said_once_to_be_so(browse, lists):
    List.objects.filter(pk__in=[lists[0].pk, lists[2].pk]).update(archived_at=timezone.now())
    client, asked = browse("editor"), choice(*lists)
    sentences = (
        "The first list is archived or gone. Choose another one.",
        "One of the other lists is archived or gone. Choose those that are left.",
    )

    for headers in ({}, {"HX-Request": "true", "HX-Target": "people"}):
        page = client.get(URL, asked, headers=headers).content.decode()
        assert [page.count(sentence) for sentence in sentences] == [1, 1]


def test_a_list_is_not_compared_with_itself(browse, lists):
    reply = browse("editor").get(URL, choice(lists[0], lists[0]))
    assert "The first list stands among the others too" in reply.content.decode()


def test_lists_of_another_workspace_cannot_be_chosen(browse, lists):
    theirs = ListFactory(workspace=WorkspaceFactory(), name="Theirs")
    reply = browse("editor").get(URL, choice(lists[0], theirs))
    assert "ontos" not in reply.context
    assert "Theirs" not in reply.content.decode()


def test_viewers_combine_nothing(browse, lists):
    assert browse("viewer").get(URL).status_code == 403


def test_ticked_lists_are_combined(browse, lists):
    reply = browse("editor").post(
        "/w/acme/lists/change/", {"ids": [mine.pk for mine in lists], "action": "combine"}, follow=True
    )
    assert reply.context["total"] == 4


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"action": "new", "name": " ", "consent_source": "A form"}, "This field is required."),
        (
            {"action": "new", "name": "All", "consent_source": " "},
            "This field is required.",
        ),
        (
            {"action": "new", "name": "news", "consent_source": "A form"},
            "Another list has this name already.",
        ),
        ({"action": "add", "consent_source": "A form"}, "This field is required."),
        ({"action": "add", "to": "999999", "consent_source": "A form"}, "Select a valid choice"),
        ({"action": "remove"}, "This field is required."),
        ({"action": "remove", "to": "kept"}, "Select a valid choice"),
    ],
)
def test_what_is_not_said_is_asked_for_and_nothing_is_written(browse, lists, typed, says):
    client = browse("editor")
    kept = lists[2]  # its people are chosen by the account
    MirrorRow.objects.create(
        connection=ConnectionFactory(workspace=kept.workspace), kind=MirrorKind.LIST, object_id=kept.pk, remote_id="1",
        theirs={"is_dynamic": True},
    )  # fmt: skip
    typed = {name: kept.pk if value == "kept" else value for name, value in typed.items()}
    query = "&".join(
        f"{name}={value}" for name, value in [("first", lists[0].pk), ("others", lists[1].pk), ("how", "all")]
    )
    reply = client.post(f"{URL}?{query}", typed)
    assert reply.status_code == 422
    assert says in reply.content.decode()
    assert List.objects.count() == 3


def test_the_page_costs_the_same_for_two_lists_and_for_five(browse, workspace, lists):
    client = browse("editor")

    def queries_of(query):
        client.get(URL, query)
        with CaptureQueriesContext(database) as captured:
            assert client.get(URL, query).status_code == 200
        return len(captured)

    two = queries_of(choice(lists[0], lists[1]))
    more = [SubscriptionFactory(list=ListFactory(workspace=workspace)).list for _ in range(2)]
    assert queries_of(choice(*lists, *more)) == two


@pytest.mark.parametrize("at_once", [200, 0])
def test_combined_people_are_put_on_a_list_with_proof_and_taken_off(browse, lists, monkeypatch, at_once):
    from audiences.services import bulk

    monkeypatch.setattr(bulk, "AT_ONCE", at_once)
    news, fairs, shops = lists
    client = browse("editor")

    def post(how, **typed):
        reply = client.post(f"{URL}?first={news.pk}&others={fairs.pk}&how={how}", typed)
        run_outbox(bulk.TASK)
        mine = BulkAction.objects.get(pk=reply.url.rstrip("/").rpartition("/")[2])
        return mine.state, mine.counts

    source = "On the lists News or Fairs"
    assert post("any", action="new", name="Both", consent_source=source) == (
        "done",
        {"added": 3, "suppressed": 1},
    )
    both = List.objects.get(name="Both")
    assert sorted(both.subscriptions.values_list("contact__email", "status")) == [
        ("ana@a.test", "subscribed"),
        ("ben@a.test", "subscribed"),
        ("dan@a.test", "subscribed"),
    ]
    assert Consent.objects.filter(list=both, basis__source=source).count() == 3

    told = post("any", action="add", to=shops.pk, consent_source=source)
    assert told == ("done", {"added": 1, "there": 1, "left": 1, "suppressed": 1})
    assert post("all", action="remove", to=news.pk) == ("done", {"removed": 2})
    assert list(news.subscriptions.filter(status="subscribed").values_list("contact__email")) == [
        ("ana@a.test",)
    ]
