from collections import Counter
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo
from tests.sandbox.conftest import Inbox

ALL = ["delivered", "opened", "uniqueOpened", "click", "hardBounce", "softBounce", "spam", "unsubscribed"]


def register(brevo: Brevo, events: list[str], **fields: Any) -> int:
    body = {"url": "http://127.0.0.1:9/hook", "events": events, "type": "marketing", "description": "Ours"}
    number: int = brevo.post("/webhooks", body | fields)["id"]
    return number


def send(brevo: Brevo, people: int = 300, **fields: Any) -> int:
    list_id = brevo.control("seed", lists=1, contacts=people)["lists"][0]
    number = brevo.new_campaign(list_id, **fields)
    brevo.post(f"/emailCampaigns/{number}/sendNow")
    brevo.wait(86400)
    return number


def test_every_event_is_posted_in_the_words_of_the_call(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    register(brevo, ALL)
    number = send(brevo, tag="autumn")
    sandbox.tick()

    events = Counter(event[1] for event in brevo.state()["events"][str(number)])
    posted = Counter(payload["event"] for payload in inbox.payloads)
    statistics = brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]["globalStats"]
    words = {"delivered": "delivered", "opened": "open", "proxy_open": "proxy", "click": "click"}
    words |= {"hard_bounce": "hard", "soft_bounce": "soft", "spam": "spam", "unsubscribe": "unsubscribe"}
    assert {word: posted[word] for word in words} == {word: events[kind] for word, kind in words.items()}
    assert posted["delivered"] == statistics["delivered"]
    assert posted["unique_opened"] == statistics["trackableViews"]
    moments = [payload["ts_event"] for payload in inbox.payloads]
    assert moments == sorted(moments)


def test_a_call_has_the_fields_the_provider_sends(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    number = register(brevo, ["delivered", "hardBounce", "click"])
    brevo.control("seed", utc_offset=1)
    list_id = brevo.new_list("bounce@example.com")
    campaign_id = brevo.new_campaign(list_id, name="Letter", tag="autumn")
    brevo.post(f"/emailCampaigns/{campaign_id}/sendNow")
    brevo.wait(60)
    sandbox.tick()

    (call,) = inbox.payloads
    assert {name: call[name] for name in ("event", "email", "id", "camp_id", "campaign name", "tag")} == {
        "event": "hard_bounce",
        "email": "bounce@example.com",
        "id": number,
        "camp_id": campaign_id,
        "campaign name": "Letter",
        "tag": "autumn",
    }
    assert call["reason"].startswith("550")
    assert call["ts"] == call["ts_event"] >= call["ts_sent"]
    assert set(call) > {"date_sent", "date_event"}


def test_clicks_carry_their_link(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    register(brevo, ["click"])
    send(brevo)
    sandbox.tick()

    assert {call["URL"] for call in inbox.payloads} == {"https://example.com/a"}


def test_bearer_token_and_own_headers_are_sent(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    auth = {"type": "bearer", "token": "s3cret"}
    register(brevo, ["listAddition"], auth=auth, headers=[{"key": "X-Ours", "value": "yes"}])
    brevo.new_list("a@example.com")
    sandbox.tick()

    assert [headers for _, headers, _ in inbox.letters] == [
        {"X-Ours": "yes", "Authorization": "Bearer s3cret"}
    ]


def test_contact_events(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    register(brevo, ["listAddition", "contactUpdated", "contactDeleted"])
    list_id = brevo.new_list()
    number = brevo.post("/contacts", {"email": "a@example.com"})["id"]
    brevo.put(f"/contacts/{number}", {"attributes": {"FIRSTNAME": "Ann"}})
    brevo.post(f"/contacts/lists/{list_id}/contacts/add", {"ids": [number]})
    brevo.delete(f"/contacts/{number}")
    sandbox.tick()

    updated, added, deleted = inbox.payloads
    assert (updated["event"], updated["content"][0]["email"]) == ("contact_updated", "a@example.com")
    assert (added["event"], added["list_id"], "camp_id" in added) == ("list_addition", [list_id], False)
    assert (deleted["event"], deleted["email"]) == ("contact_deleted", "a@example.com")


def test_batched_webhooks_send_arrays(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    register(brevo, ["delivered"], batched=True)
    number = send(brevo)
    sandbox.tick()

    delivered = brevo.get(f"/emailCampaigns/{number}", statistics="globalStats")["statistics"]["globalStats"][
        "delivered"
    ]
    assert all(isinstance(payload, list) and len(payload) <= 100 for payload in inbox.payloads)
    assert sum(map(len, inbox.payloads)) == delivered


def test_only_marketing_webhooks_hear_of_campaigns(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    register(brevo, ["delivered"], type="transactional")
    send(brevo, people=5)
    sandbox.tick()

    assert inbox.letters == []


@pytest.mark.parametrize("answer", [200, 204, 302, 400, 404, 410, 500, 503])
def test_any_answer_but_429_ends_a_call(brevo: Brevo, sandbox: Sandbox, inbox: Inbox, answer: int) -> None:
    inbox.answer = answer
    register(brevo, ["listAddition"])
    brevo.new_list("a@example.com")
    for _ in range(3):
        sandbox.tick()
        brevo.wait(12 * 3600)

    assert len(inbox.letters) == 1


@pytest.mark.parametrize("answer", [None, 429])
def test_no_answer_is_tried_again_four_times(
    brevo: Brevo, sandbox: Sandbox, inbox: Inbox, answer: int | None
) -> None:
    inbox.answer = answer
    register(brevo, ["listAddition"])
    brevo.new_list("a@example.com")
    tries = []
    for seconds in (0, 590, 20, 3600, 7200, 28800, 86400):
        brevo.wait(seconds)
        sandbox.tick()
        tries.append(len(inbox.letters))

    assert tries == [1, 1, 2, 3, 4, 5, 5]


def test_a_finished_process_calls_back(brevo: Brevo, sandbox: Sandbox, inbox: Inbox) -> None:
    list_id = brevo.new_list()
    body = {"fileBody": "EMAIL\na@example.com", "listIds": [list_id], "notifyUrl": "http://127.0.0.1:9/done"}
    process = brevo.post("/contacts/import", body)["processId"]
    brevo.wait(10)
    sandbox.tick()

    assert [(url, payload["processId"]) for url, _, payload in inbox.letters] == [
        ("http://127.0.0.1:9/done", process)
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"events": []}, "invalid_parameter"),
        ({"events": ["request"]}, "invalid_parameter"),
        ({"events": None}, "missing_parameter"),
        ({"url": "here"}, "invalid_parameter"),
        ({"type": "other"}, "invalid_parameter"),
        ({"type": "inbound", "events": ["inboundEmailProcessed"]}, "missing_parameter"),
    ],
)
def test_refused_webhooks(brevo: Brevo, fields: dict[str, Any], code: str) -> None:
    body = {"url": "https://example.com/hook", "events": ["opened"], "type": "marketing"} | fields
    assert brevo.refused("POST", "/webhooks", body, breaks_schema=True) == (400, code)
    assert brevo.get("/webhooks", type="marketing")["webhooks"] == []
