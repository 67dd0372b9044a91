import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.leadfox.client import NOW, Leadfox


@pytest.fixture
def sandbox() -> Sandbox:
    """Its clock stands still but for what a test lets pass."""
    return Sandbox(time=NOW.timestamp, post=lambda *_: 200)


@pytest.fixture
def leadfox(sandbox: Sandbox) -> Leadfox:
    return Leadfox(sandbox)
