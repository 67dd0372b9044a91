"""Conditions out of typed words."""

import pytest

from audiences import rules
from audiences.models import Field
from tests.factories import ListFactory


@pytest.fixture
def offered(workspace):
    """words → the sentences that are offered."""
    for name in ("News", "News from Bern", "Guests"):
        ListFactory(workspace=workspace, name=name)
    workspace.tags.create(name="VIP")
    Field.objects.create(workspace=workspace, key="born", label="Birthday", kind="date")
    Field.objects.create(workspace=workspace, key="points", label="Points", kind="number")
    things = {key: kind.things(workspace) for key, kind in rules.KINDS.items()}

    def of(words):
        nodes = [offer.node for offer in rules.offers(words, things)]
        known = rules.Known.of(workspace, *nodes)
        return [rules.sentence(rules.Group("all", (node,)), known) for node in nodes]

    return of


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("on list News", "on the list “News”"),
        ("news", "on the list “News”"),
        ("new", "on the list “News”"),
        ("not on news", "not on the list “News”"),
        ("joined news last 14 days", "joined the list “News” in the last 14 days"),
        ("left guests", "left the list “Guests”"),
        ("tagged vip", "tagged “VIP”"),
        ("without tag vip", "not tagged “VIP”"),
        ("clicked in the last 90 days", "clicked in a campaign in the last 90 days"),
        ("clicked 2 weeks", "clicked in a campaign in the last 14 days"),
        ("not opened in the last 30 days", "not opened a campaign in the last 30 days"),
        ("never clicked", "never clicked in a campaign"),
        ("language is fr", "Language is “fr”"),
        ("Language FR or de", "Language is “FR” or “de”"),
        ("language is not fr", "Language is not “fr”"),
        ("language is fr or empty", "(Language is “fr” or Language is empty)"),
        ("city is empty", "City is empty"),
        ("city Isle of Man", "City is “Isle of Man”"),
        ("first name contains ann", "First name contains “ann”"),
        ("birthday next 7 days", "Birthday in the next 7 days"),
        ("points at least 5", "Points is at least 5"),
        ("suppressed", "suppressed"),
        ("not suppressed", "not suppressed"),
        ("city", "City is …"),
    ],
)
def test_words_become_a_sentence(offered, words, sentence):
    assert offered(words)[0] == sentence


@pytest.mark.parametrize(
    "words", ["", "   ", "on the", "zzz", "news zzz", "clicked fr", "or empty", "“”()", "tagged vip or empty"]
)
def test_words_that_mean_nothing_offer_nothing(offered, words):
    assert offered(words) == []
