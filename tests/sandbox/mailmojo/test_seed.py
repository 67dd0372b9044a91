"""The words every provider's seed understands, and the demo."""

import time
from collections import Counter

from accounts.sandbox.app import Sandbox
from accounts.sandbox.people import demo_person
from tests.sandbox.mailmojo.mailmojo_client import Mailmojo


def test_a_seed_in_the_common_words(mailmojo: Mailmojo) -> None:
    made = mailmojo.control(
        "seed",
        limits="off",
        pace={"send": 1, "react": 2, "process": 1},
        company="Acme Club",
        credits=500,
        senders=[{"name": "Off", "email": "off@acme.example", "active": False}, {"name": "News", "email": "news@acme.example", "active": True}],
        lists=["First", {"name": "Second", "from_name": "Club"}],
        fields=[{"name": "plan", "kind": "choice"}],
        tags=["ski"],
        suppressed=["never@example.com"],
        contacts=[
            {"email": "A@example.com", "fields": {"first_name": "Ann", "last_name": "Lee", "language": "de", "city": "Köln", "plan": 3}, "tags": ["ski"], "lists": [0, 1]},
            {"email": "b@example.com", "lists": [0, 1], "left": [1]},
            {"email": "c@example.com", "left": [0]},
            {"email": "d@example.com", "lists": [0], "blocked": True},
        ],
        templates=[{"name": "Letter", "subject": "S", "html": "<p>T</p>"}],
        segments=[{"name": "Skiers", "list": 0, "predicates": [{"type": "has_tag", "tag_name": "ski"}]}],
        domains=[{"name": "acme.example", "authenticated": True}, {"name": "new.example"}],
        campaigns=[
            {"name": "Draft", "subject": "S1", "html": "<p>1</p>", "status": "draft", "lists": [1]},
            {"name": "Gone", "status": "sent", "daysAgo": 3, "lists": [0]},
            {"name": "Soon", "status": "scheduled", "inSeconds": 60},
        ],
    )  # fmt: skip
    first, second = made["lists"]

    assert made == {"lists": [1, 2], "contacts": 4, "segments": [1], "templates": [2], "campaigns": [1, 2, 3]}
    assert [(row["name"], row["from_name"], row["from_email"]) for row in mailmojo.get("/lists/")] == [
        ("First", "News", "news@acme.example"),
        ("Second", "Club", "news@acme.example"),
    ]
    ann = mailmojo.contact("a@example.com")
    assert (ann["name"], ann["custom"], ann["tags"]) == (
        "Ann Lee",
        {"language": "de", "city": "Köln", "plan": 3},
        ["ski"],
    )
    assert {email: mailmojo.standing(f"{email}@example.com") for email in "abcd"} == {
        "a": ("a", {first: "a", second: "a"}),
        "b": ("a", {first: "a", second: "u"}),
        "c": ("u", {first: "u"}),
        "d": ("u", {first: "u"}),
    }
    rows = {row["title"]: row for row in mailmojo.get("/newsletters/")["data"]}
    assert {name: mailmojo.status(row["id"]) for name, row in rows.items()} == {
        "Draft": "draft",
        "Gone": "sent",
        "Soon": "scheduled",
    }
    assert (rows["Draft"]["list"]["id"], rows["Gone"]["num_recipients"], rows["Draft"]["subject"]) == (
        second,
        2,
        "S1",
    )
    assert mailmojo.get("/accounts/me/")["name"] == "Acme Club"
    domains = [(row["domain"], row["is_authenticated"]) for row in mailmojo.get("/domains/")]
    assert domains == [("sandbox-test.example", True), ("acme.example", True), ("new.example", False)]
    mailmojo.act("publish_dns", domain="new.example")
    assert mailmojo.get("/domains/3/")["is_authenticated"] is True
    mailmojo.wait(70)
    assert mailmojo.status(rows["Soon"]["id"]) == "sent"


def test_numbers_are_made_up(mailmojo: Mailmojo) -> None:
    made = mailmojo.control("seed", lists=3, contacts=300, campaigns=2)
    mailmojo.control("seed", contacts=30)  # over all lists there are

    sizes = [len(mailmojo.get(f"/lists/{number}/subscribers/")) for number in made["lists"]]
    contacts = mailmojo.get("/contacts/")
    assert (len(contacts), sum(sizes)) == (330, 330 + 66)
    assert Counter(len(row["list_associations"]) for row in contacts) == {1: 264, 2: 66}
    assert all(row["first_name"] and row["custom"]["language"] for row in contacts)
    assert [row["title"] for row in mailmojo.get("/newsletters/")["data"]] == ["Campaign 2", "Campaign 1"]


def test_a_seed_that_cannot_be(mailmojo: Mailmojo) -> None:
    def status(**asked: object) -> int:
        body = {"provider": "mailmojo", "account": mailmojo.account} | asked
        return mailmojo.session.post("http://control/_control/seed", json=body).status_code

    assert status(pace={"walk": 1}) == 400
    assert status(campaigns=1) == 400  # there is no list to send to


def test_the_demo_is_full(sandbox: Sandbox) -> None:
    demo = Mailmojo(sandbox, "sandbox-demo")
    contacts = demo.get("/contacts/")
    lists = {row["name"]: demo.get(f"/lists/{row['id']}/subscribers/") for row in demo.get("/lists/")}
    newsletters = demo.get("/newsletters/")["data"]

    assert (demo.get("/accounts/me/")["name"], len(contacts)) == ("Fernweh Norge", 544)
    assert {row["email"] for row in lists["Test readers"]} == {
        f"{name}@demo.test" for name in ("admin", "approver", "editor", "viewer")
    }
    assert list(lists) == ["Nyhetsbrev", "Turklubben", "Butikken i Bergen", "Test readers"]
    assert all(len(rows) > 50 for name, rows in lists.items() if name != "Test readers")
    statuses = Counter(row["status"] for row in contacts)
    assert (statuses["u"] > 10, statuses["b"] > 5, statuses["a"] > 450) == (True, True, True)
    assert len(demo.get("/lists/1/unsubscribed/")) > 5
    known = {demo_person(n)[0].email for n in range(1200)}
    assert sum(row["email"] in known for row in contacts) == 180
    assert [(row["title"], demo.status(row["id"])) for row in newsletters] == [
        ("Club evening", "scheduled"),
        ("December letter", "draft"),
        ("November letter", "sent"),
        ("Skiers first", "sent"),
        ("Club weekend", "sent"),
        ("Summer by the fjord", "sent"),
    ]
    assert all(0.2 < row["statistics"]["open_rate"] < 0.7 for row in newsletters[2:])
    assert [row["name"] for row in demo.get("/lists/1/")["segments"]] == [
        "Skiers",
        "Paddlers who are no members",
    ]
    assert all(row["num_contacts"] > 20 for row in demo.get("/lists/1/")["segments"])
    assert len(demo.get("/templates/")) == 2
    active = demo.get("/contacts/stats/", start_date="2020-01-01")[-1]["sum"]
    assert active == statuses["a"] == demo.get("/accounts/me/")["num_contacts"]
    assert {row["email"] for row in contacts if row["tags"]} > {row["email"] for row in lists["Test readers"]}


def test_many_contacts_are_answered_at_once(sandbox: Sandbox) -> None:
    """Forty thousand here; the bounds, in time of the processor, would do for two hundred thousand."""
    big = Mailmojo(sandbox, "sandbox-big")
    started = time.process_time()
    number = big.control("seed", lists=2, contacts=40_000)["lists"][0]
    seeded = time.process_time() - started
    headers = {"Authorization": f"Bearer {big.login()['access_token']}"}
    url = "https://api.mailmojo.no/v1/contacts/"
    started = time.process_time()
    body = big.session.get(url, headers=headers).content
    read = time.process_time() - started
    started = time.process_time()
    few = big.get(f"/lists/{number}/subscribers/", limit=100)
    limited = time.process_time() - started

    assert (seeded < 4, read < 2.5, limited < 1.0) == (True, True, True)
    assert (body.count(b"\n"), len(few)) == (39_999, 100)


def test_everyone_reads_like_each_one(mailmojo: Mailmojo) -> None:
    """The great array is put together by hand."""
    people = [
        {"email": 'o"\\x@example.com', "fields": {"name": 'Łódź "\\ \u2028', "plan": {"a": [1, None, "ø"]}}, "tags": ['"t"', "å"], "lists": [0, 1], "left": [1]},
        {"email": "none@example.com", "blocked": True},
    ]  # fmt: skip
    mailmojo.control("seed", lists=2, contacts=people)
    rows = mailmojo.get("/contacts/")

    assert rows == [mailmojo.contact(row["email"]) for row in rows]
    assert [row["email"] for row in rows] == ['o"\\x@example.com', "none@example.com"]
    assert rows[0]["custom"] == {"plan": {"a": [1, None, "ø"]}}
