"""An account at any of the sandbox's providers, filled in the words that all of them understand."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from accounts import pulls
from accounts.models import Connection, Pull, Workspace
from accounts.providers import PROVIDERS, provider_class
from tests.audiences.conftest import STEPS
from tests.conftest import SandboxServer
from tests.factories import ConnectionFactory
from tests.helpers import run_outbox
from tests.providers.conftest import CREDENTIALS

EACH = tuple(PROVIDERS)
# Each list has people of its own.
APART = tuple(slug for slug in EACH if not provider_class(slug).capabilities.shares_contacts)


class There:
    def __init__(self, sandbox: SandboxServer, slug: str, name: str = "sandbox-pull") -> None:
        self.sandbox, self.slug, self.name = sandbox, slug, name
        self.seed(limits="off")

    def connect(self, workspace: Workspace, **values: Any) -> Connection:
        path = urlsplit(provider_class(self.slug).default_base_url).path
        connection: Connection = ConnectionFactory(
            workspace=workspace,
            provider=self.slug,
            name=self.slug,
            base_url=f"{self.sandbox.url}/{self.slug}{path}",
            **values,
        )
        connection.set_credentials(CREDENTIALS[self.slug](self.name))
        connection.save()
        return connection

    def seed(self, **wanted: Any) -> Any:
        return self.sandbox.control("seed", provider=self.slug, account=self.name, **wanted)

    def act(self, **deed: Any) -> None:
        self.sandbox.control("act", provider=self.slug, account=self.name, **deed)

    def state(self) -> Mapping[str, Any]:
        """All it holds but the tokens it gave out and when."""
        state = self.sandbox.read("state", provider=self.slug, account=self.name)["state"]
        return {name: value for name, value in state.items() if name not in ("tokens", "sessions")}

    def calls(self) -> list[tuple[str, str]]:
        """(method, path) of what was asked, in order, without asking for tokens."""
        log = self.sandbox.read("log", provider=self.slug)["calls"]
        calls = [(call["method"], call["path"]) for call in log]
        return [(method, path) for method, path in calls if "token" not in path and "/auth" not in path]


def pull(connection: Connection) -> Pull:
    """Walk fields, lists, leaves and people to their end; it says what it counted."""
    pull = pulls.start(connection=connection, by=None)
    run_outbox(*STEPS)
    Pull.objects.filter(pk=pull.pk).update(state=Pull.State.DONE)
    Connection.objects.filter(pk=connection.pk).update(pulled_at=timezone.now())
    connection.refresh_from_db()
    pull.refresh_from_db()
    return pull
