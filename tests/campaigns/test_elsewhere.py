"""What other pages show of campaigns."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.models import Delivery, Recipient
from tests.factories import CampaignFactory, ContactFactory, TemplateFactory, WorkspaceFactory


@pytest.fixture
def delivery(workspace):
    campaign = CampaignFactory(workspace=workspace, name="Bells", status="attention")
    return Delivery.objects.create(
        campaign=campaign, connection=campaign.connection, subject="S", html="H", sender_name="N",
        sender_email="n@e.test", fingerprint="f", send_at=datetime(2026, 11, 21, tzinfo=UTC), zone="UTC",
        content_hash="", released_by=None, state="attention", note="Two are alive.",
    )  # fmt: skip


def test_home_says_what_goes_out_next(browse, workspace):
    CampaignFactory(
        workspace=workspace, name="Planned", status="scheduled", send_at=timezone.now() + timedelta(days=1)
    )
    CampaignFactory(workspace=workspace, name="Half written")
    CampaignFactory(workspace=workspace, name="Theirs", is_imported=True)
    CampaignFactory(workspace=WorkspaceFactory(), name="Foreign")

    shown = browse("viewer").get("/w/acme/").content.decode()

    assert [name in shown for name in ("Planned", "Half written", "Theirs", "Foreign")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_search_finds_campaigns_and_templates(browse, workspace):
    CampaignFactory(workspace=workspace, name="Bells in June")
    TemplateFactory(workspace=workspace, name="Bells template")
    CampaignFactory(workspace=WorkspaceFactory(), name="Bells elsewhere")

    shown = browse("viewer").get("/w/acme/search/?q=bells").content.decode()

    assert [name in shown for name in ("Bells in June", "Bells template", "Bells elsewhere")] == [
        True,
        True,
        False,
    ]


def test_what_needs_a_person_is_in_the_bar(browse, delivery):
    shown = browse("viewer").get("/w/acme/").content.decode()

    assert "Two are alive." in shown


def test_a_persons_page_says_what_they_received(browse, delivery, workspace):
    contact = ContactFactory(workspace=workspace)
    Recipient.objects.create(
        delivery=delivery,
        contact=contact,
        email=contact.email,
        planned_on=timezone.now().date(),
        state="delivered",
    )

    shown = browse("editor").get(f"/w/acme/contacts/{contact.pk}/").content.decode()

    assert "Bells" in shown
    assert "Delivered" in shown
