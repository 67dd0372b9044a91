import time
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo


def test_calls_without_a_known_key_are_refused(sandbox: Sandbox) -> None:
    for key, message in (("", "authentication not found in headers"), ("xkeysib-1", "Key not found")):
        reply = Brevo(sandbox, key).call("GET", "/account", breaks_schema=True)
        assert (reply.status_code, reply.json()) == (401, {"code": "unauthorized", "message": message})
        assert "x-sib-ratelimit-limit" not in reply.headers


def test_each_key_opens_an_account_of_its_own(sandbox: Sandbox) -> None:
    acme, other = Brevo(sandbox, "sandbox-acme"), Brevo(sandbox, "sandbox-other")
    acme.post("/contacts", {"email": "a@example.com"})

    assert (acme.get("/contacts")["count"], other.get("/contacts")["count"]) == (1, 0)
    assert (acme.get("/account")["companyName"], other.get("/account")["companyName"]) == ("Acme", "Other")


def test_a_suspended_account_is_denied_everything(sandbox: Sandbox) -> None:
    reply = Brevo(sandbox, "sandbox-suspended-acme").call("GET", "/account")

    assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


def test_unknown_paths_and_methods(sandbox: Sandbox, brevo: Brevo) -> None:
    base = "https://api.brevo.com/v3"
    headers = {"api-key": brevo.key}
    assert brevo.session.get(f"{base}/shoes", headers=headers).json()["code"] == "document_not_found"
    assert brevo.session.patch(f"{base}/account", headers=headers).json()["code"] == "method_not_allowed"
    assert brevo.session.post(f"{base}/contacts", headers=headers, data="{").json()["code"] == "bad_request"
    assert (
        brevo.session.post(f"{base}/contacts", headers=headers, data="[]").json()["code"]
        == "invalid_parameter"
    )


def test_the_demo_is_full(sandbox: Sandbox) -> None:
    demo = Brevo(sandbox, "sandbox-demo")
    contacts = [row for n in (0, 1000) for row in demo.get("/contacts", limit=1000, offset=n)["contacts"]]
    campaigns = demo.get("/emailCampaigns", statistics="globalStats")["campaigns"]

    assert len(contacts) == 1204
    assert len({row["email"] for row in contacts}) == 1204
    assert 20 < sum(row["emailBlacklisted"] for row in contacts) < 80
    assert any(row["listUnsubscribed"] for row in contacts)
    assert (
        len(demo.get("/contacts/folders", limit=50, offset=0)["folders"]),
        demo.get("/contacts/lists")["count"],
    ) == (2, 5)
    assert [row["active"] for row in demo.get("/senders")["senders"]] == [True, True, False]
    assert [row["authenticated"] for row in demo.get("/senders/domains")["domains"]] == [True, False]
    templates = demo.get("/smtp/templates")["templates"]
    assert all('{{ contact.FIRSTNAME | default : "friend" }}' in row["htmlContent"] for row in templates)
    assert all("{{ unsubscribe }}" in row["htmlContent"] for row in templates)
    assert sorted(row["status"] for row in campaigns) == ["draft", "queued", *["sent"] * 5, "suspended"]
    for row in campaigns:
        counted = row["statistics"]["globalStats"]
        assert counted["sent"] == counted["delivered"] + counted["hardBounces"] + counted["softBounces"]
    assert demo.get("/emailCampaigns/4/abTestCampaignResult")["winningVersion"] in ("A", "B")


def test_the_demo_is_the_same_each_time() -> None:
    def made(at: float) -> tuple[Any, Any]:
        demo = Brevo(Sandbox(time=lambda: at), "sandbox-demo")
        statistics = [
            demo.get(f"/emailCampaigns/{n}", statistics="globalStats")["statistics"] for n in range(1, 6)
        ]
        return statistics, [
            (row["email"], row["attributes"]) for row in demo.get("/contacts", limit=1000)["contacts"]
        ]

    assert made(1_800_000_000.0) == made(1_800_000_000.0 + 30 * 86400)


def test_a_hundred_thousand_contacts_are_quickly_made_and_read(sandbox: Sandbox) -> None:
    client = Brevo(sandbox, "sandbox-big")
    started = time.monotonic()
    client.control("seed", limits="off", lists=2, contacts=100_000)
    seeded = time.monotonic()
    for query in ({"offset": 99_000}, {"offset": 0, "modifiedSince": "2001-01-01T00:00:00.000Z"}):
        reply = client.session.get(
            "https://api.brevo.com/v3/contacts",
            params={"limit": 1000} | query,
            headers={"api-key": client.key},
        )
        assert (len(reply.json()["contacts"]), reply.json()["count"]) == (1000, 100_000)
    read = time.monotonic()

    assert (seeded - started < 10, read - seeded < 3) == (True, True)


def test_the_log_has_every_call_in_order(brevo: Brevo) -> None:
    brevo.post("/contacts", {"email": "a@example.com"})
    brevo.call("GET", "/contacts", limit=2000, breaks_schema=True)

    calls = brevo.control_read("log", provider="brevo", account=brevo.key)["calls"]
    assert [(c["method"], c["path"], c["query"], c["status"], c["body"]) for c in calls] == [
        ("POST", "/brevo/v3/contacts", {}, 201, {"email": "a@example.com"}),
        ("GET", "/brevo/v3/contacts", {"limit": "2000"}, 400, None),
    ]
    assert brevo.control_read("log", account="sandbox-none") == {"calls": []}


def test_reset_forgets_one_account_or_everything(sandbox: Sandbox, brevo: Brevo) -> None:
    other = Brevo(sandbox, "sandbox-other")
    other.post("/contacts", {"email": "a@example.com"})
    brevo.control("reset", provider="brevo", account=brevo.key)
    assert brevo.control_read("health")["accounts"] == {"brevo": ["sandbox-other"]}
    brevo.wait(60)
    brevo.control("reset")
    assert brevo.control_read("health")["accounts"] == {}
    assert sandbox.store.offset == 0


def test_the_control_answers_this_machine_only(sandbox: Sandbox) -> None:
    seen: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/_control/health", "REMOTE_ADDR": "192.0.2.1"}
    list(sandbox(environ, lambda status, headers: seen.append(status)))

    assert seen == ["403 Forbidden"]


@pytest.mark.parametrize(
    ("command", "asked", "status"),
    [
        ("shoes", {}, 404),
        ("seed", {"provider": "none", "account": "sandbox-x"}, 404),
        ("seed", {"provider": "brevo"}, 404),
        ("seed", {"provider": "brevo", "account": "sandbox-x", "pace": {"walk": 1}}, 400),
        ("clock", {"advance": -1}, 400),
        ("act", {"provider": "brevo", "account": "sandbox-x", "kind": "open"}, 404),
    ],
)
def test_nonsense_to_the_control_is_answered(
    brevo: Brevo, command: str, asked: dict[str, Any], status: int
) -> None:
    reply = brevo.session.post(f"http://control/_control/{command}", json=asked)
    assert (reply.status_code, "message" in reply.json()) == (status, True)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE x; --",
        "\u202e\u0000\ud83d\ude00",
        "=HYPERLINK(1)",
        "a\r\nb",
        "x" * 5000,
    ],
)
def test_hostile_text_comes_back_as_it_was_sent(brevo: Brevo, text: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    number = brevo.post("/contacts", {"email": "a@example.com", "attributes": {"FIRSTNAME": text}})["id"]
    list_id = brevo.new_list(name=text)

    assert brevo.get(f"/contacts/{number}")["attributes"]["FIRSTNAME"] == text
    assert brevo.get(f"/contacts/lists/{list_id}")["name"] == text
