"""Tokens: got with the password, renewed without it, and what happens when they are lost. Against the sandbox."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from accounts.providers.errors import Missing, Refused, Unauthorized, UnexpectedReply
from accounts.providers.especial.provider import Especial
from accounts.providers.records import Tokens
from tests.providers.conftest import Account


@pytest.fixture
def account() -> Account:
    return Account("especial")


def signing_in(account: Account) -> list[str]:
    return [
        name for name, _ in account.operations if name in ("createToken", "refreshToken", "getSelfAccount")
    ]


def lose_the_password(provider: Especial) -> None:
    provider.client._password = ""


def test_tokens_are_got_once_with_the_account_they_are_for(account):
    provider = account.open()
    list(provider.lists())
    list(provider.lists())

    tokens = provider.client.keyring.tokens()
    assert signing_in(account) == ["createToken", "getSelfAccount"]
    assert tokens.access
    assert tokens.refresh
    assert tokens.expires_at
    assert list(tokens.details) == ["account_id"]
    assert {call["query"]["account_id"] for call in account.calls() if call["path"].endswith("/lists")} == {
        tokens.details["account_id"]
    }


def test_address_with_a_plus_signs_in(account):
    account.open("sandbox-a+b").account()

    (asked,) = (call["body"] for call in account.calls() if call["path"].endswith("/token"))
    assert parse_qs(asked)["username"] == ["sandbox-a+b@example.test"]


def test_old_tokens_are_renewed_without_the_password(account):
    provider = account.open()
    before = provider.client.tokens()
    lose_the_password(provider)
    account.advance(6 * 86_400)

    list(provider.lists())
    assert signing_in(account) == ["createToken", "getSelfAccount", "refreshToken"]
    after = provider.client.keyring.tokens()
    assert after.details == before.details
    assert (after.access != before.access, after.refresh != before.refresh) == (True, True)


def test_spent_refresh_token_needs_the_password(account):
    provider = account.open()
    old = provider.client.tokens()
    provider.client.next_tokens(old)
    provider.client.keyring._tokens = replace(old, access="stale")

    list(provider.lists())
    assert signing_in(account)[-3:] == ["refreshToken", "createToken", "getSelfAccount"]


def test_without_the_password_the_account_must_be_connected_again(account):
    provider = account.open()
    provider.client.keyring._tokens = Tokens("stale", "gone", details={"account_id": "1"})
    lose_the_password(provider)

    with pytest.raises(Unauthorized, match="connect the account again"):
        list(provider.lists())


def test_server_that_knows_no_put_refreshes_by_post(account):
    """As later versions do; this one's form has no such field, so the sandbox is not asked."""
    provider = account.open()
    tokens = provider.client.tokens()
    account.fault(
        kind="status", status=405, method="PUT", path="/token", body={"detail": "Method Not Allowed"}
    )
    fresh = {"access_token": "new", "token_type": "bearer", "expires_in": 600, "refresh_token": "next"}
    account.fault(kind="status", status=200, method="POST", path="/token", body=fresh)

    renewed = provider.client.next_tokens(tokens)
    assert (renewed.access, renewed.refresh, renewed.details) == ("new", "next", tokens.details)
    assert parse_qs(account.calls()[-1]["body"])["grant_type"] == ["refresh_token"]


def test_login_with_a_second_step_is_told_what_to_do(account):
    account.is_held_to_contract = False
    account.fault(kind="status", status=200, path="/token", body={"challenge": "sms", "session": "x"})

    with pytest.raises(Refused, match="second step"):
        account.account()


@pytest.mark.parametrize("body", [{}, {"access_token": None}, {"access_token": ""}])
def test_answer_without_a_token_is_unexpected(account, body):
    account.fault(kind="status", status=200, path="/token", body=body)

    with pytest.raises(UnexpectedReply):
        account.account()


@pytest.mark.parametrize("status", [400, 401, 422])
def test_wrong_password_is_unauthorized_whatever_it_comes_with(account, status):
    account.fault(
        kind="status",
        status=status,
        path="/token",
        body={"detail": [{"msg": "Invalid grant", "loc": ["body"]}]},
    )

    with pytest.raises(Unauthorized, match="Invalid grant"):
        account.account()


def test_password_goes_unless_it_is_to_be_kept():
    given = {"username": "ida@example.com", "password": "secret", "keep_password": ""}

    assert Especial.kept_credentials(given) == {"username": "ida@example.com", "keep_password": ""}
    assert Especial.kept_credentials({**given, "keep_password": "yes"})["password"] == "secret"


# Refusals


@pytest.mark.parametrize("missing_status", [400, 404])
def test_what_is_not_there_is_missing_whatever_it_comes_with(account, missing_status):
    account.is_held_to_contract = False  # 404 is declared nowhere
    account.seed(missing_status=missing_status)
    provider = account.open()

    for call in (
        lambda: provider.campaign(remote_id="4711"),
        lambda: provider.list_size(remote_id="4711"),
        lambda: provider.contact(remote_id="4711:1"),
    ):
        with pytest.raises(Missing):
            call()
    provider.delete_campaign(remote_id="4711")
    provider.delete_list(remote_id="4711")


def test_foreign_account_is_refused_in_plain_words(account):
    provider = account.open()
    provider.client.tokens()
    account.fault(
        kind="status", status=400, body={"detail": [{"msg": "Account 7 does not exist", "code": 8004}]}
    )

    with pytest.raises(Refused, match="does not let this login") as caught:
        list(provider.lists())
    assert type(caught.value) is Refused


@pytest.mark.parametrize(
    ("operation", "status", "detail", "kind"),
    [
        ("getCampaign", 400, [{"msg": "Campaign not found", "loc": ["path"]}], Missing),
        ("getCampaign", 404, "Not Found", Missing),
        ("getCampaign", 400, [{"msg": "Campaign is locked"}], Refused),
        ("createCampaign", 400, [{"msg": "List 7 does not exist", "loc": ["body", "audience"]}], Refused),
        ("patchCampaign", 400, [{"msg": "Sender not found"}], Refused),
        ("patchCampaign", 400, [{"msg": "Campaign not found"}], Missing),
        ("createList", 400, [{"msg": "Sender not found"}], Refused),
        ("getList", 403, [{"msg": "No right"}], Refused),
        ("getList", 422, [{"msg": "value is not a valid integer", "loc": ["path", 0]}], Refused),
    ],
)
def test_refusals(account, operation, status, detail, kind):
    assert account.open().client.refusal(operation, status, {"detail": detail}) is kind


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("Not Found", "Not Found"),
        (
            [{"msg": "field required", "loc": ["body", "contacts", 3, "email"], "type": "x"}],
            "field required (email)",
        ),
        ([{"msg": "One"}, {"msg": "Two", "loc": None}], "One; Two"),
        ([{"msg": None}, None, "odd"], ""),
        (None, ""),
    ],
)
def test_words_of_a_refusal(account, detail, words):
    assert account.open().client.words({"detail": detail}) == words
