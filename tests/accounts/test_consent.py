"""Accounts whose owner agrees on the provider's page: out with a state, back with a code, once and by whom it was asked."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from accounts import http as pages
from accounts.models import ActivityEntry, Connection, Membership
from accounts.views import consent
from tests.factories import ConnectionFactory, WorkspaceFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

ASK = "/w/acme/connections/new/ask/"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr("accounts.http.logged_in_lately", lambda request: True)


@pytest.fixture
def trial(settings, sandbox):
    """An embedded installation that no provider knows: the sandbox stands in."""
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    return settings


@pytest.fixture
def production(settings):
    settings.EMBEDDED = False
    settings.PUBLIC_URL = "https://campanile.example"
    settings.PROVIDER_APPS = {"mailmojo": {"client_id": "our-app", "client_secret": "our-secret"}}
    return settings


def place_of(page):
    """Where a redirect leads, and what it says there."""
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", {
        name: values[0] for name, values in parse_qs(parts.query).items()
    }


def agree(address, account="sandbox-acme", decision="allow"):
    """What the person does on the sandbox's page; answers the path and query they come back with."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    reply = requests.post(
        address, data=asked | {"account": account, "decision": decision}, allow_redirects=False, timeout=10
    )
    back = urlsplit(reply.headers["Location"])
    return f"{back.path}?{back.query}"


def said(page):
    return [str(message) for message in page.context["messages"]]


def test_a_person_is_sent_to_the_provider_with_a_state_of_their_own(browse, production):
    client = browse("admin")

    addresses = [place_of(client.get(f"{ASK}?provider=mailmojo&way=code")) for _ in range(2)]

    states = [query.pop("state") for _, query in addresses]
    assert addresses[0] == (
        "https://api.mailmojo.no/oauth/authorize/",
        {
            "client_id": "our-app",
            "response_type": "code",
            "redirect_uri": "https://campanile.example/connect/back/",
            "scope": "account account_settings contacts lists subscribe newsletters webhooks",
        },
    )
    assert len(set(states)) == 2
    assert all(len(state) >= 40 for state in states)
    assert not Connection.objects.exists()


def test_from_the_question_to_the_connected_account(browse, trial):
    client = browse("admin")
    page = client.get("/w/acme/connections/new/?provider=mailmojo").content.decode()
    assert f'href="{ASK}?provider=mailmojo&amp;way=code"' in page

    checking = client.get(agree(client.get(f"{ASK}?provider=mailmojo&way=code").url))

    check = Connection.objects.get()
    assert checking.url == f"/w/acme/connections/new/?check={check.pk}"
    run_outbox("accounts.check")
    assert "Save and pull" in client.get(checking.url).content.decode()
    client.post(f"/w/acme/connections/{check.pk}/save/")
    connection = Connection.objects.get()
    assert (connection.status, connection.name) == ("ready", "Acme")
    assert connection.credentials == {"way": "code"}  # what is spent is not kept
    assert connection.open().account().fingerprint == connection.fingerprint
    assert [entry.verb for entry in ActivityEntry.objects.all()] == ["connection.connected", "pull.started"]


def test_who_says_no_is_told_that_nothing_was_changed(browse, trial):
    client = browse("admin")

    page = client.get(agree(client.get(f"{ASK}?provider=mailmojo").url, decision="deny"), follow=True)

    assert page.redirect_chain == [("/w/acme/connections/new/?provider=mailmojo&way=code", 302)]
    assert said(page) == ["You did not agree at Mailmojo, so nothing was changed."]
    assert not Connection.objects.exists()


def test_what_hinders_the_provider_is_told_in_its_word(browse, production):
    client = browse("admin")
    _, query = place_of(client.get(f"{ASK}?provider=mailmojo"))

    page = client.get("/connect/back/", {"state": query["state"], "error": "invalid_scope"}, follow=True)

    assert said(page) == [
        "Mailmojo could not ask you (invalid_scope), so nothing was changed. Tell the operator of this installation."
    ]


def test_an_answer_counts_once(browse, trial):
    client = browse("admin")
    back = agree(client.get(f"{ASK}?provider=mailmojo").url)
    client.get(back)

    again = client.get(back, follow=True)

    assert Connection.objects.count() == 1
    assert "belongs to no question of yours" in said(again)[0]


def test_an_answer_counts_for_ten_minutes(browse, trial, monkeypatch):
    client = browse("admin")
    early, late = (agree(client.get(f"{ASK}?provider=mailmojo").url) for _ in range(2))
    now = consent.time.time()

    monkeypatch.setattr(consent.time, "time", lambda: now + 590)
    client.get(early)
    assert Connection.objects.count() == 1
    monkeypatch.setattr(consent.time, "time", lambda: now + 610)
    client.get(late)
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("state", ["", "made-up"])
def test_an_answer_to_nothing_changes_nothing(browse, trial, state):
    client = browse("admin")
    client.get(f"{ASK}?provider=mailmojo")

    page = client.get("/connect/back/", {"state": state, "code": "x"})

    assert page.url == "/"
    assert not Connection.objects.exists()


def test_an_answer_to_somebody_elses_question_changes_nothing(browse, trial):
    """Who is lured onto an answer of a stranger's does not connect the stranger's account."""
    back = agree(browse("admin").get(f"{ASK}?provider=mailmojo").url)

    page = browse("admin").get(back, follow=True)

    assert "belongs to no question of yours" in said(page)[0]
    assert not Connection.objects.exists()


def test_whoever_has_logged_out_meanwhile_connects_nothing(browse, trial):
    client = browse("admin")
    back = agree(client.get(f"{ASK}?provider=mailmojo").url)
    client.logout()

    assert client.get(back).url.startswith("/accounts/login/")
    client.force_login(Membership.objects.get().user)
    assert client.get(back).url == "/"
    assert not Connection.objects.exists()


@pytest.mark.parametrize("role", ["approver", "editor", "viewer"])
def test_only_an_admin_asks(browse, trial, role):
    assert browse(role).get(f"{ASK}?provider=mailmojo").status_code == 403


def test_an_admin_who_is_none_any_more_connects_nothing(browse, trial):
    client = browse("admin")
    back = agree(client.get(f"{ASK}?provider=mailmojo").url)
    Membership.objects.update(role="editor")

    assert client.get(back).status_code == 404
    assert not Connection.objects.exists()


def test_the_account_lands_in_the_workspace_it_was_asked_for(browse, trial, workspace):
    client = browse("admin")
    back = agree(client.get(f"{ASK}?provider=mailmojo").url)
    other = WorkspaceFactory(slug="other")
    Membership.objects.create(
        user=Membership.objects.get(workspace=workspace).user, workspace=other, role="admin"
    )

    client.get(back)

    assert Connection.objects.get().workspace == workspace


def test_asking_needs_a_fresh_login(browse, trial, monkeypatch):
    monkeypatch.setattr(pages, "logged_in_lately", lambda request: False)

    page = browse("admin").get(f"{ASK}?provider=mailmojo&way=code")

    assert page.status_code == 302
    assert page.url.startswith("/accounts/reauthenticate/")
    assert not page.url.startswith("http")


def test_without_an_app_the_page_says_so_and_nobody_is_sent_anywhere(browse, production):
    production.PROVIDER_APPS = {}
    client = browse("admin")
    sentence = (
        "This installation is not known to Mailmojo yet. The operator asks Mailmojo for an app and sets "
        "MAILMOJO_CLIENT_ID and MAILMOJO_CLIENT_SECRET."
    )

    for way in ("code", "managed"):
        assert (
            sentence in client.get(f"/w/acme/connections/new/?provider=mailmojo&way={way}").content.decode()
        )
    own_client = client.get("/w/acme/connections/new/?provider=mailmojo&way=client").content.decode()
    assert "This installation is not known" not in own_client

    page = client.get(f"{ASK}?provider=mailmojo&way=code", follow=True)
    assert page.redirect_chain == [("/w/acme/connections/new/?provider=mailmojo&way=code", 302)]
    assert said(page) == [sentence]
    refused = client.post(
        "/w/acme/connections/new/", {"provider": "mailmojo", "way": "managed", "username": "acme"}
    )
    assert refused.status_code == 422
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "query", ["provider=brevo", "provider=especial&way=login", "provider=mailmojo&way=client"]
)
def test_a_way_without_a_page_of_the_providers_asks_nobody(browse, production, query):
    page = browse("admin").get(f"{ASK}?{query}", follow=True)

    assert "is connected in another way." in said(page)[0]


def test_an_unknown_provider_is_none(browse, production):
    assert browse("admin").get(f"{ASK}?provider=acme").status_code == 404


def test_a_link_sends_nobody_and_no_secret_to_an_address_of_its_own(browse, production):
    """A foreign base URL in a link would be asked for consent, and then be told the secret of this installation."""
    place, _ = place_of(
        browse("admin").get(f"{ASK}?provider=mailmojo&way=code&base_url=https://evil.example")
    )

    assert place == "https://api.mailmojo.no/oauth/authorize/"


@pytest.mark.parametrize(
    ("base_url", "told"),
    [
        ("", "our-secret"),
        ("https://api.mailmojo.no", "our-secret"),
        ("https://api.mailmojo.no/", "our-secret"),
        ("https://evil.example", ""),
        ("https://api.mailmojo.no.evil.example", ""),
    ],
)
def test_the_secret_of_the_installation_is_told_to_the_provider_alone(production, base_url, told):
    connection = Connection(provider="mailmojo", base_url=base_url)

    assert connection.app_credentials["client_secret"] == told


# Giving a connection new credentials in this way


@pytest.fixture
def connected(browse, trial):
    """An account that was connected by a client of its own."""
    client = browse("admin")
    form = {"provider": "mailmojo", "way": "client", "client_id": "sandbox-acme", "client_secret": "sandbox"}
    client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")
    client.post(f"/w/acme/connections/{Connection.objects.get().pk}/save/")
    return client, Connection.objects.get()


def test_a_connection_is_given_new_credentials_by_consent(connected):
    client, connection = connected
    place = f"/w/acme/connections/{connection.pk}/credentials/"
    page = client.get(f"{place}?way=code").content.decode()
    assert f"way=code&amp;replaces={connection.pk}" in page

    checking = client.get(agree(client.get(f"{ASK}?provider=mailmojo&way=code&replaces={connection.pk}").url))
    assert checking.url.startswith(f"{place}?check=")
    run_outbox("accounts.check")
    done = client.get(checking.url, follow=True)

    assert said(done) == [f"{connection} uses the new credentials."]
    connection = Connection.objects.get()
    assert connection.credentials == {"way": "code"}
    assert connection.open().account().fingerprint == connection.fingerprint


def test_consent_for_another_account_changes_nothing(connected):
    client, connection = connected
    address = client.get(f"{ASK}?provider=mailmojo&way=code&replaces={connection.pk}").url

    checking = client.get(agree(address, account="sandbox-other"))
    run_outbox("accounts.check")

    assert "This opens another account" in client.get(checking.url).content.decode()
    connection.refresh_from_db()
    assert connection.credentials["way"] == "client"


def test_who_says_no_while_replacing_is_back_where_they_were(connected):
    client, connection = connected
    address = client.get(f"{ASK}?provider=mailmojo&way=code&replaces={connection.pk}").url

    page = client.get(agree(address, decision="deny"))

    assert page.url == f"/w/acme/connections/{connection.pk}/credentials/?provider=mailmojo&way=code"


def test_a_connection_of_another_workspace_is_not_replaced(browse, trial):
    foreign = ConnectionFactory(provider="mailmojo", base_url="https://evil.example")
    client = browse("admin")

    checking = client.get(agree(client.get(f"{ASK}?provider=mailmojo&way=code&replaces={foreign.pk}").url))

    assert checking.url.startswith("/w/acme/connections/new/?check=")
    assert Connection.objects.exclude(pk=foreign.pk).get().account == {}


def test_a_code_that_is_refused_is_told_with_what_to_do(browse, trial):
    client = browse("admin")
    back = agree(client.get(f"{ASK}?provider=mailmojo").url)
    checking = client.get(back.replace("code=", "code=x"))
    run_outbox("accounts.check")

    answer = client.get(checking.url).content.decode()
    assert "Mailmojo does not let Campanile in. Agree there once more." in answer
    assert 'href="/w/acme/connections/new/?provider=mailmojo&amp;way=code&amp;again=' in answer
