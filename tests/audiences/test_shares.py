"""How many people meet each condition of a rule by itself."""

import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from audiences import rules
from audiences.queries import shares as queries
from audiences.queries.counting import Count
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

NEW = "/w/acme/segments/new/"


@pytest.fixture
def news(workspace):
    """Three in it, of whom one is in Bern; and somebody in Chur who is not."""
    news = ListFactory(workspace=workspace, name="News")
    for city in ("Bern", "", ""):
        SubscriptionFactory(list=news, contact__city=city)
    ContactFactory(workspace=workspace, city="Chur")
    ContactFactory(city="Chur")
    return news


def conditions(news):
    return {
        "c1": {"kind": "list", "of": news.pk, "op": "on"},
        "c2": {"kind": "field", "of": "city", "op": "is", "value": ["Basel"]},
        "g3": {"join": "any", "rules": [
            {"kind": "field", "of": "city", "op": "is", "value": ["Bern"]},
            {"kind": "field", "of": "city", "op": "is", "value": ["Chur"]},
        ]},
    }  # fmt: skip


def read(workspace, told):
    rule = rules.read({"join": "all", "rules": list(told.values())})
    return dict(zip(told, rule.rules, strict=True)), rules.Known.of(workspace, rule)


def slow():
    return "with met0 as materialized (select pg_sleep(20)) select (select count(*) from met0)"


def test_each_is_counted_by_itself_in_one_statement(workspace, news):
    nodes, known = read(workspace, conditions(news))
    with CaptureQueriesContext(database) as captured:
        found = queries.shares(nodes, known)
    assert found == {"c1": Count(3, "exact"), "c2": Count(0, "exact"), "g3": Count(2, "exact")}
    assert sum("met0" in query["sql"] for query in captured) == 1


def test_beyond_the_cap_it_says_more_than(workspace, news, monkeypatch):
    monkeypatch.setattr(queries, "COUNT_CAP", 2)
    nodes, known = read(workspace, conditions(news))
    assert queries.shares(nodes, known) == {
        "c1": Count(2, "more"), "c2": Count(0, "exact"), "g3": Count(2, "exact")
    }  # fmt: skip


def test_what_takes_too_long_is_said_as_the_planner_thinks(workspace, news, monkeypatch):
    own = queries._statement
    monkeypatch.setattr(queries, "COUNT_SECONDS", 0.02)
    monkeypatch.setattr(queries, "_statement", lambda tests, limit="": slow() if limit else own(tests))
    nodes, known = read(workspace, conditions(news))
    found = queries.shares(nodes, known)
    assert {key: count.how for key, count in found.items()} == {"c1": "about", "c2": "about", "g3": "about"}


def test_what_cannot_be_worked_out_is_left_out(workspace, news):
    broken = workspace.segments.create(
        name="Broken", rule={"join": "all", "rules": [{"kind": "list", "of": 7_000_000, "op": "on"}]}
    )
    told = conditions(news) | {"c9": {"kind": "segment", "of": broken.pk, "op": "in"}}
    assert list(queries.shares(*read(workspace, told))) == ["c1", "c2", "g3"]
    assert queries.shares({}, read(workspace, told)[1]) == {}


# In the builder


def form(news, **values):
    return {
        "node": ["c1 g1", "c2 g1", "g3 g1", "c4 g3", "c5 g1"],
        "c1.of": f"list:{news.pk}", "c1.op": "on",
        "c2.of": "field:city", "c2.op": "is", "c2.value": "Basel",
        "g3.join": "any", "c4.of": "field:city", "c4.op": "is", "c4.value": "Chur",
        "c5.of": "field:city", "c5.op": "is", "c5.value": "",
    } | values  # fmt: skip


def ask(client, values, target):
    return client.post(NEW, values, headers={"HX-Request": "true", "HX-Target": target}).content.decode()


def told(page):
    """Key → how many, as drawn beside each condition and group."""
    parts = re.findall(r'id="(\w+)-share"[^>]*>(.*?)(?=<span id=|</div>|$)', page, re.DOTALL)
    drawn = {key: re.search(r">(nobody|[^<>]*(?:person|people))<", text) for key, text in parts}
    return {
        key: match[1].replace("\u202f", " ").replace("\xa0", " ") if match else ""
        for key, match in drawn.items()
    }


def test_each_condition_says_how_many_fit_it_and_nobody_where_none_does(browse, news):
    each = {"c1": "3 people", "c2": "nobody", "g3": "1 person", "c4": "1 person", "c5": ""}
    client = browse("editor")
    assert told(ask(client, form(news), "shares")) == each
    # Without a script they come with the page; with one, after it.
    assert told(client.post(NEW, form(news)).content.decode()) == each
    assert set(told(ask(client, form(news), "rule")).values()) == {""}


def test_a_number_opens_the_people_behind_it(browse, news):
    client = browse("editor")
    page = ask(client, form(news, show="all c4"), "people")
    assert "People who fit <bdi>City is “Chur”</bdi>" in page
    assert len(re.findall("<tr>", page)) == 2
    assert 'name="showing" value="all c4"' in page
    # The rest of the rule may be open; what is open itself shows nobody, and what is gone shows the rule.
    for key in ("c5", "g1", "c99", "x"):
        assert "Nobody can be shown" in ask(client, form(news, show=f"all {key}"), "people")


def test_counting_each_costs_the_same_for_one_condition_and_three(browse, news):
    client = browse("editor")

    def cost(*keys):
        with CaptureQueriesContext(database) as captured:
            ask(client, form(news, node=[f"{key} g1" for key in keys], **{"c5.value": "Bern"}), "shares")
        return len(captured)

    cost("c2")
    assert cost("c2") == cost("c2", "c4", "c5")
