import base64
import hashlib
import hmac
import http.server
import json
import threading
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from accounts.sandbox.outbound import post
from tests.sandbox.conftest import Inbox
from tests.sandbox.especial.especial_client import Especial

URL = "http://127.0.0.1:9/hook"


def register(especial: Especial, event: str, **fields: Any) -> str:
    number: str = especial.post("/webhooks", {"event": event, "url": URL} | fields)["id"]
    return number


def bodies(inbox: Inbox) -> list[Any]:
    return [json.loads(payload) for payload in inbox.payloads]


def test_an_event_is_signed_over_its_very_bytes(especial: Especial, sandbox: Sandbox, inbox: Inbox) -> None:
    number = register(especial, "Contact.Added")
    list_id = especial.new_list("zoë@example.com")
    sandbox.tick()

    ((url, headers, payload),) = inbox.letters
    key = especial.get(f"/webhooks/{number}")["signature"]["key"]
    digest = hmac.new(key.encode(), payload.encode(), hashlib.sha256).digest()
    assert (url, headers) == (URL, {"x-signature": base64.b64encode(digest).decode()})
    account = int(especial.data("/accounts/self")["id"])
    body = json.loads(payload)
    assert body | {"created_on": 0, "ip": ""} == {
        "event": "Contact.Added",
        "account_id": account,
        "ip": "",
        "user": {"id": account + 1, "email": especial.user, "account_id": account},
        "created_on": 0,
        "data": {"id": 1, "list_id": list_id, "email": "zoë@example.com", "status": "active"},
    }


def test_the_bytes_that_arrive_are_those_that_were_signed(especial: Especial, sandbox: Sandbox) -> None:
    arrived: list[tuple[str, bytes]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.append((self.headers["x-signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sandbox.post = post
        number = register(especial, "List.Created", url=f"http://127.0.0.1:{server.server_port}/")
        especial.new_list(name="Łódź")
        sandbox.tick()
        server.shutdown()

    key = especial.get(f"/webhooks/{number}")["signature"]["key"]
    ((signature, body),) = arrived
    assert signature == base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
    assert json.loads(body)["data"]["name"] == "Łódź"


def test_a_webhook_hears_of_one_event_and_only_while_it_is_active(
    especial: Especial, sandbox: Sandbox, inbox: Inbox
) -> None:
    number = register(especial, "Contact.Updated")
    list_id = especial.new_list("a@example.com")
    especial.post(f"/lists/{list_id}/contacts/1/unsubscribe")
    especial.post(f"/webhooks/{number}/archive")
    especial.patch(f"/lists/{list_id}/contacts/1", {"tags": ["x"]})
    especial.post(f"/webhooks/{number}/unarchive")
    especial.delete(f"/lists/{list_id}/contacts/1")
    sandbox.tick()

    assert [(body["event"], body["data"]["status"]) for body in bodies(inbox)] == [
        ("Contact.Updated", "unsubscribed")
    ]
    assert (
        especial.refused(
            "POST", "/webhooks", {"event": "Campaign.Delivered", "url": URL}, breaks_schema=True
        )[0]
        == 422
    )


def test_a_campaign_tells_its_life_but_not_its_end(
    especial: Especial, sandbox: Sandbox, inbox: Inbox
) -> None:
    for word in ("Created", "Updated", "Scheduled", "Suspended", "Resumed", "Unscheduled", "Canceled"):
        register(especial, f"Campaign.{word}")
    number = especial.new_campaign(especial.new_list("a@example.com"))
    path = f"/campaigns/{number}"
    especial.patch(path, {"name": "Other"})
    especial.post(f"{path}/schedule", {"date": especial.now() + 60})
    for call in ("suspend", "resume", "unschedule", "schedule"):
        especial.post(f"{path}/{call}")
    especial.wait(3600)
    especial.post(f"{path}/archive")
    sandbox.tick()

    assert [body["event"].partition(".")[2] for body in bodies(inbox)] == [
        "Created", "Updated", "Scheduled", "Suspended", "Resumed", "Unscheduled", "Scheduled",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status"),
    [("unsubscribe", "unsubscribed"), ("bounce", "inactive_bounced"), ("complain", "spam")],
)
def test_a_leave_is_told_as_a_change_of_the_contact(
    especial: Especial, sandbox: Sandbox, inbox: Inbox, kind: str, status: str
) -> None:
    especial.control("seed", pace={"send": 0, "react": 0})
    number = especial.new_campaign(especial.new_list("a@example.com"))
    especial.post(f"/campaigns/{number}/schedule")
    especial.wait(120)
    register(especial, "Contact.Updated")
    especial.control("act", kind=kind, campaign=number, email="a@example.com")
    sandbox.tick()

    assert [body["data"]["status"] for body in bodies(inbox)] == [status]


def test_no_more_calls_leave_in_a_period_than_the_webhook_allows(
    especial: Especial, sandbox: Sandbox, inbox: Inbox
) -> None:
    register(especial, "Contact.Added", rate_limit=2, rate_limit_period="minute")
    number = especial.new_list()
    rows = [{"email": f"p{n}@example.com"} for n in range(5)]
    especial.wait(60 - especial.now() % 60)
    especial.post(f"/lists/{number}/import-contacts", {"contacts": rows})
    seen = []
    for _ in range(3):
        sandbox.tick()
        seen.append(len(inbox.letters))
        especial.wait(60)

    assert seen == [2, 4, 5]


def test_signing_in_and_transactional_mails_are_told(
    especial: Especial, sandbox: Sandbox, inbox: Inbox
) -> None:
    for event in ("User.LoggedIn", "Email.Sent", "Email.Bounced", "SuppressedEmail.Added"):
        register(especial, event)
    especial.sign_in()
    body = {"sender": {"id": especial.sender}, "content": {"subject": "S", "text": "T", "encoding": "utf-8"}}
    especial.post("/emails", body | {"email": "bounce@example.com"})
    especial.post("/suppressed-emails", {"email": "*@example.org"})
    especial.wait(60)
    sandbox.tick()

    told = {body["event"]: body["data"] for body in bodies(inbox)}
    assert told == {
        "User.LoggedIn": {"email": especial.user, "grant_type": "password", "scopes": "user"},
        "Email.Sent": {"id": 1, "email": "bounce@example.com", "type": "sent"},
        "SuppressedEmail.Added": {"email": "*@example.org", "source": "user"},
        "Email.Bounced": {"id": 1, "email": "bounce@example.com", "type": "bounce_hb"},
    }
