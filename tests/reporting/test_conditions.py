"""Conditions over campaigns: who fits each, what is offered, and that a report's number is the segment made of it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.templatetags.ui import day, in_zone
from audiences import rules
from audiences.models import Contact, Engagement
from audiences.queries.contacts import People, contacts
from campaigns.models import Recipient
from reporting.conditions import CampaignKind, rule_of
from reporting.definitions import What
from reporting.models import LinkFigures, Seen
from reporting.queries import people_behind
from reporting.rollups import link_digest
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory, WorkspaceFactory
from tests.reporting.calls import SENT_AT, make_delivery

pytestmark = pytest.mark.django_db

TULIPS, ROSES = "https://x.test/tulips", "https://x.test/roses?to=ana@x.test"


@pytest.fixture
def seen(delivery):
    """`seen("ana", "opened")`: one row of what a person did with the campaign."""

    def did(name, *kinds, link="", is_machine=False, of=delivery):
        for kind in kinds:
            Seen.objects.create(
                delivery=of, contact=Contact.objects.get(email=f"{name}@x.test"), kind=kind, is_machine=is_machine,
                link_digest=link_digest(link) if link else b"", first_at=timezone.now(),
            )  # fmt: skip

    return did


@pytest.fixture
def crowd(workspace, delivery, seen):
    """Named by what they did; Dan was left out, Eve has nothing to do with it."""
    names = ("ana", "ben", "cem", "dan", "eve", "fay", "gus", "hal", "ida")
    for name in names:
        ContactFactory(workspace=workspace, email=f"{name}@x.test")
    Recipient.objects.bulk_create(
        Recipient(
            delivery=delivery, planned_on=SENT_AT.date(), contact=Contact.objects.get(email=f"{name}@x.test"),
            email=f"{name}@x.test", state="excluded" if name == "dan" else "bounced" if name in ("gus", "hal") else "delivered",
        )
        for name in names if name != "eve"
    )  # fmt: skip
    for url, clicks in ((TULIPS, 1), (ROSES, 2)):
        LinkFigures.objects.create(delivery=delivery, source="events", url=url, clicks=clicks)
    for name in ("ana", "ben", "cem", "fay", "ida"):
        seen(name, "delivered")
    seen("ana", "opened", "clicked")
    seen("ana", "clicked", link=TULIPS)
    seen("ben", "opened", "unsubscribed")
    seen("ben", "opened", is_machine=True)
    seen("cem", "opened", is_machine=True)
    seen("cem", "clicked", is_machine=True)
    seen("cem", "clicked", link=TULIPS, is_machine=True)
    seen("fay", "clicked", "complained")
    seen("fay", "clicked", link=ROSES)
    seen("gus", "hard_bounced")
    seen("hal", "soft_bounced")


def fits(workspace, *conditions, join="all"):
    rule = rules.read({"join": join, "rules": list(conditions)})
    rows = contacts(People(workspace, rule=rule)).rows
    return {row.email.partition("@")[0] for row in rows}


def about(campaign, op, value=None):
    return {"kind": "campaign", "of": campaign.pk, "op": op} | ({"value": value} if value else {})


@pytest.mark.parametrize(
    ("op", "value", "who"),
    [
        ("sent", None, "ana ben cem fay gus hal ida"),
        ("not_sent", None, "dan eve"),
        ("received", None, "ana ben cem fay ida"),
        ("opened", None, "ana ben"),
        ("not_opened", None, "cem fay ida"),
        ("machine_opened", None, "cem"),
        ("clicked", None, "ana fay"),
        ("not_clicked", None, "ben cem ida"),
        ("clicked_link", link_digest(TULIPS).hex(), "ana"),
        ("clicked_link", link_digest("https://x.test/other").hex(), ""),
        ("clicked_link", "zz'; drop table", ""),
        ("left", None, "ben"),
        ("complained", None, "fay"),
        ("hard_bounced", None, "gus"),
        ("soft_bounced", None, "hal"),
    ],
)
def test_who_fits_a_condition(workspace, campaign, crowd, op, value, who):
    everybody = {row.email.partition("@")[0] for row in contacts(People(workspace)).rows}

    assert fits(workspace, about(campaign, op, value)) == set(who.split())
    assert fits(workspace, about(campaign, op, value), join="none") == everybody - set(who.split())


def test_each_operator_is_tried_above():
    tried = {param[0] for param in test_who_fits_a_condition.pytestmark[0].args[1]}

    assert tried == set(CampaignKind().all_ops())


def test_what_another_campaign_or_an_earlier_attempt_saw(workspace, campaign, connection, crowd, seen):
    other = CampaignFactory(workspace=workspace, connection=connection)
    seen("eve", "opened", of=make_delivery(other, connection, remote_id="43"))
    assert fits(workspace, about(other, "opened")) == {"eve"}

    again = make_delivery(campaign, connection, generation=2, remote_id="44")
    seen("eve", "opened", of=again)
    assert fits(workspace, about(campaign, "opened")) == {"ana", "ben", "eve"}


def test_who_was_sent_a_campaign_written_over_there_is_known_by_what_was_told(
    workspace, campaign, crowd, seen
):
    campaign.is_imported = True
    campaign.save()
    Recipient.objects.all().delete()

    assert fits(workspace, about(campaign, "sent")) == {"ana", "ben", "cem", "fay", "gus", "hal", "ida"}


def test_nobody_got_what_never_left(workspace):
    draft = CampaignFactory(workspace=workspace)
    ContactFactory(workspace=workspace, email="ana@x.test")

    assert [fits(workspace, about(draft, op)) for op in ("sent", "not_opened", "not_sent")] == [
        set(), set(), {"ana"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "who"),
    [
        ({"op": "clicked", "value": "TULIPS"}, "ana"),
        ({"op": "clicked", "value": "x.test/"}, "ana fay"),
        ({"op": "clicked", "value": "x_test"}, ""),
        ({"op": "not_clicked", "value": "x.test/"}, "ben cem dan eve gus hal ida"),
    ],
)
def test_who_clicked_any_link_that_contains_a_word(workspace, crowd, condition, who):
    foreign = CampaignFactory(workspace=WorkspaceFactory())
    delivery = make_delivery(foreign, foreign.connection)
    LinkFigures.objects.create(delivery=delivery, source="events", url=TULIPS)
    Seen.objects.create(
        delivery=delivery, contact=Contact.objects.get(email="eve@x.test"), kind="clicked",
        link_digest=link_digest(TULIPS), first_at=timezone.now(),
    )  # fmt: skip

    assert fits(workspace, {"kind": "link", "of": "any"} | condition) == set(who.split())


def test_conditions_in_words(workspace, campaign, crowd):
    digest = link_digest(ROSES).hex()
    rule = rules.read(
        {
            "join": "all",
            "rules": [
                about(campaign, "not_opened"), about(campaign, "clicked_link", digest),
                about(campaign, "clicked_link", "0" * 32),
                {"kind": "link", "of": "any", "op": "clicked", "value": "/sale"},
            ],
        }
    )  # fmt: skip

    assert rules.sentence(rule, rules.Known.of(workspace, rule)) == (
        "received “November news” but did not open it and clicked “https://x.test/roses?to=a…@x…” in “November news”"
        " and clicked a link in “November news” and clicked a link that contains “/sale”"
    )


def test_links_are_chosen_from_the_most_clicked_down(workspace, campaign, crowd):
    kind = CampaignKind()

    assert kind.choices(workspace, campaign.pk) == [
        (link_digest(ROSES).hex(), "https://x.test/roses?to=a…@x…"), (link_digest(TULIPS).hex(), TULIPS),
    ]  # fmt: skip
    assert kind.choices(WorkspaceFactory(), campaign.pk) == []


def test_only_what_accounts_tell_is_offered(workspace, campaign, crowd):
    silent = CampaignFactory(
        workspace=workspace, connection=ConnectionFactory(workspace=workspace, provider="mailmojo"), name="Silent"
    )  # fmt: skip
    make_delivery(silent, silent.connection, started_at=timezone.now())
    cancelled = CampaignFactory(workspace=workspace, connection=campaign.connection)
    make_delivery(cancelled, campaign.connection, state="cancelled", remote_id="45")
    kind = CampaignKind()

    things = kind.things(workspace)

    assert [thing.label for thing in things.values()] == ["Silent", "November news"]
    assert set(kind.ops(campaign.pk, things[campaign.pk])) == set(kind.all_ops())
    assert not {"opened", "clicked", "received"} & set(kind.ops(silent.pk, things[silent.pk]))
    assert {"sent", "not_sent"} <= set(kind.ops(silent.pk, things[silent.pk]))
    assert kind.things(WorkspaceFactory(), [campaign.pk]) == {}


def test_more_campaigns_than_are_asked_at_once_are_said(workspace, connection):
    for _ in range(9):
        make_delivery(
            CampaignFactory(workspace=workspace, connection=connection), connection, started_at=timezone.now()
        )
    reader = rules.Reader({"campaign": CampaignKind().things(workspace)}, timezone.now().date())

    (offer,) = reader.offers("was sent the last 12 campaigns")

    assert (len(list(rules.conditions(offer.node))), offer.but) == (8, "No more than 8 are asked at once.")


@pytest.mark.parametrize(
    ("words", "asked", "but"),
    [
        ("opened the last campaign", 1, "This cannot be asked of “Quiet”, “Silent”: their accounts do not tell it of each person."),
        ("got the last 3 campaigns", 1, "This cannot be asked of “Quiet”, “Silent”: their accounts do not tell it of each person."),
        ("was sent the last 2 campaigns", 2, ""),
        ("was sent the last 12 campaigns", 3, ""),
    ],
)  # fmt: skip
def test_of_the_last_campaigns_each_that_cannot_be_asked_is_named(
    workspace, campaign, crowd, words, asked, but
):
    for name in ("Silent", "Quiet"):
        silent = CampaignFactory(
            workspace=workspace, connection=ConnectionFactory(workspace=workspace, provider="mailmojo"), name=name
        )  # fmt: skip
        make_delivery(silent, silent.connection, started_at=timezone.now())
    reader = rules.Reader({"campaign": CampaignKind().things(workspace)}, timezone.now().date())

    (offer,) = reader.offers(words)

    assert (len(list(rules.conditions(offer.node))), offer.but) == (asked, but)


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("opened November news but did not click", {"ben"}),
        ("opened November news but did not click it", {"ben"}),
        ("opened November news but did not click any link", {"ben"}),
        ("opened but did not click November news", {"ben"}),
        ("received November news but did not open it", {"cem", "fay", "ida"}),
        ("got November news and did not open", {"cem", "fay", "ida"}),
        ("got November news and clicked", {"ana", "fay"}),
        ("was sent November news but did not receive it", {"gus", "hal"}),
        ("received November news but never opened or clicked it", {"cem", "ida"}),
        ("opened November news or Second but did not click", {"ben"}),
        ("opened neither November news nor Second", set()),
        ("did not get November news", {"dan", "eve", "gus", "hal"}),
        ("non-openers of November news", {"cem", "fay", "ida"}),
        # Said of all campaigns
        ("opened November news but never clicked anything", {"ben"}),
        ("opened November news but not clicked in the last 30 days", {"ana", "ben"}),
    ],
)
def test_what_follows_without_an_object_was_done_with_the_campaign_before(
    workspace, connection, campaign, crowd, words, who
):
    make_delivery(
        CampaignFactory(workspace=workspace, connection=connection, name="Second"), connection, remote_id="2"
    )
    ana = Contact.objects.get(email="ana@x.test")
    Engagement.objects.create(
        contact=ana, clicks=1, opens=1, last_click_at=timezone.now() - timedelta(days=90)
    )
    reader = rules.Reader(
        {key: kind.things(workspace) for key, kind in rules.KINDS.items()}, timezone.now().date()
    )

    node = reader.offers(words)[0].node

    assert fits(workspace, rules.as_json(node)) == who


@pytest.mark.parametrize("words", ["did not get the last campaign", "did not receive the last campaign"])
def test_who_did_not_get_the_last_campaign_is_whoever_it_did_not_reach(workspace, campaign, crowd, words):
    reader = rules.Reader({"campaign": CampaignKind().things(workspace)}, timezone.now().date())

    offers = reader.offers(words)

    asked = rules.Condition("campaign", campaign.pk, "received", None)
    assert [offer.node for offer in offers] == [rules.Group("none", (asked,))]


def test_the_last_campaign_is_the_one_sent_last_whichever_was_read_last(workspace, campaign, delivery):
    older = CampaignFactory(workspace=workspace, connection=campaign.connection, name="Read later")
    sent = delivery.send_at - timedelta(days=60)
    make_delivery(older, campaign.connection, send_at=sent, started_at=sent, remote_id="46")

    assert [thing.label for thing in CampaignKind().things(workspace).values()] == [
        "November news",
        "Read later",
    ]


def test_campaigns_of_one_name_are_told_apart_and_both_offered(workspace, campaign, delivery):
    twin = CampaignFactory(workspace=workspace, connection=campaign.connection, name="November news")
    sent = delivery.send_at - timedelta(days=365)
    make_delivery(twin, campaign.connection, send_at=sent, started_at=sent, remote_id="46")
    third = CampaignFactory(
        workspace=workspace, connection=ConnectionFactory(workspace=workspace, name="Other"), name="November news"
    )  # fmt: skip
    make_delivery(third, third.connection, send_at=sent, started_at=sent, remote_id="46")
    things = CampaignKind().things(workspace)
    name = "\u2068November news\u2069"

    reader = rules.Reader({"campaign": things}, timezone.now().date())

    now, then = (day(in_zone(moment)) for moment in (delivery.send_at, sent))
    assert {pk: thing.label for pk, thing in things.items()} == {
        campaign.pk: f"{name} · {now}",
        twin.pk: f"{name} · {then} · {campaign.connection.name}",
        third.pk: f"{name} · {then} · Other",
    }
    assert {offer.node.of for offer in reader.offers("opened November news")} == set(things)
    (one,) = CampaignKind().things(workspace, [campaign.pk]).values()
    assert one.label == f"{name} · {now}"


def test_a_deleted_campaign_is_missed_by_its_name(workspace):
    rule = rules.read(
        {"join": "all", "rules": [{"kind": "campaign", "of": 99, "op": "opened", "name": "Autumn sale"}]}
    )

    assert rules.missing(rule, rules.Known.of(workspace, rule)) == ["The campaign “Autumn sale” is gone"]


def test_knowing_three_campaigns_asks_as_much_as_one(workspace, connection, django_assert_num_queries):
    mine = [CampaignFactory(workspace=workspace, connection=connection) for _ in range(3)]
    for number, campaign in enumerate(mine):
        make_delivery(campaign, connection, remote_id=str(number))
    for some in (mine[:1], mine):
        rule = rules.read({"join": "any", "rules": [about(one, "opened") for one in some]})
        with django_assert_num_queries(2):
            rules.Known.of(workspace, rule)


@pytest.mark.parametrize("what", What)
def test_a_number_of_the_report_is_the_segment_made_of_it(workspace, campaign, delivery, crowd, what):
    behind = {email.partition("@")[0] for _, email, *_ in people_behind(delivery, what).rows}

    assert fits(workspace, *rule_of(campaign, what)["rules"]) == behind != set()


def test_a_link_of_the_report_is_the_segment_made_of_it(workspace, campaign, crowd):
    link = LinkFigures.objects.get(url=ROSES)

    assert fits(workspace, *rule_of(campaign, What.CLICKED, link)["rules"]) == {"fay"}


def test_people_of_a_number_can_be_saved_as_a_segment(browse, campaign, crowd):
    page = f"/w/acme/campaigns/{campaign.pk}/report/people/?what=opened"

    editor, viewer = browse("editor").get(page), browse("viewer").get(page)

    assert rules.read(json.loads(editor.context["rule"])) == rules.read(rule_of(campaign, What.OPENED))
    assert "Save as segment" not in viewer.content.decode()


def test_the_builder_offers_the_links_of_the_campaign(browse, workspace, campaign, crowd):
    digest = link_digest(TULIPS).hex()
    rule = {"join": "all", "rules": [about(campaign, "clicked_link", digest)]}

    page = browse("editor").get("/w/acme/segments/new/", {"rule": json.dumps(rule)}).content.decode()

    assert f'<option value="{digest}" selected>{TULIPS}</option>' in page
