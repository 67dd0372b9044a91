"""What a report says is different at an account: people who come later, totals alone, shares without counts."""

import re

import pytest
from django.utils import timezone

from accounts.providers import provider_class
from reporting.models import Figures
from tests.factories import CampaignFactory, ConnectionFactory
from tests.reporting.calls import make_delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(workspace):
    """`sent("leadfox")` is a campaign that went out there; `figures` are those read since."""

    def make(slug, *figures):
        connection = ConnectionFactory(workspace=workspace, provider=slug, webhook_remote_id="7")
        campaign = CampaignFactory(workspace=workspace, connection=connection, name=slug, status="sent")
        delivery = make_delivery(campaign, connection)
        for values in figures:
            Figures.objects.create(delivery=delivery, read_at=timezone.now(), **values)
        return campaign

    return make


@pytest.mark.parametrize(
    ("slug", "told"),
    [
        ("brevo", None),
        ("especial", "People come later"),
        ("emailcampaigns", "People come later"),
        ("mailmojo", "Totals only"),
        ("leadfox", "Totals only"),
    ],
)
def test_a_report_says_what_its_account_does_not_tell(browse, sent, slug, told):
    campaign = sent(slug, {"source": "provider", "counts": {"delivered": 40}})

    text = browse("viewer").get(f"/w/acme/campaigns/{campaign.pk}/report/").content.decode()

    for title in ("People come later", "Totals only"):
        assert (title in text) is (title == told)
    if told == "Totals only":
        assert provider_class(slug).capabilities.sentence("reports_people") in text


def test_people_who_have_come_are_not_announced(browse, sent):
    campaign = sent("especial", {"source": "provider"}, {"source": "events", "counts": {"delivered": 40}})

    text = browse("viewer").get(f"/w/acme/campaigns/{campaign.pk}/report/").content.decode()

    assert "People come later" not in text


def test_a_share_without_a_count_stays_on_a_small_screen(browse, sent):
    """There a cell without a value is left out of the card."""
    sent("mailmojo", {"source": "provider", "counts": {"sent": 40}, "rates": {"opened": 0.5}})

    html = browse("viewer").get("/w/acme/reports/").content.decode()

    cells = re.findall(r'<td class="num( empty-cell)?" data-label="(\w+)"', html)
    assert cells == [
        (" empty-cell", "Delivered"),
        ("", "Opened"),
        (" empty-cell", "Clicked"),
        (" empty-cell", "Left"),
        (" empty-cell", "Bounced"),
    ]
