"""Seeds, the demo account, size, and the state file."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from accounts.sandbox.codec import pack
from tests.sandbox.emailcampaigns.client import EmailCampaigns

START = 1_894_795_230.0


def test_the_common_words(api: EmailCampaigns) -> None:
    made = api.control(
        "seed",
        limits="off",
        credits=100,
        company="Acme",
        pace={"send": 10, "react": 20, "process": 0},
        senders=[{"name": "News", "email": "News@example.com", "active": True}],
        suppressed=["Gone@example.com", "*@competitor.example"],
        lists=["First", {"name": "Second"}],
        contacts=[
            {"email": "Ann@example.com", "fields": {"first_name": "Ann", "last_name": "Lee", "city": "Bern", "age": 40}, "lists": [0, 1]},
            {"email": "bob@example.com", "fields": {"last_name": "Bo", "city": None}, "lists": [0, 1], "left": [1]},
            {"email": "eve@example.com", "lists": [1], "blocked": True},
            {"email": "nowhere@example.com"},
        ],
        templates=[{"name": "T", "subject": "S", "html": "H"}],
        messages=[{"subject": "S", "html": "H"}],
        campaigns=[
            {"name": "Draft", "status": "draft", "lists": [0]},
            {"name": "Sent", "subject": "Hello", "html": "<p>x</p>", "status": "sent", "daysAgo": 2, "lists": [1]},
            {"name": "Soon", "status": "scheduled", "inSeconds": 600, "lists": [0]},
        ],
    )  # fmt: skip

    groups, messages, campaigns = (api.get(f"/email/{path}/") for path in ("contact", "message", "campaign"))
    assert made == {
        "senders": [api.get("/email/senderid/")[1]["$_id"]["$oid"]],
        "lists": [group["$_id"]["$oid"] for group in groups],
        "contacts": 3,
        "templates": [],
        "messages": [messages[0]["$_id"]["$oid"]],
        "campaigns": [campaign["$_id"]["$oid"] for campaign in campaigns],
    }
    assert [row["email"] for row in api.get("/email/senderid/")] == [
        "owner@sandbox-test.example",
        "news@example.com",
    ]
    assert api.opted_out() == ["gone@example.com", "eve@example.com"]
    assert [(group["tag"], group["contacts"]) for group in groups] == [
        ("First", [{"name": "Ann Lee", "email": "ann@example.com"}, {"name": "Bo", "email": "bob@example.com"}]),
        ("Second", [{"name": "Ann Lee", "email": "ann@example.com"}, {"name": "", "email": "eve@example.com"}]),
    ]  # fmt: skip
    assert [(row["description"], row["email_message"]) for row in messages[:2]] == [
        ("S", "H"),
        ("Hello", "<p>x</p>"),
    ]
    assert [(row["name"], row["status"], row["start_date"][:16]) for row in campaigns] == [
        ("Sent", "completed", "2030-01-14T12:00"),
        ("Soon", "active", "2030-01-16T12:10"),
    ]
    assert api.dispositions(made["campaigns"][0]) == {
        "ann@example.com": "delivered",
        "eve@example.com": "opted_out",
    }
    assert api.results(made["campaigns"][0])[0]["contact"] == {
        "name": "Ann Lee",
        "email": "ann@example.com",
        "city": "Bern",
        "age": "40",
    }


def test_numbers_are_made_up(api: EmailCampaigns) -> None:
    made = api.control("seed", lists=2, contacts=10, campaigns=2)
    more = api.control("seed", contacts=10)

    sizes = [len(group["contacts"]) for group in api.get("/email/contact/")]
    assert (made["contacts"], more["contacts"], sizes) == (10, 10, [12, 12])
    assert len({email for group in made["lists"] for email in api.emails(group)}) == 20
    assert [(row["name"], row["status"]) for row in api.get("/email/campaign/")] == [
        ("Campaign 1", "active"),
        ("Campaign 2", "active"),
    ]


def test_people_without_a_list_are_given_one(api: EmailCampaigns) -> None:
    api.control("seed", contacts=3)
    assert [(group["tag"], len(group["contacts"])) for group in api.get("/email/contact/")] == [
        ("Contacts", 3)
    ]


@pytest.mark.parametrize("asked", [{"pace": {"walk": 1}}, {"campaigns": [{"name": "C", "status": "lost"}]}])
def test_seeds_that_make_no_sense(api: EmailCampaigns, asked: dict[str, Any]) -> None:
    seed = {"provider": "emailcampaigns", "account": api.name} | asked
    reply = api.session.post("http://control/_control/seed", json=seed)

    assert reply.status_code == 400


def test_the_demo_is_full(sandbox: Sandbox) -> None:
    demo = EmailCampaigns(sandbox, "sandbox-demo")
    groups = {row["tag"]: row["contacts"] for row in demo.get("/email/contact/")}
    people = {contact["email"] for contacts in groups.values() for contact in contacts}
    dispositions = set(demo.dispositions().values())

    assert list(groups) == ["Guests", "Speakers and partners", "Volunteers", "Test readers"]
    assert len(people) == 604
    assert [contact["email"] for contact in groups["Test readers"]] == [
        "admin@demo.test",
        "approver@demo.test",
        "editor@demo.test",
        "viewer@demo.test",
    ]
    assert 20 < len(set(demo.opted_out()) & people) < 60
    assert [row["status"] for row in demo.get("/email/campaign/")] == [
        *["completed"] * 3, "active", "paused", "cancelled",
    ]  # fmt: skip
    assert dispositions == {"delivered", "bounced", "failed", "opted_out"}
    assert len(demo.get("/email/senderid/")) == 2
    assert len(demo.get("/email/message/")) == 7


def test_the_demo_is_the_same_each_day() -> None:
    def made(at: float) -> Any:
        demo = EmailCampaigns(Sandbox(time=lambda: at), "sandbox-demo")
        return [
            demo.dispositions(),
            demo.opted_out(),
            [row["contacts"] for row in demo.get("/email/contact/")],
        ]

    assert made(START) == made(START + 30 * 86400)


def test_two_hundred_thousand_contacts_are_quickly_made_and_read(sandbox: Sandbox) -> None:
    """In the processor's time, as others may be using it too."""
    api = EmailCampaigns(sandbox, "sandbox-big")
    started = time.process_time()
    group = api.control("seed", lists=1, contacts=200_000)["lists"][0]
    seeded = time.process_time()
    reply = api.call("GET", "/email/contact/", _id=group, breaks_contract=True)
    read = time.process_time()
    text = "\n".join(["name,email,city", *(f"P,person{n}@example.com,Basel" for n in range(200_000))])
    form, query = {"name_index": 0, "email_index": 1}, {"_id": group, "breaks_contract": True}
    api.call("POST", "/email/contact/bulk/update/", form=form, file=text, **query)
    api.wait(2)
    uploaded = time.process_time()

    assert len(reply.json()["contacts"]) == 200_000
    assert len(api.call("GET", "/email/contact/", **query).json()["contacts"]) == 400_000
    assert (seeded - started < 10, read - seeded < 2, uploaded - read < 6) == (True, True, True)


def test_everything_is_kept_over_a_restart(tmp_path: Path) -> None:
    """In the middle of a campaign and of an upload: packed and read again it packs the same and goes on the same."""
    path = tmp_path / "state.json"
    sandbox = Sandbox(time=lambda: START, state=path)
    demo = EmailCampaigns(sandbox, "sandbox-demo")
    group = demo.get("/email/contact/")[0]["$_id"]["$oid"]
    campaign = demo.new_campaign(group)["$_id"]["$oid"]
    demo.wait(120)
    sent_before = len(demo.results(campaign))
    form = {"name_index": 0, "email_index": 1}
    for way in ("update", "delete"):
        text = "name,email,seat\nNew,new@example.com,A1\nAnn,admin@demo.test,A2\n"
        demo.call("POST", f"/email/contact/bulk/{way}/", form=form, file=text, _id=group)
    demo.call("POST", "/email/optout/bulk/add/", file="late@example.com")
    assert sandbox.state_file
    sandbox.state_file.save()

    again = EmailCampaigns(Sandbox(time=lambda: START, state=path), "sandbox-demo")
    packed = [
        json.loads(json.dumps(pack(some.store.accounts["emailcampaigns"]["sandbox-demo"])))
        for some in (sandbox, again.sandbox)
    ]
    assert packed[0] == packed[1]
    for client in (demo, again):
        client.wait(86400)
    assert 0 < sent_before < len(again.results(campaign))
    assert "late@example.com" in again.opted_out()
    for path_ in ("contact", "message", "senderid", "optout", "campaign"):
        assert again.get(f"/email/{path_}/") == demo.get(f"/email/{path_}/")
    assert again.results() == demo.results()
