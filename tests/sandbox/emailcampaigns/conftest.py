import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.emailcampaigns.client import EmailCampaigns


@pytest.fixture
def sandbox() -> Sandbox:
    """At a fixed moment, in winter: Wednesday 2030-01-16, 12:00:30 UTC."""
    return Sandbox(time=lambda: 1_894_795_230.0, post=lambda *_: 200)


@pytest.fixture
def api(sandbox: Sandbox) -> EmailCampaigns:
    """A new account."""
    return EmailCampaigns(sandbox)
