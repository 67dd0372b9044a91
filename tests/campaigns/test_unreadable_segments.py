"""A segment saved with a kind of condition that there is no more: pages say so, and nobody is sent to for it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from audiences.models import Consent, ConsentBasis, Segment
from audiences.rules import Incomplete
from campaigns.models import Campaign, Delivery
from campaigns.queries.audience import equation_of, freeze
from campaigns.queries.chosen import choice_of, frozen_choice
from tests.campaigns.segments import joined, make_segment, speaks
from tests.factories import CampaignFactory, ContactFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GONE = joined("all", {"kind": "moon", "of": "x", "op": "is", "value": 1})
SAYS = "The rule can no longer be read"


@pytest.fixture
def campaign(workspace: Any) -> Campaign:
    ana = ContactFactory(workspace=workspace, language="fr")
    basis = ConsentBasis.objects.create(workspace=workspace, source="Form")
    Consent.objects.create(contact=ana, basis=basis, kind="given", at=NOW)
    campaign: Campaign = CampaignFactory(workspace=workspace)
    broken = Segment.objects.create(workspace=workspace, name="Moon", rule=GONE)
    campaign.segments.add(broken, make_segment(workspace, "French", speaks("fr")))
    return campaign


@pytest.mark.parametrize("page", ["compose/", "review/", "checks/", "preview/", "audience/receives/", ""])
def test_every_page_of_the_campaign_bears_it(campaign: Campaign, browse: Any, page: str) -> None:
    assert browse("editor").get(f"/w/acme/campaigns/{campaign.pk}/{page}", follow=True).status_code == 200


def test_where_segments_are_chosen_and_checked_it_is_said(campaign: Campaign, browse: Any) -> None:
    told = browse("editor").get(f"/w/acme/campaigns/{campaign.pk}/compose/").content.decode()

    assert f"The segment “Moon” cannot be worked out. {SAYS}" in told
    assert [(name, said) for _, name, said in choice_of(campaign).told(shows_addresses=True)] == [
        ("French", "Language is “fr”"),
        ("Moon", SAYS),
    ]


def test_the_others_are_counted_and_nothing_is_frozen(campaign: Campaign) -> None:
    assert equation_of(campaign).receives == 1
    delivery = Delivery.objects.create(
        campaign=campaign, connection=campaign.connection, subject="S", html="H", sender_name="N",
        sender_email="n@x.test", fingerprint="f", send_at=NOW, zone="UTC", content_hash="",
        audience=choice_of(campaign).as_json(),
    )  # fmt: skip
    assert [one.rule is None for one in frozen_choice(delivery).segments] == [False, True]
    with pytest.raises(Incomplete, match=SAYS):
        freeze(delivery, planned_on=NOW.date())
