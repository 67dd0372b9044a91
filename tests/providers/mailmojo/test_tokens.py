"""The three ways to connect, against the sandbox: consent, own client, managed account; renewal, and the end of it."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from accounts.providers.base import OwnKeyring
from accounts.providers.errors import OutcomeUnknown, Refused, Unauthorized, Unsupported
from accounts.providers.mailmojo.declaration import SCOPES
from accounts.providers.mailmojo.provider import Mailmojo
from accounts.providers.records import Tokens
from tests.providers import conftest
from tests.providers.conftest import Account
from tests.providers.wsgi import WsgiAdapter, contract

BACK = "https://console.example/connections/mailmojo/back"
APP = {"client_id": "sandbox", "client_secret": "sandbox"}


@pytest.fixture
def account() -> Account:
    return Account("mailmojo")


def consent_url(**changes: str) -> str:
    values = {"base_url": "", "credentials": APP, "redirect_uri": BACK, "state": "s t&te"}
    return Mailmojo.consent_url(**{**values, **changes})


def agree(account: Account, decision: str = "allow") -> dict[str, str]:
    """What the person's browser brings back from Mailmojo's page."""
    browser = requests.Session()
    browser.mount("https://", WsgiAdapter(account.sandbox, rewrite=account._rewrite, look=lambda *_: None))
    page = browser.get(consent_url())
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    answer = browser.post(
        f"{contract('mailmojo').base_url}/oauth/authorize/",
        data={**{name: value.replace("&amp;", "&") for name, value in hidden.items()},
              "account": account.name, "decision": decision},
        allow_redirects=False,
    )  # fmt: skip
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def use(monkeypatch: pytest.MonkeyPatch, **credentials: str) -> None:
    """Have accounts opened with these credentials, joined by the installation's own."""
    monkeypatch.setitem(conftest.CREDENTIALS, "mailmojo", lambda _: {**APP, **credentials})


def renewals(account: Account) -> int:
    return [operation for operation, _ in account.operations].count("oauthToken")


# Consent


def test_consent_is_asked_for_what_is_described():
    parts = urlsplit(consent_url())
    described = contract("mailmojo").operations["oauthAuthorize"][1]["parameters"]

    assert parts._replace(query="").geturl() == "https://api.mailmojo.no/oauth/authorize/"
    assert parse_qs(parts.query) == {
        "client_id": ["sandbox"],
        "response_type": ["code"],
        "redirect_uri": [BACK],
        "scope": [" ".join(scope.name for scope in SCOPES)],
        "state": ["s t&te"],
    }
    assert set(parse_qs(parts.query)) == {parameter["name"] for parameter in described}


def test_consent_follows_the_base_url():
    assert consent_url(base_url="http://127.0.0.1:8000/mailmojo/").startswith(
        "http://127.0.0.1:8000/mailmojo/oauth/authorize/?client_id="
    )


def test_consent_needs_an_app_of_this_installation():
    with pytest.raises(Unsupported, match="MAILMOJO_CLIENT_ID"):
        consent_url(credentials={})


def test_code_becomes_tokens_that_are_renewed(account, monkeypatch):
    given = agree(account)
    assert given["state"] == "s t&te"
    use(monkeypatch, way="code", code=given["code"], redirect_uri=BACK)
    provider = account.open()

    assert provider.account().fingerprint == account.name
    first = provider.keyring.tokens()
    assert first.access
    assert first.refresh

    account.advance(3700)
    assert provider.account().fingerprint == account.name
    second = provider.keyring.tokens()
    assert {first.access, first.refresh}.isdisjoint({second.access, second.refresh})
    assert renewals(account) == 2


def test_used_code_must_be_asked_for_again(account, monkeypatch):
    use(monkeypatch, way="code", code=agree(account)["code"], redirect_uri=BACK)
    account.open().account()

    with pytest.raises(Unauthorized, match=r"Connect it again\."):
        account.open().account()


def test_consent_taken_back_must_be_given_again(account, monkeypatch):
    use(monkeypatch, way="code", code=agree(account)["code"], redirect_uri=BACK)
    provider = account.open()
    provider.account()
    account.act(kind="revoke")

    with pytest.raises(Unauthorized, match="Connect it again"):
        provider.account()


def test_code_is_forgotten_once_there_are_tokens(account, monkeypatch):
    stored = {"way": "code", "code": "c0de", "redirect_uri": BACK}
    assert Mailmojo.kept_credentials(stored) == {"way": "code"}

    use(monkeypatch, way="code")
    with pytest.raises(Unauthorized, match="Connect it again"):
        account.open().account()
    assert account.operations == []


def test_denied_consent_brings_no_code(account):
    assert agree(account, "deny") == {"error": "access_denied", "state": "s t&te"}


def test_other_ways_keep_all_credentials():
    stored = {"way": "client", "client_id": "a", "client_secret": "b"}

    assert Mailmojo.kept_credentials(stored) == stored


# Client and managed account


def test_client_asks_anew_when_its_token_ends(account):
    provider = account.open()
    provider.account()
    assert not provider.keyring.tokens().refresh

    account.advance(91 * 86400)
    assert provider.account().fingerprint == account.name
    assert renewals(account) == 2


def test_own_client_goes_before_the_one_of_the_installation(account, monkeypatch):
    use(monkeypatch, way="client", client_id=account.name, client_secret="sandbox")

    assert account.open().account().fingerprint == account.name


def test_managed_account_is_opened_by_the_partners_token(account, monkeypatch):
    use(monkeypatch, way="managed", username=account.name)
    provider = account.open()

    assert provider.account().fingerprint == account.name
    assert renewals(account) == 2

    account.advance(3700)
    assert provider.account().fingerprint == account.name
    assert renewals(account) == 3  # by the refresh token that came along


def test_unknown_managed_account(account, monkeypatch):
    account.is_held_to_contract = False
    use(monkeypatch, way="managed", username="nobody")

    with pytest.raises(Unauthorized):
        account.open().account()


def test_basic_carries_id_and_secret_encoded_once(account):
    account.open().account()
    sent = []
    provider = account.open()
    send = provider.client._prepare
    provider.client._prepare = lambda *args: sent.append(args[-1]) or send(*args)
    provider.account()

    assert [headers["Authorization"].split()[0] for headers in sent] == ["Basic", "Bearer"]
    assert requests.auth._basic_auth_str(account.name, "sandbox") == sent[0]["Authorization"]


# Refusals


def test_forbidden_once_renews(account):
    provider = account.open()
    provider.account()
    account.fault(kind="status", status=403, method="GET", body="")

    assert provider.account()
    assert renewals(account) == 2


def test_forbidden_twice_is_a_missing_right(account):
    account.is_held_to_contract = False
    provider = account.open()
    provider.client.scopes = ("account",)
    assert provider.account()

    with pytest.raises(Refused, match="a right is missing") as caught:
        list(provider.lists())
    assert (caught.value.operation, caught.value.status) == ("getLists", 403)
    assert renewals(account) == 2


def test_missing_right_is_told_of_a_long_answer_too(account):
    account.is_held_to_contract = False
    provider = account.open()
    provider.client.scopes = ("account",)

    with pytest.raises(Refused, match="a right is missing"):
        provider.contacts()


def test_right_that_a_client_may_not_have_is_told_in_its_words(account):
    provider = account.open()
    provider.client.scopes = ("account", "account_creation")

    with pytest.raises(Refused) as caught:
        provider.account()
    assert caught.value.detail


def test_lost_refresh_is_repeated_once(account, monkeypatch):
    use(monkeypatch, way="code", code=agree(account)["code"], redirect_uri=BACK)
    provider = account.open()
    provider.account()
    account.advance(3700)
    account.fault(kind="drop_before", method="POST", path="/oauth/token/")

    assert provider.account().fingerprint == account.name


def test_refresh_without_a_new_refresh_token_keeps_the_old(account, monkeypatch):
    provider = account.open()
    monkeypatch.setattr(provider.client, "oauth_token", lambda **_: Tokens("new"))

    assert provider.client.next_tokens(Tokens("old", "stays")) == Tokens("new", "stays")


def test_tokens_are_shared_by_those_who_share_a_keyring(account):
    first, second = account.open(), account.open()
    keyring = OwnKeyring()
    first.client.keyring = second.client.keyring = keyring
    first.account()
    second.account()

    assert renewals(account) == 1


def test_arming_with_a_dead_token_is_made_once_with_a_new_one(account):
    """A refusal did nothing over there; an answer that is lost may have."""
    (list_id,) = account.seed(lists=["News"], contacts=[{"email": "ana@example.com", "lists": [0]}])["lists"]
    api = account.open().client
    first, second = (
        api.create_newsletter({"list_id": list_id, "subject": "x", "html": "<p>x</p>"}) for _ in range(2)
    )
    account.fault(kind="status", status=401, method="PUT", body="")
    assert api.send_newsletter(first, send_date="2100-01-01T00:00:00Z")["is_scheduled"]

    account.fault(kind="drop_after", method="PUT")
    with pytest.raises(OutcomeUnknown):
        api.send_newsletter(second, send_date="2100-01-01T00:00:00Z")
    assert [call["status"] for call in account.calls() if call["method"] == "PUT"] == [401, 200, 200]
