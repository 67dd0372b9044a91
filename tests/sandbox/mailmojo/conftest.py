import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.mailmojo.mailmojo_client import Mailmojo


@pytest.fixture
def mailmojo(sandbox: Sandbox) -> Mailmojo:
    """A new account and, from its first call on, a token for everything."""
    client = Mailmojo(sandbox)
    client.control("seed")
    return client
