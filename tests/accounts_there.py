"""One account at any of the sandbox's providers, over a socket: connected, steered and looked into in the same words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from accounts.providers import PROVIDERS, provider_class
from campaigns.models import Sender
from tests.conftest import SandboxServer
from tests.factories import ConnectionFactory
from tests.providers.conftest import CREDENTIALS

NAME = "sandbox-delivery"
SENDER = ("News", "news@campanile.example")

State = Mapping[str, Any]

# (method, path) of the call that makes a campaign, and of the one that sets it going.
CREATES = {
    "brevo": ("POST", "/v3/emailCampaigns"),
    "especial": ("POST", "/campaigns"),
    "mailmojo": ("POST", "/v1/newsletters/"),
    "leadfox": ("POST", "/v1/campaign"),
    "emailcampaigns": ("POST", "/email/campaign/"),
}
ARMS = {
    "brevo": ("PUT", "/v3/emailCampaigns/*"),
    "especial": ("POST", "/campaigns/*/schedule"),
    "mailmojo": ("PUT", "/v1/newsletters/*/send/"),
    "leadfox": ("PUT", "/v1/campaign/*"),
    "emailcampaigns": ("POST", "/email/campaign/"),
}
# Where tokens are asked for.
TOKENS = {
    "especial": "/token",
    "mailmojo": "/oauth/token/",
    "leadfox": "/v1/auth",
    "emailcampaigns": "/auth/api-token-auth/",
}


def _of_leadfox(state: State) -> list[str]:
    people = {row[0]: row[1] for row in state["contacts"].values()}
    return [people[row[2]] for rows in state["events"].values() for row in rows if row[1] == "sent"]


# slug → addresses that campaigns mailed, with repeats.
MAILED: Mapping[str, Callable[[State], list[str]]] = {
    "brevo": lambda state: [row[3] for rows in state["events"].values() for row in rows if row[1] == "sent"],
    "especial": lambda state: [row[5] for row in state["events"] if row[2] == "sent"],
    "mailmojo": lambda state: [
        row[2] for rows in state["events"].values() for row in rows if row[1] == "sent"
    ],
    "leadfox": _of_leadfox,
    "emailcampaigns": lambda state: [
        row[1]
        for campaign in state["campaigns"].values()
        for row in campaign["results"]
        if row[6] != "opted_out"
    ],
}
# slug → addresses that a test mail went to.
TESTED: Mapping[str, Callable[[State], list[str]]] = {
    "brevo": lambda state: [mail["to"] for mail in state["test_mails"]],
    "especial": lambda state: [mail["to"] for mail in state["mails"] if mail["of"].startswith("campaign")],
    "mailmojo": lambda state: [mail["to"] for mail in state["test_mails"]],
}
EACH: Sequence[str] = tuple(PROVIDERS)


class AccountThere:
    def __init__(self, server: SandboxServer, slug: str, name: str = NAME, **wanted: Any) -> None:
        self.server, self.slug, self.name = server, slug, name
        self.capabilities = provider_class(slug).capabilities
        self.seed(
            limits="off",
            pace={"send": 1, "react": 1, "process": 0},
            senders=[{"name": SENDER[0], "email": SENDER[1], "active": True}],
            **wanted,
        )
        if self.capabilities.lists_carry_sender:
            self.seed(lists=[{"name": "All", "from_name": SENDER[0], "from_email": SENDER[1]}])

    @property
    def base_url(self) -> str:
        return f"{self.server.url}/{self.slug}{urlsplit(provider_class(self.slug).default_base_url).path}"

    def connect(self, workspace: Workspace, **values: Any) -> Connection:
        """A saved connection whose webhook is registered."""
        connection = ConnectionFactory(
            workspace=workspace,
            provider=self.slug,
            name=provider_class(self.slug).name,
            base_url=self.base_url,
            **{"webhook_remote_id": "1", **values},
        )
        connection.set_credentials(CREDENTIALS[self.slug](self.name))
        connection.save()
        return connection

    def mirror_sender(self, connection: Connection, sender: Sender) -> None:
        """Where the account keeps senders, ours is known to be one of them."""
        if not self.capabilities.has_senders:
            return
        there = next(record for record in connection.open().senders() if record.email == sender.email)
        MirrorRow.objects.create(
            connection=connection,
            kind=MirrorKind.SENDER,
            object_id=sender.pk,
            remote_id=there.remote_id,
            theirs={"is_active": there.is_active},
        )

    # Steering

    def seed(self, **wanted: Any) -> Any:
        return self.server.control("seed", provider=self.slug, account=self.name, **wanted)

    def fault(self, kind: str, call: tuple[str, str] | str, *, times: int = 1, **more: Any) -> None:
        method, path = call if isinstance(call, tuple) else ("", call)
        self.server.control(
            "faults", provider=self.slug, method=method, path=path, kind=kind, times=times, **more
        )

    def advance(self, seconds: float) -> None:
        self.server.control("clock", advance=seconds)

    # Looking

    def state(self) -> Any:
        return self.server.read("state", provider=self.slug, account=self.name)["state"]

    def mailed(self) -> list[str]:
        return sorted(MAILED[self.slug](self.state()))

    def tested(self) -> list[str]:
        """Whoever got a test mail, as opposed to a campaign."""
        return sorted(TESTED[self.slug](self.state()) if self.slug in TESTED else [])

    def campaigns(self) -> list[Any]:
        state = self.state()
        return list(state["newsletters" if self.slug == "mailmojo" else "campaigns"].values())

    def calls(self, call: tuple[str, str] | str) -> list[Any]:
        """Of the calls the account saw those whose path ends so, or has this beginning and a `*` for one part."""
        method, path = call if isinstance(call, tuple) else ("", call)
        log = self.server.read("log", provider=self.slug, account=self.name)["calls"]
        return [row for row in log if method in ("", row["method"]) and _is_like(row["path"], path)]


def _is_like(path: str, wanted: str) -> bool:
    parts, sought = path.strip("/").split("/"), wanted.strip("/").split("/")
    tail = parts[-len(sought) :]
    return len(tail) == len(sought) and all(b in ("*", a) for a, b in zip(tail, sought, strict=True))
