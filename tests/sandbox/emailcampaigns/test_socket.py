"""From login to result over a real socket, as a caller without our test client would go."""

import json
import threading
from collections.abc import Iterator

import pytest
import requests

from accounts.sandbox.app import Sandbox
from accounts.sandbox.server import Server

START = 1_894_795_230.0


@pytest.fixture
def url() -> Iterator[str]:
    sandbox = Sandbox(time=lambda: START)
    server = Server(("127.0.0.1", 0), sandbox)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    sandbox.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_campaign_from_login_to_result(url: str) -> None:
    base = f"{url}/emailcampaigns"
    login = {"username": "sandbox-acme@example.test", "password": "x"}
    token = requests.post(f"{base}/auth/api-token-auth/", data=login, timeout=5).json()["token"]
    session = requests.Session()
    session.headers["Authorization"] = f"Token {token}"
    sender = session.get(f"{base}/email/senderid/", timeout=5).json()[0]["$_id"]
    attributes = {
        "message": {"source": "new", "description": "Subject", "email_message": "<p>Hello</p>"},
        "contact_group": {"type": "upload", "name_index": 1, "email_index": 0},
        "schedule": {
            "name": "Letter", "start_date": "2030-01-16 09:00", "timezone": "PST8PDT", "sender_id": sender,
        },
    }  # fmt: skip
    form = {
        "attributes": (None, json.dumps(attributes)),
        "csv_file": ("people.csv", "email,name\na@example.com,Zoë\nbounce@example.com,Bo\n", "text/csv"),
    }
    made = session.post(f"{base}/email/campaign/", files=form, timeout=5)
    requests.post(f"{url}/_control/clock", json={"advance": 6 * 3600}, timeout=5)
    period = {
        "start_date": "2030-01-16",
        "end_date": "2030-01-16",
        "campaign_id": made.json()["$_id"]["$oid"],
    }
    rows = session.get(f"{base}/email/result/filter/", params=period, timeout=5).json()

    assert (made.status_code, made.json()["start_date"]) == (201, "2030-01-16T17:00:00.000000")
    assert [(row["contact"]["name"], row["disposition"]) for row in rows] == [
        ("Zoë", "delivered"),
        ("Bo", "bounced"),
    ]


def test_a_fault_answers_in_place_of_the_provider(url: str) -> None:
    fault = {
        "kind": "status",
        "provider": "emailcampaigns",
        "path": "/email/contact/bulk/*",
        "status": 502,
        "times": 0,
    }
    requests.post(f"{url}/_control/faults", json=fault, timeout=5).raise_for_status()
    headers = {"Authorization": "Token sandbox-acme"}
    statuses = [
        requests.post(f"{url}/emailcampaigns/email/contact/bulk/replace/", headers=headers, timeout=5),
        requests.get(f"{url}/emailcampaigns/email/contact/", headers=headers, timeout=5),
    ]

    assert [reply.status_code for reply in statuses] == [502, 200]
