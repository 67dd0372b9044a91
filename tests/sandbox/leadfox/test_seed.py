"""What whoever steers the sandbox may ask for, the demo, and the state file."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from accounts.sandbox.leadfox import listing
from accounts.sandbox.leadfox.state import Account, Row
from accounts.sandbox.people import demo_person
from tests.sandbox.leadfox.client import MAIL, NOW, Leadfox

ELSEWHERE: dict[str, Any] = {
    "senders": [{"name": "N", "email": "n@example.com"}],
    "tags": ["t"],
    "credits": 5,
}


def test_a_new_account_has_the_built_in_properties_and_nothing_else(leadfox: Leadfox) -> None:
    counts = {kind: len(leadfox.get(f"/v1/{kind}")) for kind in
              ("campaign", "contact", "email", "folder", "list", "mailinglist", "property")}  # fmt: skip
    assert counts == {
        "campaign": 0, "contact": 0, "email": 0, "folder": 0, "list": 0, "mailinglist": 0, "property": 5,
    }  # fmt: skip


def test_words_that_mean_nothing_here_do_no_harm(leadfox: Leadfox) -> None:
    made = leadfox.seed(
        limits="off", domains=[{"name": "d.example"}], suppressed=["x@example.com"], **ELSEWHERE
    )
    assert made == {
        "folders": [], "mailinglists": [], "lists": [], "contacts": 0, "templates": [], "campaigns": [],
    }  # fmt: skip


def test_lists_and_people(leadfox: Leadfox) -> None:
    people = [
        {
            "email": "Ann@example.com",
            "fields": {"first_name": "Ann", "last_name": "Lee", "language": "de", "Shoe size": 39, "vip": True, "x": None},
            "lists": [0, 1],
            "left": [1],
        },
        {"email": "bob@example.com", "blocked": True, "lifecycle": "customer", "daysAgo": 10},
    ]  # fmt: skip

    made = leadfox.seed(lists=["One", {"name": "Two", "description": "D"}], contacts=people)

    assert made["contacts"] == 2
    assert [(row["_id"], row["name"]) for row in leadfox.get("/v1/list")] == [
        (made["lists"][0], "One"),
        (made["lists"][1], "Two"),
    ]
    ann, bob = leadfox.contact("ann@example.com"), leadfox.contact("bob@example.com")
    assert ann["properties"] == {
        "firstname": "Ann", "lastname": "Lee", "language": "de", "shoesize": "39", "vip": "true",
    }  # fmt: skip
    assert ([row["list"] for row in ann["lists"]], ann["subscribed"]) == ([made["lists"][0]], True)
    assert (bob["subscribed"], bob["lifecycle"], bob["created"]) == (
        False,
        "customer",
        "2025-02-28T08:00:00.000Z",
    )
    named = leadfox.get("/v1/property", fields="name,shortcode")[5:]
    assert [(row["name"], row["shortcode"]) for row in named] == [
        ("language", "language"), ("Shoe size", "shoesize"), ("vip", "vip"),
    ]  # fmt: skip


def test_people_made_up_are_spread_over_the_lists(leadfox: Leadfox) -> None:
    made = leadfox.seed(lists=2, contacts=10)
    members = [len(leadfox.get(f"/v1/list/{list_id}/contact")) for list_id in made["lists"]]
    assert (made["contacts"], members) == (10, [6, 6])
    assert leadfox.seed(contacts=3)["contacts"] == 3  # over the lists there are
    assert len(leadfox.get("/v1/contact", filters="lists exists false")) == 0
    assert len({row["email"] for row in leadfox.get("/v1/contact")}) == 13
    first = leadfox.get("/v1/contact", limit=1)[0]
    assert first["name"] == f"{first['properties']['firstname']} {first['properties']['lastname']}"


def test_campaigns_of_every_status(leadfox: Leadfox) -> None:
    made = leadfox.seed(
        lists=["One", "Two"],
        contacts=[{"email": "a@example.com", "lists": [0]}, {"email": "b@example.com", "lists": [1]}],
        campaigns=[
            {"name": "Draft", "subject": "S", "html": MAIL, "lists": [1]},
            {"name": "Sent", "status": "sent", "daysAgo": 3, "lists": [0]},
            {"name": "Soon", "status": "scheduled", "inSeconds": 60},
            {"name": "Stopped", "status": "inactive"},
        ],
    )
    rows = leadfox.get("/v1/campaign")
    one, two = made["lists"]

    assert [row["_id"] for row in rows] == made["campaigns"]
    assert [
        (row["name"], row["status"], row.get("start"), [r["list"] for r in row["lists"]]) for row in rows
    ] == [
        ("Draft", "d", None, [two]),
        ("Sent", "a", "2025-03-07T08:00:00.000Z", [one]),
        ("Soon", "a", "2025-03-10T08:01:00.000Z", [one, two]),
        ("Stopped", "i", "2025-03-10T09:00:00.000Z", [one, two]),
    ]
    assert [leadfox.sent(n) for n in made["campaigns"]] == [0, 1, 0, 0]
    assert leadfox.get(f"/v1/metric/campaign/{made['campaigns'][1]}")[0]["_id"] == "2025-03-07"
    design = leadfox.get(f"/v1/email/{rows[0]['emails'][0]['email']}")
    assert (design["subject"], design["body"], design["fromemail"]) == (
        "S",
        MAIL,
        "owner@sandbox-test.example",
    )
    leadfox.wait(3600)
    assert [leadfox.sent(n) for n in made["campaigns"]] == [0, 1, 2, 0]


def test_templates_are_designs_and_fields_properties(leadfox: Leadfox) -> None:
    made = leadfox.seed(
        templates=[{"name": "T", "subject": "S", "html": MAIL}],
        fields=[{"name": "born", "kind": "date"}],
        campaigns=2,
    )
    design = leadfox.get(f"/v1/email/{made['templates'][0]}")
    assert (design["name"], design["subject"], design["body"]) == ("T", "S", MAIL)
    assert leadfox.get("/v1/property")[-1]["shortcode"] == "born"
    assert [row["name"] for row in leadfox.get("/v1/campaign")] == ["Campaign 1", "Campaign 2"]
    assert leadfox.get("/v1/campaign")[0]["lists"] == [{"list": None}]


def test_a_seed_that_cannot_be(leadfox: Leadfox) -> None:
    asked = {"provider": "leadfox", "account": leadfox.apikey, "pace": {"walk": 1}}
    reply = leadfox.session.post("http://control/_control/seed", json=asked)
    assert (reply.status_code, reply.json()) == (400, {"message": "Unknown pace walk"})


def test_the_same_happens_in_every_run() -> None:
    def run(at: float) -> dict[str, int]:
        leadfox = Leadfox(Sandbox(time=lambda: at, post=lambda *_: 200))
        campaign = {"name": "C", "status": "sent", "daysAgo": 2}
        return leadfox.metrics(leadfox.seed(lists=1, contacts=300, campaigns=[campaign])["campaigns"][0])

    assert run(NOW.timestamp()) == run(NOW.timestamp() + 12345)


def test_the_demo(sandbox: Sandbox) -> None:
    demo = Leadfox(sandbox, "sandbox-demo")

    assert demo.log_in()["client"] == "Fernweh Canada"
    people = demo.get("/v1/contact", limit=1000)
    assert len(people) == 604
    known = {demo_person(n)[0].email for n in range(1200)}
    assert sum(row["email"] in known for row in people) == 200
    lists = {row["name"]: row["_id"] for row in demo.get("/v1/list")}
    assert list(lists) == ["Newsletter", "Infolettre", "Cabin weekends", "Test readers"]
    team = demo.get(f"/v1/list/{lists['Test readers']}/contact")
    assert [row["email"] for row in team] == [
        f"{n}@demo.test" for n in ("admin", "approver", "editor", "viewer")
    ]
    campaigns = demo.get("/v1/campaign")
    assert "".join(row["status"] for row in campaigns) == "aaaaadi"
    assert [demo.sent(row["_id"]) > 0 for row in campaigns] == [True] * 4 + [False] * 3
    assert 5 < sum(not row["subscribed"] for row in people) < 60


def test_everything_is_kept(tmp_path: Path) -> None:
    """A full account, packed and read again, packs and answers the same; its token still opens it."""
    path = tmp_path / "state.json"
    sandbox = Sandbox(time=NOW.timestamp, post=lambda *_: 200, state=path)
    demo = Leadfox(sandbox, "sandbox-demo")
    waiting = demo.new_campaign(demo.get("/v1/list")[0]["_id"], status="a")
    demo.wait(40)
    assert sandbox.state_file
    sandbox.state_file.save()
    saved = json.loads(path.read_text())

    again = Sandbox(time=NOW.timestamp, post=lambda *_: 200, state=path)
    again.store.touch()
    assert again.state_file
    again.state_file.save()

    assert json.loads(path.read_text()) == saved
    demo.log_in()
    other = Leadfox(again, "sandbox-demo")
    other.token = demo.token
    for read in (
        lambda one: one.get("/v1/contact", limit=1000),
        lambda one: one.get(f"/v1/list/{one.get('/v1/list')[0]['_id']}/contact", limit=1000),
        lambda one: one.get("/v1/campaign"),
        lambda one: [one.metrics(row["_id"]) for row in one.get("/v1/campaign")],
        lambda one: one.get(f"/v1/metric/campaign/{waiting}", startdate="2025-01-01T00:00:00Z"),
    ):
        assert read(other) == read(demo)
    for one in (demo, other):
        one.wait(3600)
    assert other.metrics(waiting) == demo.metrics(waiting)
    assert other.new_contact("new@example.com") == demo.new_contact("new@example.com")


def test_a_walk_through_many_people_looks_at_each_once(
    leadfox: Leadfox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an address is looked up rather than searched for."""
    looked_at: list[str] = []
    look = listing.values_at

    def count(account: Account, row: Row, path: tuple[str, ...]) -> list[Any]:
        looked_at.append(row.id)
        return look(account, row, path)

    monkeypatch.setattr(listing, "values_at", count)
    list_id = leadfox.seed(lists=1, contacts=500)["lists"][0]

    for skip in range(0, 500, 50):
        leadfox.get("/v1/contact", sort="email", filters="subscribed=true", skip=skip, limit=50)
    assert len(looked_at) == 2 * 500

    looked_at.clear()
    ann = leadfox.new_contact("ann@example.com")
    leadfox.post(f"/v1/list/{list_id}/contact/{ann}")
    for query in ("email=ann@example.com", f"_id={ann}", "email=nobody@example.com", "lists.list=none"):
        leadfox.get("/v1/contact", filters=query)
    assert looked_at == [ann] * 2


def test_an_account_can_be_forgotten(sandbox: Sandbox, leadfox: Leadfox) -> None:
    other = Leadfox(sandbox, "sandbox-other")
    for one in (leadfox, other):
        one.new_contact("a@example.com")
    leadfox.control("reset", provider="leadfox", account=leadfox.apikey)
    assert [len(one.get("/v1/contact")) for one in (leadfox, other)] == [0, 1]
