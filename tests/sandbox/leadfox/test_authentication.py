"""Key and secret for a token; a token for everything else."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.leadfox.client import BASE, NOW, Leadfox

UNAUTHORIZED = (401, "Unauthorized")


def parts_of(token: str) -> list[Any]:
    """Header and claims, read as any JWT library would."""
    return [json.loads(urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def test_a_token_is_a_jwt_that_lives_for_an_hour(leadfox: Leadfox) -> None:
    leadfox.seed(company="Acme")

    reply = leadfox.log_in()

    now = int(NOW.timestamp())
    assert list(reply) == ["jwt", "mode", "client", "clientid"]
    assert (reply["mode"], reply["client"], len(reply["clientid"])) == ("apikey", "Acme", 24)
    assert parts_of(reply["jwt"]) == [
        {"alg": "HS256", "typ": "JWT"},
        {"account": "sandbox-test", "clientid": reply["clientid"], "iat": now, "exp": now + 3600},
    ]


def test_what_is_made_belongs_to_the_client(leadfox: Leadfox) -> None:
    assert leadfox.post("/v1/folder", {"name": "F"})["_owner"] == leadfox.log_in()["clientid"]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"secret": "wrong"}, (401, "Invalid API key or secret")),
        ({"apikey": "live-key"}, (401, "Invalid API key or secret")),
        ({"apikey": "sandbox with space"}, (401, "Invalid API key or secret")),
        ({"apikey": "sandbox-suspended-acme"}, (403, "This client has been suspended")),
        ({"secret": ""}, (400, "secret is required")),
        ({"apikey": ""}, (400, "apikey is required")),
    ],
)
def test_who_gets_no_token(leadfox: Leadfox, body: dict[str, str], refusal: tuple[int, str]) -> None:
    reply = leadfox.auth(**body)

    assert (reply.status_code, reply.json()) == (refusal[0], {"error": refusal[1]})


def test_another_method(leadfox: Leadfox) -> None:
    refusal = leadfox.refused("GET", "/v1/auth", authorization="", outside_contract=True)
    assert refusal == (405, "Method not allowed")


@pytest.mark.parametrize("path", ["/v1/auth", "/v1/contact"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[" * 100_000, b"\xff"])
def test_an_unreadable_body(leadfox: Leadfox, path: str, body: bytes) -> None:
    leadfox.log_in()
    headers = {"Authorization": f"JWT {leadfox.token}"}
    reply = leadfox.session.post(BASE + path, data=body, headers=headers)
    assert (reply.status_code, reply.json()) == (400, {"error": "The body must be a JSON object"})


def test_a_second_token_does_not_revoke_the_first(leadfox: Leadfox) -> None:
    first = leadfox.log_in()["jwt"]
    leadfox.control("clock", advance=1800)
    second = leadfox.log_in()["jwt"]
    assert first != second

    assert leadfox.call("GET", "/v1/folder", authorization=f"JWT {first}").status_code == 200
    leadfox.control("clock", advance=1800)
    assert leadfox.refused("GET", "/v1/folder", authorization=f"JWT {first}") == UNAUTHORIZED
    assert leadfox.call("GET", "/v1/folder", authorization=f"JWT {second}").status_code == 200


def test_a_token_is_good_to_its_last_second(leadfox: Leadfox) -> None:
    leadfox.log_in()
    leadfox.control("clock", advance=3599)
    assert leadfox.get("/v1/folder") == []
    leadfox.control("clock", advance=1)
    assert leadfox.refused("GET", "/v1/folder") == UNAUTHORIZED


def test_what_is_no_token(leadfox: Leadfox) -> None:
    token = leadfox.log_in()["jwt"]
    head, claims, signature = token.split(".")
    other = Leadfox(leadfox.sandbox, "sandbox-other").log_in()["jwt"].split(".")[1]
    for header in (
        f"Bearer {token}",
        f"JWT{token}",
        f"JWT {head}.{claims}",
        f"JWT {head}.{other}.{signature}",
        f"JWT {head}.{claims}.{signature[::-1]}",
    ):
        assert leadfox.refused("GET", "/v1/folder", authorization=header) == UNAUTHORIZED, header
    assert leadfox.refused("GET", "/v1/folder", authorization="", outside_contract=True) == UNAUTHORIZED


def test_a_new_secret_shuts_out_the_old_one_but_not_its_tokens(leadfox: Leadfox) -> None:
    leadfox.log_in()
    leadfox.act("new_secret", secret="changed")

    assert leadfox.auth().status_code == 401
    assert leadfox.auth(secret="changed").status_code == 200
    assert leadfox.get("/v1/folder") == []


def test_accounts_do_not_see_each_other(sandbox: Sandbox, leadfox: Leadfox) -> None:
    folder = leadfox.post("/v1/folder", {"name": "Mine"})["_id"]
    other = Leadfox(sandbox, "sandbox-other")

    assert other.get("/v1/folder") == []
    assert other.refused("GET", f"/v1/folder/{folder}") == (404, "Folder not found")


def test_unknown_paths_and_methods(leadfox: Leadfox) -> None:
    outside = {"outside_contract": True}
    assert leadfox.refused("GET", "/v1/webhook", **outside) == (404, "Path not found")
    assert leadfox.refused("GET", "/v2/contact", **outside) == (404, "Path not found")
    assert leadfox.refused("DELETE", "/v1/folder/1", **outside) == (405, "Method not allowed")
    assert leadfox.refused("POST", "/v1/mailinglist", {"name": "M"}, **outside) == (405, "Method not allowed")


def test_a_trailing_slash_and_the_plugin_s_clientid_make_no_difference(leadfox: Leadfox) -> None:
    leadfox.new_contact("a@example.com")
    plain = leadfox.get("/v1/contact")

    assert leadfox.call("GET", "/v1/contact/", outside_contract=True).json() == plain
    assert leadfox.get("/v1/contact", clientid=plain[0]["_owner"]) == plain


def test_the_log_names_the_account_by_key_and_by_token(leadfox: Leadfox) -> None:
    leadfox.log_in()
    leadfox.get("/v1/folder", limit=5)
    leadfox.control("clock", advance=3600)
    leadfox.refused("GET", "/v1/list")
    leadfox.refused("GET", "/v1/email", authorization="JWT a.b.c")

    query = {"provider": "leadfox", "account": "sandbox-test"}
    calls = leadfox.session.get("http://control/_control/log", params=query).json()["calls"]
    assert [(call["method"], call["path"], call["query"], call["status"]) for call in calls] == [
        ("POST", "/leadfox/v1/auth", {}, 200),
        ("GET", "/leadfox/v1/folder", {"limit": "5"}, 200),
        ("GET", "/leadfox/v1/list", {}, 401),
    ]


def test_faults_meet_one_account(sandbox: Sandbox, leadfox: Leadfox) -> None:
    other = Leadfox(sandbox, "sandbox-other")
    other.log_in()
    leadfox.log_in()
    leadfox.control(
        "faults",
        provider="leadfox",
        account="sandbox-test",
        path="/folder",
        kind="status",
        status=503,
        times=2,
    )
    leadfox.control(
        "faults", provider="leadfox", account="sandbox-other", path="/v1/auth", kind="status", status=500
    )

    assert other.get("/v1/folder") == []
    assert leadfox.call("GET", "/v1/folder").status_code == 503
    assert leadfox.call("POST", "/v1/folder", {"name": "F"}).status_code == 503
    assert leadfox.get("/v1/folder") == []
    assert (leadfox.auth().status_code, other.auth().status_code) == (200, 500)
