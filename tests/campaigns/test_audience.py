"""Lists and segments together: the equation, the people behind its terms, the ledger, and the same in plain Python."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Workspace
from audiences import rules
from audiences.models import Consent, ConsentBasis, Contact, Tag
from audiences.services.segments import count_segment
from campaigns.models import Delivery, Recipient
from campaigns.queries.audience import RECEIVES, TERMS, equation_of, freeze, people_of
from campaigns.queries.chosen import choice_of
from campaigns.queries.people import reachable
from tests.campaigns.segments import change_segment, make_segment, speaks
from tests.factories import (
    CampaignFactory,
    ContactFactory,
    ListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANNED_ON = date(2026, 3, 1)


class World:
    """A campaign to one of two lists and to the segments of who speaks French and of who lives in Gent."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.chosen, self.other = ListFactory(workspace=workspace), ListFactory(workspace=workspace)
        self.campaign = CampaignFactory(workspace=workspace)
        self.campaign.lists.add(self.chosen)
        self.french = make_segment(workspace, "French", speaks("fr"))
        in_gent = {"kind": "field", "of": "city", "op": "is", "value": ["Gent"]}
        self.campaign.segments.add(self.french, make_segment(workspace, "Gent", in_gent))
        self.basis = ConsentBasis.objects.create(workspace=workspace, source="Form")

    def person(
        self,
        name: str,
        *,
        chosen: str = "",
        other: str = "",
        consents: tuple[str, ...] = (),
        suppressed: str = "",
        **values: Any,
    ) -> Contact:
        contact = ContactFactory(workspace=self.workspace, email=f"{name}@x.test", **values)
        for list_, status in ((self.chosen, chosen), (self.other, other)):
            if status:
                SubscriptionFactory(list=list_, contact=contact, status=status)
        for days, kind in enumerate(consents):
            Consent.objects.create(
                contact=contact, basis=self.basis, kind=kind, at=NOW + timedelta(days=days)
            )
        if suppressed:
            SuppressionFactory(contact=contact, reason=suppressed)
        return contact

    def found(self) -> dict[str, set[str]]:
        """Term → names."""
        return {
            term: {email.partition("@")[0] for _, email, *_ in people_of(self.campaign, term).people}
            for term in (*TERMS, RECEIVES)
        }

    def release(self) -> Delivery:
        return Delivery.objects.create(
            campaign=self.campaign, connection=self.campaign.connection, subject="S", html="H", sender_name="N",
            sender_email="n@x.test", fingerprint="f", send_at=NOW, zone="UTC", content_hash="",
            audience=choice_of(self.campaign).as_json(),
        )  # fmt: skip


@pytest.fixture
def world(workspace: Workspace) -> World:
    return World(workspace)


def test_each_person_counts_in_one_term(world: World) -> None:
    fr, gent = {"language": "fr"}, {"city": "Gent"}
    world.person("on-the-list", chosen="subscribed")
    world.person("on-both", chosen="subscribed", **fr)
    world.person("in-both-segments", other="subscribed", **fr, **gent)
    world.person("member-on-another-list", other="subscribed", **fr)
    world.person("member-with-consent", consents=("withdrawn", "given"), **gent)
    world.person("member-unconfirmed-here-active-there", chosen="pending", other="subscribed", **fr)
    world.person("member-left-here-active-there", chosen="unsubscribed", other="subscribed", **fr)
    world.person("member-left-everywhere", other="unsubscribed", consents=("given",), **fr)
    world.person("left", chosen="unsubscribed")
    world.person("suppressed", other="subscribed", suppressed="complained", **fr)
    world.person("bounced", other="subscribed", suppressed="bounced", **fr)
    world.person("unconfirmed", chosen="pending", other="subscribed")
    world.person("member-nobody-asked", **fr)
    world.person("member-took-it-back", consents=("given", "withdrawn"), **fr)
    world.person("member-taken-off", other="removed", **fr)
    world.person("member-import-rolled-back", consents=("given", "undone"), **fr)
    world.person("removed", chosen="removed", other="subscribed")
    world.person("nobody", other="subscribed", language="de")

    equation = equation_of(world.campaign)

    assert world.found() == {
        "unsubscribed": {"member-left-here-active-there", "member-left-everywhere", "left"},
        "suppressed": {"suppressed"},
        "bounced": {"bounced"},
        "no_consent": {"unconfirmed", "member-nobody-asked", "member-took-it-back", "member-taken-off",
            "member-import-rolled-back",
        },
        "duplicates": {
            "on-both", "in-both-segments", "member-unconfirmed-here-active-there", "member-left-here-active-there",
        },
        RECEIVES: {
            "on-the-list", "on-both", "in-both-segments", "member-on-another-list", "member-with-consent",
            "member-unconfirmed-here-active-there",
        },
    }  # fmt: skip
    assert equation.as_json() == {
        "selected": 20, "unsubscribed": 3, "suppressed": 1, "bounced": 1, "no_consent": 5, "duplicates": 4,
        "receives": 6,
    }  # fmt: skip
    assert equation.selected - sum(equation.terms.values()) == equation.receives


def test_a_segment_is_counted_as_a_campaign_to_it_alone_would_be(world: World) -> None:
    for name, told in {
        "on": {"other": "subscribed"},
        "on-and-left": {"chosen": "unsubscribed", "other": "subscribed"},
        "consent": {"consents": ("withdrawn", "given")},
        "consent-and-left": {"chosen": "unsubscribed", "consents": ("given",)},
        "took-it-back": {"consents": ("given", "withdrawn")},
        "unconfirmed": {"chosen": "pending"},
        "nobody-asked": {},
        "suppressed": {"chosen": "subscribed", "suppressed": "complained"},
    }.items():
        world.person(name, language="fr", **told)  # type: ignore[arg-type]
    campaign = CampaignFactory(workspace=world.workspace)
    campaign.segments.add(world.french)

    assert count_segment(segment=world.french)
    equation = equation_of(campaign)
    assert (world.french.mailable_count, world.french.agreed_count, world.french.left_count) == (7, 3, 1)
    assert (equation.receives, equation.terms["unsubscribed"], equation.terms["no_consent"]) == (3, 1, 3)


def test_people_of_another_workspace_are_in_no_segment(world: World) -> None:
    ContactFactory(workspace=WorkspaceFactory(), language="fr")

    assert equation_of(world.campaign).selected == 0


def test_who_is_counted_is_who_is_frozen_and_shown(world: World) -> None:
    world.person("list", chosen="subscribed")
    world.person("member", consents=("given",), language="fr")
    world.person("left", chosen="subscribed", other="unsubscribed", language="fr")
    world.person("asked-nobody", language="fr")

    counts = freeze(world.release(), planned_on=PLANNED_ON)

    equation = equation_of(world.campaign)
    assert counts == {"receives": 3, "no_consent": 1} == {"receives": equation.receives, "no_consent": 1}
    planned = Recipient.objects.filter(state="planned").values_list("email", flat=True)
    assert set(planned) == set(reachable(world.campaign).values_list("email", flat=True))


def test_what_was_released_is_frozen_whatever_becomes_of_its_segments(world: World) -> None:
    """The chosen one, one that it uses, and their names."""
    french = make_segment(world.workspace, "Outer", {"kind": "segment", "of": world.french.pk, "op": "in"})
    world.campaign.segments.set([french])
    world.person("fr", other="subscribed", language="fr")
    world.person("de", other="subscribed", language="de")
    delivery = world.release()
    change_segment(world.french, speaks("de"))
    change_segment(french, speaks("nl"))

    freeze(delivery, planned_on=PLANNED_ON)

    assert list(Recipient.objects.values_list("email", flat=True)) == ["fr@x.test"]
    assert delivery.audience["segments"] == [
        {
            "id": french.pk, "name": "Outer", "version": 1,
            "rule": {"join": "all", "rules": [{"kind": "segment", "of": world.french.pk, "op": "in"}]},
        }
    ]  # fmt: skip
    assert [(one["id"], one["version"]) for one in delivery.audience["within"]] == [(world.french.pk, 1)]


def test_the_last_days_of_a_rule_end_when_the_people_are_frozen(world: World) -> None:
    newcomers = {"kind": "field", "of": "@added", "op": "in_last", "value": 1}
    world.campaign.segments.set([make_segment(world.workspace, "New", newcomers)])
    world.person("old", other="subscribed", created_at=NOW - timedelta(days=3))
    delivery = world.release()

    delivery.frozen_at = NOW - timedelta(days=3) + timedelta(hours=1)
    assert freeze(delivery, planned_on=PLANNED_ON) == {"receives": 1}
    assert equation_of(world.campaign).receives == 0


def test_a_segment_whose_tag_is_gone_counts_nobody_and_is_not_frozen(world: World) -> None:
    tag = Tag.objects.create(workspace=world.workspace, name="VIP")
    tagged = make_segment(
        world.workspace, "VIPs", {"kind": "tag", "of": tag.pk, "op": "has_not", "name": "VIP"}
    )
    world.campaign.segments.set([tagged])
    world.person("list", chosen="subscribed")
    delivery = world.release()
    tag.delete()

    assert equation_of(world.campaign).receives == 1
    assert list(reachable(world.campaign).values_list("email", flat=True)) == ["list@x.test"]
    with pytest.raises(rules.Incomplete, match="The tag “VIP” is gone"):
        freeze(delivery, planned_on=PLANNED_ON)


def test_segments_in_a_circle_are_a_problem_and_no_error(world: World) -> None:
    first = make_segment(world.workspace, "First")
    second = make_segment(world.workspace, "Second", {"kind": "segment", "of": first.pk, "op": "in"})
    change_segment(first, {"kind": "segment", "of": second.pk, "op": "in"})
    world.campaign.segments.set([first])

    choice = choice_of(world.campaign)

    assert "circle" in choice.problem(choice.segments[0])
    assert equation_of(world.campaign).selected == 0


# Held against the same in plain Python

STATUSES = st.sampled_from(["", "", "subscribed", "unsubscribed", "pending", "removed"])
ONE = st.fixed_dictionaries(
    {
        "chosen": STATUSES, "other": STATUSES, "consents": st.lists(st.sampled_from(["given", "withdrawn", "undone"]), max_size=3),
        "suppressed": st.sampled_from(["", "", "", "bounced", "by_hand"]),
        "language": st.sampled_from(["fr", ""]), "city": st.sampled_from(["Gent", ""]),
    }
)  # fmt: skip


def expected(told: dict[str, Any]) -> tuple[int, str]:
    """(how often chosen, term)."""
    memberships = (told["language"] == "fr") + (told["city"] == "Gent")
    times = memberships + (told["chosen"] not in ("", "removed"))
    statuses = {told["chosen"], told["other"]}
    left_all = memberships and "subscribed" not in statuses and "unsubscribed" in statuses
    if told["chosen"] == "unsubscribed" or left_all:
        return times, "unsubscribed"
    if told["suppressed"]:
        return times, "bounced" if told["suppressed"] == "bounced" else "suppressed"
    words = told["consents"]
    standing = [
        kind
        for place, kind in enumerate(words)
        if kind == "withdrawn" or (kind == "given" and "undone" not in words[place:])
    ]
    agreed = "subscribed" in statuses or standing[-1:] == ["given"]
    is_mailable = told["chosen"] == "subscribed" or (memberships and agreed)
    return times, RECEIVES if is_mailable else "no_consent"


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ONE, min_size=1, max_size=12))
def test_every_crowd_adds_up(crowd: list[dict[str, Any]]) -> None:
    world = World(WorkspaceFactory())
    terms: dict[str, set[str]] = {term: set() for term in (*TERMS, RECEIVES)}
    selected = 0
    for number, told in enumerate(crowd):
        name = f"p{number}"
        world.person(name, **told | {"consents": tuple(told["consents"])})
        times, term = expected(told)
        selected += times
        if times:
            terms[term].add(name)
        if times > 1:
            terms["duplicates"].add(name)

    equation = equation_of(world.campaign)
    freeze(world.release(), planned_on=PLANNED_ON)

    assert world.found() == terms
    extra = selected - sum(len(names) for term, names in terms.items() if term != "duplicates")
    assert equation.as_json() == {
        "selected": selected, **{term: len(terms[term]) for term in TERMS}, "duplicates": extra,
        RECEIVES: len(terms[RECEIVES]),
    }  # fmt: skip
    rows = Recipient.objects.filter(delivery__campaign=world.campaign)
    frozen = {
        (email.partition("@")[0], reason or RECEIVES) for email, reason in rows.values_list("email", "reason")
    }
    assert frozen == {(name, term) for term, names in terms.items() if term != "duplicates" for name in names}
    shown = {email.partition("@")[0] for email in reachable(world.campaign).values_list("email", flat=True)}
    assert shown == terms[RECEIVES]
