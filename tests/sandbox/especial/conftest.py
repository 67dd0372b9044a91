import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.especial.especial_client import Especial


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sandbox(inbox: Inbox) -> Sandbox:
    return Sandbox(post=inbox)


@pytest.fixture
def especial(sandbox: Sandbox) -> Especial:
    """A new account, signed in."""
    return Especial(sandbox)
