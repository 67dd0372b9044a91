"""The rule builder's form: what was posted, half-filled rows included, and the moves that change the tree."""

import pytest
from django.http import QueryDict

from audiences import rules
from audiences.forms.rule import Draft
from audiences.forms.rule_rows import joined, split
from tests.factories import ListFactory


def posted(workspace, *nodes, **values):
    """`nodes` as "c1 g1 list:7 on" or "g2 g1 any"."""
    data = QueryDict(mutable=True)
    for text in nodes:
        key, parent, *rest = text.split(" ", 4)
        data.appendlist("node", f"{key} {parent}")
        if key[0] == "g":
            data[f"{key}.join"] = rest[0]
        else:
            data[f"{key}.of"], data[f"{key}.op"] = rest[0], rest[1]
            if rest[2:]:
                data[f"{key}.value"] = rest[2]
    data.update({name.replace("_", "."): value for name, value in values.items()})
    return Draft.posted(workspace, data)


def shape(draft):
    """The tree in short: `all(c1 any(c2 c3))`."""

    def of(part):
        return f"{part.join}({' '.join(map(of, part.rules))})" if part.is_group else part.key

    return of(draft.root)


TREE = (
    "c1 g1 field:city filled",
    "g2 g1 any",
    "c3 g2 field:language empty",
    "c4 g2 field:city empty",
    "c5 g1 field:phone filled",
)


@pytest.mark.parametrize(
    ("move", "becomes"),
    [
        ("remove c3", "all(c1 any(c4) c5)"),
        ("remove g2", "all(c1 c5)"),
        ("remove g1", "all(c1 any(c3 c4) c5)"),
        ("up c5", "all(c1 c5 any(c3 c4))"),
        ("up c1", "all(c1 any(c3 c4) c5)"),
        ("down c1", "all(any(c3 c4) c1 c5)"),
        ("down g2", "all(c1 c5 any(c3 c4))"),
        ("wrap c1", "all(any(c1) any(c3 c4) c5)"),
        ("wrap c3", "all(c1 any(all(c3) c4) c5)"),
        ("group g2", "all(c1 any(c3 c4 all()) c5)"),
        ("into c1", "all(any(c3 c4 c1) c5)"),
        ("into c5", "all(c1 any(c3 c4 c5))"),
        ("into c3", "all(c1 any(c3 c4) c5)"),
        ("leave c3", "all(c1 any(c4) c3 c5)"),
        ("leave c1", "all(c1 any(c3 c4) c5)"),
        ("copy c3", "all(c1 any(c3 c6 c4) c5)"),
        ("ungroup g2", "all(c1 c3 c4 c5)"),
        ("ungroup g1", "all(c1 any(c3 c4) c5)"),
        ("vanish c1", "all(c1 any(c3 c4) c5)"),
        ("up c99", "all(c1 any(c3 c4) c5)"),
        ("_find c1", "all(c1 any(c3 c4) c5)"),
    ],
)
def test_each_move_changes_the_tree(workspace, move, becomes):
    draft = posted(workspace, *TREE)
    draft.do(*move.split(" "))
    assert shape(draft) == becomes


def test_a_group_is_never_deeper_than_the_builder_shows(workspace):
    draft = posted(workspace, "g2 g1 any", "g3 g2 all", "c4 g3 field:city filled")
    draft.do("group", "g3")
    draft.do("wrap", "c4")
    assert shape(draft) == "all(any(all(c4)))"


def test_a_group_that_is_still_empty_says_nothing(workspace):
    draft = posted(workspace, "c1 g1 field:city filled", "g2 g1 any", "g3 g2 none")
    assert (draft.sentence, len(draft.rule.rules)) == ("City is not empty", 1)


def test_nonsense_in_the_form_is_left_out(workspace, news):
    draft = posted(
        workspace,
        f"c1 g1 list:{news.pk} on",
        "c2 g9 field:city filled",
        "c3 g1 nothing:7 on",
        "c4 g1 list:x on",
        "c5 g1 list:99999999999999999999 on",
        f"c1 g1 list:{news.pk} on",
        "x6 g1 field:city filled",
        "cc g1 field:city filled",
        "g7 g7 any",
        g1_join="sideways",
        at="g44",
    )
    assert (shape(draft), draft.at) == ("all(c1)", "g1")


def test_groups_deeper_than_the_language_takes_are_left_out(workspace):
    nodes = [f"g{number} g{number - 1} any" for number in range(2, 9)]
    assert shape(posted(workspace, *nodes)) == "all(any(any(any(any()))))"


def test_an_open_row_keeps_the_rest_and_its_words(workspace, news):
    draft = posted(
        workspace,
        f"c1 g1 list:{news.pk} on",
        "c2 g1 engagement:clicked in_last ninety",
        "c3 g1 field:city is",
    )
    assert draft.rule is None
    assert [(row.key, row.complaint) for row in draft.rows()] == [
        ("c1", ""), ("c2", "This is no number."), ("c3", ""),
    ]  # fmt: skip
    assert draft.sentence == "on the list “News” and clicked in a campaign in the last … and City is …"
    assert draft.rows()[1].texts[0] == "ninety"


def test_what_is_gone_or_of_another_workspace_says_so_by_its_name(workspace):
    foreign = ListFactory(name="Secret")
    draft = posted(workspace, f"c1 g1 list:{foreign.pk} on", c1_name="Old list")
    assert draft.rule is None
    assert [row.complaint for row in draft.rows()] == [
        "The list “Old list” is gone. Take this out, or choose another list."
    ]


def test_an_operator_that_no_longer_fits_gives_way_to_the_first(workspace):
    draft = posted(workspace, "c1 g1 field:@added contains")
    assert (draft.look().rows()[0].op, draft.rule) == ("in_last", None)


def test_add_takes_the_first_operator_and_days_to_start_from(workspace, news):
    draft = posted(workspace)
    draft.add({"kind": "list", "of": news.pk, "op": ""})
    draft.add({"kind": "engagement", "of": "clicked"})
    assert draft.focus == "find"
    draft.add({"kind": "field", "of": "city"})
    assert draft.focus == "c4-value"
    assert draft.sentence == "on the list “News” and clicked in a campaign in the last 90 days and City is …"


def test_add_goes_to_the_group_that_is_chosen_and_joins_what_says_the_same(workspace):
    either = {"join": "any", "rules": [{"kind": "field", "of": "city", "op": "empty"}]}
    draft = posted(workspace, "g2 g1 any", "c3 g2 field:city filled", at="g2")
    draft.add(either)
    assert shape(draft) == "all(any(c3 c5))"
    draft.do("at", "g1")
    draft.add(either)
    assert shape(draft) == "all(any(c3 c5) any(c7))"


def test_groups_too_deep_to_be_kept_are_refused_whole(workspace):
    city = {"kind": "field", "of": "city", "op": "empty"}
    draft = posted(workspace, "g2 g1 any", "g3 g2 all", "g4 g3 any", "c5 g4 field:city filled", at="g4")
    draft.add({"join": "all", "rules": [city, {"join": "any", "rules": [city, city]}]})
    assert (shape(draft), "at most" in draft.refusal) == ("all(any(all(any(c5))))", True)
    draft.add({"join": "all", "rules": [city, city]})
    assert shape(draft) == "all(any(all(any(c5 all(c7 c8)))))"


@pytest.mark.parametrize(
    "data", [None, 7, "x", [], {"kind": "list"}, {"kind": "list", "of": "x"}, {"of": 7}, {"join": "any"}]
)
def test_nonsense_is_not_added(workspace, data):
    draft = posted(workspace)
    draft.add(data)
    assert shape(draft) == "all()"


def test_no_more_conditions_than_the_language_takes(workspace):
    draft = posted(workspace, *(f"c{number} g1 field:city filled" for number in range(2, 102)))
    draft.add({"kind": "field", "of": "city"})
    assert (len(draft.rows()), "at most" in draft.refusal) == (100, True)


def test_a_rule_survives_the_form(workspace, news):
    told = {
        "join": "all",
        "rules": [
            {"kind": "list", "of": news.pk, "op": "on", "name": "News"},
            {"join": "none", "rules": [
                {"kind": "field", "of": "city", "op": "is", "value": ["Bern", 'Smith, "J"']},
                {"kind": "field", "of": "@added", "op": "within", "value": ["2026-01-01", "2026-02-01"]},
                {"kind": "engagement", "of": "opened", "op": "not_in_last", "value": 30},
            ]},
        ],
    }  # fmt: skip
    assert Draft.told(workspace, told).as_json() == told
    assert Draft.told(workspace, told).rule == rules.read(told)


def test_a_broken_rule_is_opened_as_far_as_it_reads(workspace):
    draft = Draft.told(workspace, {"join": "any", "rules": [{"kind": "field", "of": "city", "op": "odd"}, {"kind": "gone", "of": 1}, 7]})  # fmt: skip
    assert shape(draft) == "any(c2)"
    assert draft.rows()[0].op == "is"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fr, nl", ["fr", "nl"]), (' "Smith, John" ,nl,', ["Smith, John", "nl"]), ("", []), ('a"b', ['a"b']),
        ("one\ntwo", ["one", "two"]), ('"never closed', ["never closed"]),
    ],
)  # fmt: skip
def test_several_values_stand_in_one_field(text, values):
    assert split(text) == values
    assert split(joined(values)) == values
