from pathlib import Path
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.especial.especial_client import BASE, FORM, Especial


def problem(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["detail"][0]["msg"]


def test_each_user_opens_an_account_of_its_own(sandbox: Sandbox) -> None:
    acme, other = Especial(sandbox, "sandbox-acme"), Especial(sandbox, "sandbox-other")
    acme.control("seed", lists=1)

    assert [len(client.data("/lists")) for client in (acme, other)] == [1, 0]
    assert [client.data("/accounts/self")["name"] for client in (acme, other)] == ["Acme", "Other"]
    assert acme.data("/brands/default/senders")[0] | {"id": "", "confirmed_on": 0} == {
        "id": "",
        "name": "Owner",
        "email": "owner@sandbox-acme.example",
        "confirmed": True,
        "confirmed_on": 0,
        "language": "en_US",
        "last_confirmation_sent_on": None,
    }


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, 422, "field required"),
        ({"username": "nobody"}, 422, "value is not a valid email address"),
        ({"username": "ann@example.com", "password": "x"}, 401, "Invalid username or password"),
        (
            {"username": "sandbox-a@example.test", "password": "wrong one"},
            401,
            "Invalid username or password",
        ),
        ({"username": "sandbox-a@example.test"}, 401, "Not authenticated"),
        (
            {"username": "sandbox-mfa-a@example.test", "password": "x"},
            401,
            "Multi-factor authentication is required",
        ),
        ({"username": "sandbox-suspended@example.test", "password": "x"}, 403, "This account is suspended"),
        ({"grant_type": "magic", "username": "sandbox-a@example.test"}, 422, "unexpected value: magic"),
        (
            {"username": "sandbox-a@example.test", "password": "x", "expiration_seconds": "599"},
            422,
            "ensure this value is greater than or equal to 600",
        ),
    ],
)
def test_signing_in_can_fail(especial: Especial, fields: dict[str, str], status: int, message: str) -> None:
    assert problem(especial.form("POST", fields)) == (status, message)


def test_a_plus_in_the_login_has_to_be_encoded(especial: Especial) -> None:
    especial.user = "sandbox-test+api@example.test"
    especial.sign_in()
    assert especial.data("/accounts/self")["name"] == "Test"

    raw = especial.session.post(f"{BASE}/token", data=f"username={especial.user}&password=x", headers=FORM)
    assert problem(raw) == (422, "value is not a valid email address")


def test_a_call_needs_a_valid_token(especial: Especial) -> None:
    assert especial.refused("GET", "/lists", public=True, breaks_schema=True) == (401, "Not authenticated")
    especial.token = "made.up.token"
    assert especial.refused("GET", "/lists") == (401, "Invalid token")


def test_tokens_run_out(especial: Especial) -> None:
    assert especial.sign_in(expiration_seconds=600)["expires_in"] == 600
    especial.wait(590)
    assert especial.data("/lists") == []
    especial.wait(10)
    assert especial.refused("GET", "/lists") == (401, "Token has expired")

    assert especial.refresh()["expires_in"] == 600
    assert especial.data("/lists") == []


def test_a_refresh_token_is_valid_once_and_its_second_use_ends_the_whole_family(especial: Especial) -> None:
    first = especial.sign_in()
    second = especial.refresh()
    assert len({first["refresh_token"], second["refresh_token"]}) == 2
    assert len({first["access_token"], second["access_token"]}) == 2

    stolen = {"refresh_token": first["refresh_token"]}
    assert problem(especial.form("PUT", stolen)) == (401, "Invalid refresh token")
    assert problem(especial.form("PUT", {"refresh_token": second["refresh_token"]})) == (
        401,
        "Invalid refresh token",
    )
    assert especial.refused("GET", "/lists") == (401, "Token was revoked")
    especial.sign_in()
    assert especial.data("/lists") == []


def test_refreshing_by_post_is_answered_too(especial: Especial) -> None:
    tokens = especial.sign_in()
    reply = especial.form("POST", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})

    assert (reply.status_code, sorted(reply.json())) == (200, sorted(tokens))


@pytest.mark.parametrize("token", ["", "x", "c2FuZGJveC10ZXN0fmF-MX5i"])
def test_refresh_tokens_are_not_made_up(especial: Especial, token: str) -> None:
    expected = (401, "Invalid refresh token") if token else (422, "field required")
    assert problem(especial.form("PUT", {"refresh_token": token})) == expected


def test_refresh_tokens_run_out_too(especial: Especial) -> None:
    especial.sign_in()
    especial.wait(31 * 86400)

    assert problem(especial.form("PUT", {"refresh_token": especial.refresh_token})) == (
        401,
        "Invalid refresh token",
    )


def test_a_token_is_enough_for_another_token(especial: Especial) -> None:
    especial.sign_in()
    headers = FORM | {"Authorization": f"Bearer {especial.token}"}
    reply = especial.session.post(f"{BASE}/token", data={"username": especial.user}, headers=headers)

    assert reply.status_code == 200


def test_a_foreign_account_is_a_400_with_its_own_code(sandbox: Sandbox, especial: Especial) -> None:
    other = Especial(sandbox, "sandbox-other").data("/accounts/self")["id"]
    own = especial.data("/accounts/self")["id"]
    assert especial.data("/lists", account_id=own) == []

    reply = especial.call("GET", "/lists", account_id=other)
    assert (reply.status_code, reply.json()) == (
        400,
        {"detail": [{"msg": "Access to this account is denied", "type": "bad_request", "code": 8004}]},
    )
    assert especial.refused("GET", "/lists", account_id="x", breaks_schema=True)[0] == 422
    form = {"username": especial.user, "password": "x", "account_id": other}
    assert especial.form("POST", form).json()["detail"][0]["code"] == 8004


def test_a_partner_acts_on_its_sub_accounts(especial: Especial) -> None:
    owner = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}
    body = {"name": "Customer", "account_owner": owner}
    assert especial.refused("POST", "/accounts", body) == (400, "Only partners have sub-accounts")
    especial.control("seed", partner=True)
    number = especial.post("/accounts", body)["id"]

    sender = especial.data("/brands/default/senders", account_id=number)[0]["id"]
    especial.post("/lists", {"name": "Theirs", "default_sender": {"id": sender}}, account_id=number)
    assert [len(especial.data("/lists")), len(especial.data("/lists", account_id=number))] == [0, 1]
    especial.sign_in(account_id=number)
    assert [row["name"] for row in especial.data("/lists")] == ["Theirs"]


def test_unknown_paths_and_methods_answer_plain_text(especial: Especial) -> None:
    session = especial.session
    assert (session.get(f"{BASE}/shoes").status_code, session.get(f"{BASE}/shoes").json()) == (
        404,
        {"detail": "Not Found"},
    )
    assert session.put(f"{BASE}/lists").json() == {"detail": "Method Not Allowed"}
    especial.sign_in()
    headers = {"Authorization": f"Bearer {especial.token}"}
    assert problem(session.post(f"{BASE}/lists", data="{", headers=headers)) == (422, "the body is not JSON")
    assert problem(session.post(f"{BASE}/lists", data="[]", headers=headers)) == (
        422,
        "value is not a valid dict",
    )


def test_log_and_faults_are_per_account(sandbox: Sandbox, especial: Especial) -> None:
    other = Especial(sandbox, "sandbox-other")
    especial.control("faults", kind="status", account="sandbox-test", path="/lists", status=503, times=2)

    assert other.data("/lists") == []
    headers = {"Authorization": f"Bearer {especial.sign_in()['access_token']}"}
    assert [especial.session.get(f"{BASE}/lists", headers=headers).status_code for _ in range(3)] == [
        503,
        503,
        200,
    ]
    calls = especial.control_read("log", provider="especial", account="sandbox-test")["calls"]
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("POST", "/especial/token", 200),
        ("GET", "/especial/lists", 503),
        ("GET", "/especial/lists", 503),
        ("GET", "/especial/lists", 200),
    ]


def test_a_lost_answer_leaves_the_work_done(especial: Especial) -> None:
    body = {"name": "Twin?", "default_sender": {"id": especial.sender}}
    especial.control("faults", kind="drop_after", method="POST", path="/lists")
    with pytest.raises(Exception, match="drop_after"):
        especial.post("/lists", body)

    assert [row["name"] for row in especial.data("/lists", filter="name==Twin?")] == ["Twin?"]


def test_tokens_and_everything_else_survive_a_restart(tmp_path: Path) -> None:
    posted: list[Any] = []

    def start() -> Sandbox:
        return Sandbox(post=lambda *letter: posted.append(letter) or 200, state=tmp_path / "state.json")

    first = Especial(start())
    first.control("seed", lists=2, contacts=50, fields=[{"name": "plan"}], tags=["vip"], templates=[
        {"name": "T", "subject": "S", "html": "<p>Hi</p>"}], segments=[{"name": "All", "json": {"like": {"email": "*"}}}])  # fmt: skip
    first.post("/webhooks", {"event": "Contact.Added", "url": "http://127.0.0.1:9/"})
    number = first.new_campaign(1)
    first.post(f"/campaigns/{number}/schedule")
    first.wait(40)
    first.post("/lists/1/exports")
    first.post("/lists/1/contacts", {"email": "new@example.com"})
    first.patch("/lists/1/contacts/2", {"tags": ["vip"]})
    people = first.data("/lists/1/contacts")
    before, figures = first.state(), first.data(f"/reports/campaigns/{number}")
    assert 0 < figures["sent_emails"] < 30
    assert first.sandbox.state_file
    first.sandbox.state_file.save()

    second = Especial(start())
    second.token, second.refresh_token = first.token, first.refresh_token
    assert second.state() == before
    assert second.data("/lists/1/contacts") == people
    assert second.data(f"/reports/campaigns/{number}") == figures
    second.refresh()
    second.wait(3600)
    assert second.status(number) == ("delivered", False)
    second.sandbox.tick()
    assert [url for url, *_ in posted] == ["http://127.0.0.1:9/"]
