from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo


class Inbox:
    """Stands where webhooks are posted to. `answer` is the status it gives; None is no answer."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, dict[str, str], Any]] = []
        self.answer: int | None = 200

    def __call__(self, url: str, headers: dict[str, str], payload: Any) -> int | None:
        self.letters.append((url, headers, payload))
        return self.answer

    @property
    def payloads(self) -> list[Any]:
        return [payload for _, _, payload in self.letters]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sandbox(inbox: Inbox) -> Sandbox:
    return Sandbox(post=inbox)


@pytest.fixture
def brevo(sandbox: Sandbox) -> Brevo:
    """A new account without rate limits."""
    client = Brevo(sandbox)
    client.control("seed", limits="off")
    return client
