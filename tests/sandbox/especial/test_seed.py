from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from accounts.sandbox.people import demo_person
from tests.sandbox.especial.especial_client import Especial


def test_the_common_words_fill_an_account(especial: Especial) -> None:
    made = especial.control(
        "seed",
        lists=["Letter", {"name": "Club"}],
        fields=[{"name": "points", "kind": "number"}, {"name": "since", "kind": "date"}, {"name": "vip", "kind": "boolean"}],
        contacts=[
            {"email": "Ann@Example.com", "fields": {"first_name": "Ann", "points": 7}, "lists": [0, 1], "left": [1]},
            {"email": "bob@example.com", "fields": {"shoe": "44"}, "lists": [1], "blocked": True},
        ],
        campaigns=[
            {"name": "Draft", "lists": [1]},
            {"name": "Sent", "status": "sent", "daysAgo": 3, "lists": [0], "subject": "Hello"},
            {"name": "Later", "status": "scheduled", "inSeconds": 600},
        ],
        senders=[{"name": "News", "email": "news@example.com", "active": False}],
        templates=[{"name": "T", "subject": "S", "html": "<p>Hi</p>"}],
        segments=[{"name": "Anns", "json": {"eq": {"first_name": "Ann"}}}],
        tags=["vip"],
        domains=[{"name": "example.com", "authenticated": True}],
        suppressed=["*@example.org"],
    )  # fmt: skip
    assert made == {"lists": [1, 2], "contacts": 2, "segments": [1], "templates": [1], "campaigns": [1, 2, 3]}

    def people(number: int) -> list[tuple[str, str, dict[str, str]]]:
        rows = especial.data(f"/lists/{number}/contacts")
        return [
            (
                row["email"],
                row["status"],
                {a["name"]: a["value"] for a in row["custom_attributes"] if a["value"]},
            )
            for row in rows
        ]

    assert people(1) == [("ann@example.com", "active", {"first_name": "Ann", "points": "7"})]
    assert people(2) == [
        ("ann@example.com", "unsubscribed", {"first_name": "Ann", "points": "7"}),
        ("bob@example.com", "active", {"shoe": "44"}),
    ]
    assert especial.data("/lists/1/custom-attributes") == [
        {"name": "first_name", "type": "text"},
        {"name": "last_name", "type": "text"},
        {"name": "language", "type": "text"},
        {"name": "city", "type": "text"},
        {"name": "points", "type": "integer"},
        {"name": "since", "type": "datetime"},
        {"name": "vip", "type": "text"},
    ]
    assert [
        (row["name"], row["status"], row["audience"]["list_id"]) for row in especial.data("/campaigns")
    ] == [
        ("Draft", "incomplete", 2),
        ("Sent", "delivered", 1),
        ("Later", "scheduled", 1),
    ]
    assert especial.data("/reports/campaigns/2")["sent_emails"] == 1
    assert abs(especial.campaign(2)["scheduled_for"] - (especial.now() - 3 * 86400)) < 5
    assert [row["confirmed"] for row in especial.data("/brands/default/senders")] == [True, False]
    assert especial.data("/brands/default/dkim")[0]["status"] == "active"
    assert especial.data("/suppressed-emails") == [
        {"email": "*@example.org", "source": "user"},
        {"email": "bob@example.com", "source": "user"},
    ]
    assert [row["email"] for row in especial.data("/lists/1/segments/1/contacts")] == ["ann@example.com"]


def test_numbers_are_made_up(especial: Especial) -> None:
    made = especial.control("seed", lists=3, contacts=100, campaigns=2)
    counts = [
        especial.get(f"/lists/{n}/contacts", with_count="1")["pagination"]["count"] for n in made["lists"]
    ]

    assert (made["contacts"], sum(counts)) == (100, 120)
    more = especial.control("seed", contacts=10)
    assert (more["lists"], more["contacts"]) == ([], 10)
    emails = {
        row["email"] for n in made["lists"] for row in especial.data(f"/lists/{n}/contacts", per_page=100)
    }
    assert len(emails) == 110


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("seed", {"pace": {"walk": 1}}),
        ("seed", {"lists": 1, "segments": [{"name": "S", "fiql": "a=b=c"}]}),
        ("act", {"kind": "dance"}),
        ("act", {"kind": "open", "campaign": 1, "email": "nobody@example.com"}),
        ("act", {"kind": "leave_list", "list": 1, "email": "nobody@example.com"}),
    ],
)
def test_nonsense_to_the_control_is_answered(especial: Especial, command: str, asked: dict[str, Any]) -> None:
    especial.control("seed", lists=1, campaigns=[{"name": "Sent", "status": "sent"}])
    body = {"provider": "especial", "account": especial.name} | asked
    reply = especial.session.post(f"http://control/_control/{command}", json=body)
    assert reply.status_code in (400, 404)


def test_people_leave_and_confirm_by_control(especial: Especial) -> None:
    number = especial.new_list("a@example.com")
    especial.control("act", kind="leave_list", email="A@example.com", list=number)
    assert especial.data(f"/lists/{number}/contacts/1")["status"] == "unsubscribed"

    especial.post("/brands/default/senders", {"name": "New", "email": "new@example.com"})
    especial.post("/brands/default/dkim", {"domain": "example.com", "selector": "mail"})
    especial.patch("/brands/default/domains/default", {"domains": {"bounce": "b.example.com"}})
    especial.control("act", kind="confirm_sender", email="new@example.com")
    especial.control("act", kind="publish_dns")
    assert [row["confirmed"] for row in especial.data("/brands/default/senders")] == [True, True]
    assert especial.data("/brands/default/domains/default/validate")["bounce"][0]["valid"] is True
    assert especial.data("/brands/default/dkim")[0]["status"] == "active"


def test_the_demo_is_full(sandbox: Sandbox) -> None:
    demo = Especial(sandbox, "sandbox-demo")
    lists = {row["name"]: row["id"] for row in demo.data("/lists")}
    assert list(lists) == ["Club letter", "Club evenings", "Gear library", "Test readers"]
    reports = [demo.data(f"/reports/lists/{number}") for number in lists.values()]
    people = set(demo.state()["lists"][str(lists["Club letter"])]["contacts"])
    assert 400 < len(people) < 700
    assert all(report["unsubscribed_contacts"] for report in reports[:3])
    emails = {row[1] for held in demo.state()["lists"].values() for row in held["contacts"].values()}
    shared = {demo_person(n)[0].email for n in range(1200)} & emails
    assert (len(emails), len(shared)) == (624, 200)
    readers = demo.data(f"/lists/{lists['Test readers']}/contacts")
    assert [row["email"] for row in readers] == [
        f"{n}@demo.test" for n in ("admin", "approver", "editor", "viewer")
    ]
    assert [(row["name"], row["status"], row["suspended"]) for row in demo.data("/campaigns")] == [
        ("Summer letter", "archived", False),
        ("Gear library opens", "delivered", False),
        ("Slide evening: Lofoten", "delivered", False),
        ("Autumn letter", "delivered", False),
        ("Winter letter", "incomplete", False),
        ("Slide evening: Svaneti", "scheduled", False),
        ("Library: winter closing", "scheduled", True),
    ]
    for number in range(1, 5):
        report = demo.data(f"/reports/campaigns/{number}")
        assert report["sent_emails"] == report["active_emails"] + report["bounces"] > 100
        assert report["unique_opens"] > 0
    assert demo.data("/accounts/self")["name"] == "Fernweh Club"
    assert [row["confirmed"] for row in demo.data("/brands/default/senders")] == [True, True, False]
    assert len(demo.data("/suppressed-emails")) > 5
    for segment in demo.data("/lists/1/segments"):
        assert demo.data(f"/lists/1/segments/{segment['id']}/contacts")


def test_the_demo_is_the_same_each_time() -> None:
    def made(at: float) -> tuple[Any, Any]:
        demo = Especial(Sandbox(time=lambda: at), "sandbox-demo")
        people = [(row["email"], row["status"]) for row in demo.data("/lists/1/contacts", per_page=100)]
        return people, [demo.data(f"/reports/campaigns/{n}") for n in range(1, 5)]

    assert made(1_800_000_000.0) == made(1_800_000_000.0 + 30 * 86400)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "'; DROP TABLE x; --", "\u202e\u0000", "=1+1", "x" * 5000]
)
def test_hostile_text_comes_back_as_it_was_sent(especial: Especial, text: str) -> None:
    number = especial.new_list("a@example.com", name=text)
    especial.post(f"/lists/{number}/custom-attributes", {"name": "note", "type": "mediumtext"})
    especial.patch(f"/lists/{number}/contacts/1", {"custom_attributes": [{"name": "note", "value": text}]})

    assert especial.data(f"/lists/{number}")["name"] == text
    assert especial.data(f"/lists/{number}/contacts/1")["custom_attributes"][0]["value"] == text
