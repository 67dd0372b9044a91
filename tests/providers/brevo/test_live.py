"""Against Brevo itself, reading only. Runs where CAMPANILE_LIVE_BREVO_KEY holds the key of a real account."""

import os

import pytest

from accounts.providers import open_provider
from accounts.providers.base import Provider
from accounts.providers.errors import Unauthorized

KEY = os.environ.get("CAMPANILE_LIVE_BREVO_KEY", "")
pytestmark = pytest.mark.skipif(not KEY, reason="CAMPANILE_LIVE_BREVO_KEY is not set")


@pytest.fixture
def brevo() -> Provider:
    return open_provider("brevo", base_url="", credentials={"api_key": KEY})


def test_account_and_senders(brevo):
    assert brevo.account().fingerprint
    assert all(sender.email for sender in brevo.senders())


def test_audience(brevo):
    assert all(field.name for field in brevo.fields())
    assert {record.folder_remote_id for record in brevo.lists()} <= {
        folder.remote_id for folder in brevo.folders()
    }
    page = brevo.contacts()
    assert page.total is not None
    assert all(person.remote_id for person in page.items)


def test_campaigns(brevo):
    for campaign in brevo.campaigns().items[:1]:
        assert brevo.campaign(remote_id=campaign.remote_id).name == campaign.name


def test_wrong_key_is_unauthorized():
    with pytest.raises(Unauthorized):
        open_provider("brevo", base_url="", credentials={"api_key": "xkeysib-no-such-key"}).account()
