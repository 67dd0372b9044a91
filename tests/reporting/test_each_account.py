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


def tiles(browse, campaign):
    report = browse("viewer").get(f"/w/acme/campaigns/{campaign.pk}/report/").context["report"]
    return {tile.label: tile for tile in report.tiles}, report.untold


EVERY = dict.fromkeys(
    ("sent", "delivered", "opened", "clicked", "unsubscribed", "complained", "hard_bounced", "soft_bounced"),
    4,
)


@pytest.mark.parametrize(
    ("slug", "opened", "bounced"),
    [
        ("brevo", "Opened, machines included", "Bounced for good"),
        ("especial", "Opened, machines included", "Bounced for good"),
        ("leadfox", "Opened, machines included", "Bounced"),
        ("mailmojo", "Opened", "Bounced"),
    ],
)
def test_a_figure_is_called_by_what_the_account_says_it_counts(browse, sent, slug, opened, bounced):
    told = provider_class(slug).definitions
    counts = {name: count for name, count in EVERY.items() if name in told}
    rates = {"bounced": 0.25} if "bounced" in told else {}
    labels, untold = tiles(browse, sent(slug, {"source": "provider", "counts": counts, "rates": rates}))

    assert {opened, bounced} <= set(labels)
    assert ("bounced for now" in untold) is False


@pytest.mark.parametrize(
    ("slug", "theirs", "rate"),
    [
        ("leadfox", {"sent": 4}, 0.25),
        ("mailmojo", {"sent": 4}, 0.25),
        ("emailcampaigns", {"sent": 4, "delivered": 2}, 0.5),  # before its people are read back
        ("emailcampaigns", {"sent": 4}, 0.25),
    ],
)
def test_leaves_by_our_page_are_a_share_of_all_who_were_mailed(browse, sent, slug, theirs, rate):
    """Who leaves by our page is known to have got the mail; of the others that is not known."""
    ours = {"source": "events", "counts": {"delivered": 1, "unsubscribed": 1}}
    campaign = sent(slug, {"source": "provider", "counts": theirs}, ours)

    left = tiles(browse, campaign)[0]["Left"]
    assert (left.value, left.rate) == (1, rate)
    assert ("of those delivered" in left.definition) is ("delivered" in theirs)
    row = browse("viewer").get("/w/acme/reports/").context["rows"][0]
    assert row.left_rate == rate


def test_a_report_stands_under_reports(browse, sent):
    campaign = sent("brevo")
    html = browse("viewer").get(f"/w/acme/campaigns/{campaign.pk}/report/").content.decode()

    here = re.findall(r'<a [^>]*href="([^"]+)"[^>]*aria-current="page"', html)
    assert [url for url in here if url.startswith("/w/acme/")] == ["/w/acme/reports/"]


def test_before_people_are_read_back_the_accounts_own_figures_stand(browse, sent):
    """Somebody who left by our page by then is no sign that the others were not delivered."""
    ours = {"source": "events", "counts": {"delivered": 1, "unsubscribed": 1}}
    theirs = {"source": "provider", "counts": {"sent": 4, "delivered": 3, "hard_bounced": 1}}
    campaign = sent("emailcampaigns", theirs, ours)

    shown = tiles(browse, campaign)[0]
    assert {label: shown[label].value for label in ("Delivered", "Left", "Bounced for good")} == {
        "Delivered": 3,
        "Left": 1,
        "Bounced for good": 1,
    }
    text = browse("viewer").get(f"/w/acme/campaigns/{campaign.pk}/report/").content.decode()
    assert "People come later" in text
