"""Fixtures every test may use: people with roles, a workspace, and the sandbox over a real socket."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from accounts.models import Membership, Role, User, Workspace
from accounts.providers import provider_class
from tests.factories import MembershipFactory, WorkspaceFactory


@pytest.fixture
def workspace(db: None) -> Workspace:
    return WorkspaceFactory(slug="acme", name="Acme")


@pytest.fixture
def member(workspace: Workspace) -> Callable[..., User]:
    """`member("editor")` makes a person with that role in the workspace."""

    def make(role: str = Role.ADMIN) -> User:
        membership: Membership = MembershipFactory(workspace=workspace, role=role)
        return membership.user

    return make


@pytest.fixture
def browse(member: Callable[..., User]) -> Callable[..., Client]:
    """`browse("viewer")` is a test client of a logged-in member; addresses begin with /w/acme/."""

    def client_of(role: str = Role.ADMIN) -> Client:
        client = Client()
        client.force_login(member(role))
        return client

    return client_of


class SandboxServer:
    """The sandbox over a real socket, with its control at hand."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def control(self, verb: str, **values: Any) -> Any:
        """POST /_control/<verb>; answers what it says."""
        reply = requests.post(f"{self.url}/_control/{verb}", json=values, timeout=30)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def read(self, verb: str, **query: str) -> Any:
        """GET /_control/<verb>."""
        reply = requests.get(f"{self.url}/_control/{verb}", params=query, timeout=30)
        reply.raise_for_status()
        return reply.json()

    def base_url(self, slug: str = "brevo") -> str:
        return f"{self.url}/{slug}{urlsplit(provider_class(slug).default_base_url).path}"


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    from accounts.sandbox.__main__ import pass_time, post_callbacks
    from accounts.sandbox.app import Sandbox
    from accounts.sandbox.server import Server

    app = Sandbox()
    server = Server(("127.0.0.1", 0), app)
    for work in (server.serve_forever, lambda: pass_time(app), lambda: post_callbacks(app)):
        threading.Thread(target=work, daemon=True).start()
    yield SandboxServer(server.server_port)
    app.stopping.set()
    server.shutdown()


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Any) -> Iterator[SandboxServer]:
    """An empty sandbox that connections may reach."""
    sandbox_server.control("reset")
    settings.PRIVATE_ADDRESSES = [sandbox_server.url.removeprefix("http://")]
    yield sandbox_server
    sandbox_server.control("reset")
