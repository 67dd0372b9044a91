"""A managed account is opened for the workspaces that the operator allots it to: the app would act for anybody."""

from typing import Any

import pytest

from accounts.models import Connection
from accounts.services import connections as services
from accounts.services.connections import CannotConnect
from tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(settings: Any) -> Any:
    settings.EMBEDDED = False
    settings.PROVIDER_APPS = {"mailmojo": {"client_id": "our-app", "client_secret": "our-secret"}}
    settings.PROVIDER_ALLOTMENTS = {"mailmojo": ("acme:acme-shop", "other:theirs")}
    return settings


@pytest.fixture
def connect(workspace, member):
    def run(username: str, *, base_url: str = "", to: Any = None, **extra: Any) -> Connection:
        return services.begin_check(
            workspace=to or workspace,
            provider="mailmojo",
            credentials={"way": "managed", "username": username},
            base_url=base_url,
            by=member("admin"),
            **extra,
        )

    return run


@pytest.mark.parametrize("base_url", ["", "https://api.mailmojo.no", "https://api.mailmojo.no/"])
def test_allotted_username_is_taken(production, connect, workspace, base_url):
    assert workspace.slug == "acme"

    assert connect(" acme-shop ", base_url=base_url).pk


@pytest.mark.parametrize("username", ["theirs", "ACME-SHOP", "nobody", "acme-shop:x", ""])
@pytest.mark.parametrize("base_url", ["", "https://api.mailmojo.no/"])
def test_username_that_is_not_of_this_workspace_is_refused(production, connect, username, base_url):
    with pytest.raises(CannotConnect, match="MAILMOJO_MANAGED") as caught:
        connect(username, base_url=base_url)

    assert list(caught.value.fields) == ["username"]
    assert not Connection.objects.exists()


def test_username_of_one_workspace_is_not_for_another(production, connect):
    with pytest.raises(CannotConnect, match="MAILMOJO_MANAGED"):
        connect("acme-shop", to=WorkspaceFactory(slug="other"))


def test_nobody_is_managed_unless_allotted(production, connect):
    production.PROVIDER_ALLOTMENTS = {"mailmojo": ()}

    with pytest.raises(CannotConnect):
        connect("acme-shop")


def test_replaced_credentials_are_held_to_it_too(production, connect, member):
    connection = connect("acme-shop")

    with pytest.raises(CannotConnect):
        services.replace_credentials(
            connection=connection, credentials={"way": "managed", "username": "theirs"}, by=member("admin")
        )


def test_sandbox_lets_anybody_in(production, connect):
    assert connect("anybody", base_url=services.sandbox_url("mailmojo")).pk


def test_page_says_it_at_the_field(production, browse):
    form = {"provider": "mailmojo", "way": "managed", "username": "theirs"}
    page = browse("admin").post("/w/acme/connections/new/", form)

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["username"]
    assert not Connection.objects.exists()


def test_other_ways_are_open_to_all(production, workspace, member):
    own = {"way": "client", "client_id": "a", "client_secret": "b"}

    assert services.begin_check(
        workspace=workspace, provider="mailmojo", credentials=own, by=member("admin")
    ).pk
