import base64
import hashlib
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.mailmojo.mailmojo_client import BACK, BASE, EVERYTHING, Mailmojo

HOUR, DAY = 3600, 86400


def error(reply: Any) -> tuple[int, str]:
    assert (reply.headers["Cache-Control"], set(reply.json())) == ("no-store", {"error", "error_description"})
    return reply.status_code, reply.json()["error"]


def exchange(mailmojo: Mailmojo, code: str, **form: str) -> Any:
    asked: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "scope": EVERYTHING,
    }
    return mailmojo.token(**(asked | form))


def works(mailmojo: Mailmojo, token: str) -> int:
    return mailmojo.call("GET", "/lists/", token=token).status_code


# The consent page


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input":
            self.fields[given["name"]] = given["value"]
        if tag == "button":
            self.buttons.append((given["name"], given["value"]))

    def handle_data(self, data: str) -> None:
        self.text += data


ASKED = {
    "client_id": "sandbox",
    "response_type": "code",
    "redirect_uri": BACK,
    "scope": "lists contacts:read",
    "state": 'a"<b>&c',
}


def authorize(mailmojo: Mailmojo, method: str = "GET", body: Any = None, **asked: Any) -> Any:
    query = {name: value for name, value in (ASKED | asked).items() if value is not None}
    url = f"{BASE}/oauth/authorize/?{urlencode(query)}"
    return mailmojo.session.request(method, url, data=body, allow_redirects=False)


def test_the_page_names_client_and_scopes_and_lets_a_person_choose(mailmojo: Mailmojo) -> None:
    reply = authorize(mailmojo)
    page = Page(reply.text)

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.fields == ASKED | {"account": "sandbox-demo"}
    assert page.buttons == [("decision", "allow"), ("decision", "deny")]
    for words in ("Campanile", "console.example", "Manage lists", "lists", "Read contacts", "contacts:read"):
        assert words in page.text
    assert "Manage contacts" not in page.text


def test_allowing_takes_a_code_back_and_denying_a_no(mailmojo: Mailmojo) -> None:
    page = Page(authorize(mailmojo).text)
    form = page.fields | {"account": "sandbox-chosen"}
    allowed = authorize(mailmojo, "POST", form | {"decision": "allow"})
    denied = authorize(mailmojo, "POST", form | {"decision": "deny"})

    state = urlencode({"state": ASKED["state"]})
    code = allowed.headers["Location"].removeprefix(f"{BACK}&code=").removesuffix(f"&{state}")
    assert (allowed.status_code, denied.status_code) == (302, 302)
    assert denied.headers["Location"] == f"{BACK}&error=access_denied&{state}"
    mailmojo.tokens = exchange(mailmojo, code, scope=ASKED["scope"]).json()
    mailmojo.get("/lists/")
    assert [call["account"] for call in mailmojo.control_read("log", account="sandbox-chosen")["calls"]] == [
        "sandbox-chosen"
    ] * 4


def test_a_name_that_opens_no_account_is_asked_for_again(mailmojo: Mailmojo) -> None:
    form = Page(authorize(mailmojo).text).fields | {"account": "acme<", "decision": "allow"}
    reply = authorize(mailmojo, "POST", form)

    assert reply.status_code == 400
    assert Page(reply.text).fields["account"] == "acme<"
    assert "begins with “sandbox”" in reply.text


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "javascript://x.example/%0aalert(1)"},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_to_an_address_that_cannot_be_trusted(mailmojo: Mailmojo, asked: Any) -> None:
    reply = authorize(mailmojo, **asked)
    assert (reply.status_code, "Location" in reply.headers) == (400, False)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "lists shoes"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": "x", "code_challenge_method": "S512"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
    ],
)
def test_a_wrong_question_goes_back_to_the_client(mailmojo: Mailmojo, asked: Any, error: str) -> None:
    reply = authorize(mailmojo, **asked)
    assert reply.status_code == 302
    assert reply.headers["Location"].startswith(f"{BACK}&error={error}&error_description=")


# Codes


def test_a_code_brings_both_tokens(mailmojo: Mailmojo) -> None:
    reply = exchange(mailmojo, mailmojo.consent()["code"])
    tokens = reply.json()

    assert reply.headers["Cache-Control"] == "no-store"
    assert {name: tokens[name] for name in ("token_type", "scope", "expires_in")} == {
        "token_type": "Bearer",
        "scope": " ".join(EVERYTHING.split()),
        "expires_in": 3600,
    }
    assert works(mailmojo, tokens["access_token"]) == 200


def test_a_code_is_good_once_and_used_again_ends_what_it_brought(mailmojo: Mailmojo) -> None:
    code = mailmojo.consent()["code"]
    tokens = exchange(mailmojo, code).json()

    assert error(exchange(mailmojo, code)) == (400, "invalid_grant")
    assert works(mailmojo, tokens["access_token"]) == 403
    assert error(mailmojo.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_code_lasts_ten_minutes(mailmojo: Mailmojo) -> None:
    first, second = mailmojo.consent()["code"], mailmojo.consent()["code"]
    mailmojo.control("clock", advance=595)
    assert exchange(mailmojo, first).status_code == 200
    mailmojo.control("clock", advance=6)
    assert error(exchange(mailmojo, second)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({"redirect_uri": "https://console.example/other"}, (400, "invalid_grant")),
        ({"code": "k~made~up"}, (400, "invalid_grant")),
        ({"scope": f"{EVERYTHING} account_creation.trial_30"}, (400, "invalid_scope")),
        ({"scope": ""}, (400, "invalid_request")),
        ({"redirect_uri": ""}, (400, "invalid_request")),
    ],
)
def test_what_a_code_is_bound_to(mailmojo: Mailmojo, form: dict[str, str], answer: tuple[int, str]) -> None:
    asked: dict[str, Any] = {
        "code": mailmojo.consent()["code"],
        "redirect_uri": BACK,
        "scope": EVERYTHING,
    } | form
    assert error(mailmojo.token(grant_type="authorization_code", breaks_schema=True, **asked)) == answer


def test_a_token_of_another_kind_is_no_code(mailmojo: Mailmojo) -> None:
    tokens = mailmojo.login()
    assert error(exchange(mailmojo, tokens["refresh_token"])) == (400, "invalid_grant")
    assert error(mailmojo.refresh(tokens["access_token"])) == (400, "invalid_grant")
    assert works(mailmojo, tokens["refresh_token"]) == 403


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_a_challenge_asks_for_its_verifier(mailmojo: Mailmojo, method: str) -> None:
    verifier = "a-verifier.of~forty-three-characters-or-more-0"
    challenge = verifier
    if method == "S256":
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {"code_challenge": challenge, "code_challenge_method": method}

    codes = [mailmojo.consent(**asked)["code"] for _ in range(3)]
    assert error(exchange(mailmojo, codes[0])) == (400, "invalid_grant")
    assert error(exchange(mailmojo, codes[1], code_verifier="another")) == (400, "invalid_grant")
    assert exchange(mailmojo, codes[2], code_verifier=verifier).status_code == 200


# Refreshing


def test_a_refresh_gives_both_tokens_anew_and_ends_the_old_access(mailmojo: Mailmojo) -> None:
    old = mailmojo.login()
    new = mailmojo.refresh().json()

    assert old["access_token"] != new["access_token"]
    assert old["refresh_token"] != new["refresh_token"]
    assert (works(mailmojo, old["access_token"]), works(mailmojo, new["access_token"])) == (403, 200)


def test_an_old_refresh_token_ends_the_whole_family_and_no_other(mailmojo: Mailmojo) -> None:
    other, old = mailmojo.login(), mailmojo.login()
    new = mailmojo.refresh().json()

    assert error(mailmojo.refresh(old["refresh_token"])) == (400, "invalid_grant")
    assert works(mailmojo, new["access_token"]) == 403
    assert error(mailmojo.refresh(new["refresh_token"])) == (400, "invalid_grant")
    assert works(mailmojo, other["access_token"]) == 200


def test_a_refresh_can_ask_for_less_and_never_for_more(mailmojo: Mailmojo) -> None:
    mailmojo.scope = "lists newsletters"
    mailmojo.login()
    refresh: dict[str, Any] = {
        "grant_type": "refresh_token",
        "refresh_token": mailmojo.tokens["refresh_token"],
    }
    assert error(mailmojo.token(**refresh, scope="lists contacts")) == (400, "invalid_scope")
    assert mailmojo.token(**refresh, scope="lists").json()["scope"] == "lists"


def test_a_person_can_take_back_what_they_allowed(mailmojo: Mailmojo) -> None:
    mailmojo.login()
    mailmojo.act("revoke")
    assert works(mailmojo, mailmojo.tokens["access_token"]) == 403
    assert error(mailmojo.refresh()) == (400, "invalid_grant")


# Expiry


def test_a_user_token_that_ended_is_a_403_until_refreshed(mailmojo: Mailmojo) -> None:
    token = mailmojo.login()["access_token"]
    mailmojo.control("clock", advance=HOUR - 2)
    assert works(mailmojo, token) == 200
    mailmojo.control("clock", advance=3)
    assert works(mailmojo, token) == 403
    assert works(mailmojo, mailmojo.refresh().json()["access_token"]) == 200


def test_a_client_token_lasts_ninety_days_and_is_a_401_then(mailmojo: Mailmojo) -> None:
    reply = mailmojo.token(
        ("sandbox-test", "sandbox"), grant_type="client_credentials", scope="lists newsletters subscribe"
    )
    tokens = reply.json()
    mailmojo.control("clock", advance=90 * DAY - 2)
    before = works(mailmojo, tokens["access_token"])
    mailmojo.control("clock", advance=3)
    after = mailmojo.call("GET", "/lists/", token=tokens["access_token"])

    assert (tokens["expires_in"], "refresh_token" in tokens) == (90 * DAY, False)
    assert (before, after.status_code, after.content) == (200, 401, b"")


@pytest.mark.parametrize(("token", "status"), [("", 401), ("sandbox-test", 403), ("u~x~y", 403)])
def test_a_call_without_a_token_and_with_a_wrong_one(mailmojo: Mailmojo, token: str, status: int) -> None:
    reply = mailmojo.call("GET", "/lists/", token=token, breaks_schema=True)
    assert (reply.status_code, reply.content) == (status, b"")


def test_a_token_that_was_tampered_with_is_none(mailmojo: Mailmojo) -> None:
    token = mailmojo.login()["access_token"]
    assert works(mailmojo, token.replace("sandbox-test", "sandbox-demo")) == 403


# Clients


def test_a_client_says_who_it_is_by_basic_or_in_the_body(mailmojo: Mailmojo) -> None:
    asked: dict[str, Any] = {"grant_type": "client_credentials", "scope": "lists"}
    assert mailmojo.token(**asked).status_code == 200
    assert (
        mailmojo.token(
            None, client_id="sandbox", client_secret="sandbox", **asked, breaks_schema=True
        ).status_code
        == 200
    )
    for client in (("sandbox", "wrong"), ("stranger", "sandbox")):
        reply = mailmojo.token(client, **asked)
        assert (error(reply), reply.headers["WWW-Authenticate"]) == (
            (401, "invalid_client"),
            'Basic realm="oauth"',
        )


def test_an_accounts_own_client_acts_on_that_account(sandbox: Sandbox) -> None:
    acme = Mailmojo(sandbox, "sandbox-acme")
    asked: dict[str, Any] = {
        "grant_type": "client_credentials",
        "scope": "account newsletters lists subscribe",
    }
    acme.tokens = acme.token(("sandbox-acme", "sandbox"), **asked).json()
    assert acme.get("/accounts/me/")["username"] == "sandbox-acme"
    assert error(
        acme.token(("sandbox-acme", "sandbox"), grant_type="client_credentials", scope="account_creation")
    ) == (
        400,
        "invalid_scope",
    )
    assert error(acme.token(("sandbox-acme", "sandbox"), grant_type="refresh_token", refresh_token="x")) == (
        400,
        "unauthorized_client",
    )


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "shoes"}, "invalid_scope"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
def test_the_token_endpoint_says_what_is_wrong(mailmojo: Mailmojo, form: Any, answer: str) -> None:
    assert error(mailmojo.token(breaks_schema=True, **form)) == (400, answer)


def test_the_token_endpoint_reads_forms_alone(mailmojo: Mailmojo) -> None:
    body = {"grant_type": "client_credentials", "scope": "lists"}
    reply = mailmojo.session.post(f"{BASE}/oauth/token/", json=body, auth=("sandbox", "sandbox"))
    assert error(reply) == (400, "invalid_request")


def test_a_partner_enters_a_managed_account_with_its_client_token(sandbox: Sandbox) -> None:
    acme = Mailmojo(sandbox, "sandbox-acme")
    client_token = acme.token(grant_type="client_credentials", scope="account").json()["access_token"]
    asked: dict[str, Any] = {"grant_type": "password", "username": "sandbox-acme", "scope": "account lists"}
    acme.tokens = acme.token(**asked, password=client_token).json()

    assert acme.get("/accounts/me/")["username"] == "sandbox-acme"
    assert acme.refresh().status_code == 200
    for wrong in ({"password": "x"}, {"password": acme.tokens["access_token"]}, {"username": "stranger"}):
        assert error(acme.token(**(asked | {"password": client_token} | wrong))) == (400, "invalid_grant")


def test_a_partner_makes_accounts_and_manages_them(sandbox: Sandbox) -> None:
    partner = Mailmojo(sandbox, "sandbox")
    partner.tokens = partner.token(
        grant_type="client_credentials", scope="account account_creation.trial_30"
    ).json()
    body = {"username": "fjord-kafe", "name": "Fjord Kafe", "email": "kafe@example.com"}
    made = partner.post("/accounts/", body)

    assert (made["partner"], made["contact_email"], "trial_expires" in made) == (
        "sandbox",
        "kafe@example.com",
        True,
    )
    assert partner.patch("/accounts/fjord-kafe/", {"city": "Bergen"})["city"] == "Bergen"
    assert partner.refused("POST", "/accounts/", body) == (400, ["username"])
    assert partner.refused("POST", "/account/", {"username": "é", "email": "x"}, breaks_schema=True) == (
        400,
        ["email", "name", "username"],
    )
    partner.post("/accounts/", body | {"username": "fjord-kafe-2"})
    partner.control("seed", account="sandbox-else")
    assert partner.refused("GET", "/accounts/sandbox-else/") == (404, [])
    client_token = partner.tokens["access_token"]
    asked: dict[str, Any] = {"grant_type": "password", "username": "fjord-kafe", "scope": "account"}
    partner.tokens = partner.token(**asked, password=client_token).json()
    assert partner.get("/accounts/me/")["username"] == "fjord-kafe"
    assert partner.refused("GET", "/accounts/fjord-kafe-2/") == (404, [])  # by a client token alone


# Accounts and scopes


def test_each_name_opens_an_account_of_its_own(sandbox: Sandbox) -> None:
    acme, other = Mailmojo(sandbox, "sandbox-acme"), Mailmojo(sandbox, "sandbox-other")
    acme.new_list("a@example.com")

    assert (len(acme.get("/contacts/")), len(other.get("/contacts/"))) == (1, 0)
    assert [client.get("/accounts/me/")["name"] for client in (acme, other)] == ["Acme", "Other"]


def test_a_suspended_account_is_denied_everything(sandbox: Sandbox) -> None:
    closed = Mailmojo(sandbox, "sandbox-suspended-acme")
    assert closed.refused("GET", "/accounts/me/") == (403, [])
    assert closed.refresh().status_code == 200


# (method, path, body) → the scopes that open it, any one of them.
DOORS: tuple[tuple[str, str, Any, str], ...] = (
    ("POST", "/accounts/", {}, "account_creation account_creation.trial_30"),
    ("GET", "/accounts/me/", None, "account"),
    ("PATCH", "/accounts/me/", {}, "account"),
    ("GET", "/domains/", None, "account_settings"),
    ("GET", "/automations/1/", None, "automations automations:read"),
    ("PATCH", "/automations/1/", {}, "automations"),
    ("GET", "/contacts/", None, "contacts contacts:read"),
    ("GET", "/contacts/stats/", None, "contacts contacts:read"),
    ("PATCH", "/contacts/a%40example.com/", {}, "contacts"),
    ("POST", "/embed/", {}, "embed"),
    ("GET", "/forms/", None, "forms forms:read"),
    ("PATCH", "/forms/1/subscribers/", {}, "events"),
    ("GET", "/lists/", None, "lists lists:read"),
    ("POST", "/lists/", {}, "lists"),
    ("POST", "/lists/1/segments/", {}, "lists"),
    ("GET", "/lists/1/subscribers/", None, "contacts contacts:read"),
    ("POST", "/lists/1/subscribers/", {}, "subscribe"),
    ("POST", "/lists/1/subscribers/import/", {}, "subscribe"),
    ("DELETE", "/lists/1/subscribers/a%40example.com/", None, "contacts subscribe"),
    ("GET", "/lists/1/unsubscribed/", None, "contacts contacts:read"),
    ("GET", "/newsletters/", None, "newsletters newsletters:read"),
    ("POST", "/newsletters/", {}, "newsletters"),
    ("PUT", "/newsletters/1/send/", {}, "newsletters"),
    ("PUT", "/newsletters/1/cancel/", {}, "newsletters"),
    ("POST", "/newsletters/1/send_test/", {}, "newsletters"),
    ("GET", "/pages/", None, "pages pages:read"),
    ("GET", "/templates/", None, "templates templates:read"),
    ("POST", "/webhooks/", {}, "webhooks"),
    ("DELETE", "/webhooks/1/", None, "webhooks"),
)


def test_each_call_asks_for_its_scope(sandbox: Sandbox) -> None:
    tokens = {}
    scopes = [*EVERYTHING.split(), "account_creation.trial_30"]
    scopes += [
        f"{name}:read"
        for name in ("automations", "contacts", "forms", "lists", "newsletters", "pages", "templates")
    ]
    for scope in scopes:
        client = Mailmojo(sandbox, scope=scope)
        tokens[scope] = client.login()["access_token"]
    opened = {
        (method, path): " ".join(
            sorted(
                scope
                for scope, token in tokens.items()
                if client.call(method, path, body, token=token, breaks_schema=True).status_code != 403
            )
        )
        for method, path, body, _ in DOORS
    }

    assert opened == {(method, path): wanted for method, path, _, wanted in DOORS}


def test_unknown_paths_and_methods(mailmojo: Mailmojo) -> None:
    headers = {"Authorization": f"Bearer {mailmojo.login()['access_token']}"}

    def status(method: str, path: str) -> tuple[int, bytes]:
        reply = mailmojo.session.request(
            method, BASE + path, headers=headers, data=b"{" if method == "POST" else None
        )
        return reply.status_code, reply.content

    assert status("GET", "/v1/shoes/") == (404, b"")
    assert status("GET", "/v1/lists") == (404, b"")  # without its slash a path is another
    assert status("GET", "/v2/lists/") == (404, b"")
    assert status("DELETE", "/v1/lists/") == (405, b"")
    assert status("GET", "/oauth/token/")[0] == 405
    assert status("POST", "/v1/lists/")[0] == 400
