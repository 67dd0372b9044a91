"""The state file, the log and faults: what the sandbox knows about a call and keeps of it."""

import json
from pathlib import Path

import pytest

from accounts.sandbox.app import Sandbox
from accounts.sandbox.http import ConnectionDropped
from tests.sandbox.mailmojo.mailmojo_client import BASE, Mailmojo


def test_everything_is_kept(tmp_path: Path) -> None:
    """A full account, packed and read again, packs the same, and its tokens are as good as before."""
    path = tmp_path / "state.json"
    sandbox = Sandbox(post=lambda *_: None, state=path)
    demo = Mailmojo(sandbox, "sandbox-demo")
    old = demo.login()
    demo.tokens = demo.refresh().json()
    demo.post("/webhooks/", {"callback_url": "http://127.0.0.1:9/x", "topic": "contacts/subscribed"})
    demo.subscribe(1, "new@example.com", custom={"plan": 1}, tags=["ski"])
    number = demo.new_newsletter(2)
    demo.put(f"/newsletters/{number}/send/")
    demo.control("clock", advance=30)
    assert demo.status(number) == "sending"
    assert sandbox.state_file
    sandbox.state_file.save()
    saved = json.loads(path.read_text())

    again = Sandbox(post=lambda *_: None, time=sandbox.store.time, state=path)
    again.store.touch()
    assert again.state_file
    again.state_file.save()

    assert json.loads(path.read_text()) == saved
    other = Mailmojo(again, "sandbox-demo")
    other.tokens = demo.tokens
    assert other.get("/contacts/") == demo.get("/contacts/")
    assert other.get("/newsletters/") == demo.get("/newsletters/")
    assert other.get("/lists/1/subscribers/", limit=5) == demo.get("/lists/1/subscribers/", limit=5)
    other.wait(3600)
    assert other.status(number) == "sent"
    assert other.refresh(old["refresh_token"]).json()["error"] == "invalid_grant"
    assert other.call("GET", "/lists/").status_code == 403


def test_each_call_is_logged_under_its_account(sandbox: Sandbox) -> None:
    one, other = Mailmojo(sandbox, "sandbox-one"), Mailmojo(sandbox, "sandbox-other")
    one.get("/lists/")
    one.refresh()
    other.get("/lists/", scope="x")
    client_token = one.token(grant_type="client_credentials", scope="lists").json()["access_token"]
    one.token(grant_type="password", username="sandbox-other", password=client_token, scope="lists")
    one.token(("sandbox-one", "sandbox"), grant_type="client_credentials", scope="lists")
    one.call("GET", "/lists/", token="x~y", breaks_schema=True)

    calls = one.control_read("log", provider="mailmojo")["calls"]
    assert [(call["account"], call["method"], call["path"]) for call in calls] == [
        ("sandbox-one", "POST", "/mailmojo/oauth/authorize/"),
        ("sandbox-one", "POST", "/mailmojo/oauth/token/"),
        ("sandbox-one", "GET", "/mailmojo/v1/lists/"),
        ("sandbox-one", "POST", "/mailmojo/oauth/token/"),
        ("sandbox-other", "POST", "/mailmojo/oauth/authorize/"),
        ("sandbox-other", "POST", "/mailmojo/oauth/token/"),
        ("sandbox-other", "GET", "/mailmojo/v1/lists/"),
        ("sandbox", "POST", "/mailmojo/oauth/token/"),
        ("sandbox-other", "POST", "/mailmojo/oauth/token/"),
        ("sandbox-one", "POST", "/mailmojo/oauth/token/"),
        ("", "GET", "/mailmojo/v1/lists/"),
    ]
    assert calls[6]["query"] == {"scope": "x"}


def test_a_fault_meets_one_account(sandbox: Sandbox) -> None:
    one, other = Mailmojo(sandbox, "sandbox-one"), Mailmojo(sandbox, "sandbox-other")
    one.login()
    other.login()
    fault = {
        "provider": "mailmojo",
        "account": "sandbox-one",
        "path": "/lists/",
        "kind": "status",
        "status": 503,
    }
    one.control("faults", **fault)

    def status(client: Mailmojo) -> int:
        headers = {"Authorization": f"Bearer {client.tokens['access_token']}"}
        return client.session.get(f"{BASE}/v1/lists/", headers=headers).status_code

    assert (status(other), status(one), status(one)) == (200, 503, 200)


def test_a_refresh_whose_answer_is_lost_ends_the_family(mailmojo: Mailmojo) -> None:
    """The client never saw the new tokens; offering the old one again looks like theft."""
    mailmojo.login()
    mailmojo.control(
        "faults", provider="mailmojo", account=mailmojo.account, path="/oauth/token/", kind="drop_after"
    )
    with pytest.raises(ConnectionDropped):
        mailmojo.refresh()

    assert mailmojo.refresh().json()["error"] == "invalid_grant"


def test_a_create_whose_answer_is_lost_is_made(mailmojo: Mailmojo) -> None:
    list_id = mailmojo.new_list()
    mailmojo.control("faults", provider="mailmojo", path="/newsletters/", method="POST", kind="drop_after")
    with pytest.raises(ConnectionDropped):
        mailmojo.new_newsletter(list_id)
    mailmojo.new_newsletter(list_id)

    assert [row["title"] for row in mailmojo.get("/newsletters/")["data"]] == ["Title", "Title"]


def test_a_reset_account_begins_anew_with_tokens_as_they_are(mailmojo: Mailmojo) -> None:
    mailmojo.new_list()
    mailmojo.control("reset", provider="mailmojo", account=mailmojo.account)
    assert mailmojo.get("/lists/") == []
