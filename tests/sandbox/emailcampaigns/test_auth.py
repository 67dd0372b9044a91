import base64
from typing import Any

import pytest
import requests

from accounts.sandbox.app import Sandbox
from tests.sandbox.emailcampaigns.client import BASE, EmailCampaigns


def login(api: EmailCampaigns, **form: str) -> requests.Response:
    """Without a field, the contract is broken on purpose."""
    given = requests.Request("POST", f"{BASE}/auth/api-token-auth/", data=form)
    return api.send(given, breaks_contract=len(form) < 2)


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("Bearer sandbox-test", "Authentication credentials were not provided."),
        ("sandbox-test", "Authentication credentials were not provided."),
        ("Token 9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b", "Invalid token."),
        ("Token sandbox-test~0123456789abcdef", "Invalid token."),
        ("Token sandbox test", "Invalid token."),
        ("Token sandbox-suspended-test", "User inactive or deleted."),
    ],
)
def test_calls_without_a_known_token_are_refused(
    api: EmailCampaigns, header: str | None, detail: str
) -> None:
    api.headers = {"Authorization": header} if header else {}
    reply = api.call("GET", "/email/senderid/", breaks_contract=header is None)

    assert (reply.status_code, reply.headers["WWW-Authenticate"], reply.json()) == (
        401,
        "Token",
        {"detail": detail},
    )
    assert api.control_read("health")["accounts"] == {}


@pytest.mark.parametrize("username", ["sandbox-acme", "sandbox-acme@example.test"])
def test_user_and_password_give_a_token_that_stays_the_same(sandbox: Sandbox, username: str) -> None:
    api = EmailCampaigns(sandbox, "sandbox-acme")
    api.post("/email/message/", {"description": "Subject", "email_message": "Hello"})
    given = login(api, username=username, password="any").json()
    api.wait(365 * 86400)

    issued = EmailCampaigns(sandbox, "sandbox-acme", token=given["token"])
    assert issued.get("/email/message/")[0]["client_id"] == {"$oid": given["client_id"]}
    assert given["token"] != "sandbox-acme"
    assert login(api, username=username, password="other").json() == given


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({}, {"username": ["This field is required."]}),
        ({"username": "sandbox-acme"}, {"password": ["This field is required."]}),
        (
            {"username": "sandbox-acme", "password": "wrong"},
            {"non_field_errors": ["Unable to log in with provided credentials."]},
        ),
        (
            {"username": "ann@example.test", "password": "x"},
            {"non_field_errors": ["Unable to log in with provided credentials."]},
        ),
        (
            {"username": "sandbox-acme@example.com", "password": "x"},
            {"non_field_errors": ["Unable to log in with provided credentials."]},
        ),
        (
            {"username": "sandbox-suspended", "password": "x"},
            {"non_field_errors": ["Unable to log in with provided credentials."]},
        ),
    ],
)
def test_logins_that_fail(api: EmailCampaigns, form: dict[str, str], refusal: Any) -> None:
    reply = login(api, **form)

    assert (reply.status_code, reply.json()) == (400, refusal)


def test_a_login_is_a_form_and_a_post(api: EmailCampaigns) -> None:
    body = {"username": "sandbox-acme", "password": "x"}
    as_json = api.session.post(f"{BASE}/auth/api-token-auth/", json=body)
    read = api.session.get(f"{BASE}/auth/api-token-auth/")

    assert (as_json.status_code, as_json.json()) == (400, {"username": ["This field is required."]})
    assert (read.status_code, read.json()) == (405, {"detail": 'Method "GET" not allowed.'})


def test_each_token_opens_an_account_of_its_own(sandbox: Sandbox) -> None:
    acme, other = EmailCampaigns(sandbox, "sandbox-acme"), EmailCampaigns(sandbox, "sandbox-other")
    mine = acme.post("/email/contact/", {"tag": "Mine"})["$_id"]["$oid"]
    other.post("/email/contact/", {"tag": "Theirs"})

    assert [row["email"] for row in acme.get("/email/senderid/")] == ["owner@sandbox-acme.example"]
    assert [row["tag"] for api in (acme, other) for row in api.get("/email/contact/")] == ["Mine", "Theirs"]
    assert other.refused("GET", "/email/contact/", _id=mine) == (404, {"detail": "Not found."})


def test_the_log_and_faults_know_the_account_by_either_credential(sandbox: Sandbox) -> None:
    api, token = EmailCampaigns(sandbox, "sandbox-acme"), EmailCampaigns(sandbox, "sandbox-acme").headers
    token = {
        "Authorization": f"Token {login(api, username='sandbox-acme@example.test', password='x').json()['token']}"
    }
    fault = {"kind": "drop_after", "account": "sandbox-acme", "method": "POST", "path": "/email/contact/"}
    api.session.post("http://control/_control/faults", json=fault)
    other = EmailCampaigns(sandbox, "sandbox-other")
    other.post("/email/contact/", {"tag": "Other"})
    api.headers = token
    with pytest.raises(Exception, match="drop_after"):
        api.post("/email/contact/", {"tag": "Done without an answer"})

    assert [row["tag"] for row in api.get("/email/contact/")] == ["Done without an answer"]
    calls = api.control_read("log", provider="emailcampaigns", account="sandbox-acme")["calls"]
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("POST", "/emailcampaigns/auth/api-token-auth/", 200),
        ("POST", "/emailcampaigns/email/contact/", 201),
        ("GET", "/emailcampaigns/email/contact/", 200),
    ]


def test_a_basic_header_is_no_token(api: EmailCampaigns) -> None:
    api.headers = {"Authorization": f"Basic {base64.b64encode(b'sandbox-test:x').decode()}"}
    assert api.refused("GET", "/email/contact/")[0] == 401
