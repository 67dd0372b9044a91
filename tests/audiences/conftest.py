"""Who works on the audience, and who reads typed words; an account in the sandbox and the connection to it."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest
import requests
from django.utils import timezone

from accounts import pulls
from accounts.models import Connection, Pull, User, Workspace
from audiences import rules, services
from audiences.models import BulkAction, Contact, Field, List
from audiences.queries.contacts import People
from audiences.queries.segments import fields_holding, values_of
from tests.conftest import SandboxServer
from tests.factories import ConnectionFactory, ContactFactory, ListFactory
from tests.helpers import run_outbox

STEPS = ("audiences.pull_fields", "audiences.pull_lists", "audiences.pull_leaves", "audiences.pull_contacts")


class Account:
    """One Brevo account, worked on the way its own users would: over HTTP."""

    def __init__(self, sandbox: SandboxServer, name: str) -> None:
        self.sandbox, self.name = sandbox, name

    def call(self, method: str, path: str, **body: Any) -> Any:
        reply = requests.request(
            method,
            f"{self.sandbox.base_url()}{path}",
            headers={"api-key": f"sandbox-{self.name}"},
            json=body or None,
            timeout=30,
        )
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    def new_folder(self, name: str) -> int:
        return self.call("POST", "/contacts/folders", name=name)["id"]

    def new_list(self, name: str, folder: int) -> int:
        return self.call("POST", "/contacts/lists", name=name, folderId=folder)["id"]

    def contact(self, email: str, *lists: int, **attributes: Any) -> int:
        return self.call(
            "POST", "/contacts", email=email, listIds=list(lists) or None, attributes=attributes or None
        )["id"]

    def update(self, email: str, **body: Any) -> None:
        self.call("PUT", f"/contacts/{email}", **body)

    def calls(self) -> list[tuple[str, str]]:
        log = self.sandbox.read("log", provider="brevo", account=f"sandbox-{self.name}")["calls"]
        return [(call["method"], call["path"]) for call in log]


@pytest.fixture
def news(workspace: Workspace) -> List:
    return ListFactory(workspace=workspace, name="News")


@pytest.fixture
def approver(member: Callable[..., User]) -> User:
    return member("approver")


@pytest.fixture
def by(member: Callable[..., User]) -> User:
    """Who does it, where an editor may."""
    return member("editor")


@pytest.fixture
def ana(workspace: Workspace) -> Contact:
    return ContactFactory(workspace=workspace, email="ana@example.org")


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def account(sandbox: SandboxServer) -> Account:
    sandbox.control(
        "seed", provider="brevo", account="sandbox-test", limits="off", lists=0, contacts=0, campaigns=0
    )
    return Account(sandbox, "test")


@pytest.fixture
def connection(workspace: Workspace, sandbox: SandboxServer) -> Connection:
    return ConnectionFactory(workspace=workspace, base_url=sandbox.base_url(), api_key="sandbox-test")


@pytest.fixture
def pull(connection: Connection) -> Callable[..., Pull]:
    """`pull()` walks fields, lists and contacts to their end, and says what it counted."""

    def run(of: Connection = connection) -> Pull:
        pull = pulls.start(connection=of, by=None)
        run_outbox(*STEPS)
        Pull.objects.filter(pk=pull.pk).update(state=Pull.State.DONE)
        pull.refresh_from_db()
        return pull

    return run


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bulk actions: even a few people go through the outbox, two at a time."""
    monkeypatch.setattr("audiences.services.bulk.AT_ONCE", 0)
    monkeypatch.setattr("audiences.bulk.running.CHUNK", 2)


@pytest.fixture
def begin(workspace: Workspace, by: User) -> Callable[..., BulkAction]:
    """`begin("tag", new_tag="VIP")` does it to everybody, or begins to."""

    def do(
        action: str, people: People | None = None, consent_source: str = "", nonce: str = "", typed: int | None = None,
        **arguments: Any,
    ) -> BulkAction:  # fmt: skip
        mine = services.begin_bulk(
            workspace=workspace, by=by, action=action, people=people or People(workspace), arguments=arguments,
            consent_source=consent_source, nonce=nonce, typed=typed,
        )  # fmt: skip
        mine.refresh_from_db()
        return mine

    return do


@pytest.fixture
def reader(workspace: Workspace) -> rules.Reader:
    """Of a workspace with lists, tags and fields, and people in a few cities; it is the 26th of November 2026."""
    for name in (
        "News",
        "News from Bern",
        "Guests",
        "Offers",
        "Dogs and cats",
        "Trial Liste",
        "\u2068Twins\u2069 · Guests of Bergen",
    ):
        ListFactory(workspace=workspace, name=name)
    for name in ("VIP", "lost"):
        workspace.tags.create(name=name)
    for key, label, kind in (
        ("born", "Birthday", "date"),
        ("points", "Points", "number"),
        ("consent_club", "Consent: Club", "text"),
        ("paid", "Paid", "boolean"),
        ("region", "Region", "text"),
    ):
        Field.objects.create(workspace=workspace, key=key, label=label, kind=kind)
    ContactFactory(workspace=workspace, city="Gent", custom={"region": "Flanders"})
    for city in ("Brugge", "Gießen"):
        ContactFactory(workspace=workspace, city=city)
    ContactFactory(city="Oslo")
    things = {key: kind.things(workspace) for key, kind in rules.KINDS.items()}
    return rules.Reader(
        things, date(2026, 11, 26), partial(fields_holding, workspace), partial(values_of, workspace)
    )


@pytest.fixture
def offered(workspace: Workspace, reader: rules.Reader) -> Callable[[str], list[str]]:
    """words → the sentences that are offered."""

    def of(words: str) -> list[str]:
        nodes = [offer.node for offer in reader.offers(words)]
        known = rules.Known.of(workspace, *nodes)
        return [rules.sentence(rules.Group("all", (node,)), known) for node in nodes]

    return of
