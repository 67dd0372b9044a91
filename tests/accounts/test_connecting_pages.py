"""An account is connected by its pages: a key, a login, a consent; another key, another try."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import (
    Connection,
)
from accounts.providers import PROVIDERS, provider_class
from accounts.services import connections as services
from tests.factories import (
    ConnectionFactory,
    ContactFactory,
    SuppressionFactory,
    WorkspaceFactory,
)
from tests.helpers import run_outbox, shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh")]


def test_the_first_journey_through_three_pages(browse, sandbox, workspace):
    client = browse("admin")
    assert "provider=brevo" in client.get("/w/acme/connections/new/").content.decode()
    form = client.get("/w/acme/connections/new/?provider=brevo").content.decode()
    assert re.search(r'<input type="password" name="api_key"[^>]*autocomplete="off"', form)

    checking = client.post(
        "/w/acme/connections/new/",
        {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
        follow=True,
    )
    address = checking.redirect_chain[-1][0]
    assert 'hx-trigger="every 1s"' in checking.content.decode()
    run_outbox("accounts.check")
    partial = client.get(address, headers={"HX-Request": "true", "HX-Target": "check"}).content.decode()
    assert partial.lstrip().startswith('<div id="check"')
    assert "hx-trigger" not in partial
    assert "Save and pull" in partial
    assert "<html" not in partial
    assert ">sandbox-acme<" not in partial

    check = Connection.objects.get()
    page = client.post(f"/w/acme/connections/{check.pk}/save/", follow=True)
    assert page.redirect_chain[-1][0] == f"/w/acme/connections/{check.pk}/"
    assert "Cancel the pull" in page.content.decode()
    assert Connection.objects.get().name == "Acme"


def test_a_wrong_key_gives_the_form_back_to_try_another(browse, sandbox):
    client = browse("admin")
    page = client.post(
        "/w/acme/connections/new/", {"provider": "brevo", "api_key": "wrong", "base_url": sandbox.base_url()}
    )
    run_outbox("accounts.check")

    text = client.get(page.url).content.decode()
    assert "Brevo does not let Campanile in. Enter the credentials again" in text
    assert "Try again" in text
    assert "Save and pull" not in text


@pytest.mark.parametrize("slug", PROVIDERS)
def test_each_way_of_each_provider_has_a_page_of_its_own(browse, settings, slug):
    settings.EMBEDDED = True
    client = browse("admin")
    for way in provider_class(slug).ways:
        page = client.get(f"/w/acme/connections/new/?provider={slug}&way={way.name}")
        words, html = shown(page), page.content.decode()

        assert way.help in words
        assert re.findall(r'<input type="(?:text|password|checkbox)" name="(\w+)"', html) == [
            credential.name for credential in way.credentials
        ]
        assert re.findall(r'<input type="password" name="(\w+)"', html) == [
            credential.name for credential in way.credentials if credential.secret
        ]
        assert (f"Go on to {provider_class(slug).name}" in words) is way.asks_there
        assert [scope.why in words for scope in way.scopes] == [True] * len(way.scopes)
        assert "Only trying it out?" in words
        tabs = re.findall(r'<a href="\?provider=\w+&amp;way=(\w+)"', html)
        assert tabs == (
            [other.name for other in provider_class(slug).ways] if len(provider_class(slug).ways) > 1 else []
        )


def test_outside_of_a_trial_no_page_speaks_of_the_sandbox(browse, settings):
    settings.EMBEDDED = False
    client = browse("admin")

    for slug in PROVIDERS:
        for way in provider_class(slug).ways:
            page = client.get(f"/w/acme/connections/new/?provider={slug}&way={way.name}")
            assert "sandbox" not in page.content.decode()


# What the sandbox's account of this name is opened with, as its hint on the page says.
HINTED = {
    ("brevo", "key"): {"api_key": "sandbox-acme"},
    ("especial", "login"): {"username": "sandbox-acme@example.test", "password": "anything"},
    ("mailmojo", "client"): {"client_id": "sandbox-acme", "client_secret": "sandbox"},
    ("mailmojo", "managed"): {"username": "sandbox-acme"},
    ("leadfox", "key"): {"api_key": "sandbox-acme", "secret": "anything"},
    ("emailcampaigns", "token"): {"token": "sandbox-acme"},
    ("emailcampaigns", "login"): {"username": "sandbox-acme", "password": "anything"},
}


def test_every_way_without_a_page_of_the_providers_is_tried_out():
    ways = {(slug, way.name) for slug in PROVIDERS for way in provider_class(slug).ways if not way.asks_there}

    assert ways == set(HINTED)


@pytest.mark.parametrize(("slug", "way"), HINTED)
def test_what_the_hint_says_opens_an_account_of_the_sandbox(browse, sandbox, settings, slug, way):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    words = shown(client.get(f"/w/acme/connections/new/?provider={slug}&way={way}"))
    for value in HINTED[slug, way].values():
        assert value == "anything" or f" {value}" in words

    page = client.post(
        "/w/acme/connections/new/", {"provider": slug, "way": way, **HINTED[slug, way]}, follow=True
    )
    run_outbox("accounts.check")

    answer = shown(client.get(page.redirect_chain[-1][0]))
    assert "Save and pull" in answer
    assert "Audience" in answer


def test_email_campaigns_wants_to_be_told_where_it_is(browse, settings):
    settings.EMBEDDED = False
    form = {"provider": "emailcampaigns", "way": "token", "token": "a1b2"}
    client = browse("admin")

    page = client.post("/w/acme/connections/new/", form)
    assert page.status_code == 422
    assert "Fill in the address at which the account is reached." in shown(page)
    assert not Connection.objects.exists()

    client.post("/w/acme/connections/new/", form | {"base_url": "https://mail.example.com/api/v1"})
    connection = Connection.objects.get()
    assert (connection.base_url, connection.credentials) == (
        "https://mail.example.com/api/v1",
        {"way": "token", "token": "a1b2"},
    )


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_password_is_kept_only_where_somebody_ticked_it(browse, sandbox, settings, is_kept):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    form = {"provider": "especial", "username": "sandbox-acme@example.test", "password": "anything"}

    browse("admin").post("/w/acme/connections/new/", form | ({"keep_password": "on"} if is_kept else {}))
    run_outbox("accounts.check")

    kept = {
        "way": "login",
        "username": "sandbox-acme@example.test",
        "keep_password": "yes" if is_kept else "",
    }
    assert Connection.objects.get().credentials == kept | ({"password": "anything"} if is_kept else {})


def test_credentials_are_replaced_by_another_way(browse, sandbox, settings):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    form = {"provider": "mailmojo", "way": "client", "client_id": "sandbox-acme", "client_secret": "sandbox"}
    client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    place = f"/w/acme/connections/{connection.pk}/credentials/"
    usual = client.get(place).content.decode()
    assert re.search(r'way=client" aria-current="page"', usual)  # as it was connected

    page = client.post(place, {"way": "managed", "username": "sandbox-acme", "base_url": connection.base_url})
    run_outbox("accounts.check")
    done = client.get(page.url, follow=True)

    assert "uses the new credentials" in done.content.decode()
    connection.refresh_from_db()
    assert connection.credentials == {"way": "managed", "username": "sandbox-acme"}
    assert connection.open().account().fingerprint == connection.fingerprint


def test_credentials_of_another_account_change_nothing(browse, sandbox, settings):
    settings.EMBEDDED, settings.SANDBOX_URL = True, sandbox.url
    client = browse("admin")
    form = {"provider": "leadfox", "api_key": "sandbox-acme", "secret": "anything"}
    client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    connection.refresh_from_db()

    page = client.post(
        f"/w/acme/connections/{connection.pk}/credentials/",
        {"api_key": "sandbox-other", "secret": "anything", "base_url": connection.base_url},
    )
    run_outbox("accounts.check")

    assert "This opens another account" in shown(client.get(page.url))
    connection.refresh_from_db()
    assert connection.credentials["api_key"] == "sandbox-acme"


@pytest.mark.parametrize(("embedded", "base_url"), [(True, "http://sandbox.test:8900/brevo/v3"), (False, "")])
def test_a_key_of_the_sandbox_opens_the_sandbox_where_it_runs(browse, settings, embedded, base_url):
    settings.EMBEDDED, settings.SANDBOX_URL = embedded, "http://sandbox.test:8900"

    browse("admin").post("/w/acme/connections/new/", {"provider": "brevo", "api_key": "sandbox-acme"})

    assert Connection.objects.get().base_url == base_url


def test_a_missing_key_is_asked_for_and_nothing_is_made(browse):
    page = browse("admin").post("/w/acme/connections/new/", {"provider": "brevo", "api_key": ""})

    assert page.status_code == 422
    assert not Connection.objects.exists()


def test_a_check_without_a_worker_says_so(browse, workspace, member):
    check = services.begin_check(
        workspace=workspace, provider="brevo", credentials={"api_key": "x"}, by=member("admin")
    )
    client = browse("admin")
    assert "No worker" not in client.get(f"/w/acme/connections/new/?check={check.pk}").content.decode()

    Connection.objects.filter(pk=check.pk).update(created_at=check.created_at - timedelta(seconds=11))
    assert "No worker" in client.get(f"/w/acme/connections/new/?check={check.pk}").content.decode()


def test_an_account_that_is_connected_already_is_named(browse, sandbox, workspace):
    client = browse("admin")
    for _ in range(2):
        page = client.post(
            "/w/acme/connections/new/",
            {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
        )
        run_outbox("accounts.check")
        check = Connection.objects.latest("pk")
        saved = client.post(f"/w/acme/connections/{check.pk}/save/", follow=True)

    assert "already connected as" in saved.content.decode()
    assert page.url in saved.redirect_chain[-1][0]


def test_a_key_is_replaced_on_its_page(browse, sandbox, workspace):
    client = browse("admin")
    client.post(
        "/w/acme/connections/new/",
        {"provider": "brevo", "api_key": "sandbox-acme", "base_url": sandbox.base_url()},
    )
    run_outbox("accounts.check")
    connection = Connection.objects.get()
    client.post(f"/w/acme/connections/{connection.pk}/save/")
    Connection.objects.update(status="reconnect")

    page = client.post(
        f"/w/acme/connections/{connection.pk}/credentials/",
        {"api_key": "sandbox-acme", "base_url": sandbox.base_url()},
    )
    run_outbox("accounts.check")
    polled = client.get(page.url, headers={"HX-Request": "true", "HX-Target": "check"})

    assert polled.headers["HX-Redirect"] == f"/w/acme/connections/{connection.pk}/"
    connection.refresh_from_db()
    assert connection.status == Connection.Status.READY


def test_an_account_that_did_not_answer_is_tried_again_with_what_was_typed(browse, settings):
    settings.PRIVATE_ADDRESSES = ["127.0.0.1:1"]
    client = browse("admin")
    form = {"provider": "especial", "way": "login", "base_url": "http://127.0.0.1:1/api"}
    form |= {"username": "ana@example.test", "password": "hush-hush"}
    page = client.post("/w/acme/connections/new/", form)
    run_outbox("accounts.check")

    answer = client.get(page.url)
    assert "No answer from Especial. Try again." in shown(answer)
    assert "several times in a row" not in shown(answer)
    again = client.get(answer.context["again_url"]).content.decode()
    assert 'value="ana@example.test"' in again
    assert 'value="http://127.0.0.1:1/api"' in again
    assert "hush-hush" not in again


def test_what_was_typed_in_another_workspace_is_not_shown(browse, workspace):
    check = ConnectionFactory(
        workspace=WorkspaceFactory(), status="checking", status_note="no", base_url="https://foreign.test"
    )
    page = browse("admin").get(f"/w/acme/connections/new/?provider={check.provider}&again={check.pk}")
    assert "foreign.test" not in page.content.decode()


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("brevo", "are suppressed here (so far 1 address). With the first campaign"),
        ("leadfox", "Saving writes nothing there"),
    ],
)
def test_what_saving_writes_over_there_is_said_before(browse, workspace, slug, words):
    SuppressionFactory(contact=ContactFactory(workspace=workspace))
    check = ConnectionFactory(
        workspace=workspace,
        provider=slug,
        status="checking",
        checked_at=timezone.now(),
        account={"name": "A"},
    )
    page = shown(browse("admin").get(f"/w/acme/connections/new/?check={check.pk}"))
    assert words in page.partition("Save and pull")[0]
