"""On any of several lists, with any of several tags: one look-up, and the same people."""

import pytest

from audiences import rules
from audiences.models import Contact, Tag, Tagging
from audiences.queries.contacts import People, contacts, people_meant
from tests.factories import ContactFactory, ListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def groups(workspace):
    """Everybody is called by the lists they are on (a, b) and the tags they have (x, y)."""
    lists = {name: ListFactory(workspace=workspace, name=name) for name in "ab"}
    tags = {name: Tag.objects.create(workspace=workspace, name=name) for name in "xy"}
    for name in ("none", "a", "b", "ab", "x", "y", "ax", "by", "abxy"):
        person = ContactFactory(workspace=workspace, email=f"{name}@x.test")
        for letter in () if name == "none" else name:
            if letter in lists:
                SubscriptionFactory(list=lists[letter], contact=person)
            else:
                Tagging.objects.create(tag=tags[letter], contact=person)
    return {
        **{name: {"kind": "list", "of": one.pk, "op": "on"} for name, one in lists.items()},
        **{name: {"kind": "tag", "of": one.pk, "op": "has"} for name, one in tags.items()},
    }


@pytest.mark.parametrize(
    ("join", "of", "found", "look_ups"),
    [
        ("any", "ab", ["a", "ab", "abxy", "ax", "b", "by"], 1),
        ("any", "xy", ["abxy", "ax", "by", "x", "y"], 1),
        ("any", "abx", ["a", "ab", "abxy", "ax", "b", "by", "x"], 2),
        ("none", "ab", ["none", "x", "y"], 1),
        ("none", "abxy", ["none"], 2),
        ("all", "ab", ["ab", "abxy"], 2),
    ],
)
def test_any_of_several_is_one_look_up(workspace, groups, join, of, found, look_ups):
    rule = rules.read({"join": join, "rules": [groups[name] for name in of]})
    sql, _ = rules.where(rule, rules.Known.of(workspace, rule))

    rows = contacts(People(workspace, rule=rule)).rows
    assert sorted(row.email.removesuffix("@x.test") for row in rows) == found
    assert sql.count("exists") == look_ups


@pytest.mark.parametrize("join", ["any", "none"])
def test_what_is_denied_as_a_whole_is_so_of_each(workspace, groups, join):
    inner = {"join": join, "rules": [groups["a"], groups["b"], groups["x"]]}
    them, others = (
        {row.id for row in contacts(People(workspace, rule=rules.read(rule))).rows}
        for rule in ({"join": "all", "rules": [inner]}, {"join": "none", "rules": [inner]})
    )
    assert them.isdisjoint(others)
    assert them | others == set(Contact.objects.values_list("id", flat=True))


@pytest.mark.parametrize(("join", "found"), [("any", ["", "fr", "nl"]), ("none", ["de"])])
def test_codes_and_none_at_all_are_one_look_up(workspace, join, found):
    for language in ("", "de", "fr", "nl"):
        ContactFactory(workspace=workspace, language=language)
    conditions = [
        {"kind": "field", "of": "language", "op": "is", "value": ["fr"]},
        {"kind": "field", "of": "language", "op": "empty"},
        {"kind": "field", "of": "language", "op": "is", "value": ["nl"]},
    ]
    rule = rules.read({"join": "all", "rules": [{"join": join, "rules": conditions}]})
    sql, _ = rules.where(rule, rules.Known.of(workspace, rule))

    assert sorted(row.language for row in contacts(People(workspace, rule=rule)).rows) == found
    assert sql.count("c.language") == 1


@pytest.mark.parametrize(
    ("op", "value", "found"),
    [
        ("at_least", 2, ["ab", "abxy"]), ("exactly", 1, ["a", "ax", "b", "by"]), ("exactly", 0, ["none", "x", "y"]),
        ("at_most", 1, ["a", "ax", "b", "by", "none", "x", "y"]), ("at_least", 1.5, ["ab", "abxy"]), ("at_least", 3, []),
    ],
)  # fmt: skip
def test_a_page_counts_the_lists_of_each_and_a_number_those_of_everybody(
    workspace, groups, django_assert_num_queries, op, value, found
):
    rule = rules.read({"join": "all", "rules": [{"kind": "any", "of": "list", "op": op, "value": value}]})
    people = People(workspace, rule=rule)

    with django_assert_num_queries(2) as done:
        rows = contacts(people).rows
        total, _ = people_meant(people)

    assert sorted(row.email.removesuffix("@x.test") for row in rows) == found
    assert total == len(found)
    if value:
        assert ["group by" in query["sql"] for query in done.captured_queries] == [False, True]
