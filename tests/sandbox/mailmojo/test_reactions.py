"""What readers do: statistics, what it does to contacts, and who is told."""

from collections import Counter
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.conftest import Inbox
from tests.sandbox.mailmojo.mailmojo_client import Mailmojo

KINDS = ("sent", "delivered", "hard", "soft", "open", "proxy", "click", "unsubscribe", "spam")
URL = "http://127.0.0.1:9/hook"


def register(mailmojo: Mailmojo, topic: str, **fields: Any) -> Any:
    return mailmojo.post("/webhooks/", {"callback_url": URL, "topic": topic} | fields)


def send(mailmojo: Mailmojo, *emails: str, **fields: Any) -> tuple[int, int]:
    """A list and a newsletter that everybody on it has."""
    list_id = mailmojo.new_list(*emails, **fields)
    number = mailmojo.new_newsletter(list_id)
    mailmojo.control("seed", pace={"send": 0, "react": 0})
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.wait(1)
    return list_id, number


def test_rates_are_counted_from_what_happened(mailmojo: Mailmojo) -> None:
    made = mailmojo.control("seed", lists=1, contacts=400)
    number = mailmojo.new_newsletter(made["lists"][0])
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.wait(86400)

    happened: dict[str, set[str]] = {}
    for _, kind, email, _ in mailmojo.state()["events"][str(number)]:
        happened.setdefault(kind, set()).add(email)
    happened = {kind: happened.get(kind, set()) for kind in KINDS}
    bounced = len(happened["hard"] | happened["soft"])
    delivered = 400 - bounced
    assert delivered == len(happened["delivered"])
    assert mailmojo.get(f"/newsletters/{number}/")["statistics"] == {
        "open_rate": round(len(happened["open"] | happened["proxy"]) / delivered, 4),
        "click_rate": round(len(happened["click"]) / delivered, 4),
        "bounce_rate": round(bounced / 400, 4),
        "num_shares": 0,
    }
    mailmojo.patch(f"/lists/{made['lists'][0]}/", {"enable_stats_filter": True})
    filtered = mailmojo.get(f"/newsletters/{number}/")["statistics"]["open_rate"]
    assert filtered == round(len(happened["open"]) / delivered, 4)
    statuses = Counter(row["status"] for row in mailmojo.get("/contacts/"))
    assert statuses["b"] == len(happened["hard"])
    assert statuses["u"] == len(happened["unsubscribe"] | happened["spam"])
    stats = mailmojo.get("/contacts/stats/")
    assert (stats[-1]["sum"], sum(row["added"] for row in stats)) == (statuses["a"], 400)


def test_addresses_choose_their_fate(mailmojo: Mailmojo) -> None:
    list_id, number = send(
        mailmojo, "bounce@example.com", "x@bounce.example", "soft@example.com", "a@example.com"
    )
    mailmojo.wait(60)

    assert mailmojo.get(f"/newsletters/{number}/")["statistics"]["bounce_rate"] == 0.75
    found = {row["email"]: row["status"] for row in mailmojo.get("/contacts/")}
    assert found == {
        "bounce@example.com": "b",
        "x@bounce.example": "b",
        "soft@example.com": "a",
        "a@example.com": "a",
    }
    assert mailmojo.get(f"/newsletters/{number}/")["list"]["id"] == list_id


def test_acts_count(mailmojo: Mailmojo) -> None:
    _, number = send(
        mailmojo, *(f"soft{n}@example.com" for n in range(4))
    )  # soft: they do nothing by themselves
    mailmojo.wait(60)
    for kind in ("open", "open", "proxy_open", "click"):
        mailmojo.act(kind, campaign=number, email="soft1@example.com")
    mailmojo.act("click", campaign=number, email="soft2@example.com", link="https://example.com/other")
    mailmojo.act("share", campaign=number)

    assert [event[1:] for event in mailmojo.state()["events"][str(number)][-5:]] == [
        ["open", "soft1@example.com", ""],
        ["open", "soft1@example.com", ""],
        ["proxy", "soft1@example.com", ""],
        ["click", "soft1@example.com", "https://example.com/a"],
        ["click", "soft2@example.com", "https://example.com/other"],
    ]
    assert mailmojo.get(f"/newsletters/{number}/")["statistics"]["num_shares"] == 1
    wrong = {
        "provider": "mailmojo",
        "account": mailmojo.account,
        "kind": "open",
        "campaign": number,
        "email": "x@example.com",
    }
    assert mailmojo.session.post("http://control/_control/act", json=wrong).status_code == 404
    assert (
        mailmojo.session.post("http://control/_control/act", json=wrong | {"kind": "sing"}).status_code == 400
    )


@pytest.mark.parametrize(
    ("kind", "cascades", "standing"),
    [
        ("unsubscribe", False, ("a", "u", "a")),
        ("unsubscribe", True, ("u", "u", "u")),
        ("complain", False, ("u", "u", "u")),
        ("bounce", False, ("b", "b", "b")),
        ("soft_bounce", False, ("a", "a", "a")),
    ],
)
def test_what_a_reaction_does_to_the_contact(
    mailmojo: Mailmojo, kind: str, cascades: bool, standing: tuple[str, str, str]
) -> None:
    list_id, number = send(mailmojo, "a@example.com", unsubscribe_cascades=cascades)
    second = mailmojo.new_list("a@example.com")
    mailmojo.act(kind, campaign=number, email="a@example.com")

    whole, by_list = mailmojo.standing("a@example.com")
    assert (whole, by_list[list_id], by_list[second]) == standing


def test_both_topics_are_posted(mailmojo: Mailmojo, sandbox: Sandbox, inbox: Inbox) -> None:
    made = [register(mailmojo, topic) for topic in ("contacts/subscribed", "contacts/unsubscribed")]
    register(mailmojo, "contacts/subscribed", is_enabled=False)
    list_id = mailmojo.new_list("a@example.com")
    mailmojo.subscribe(list_id, "a@example.com")  # nothing new
    mailmojo.delete(f"/lists/{list_id}/subscribers/a%40example.com/")
    mailmojo.subscribe(list_id, "a@example.com", force_subscribe=False)  # stays away
    mailmojo.act("join_list", email="b@example.com", list=list_id)
    mailmojo.act("leave_list", email="b@example.com", list=list_id)
    mailmojo.post(f"/lists/{list_id}/subscribers/import/", text="email\nc@example.com\n")
    mailmojo.control("seed", contacts=[{"email": "d@example.com", "bounced": True}])
    mailmojo.subscribe(list_id, "d@example.com")  # is not on the list by that
    sandbox.tick()

    seen = [(call["topic"], call["contact"]["email"], call["contact"]["status"]) for call in inbox.payloads]
    assert seen == [
        ("contacts/subscribed", "a@example.com", "a"),
        ("contacts/unsubscribed", "a@example.com", "u"),
        ("contacts/subscribed", "b@example.com", "a"),
        ("contacts/unsubscribed", "b@example.com", "u"),
    ]
    assert inbox.payloads[3] == {
        "topic": "contacts/unsubscribed",
        "list_id": list_id,
        "created_at": inbox.payloads[3]["created_at"],
        "contact": mailmojo.contact("b@example.com"),
    }
    assert {(url, tuple(headers)) for url, headers, _ in inbox.letters} == {(URL, ())}
    assert len({hook["secret"] for hook in made}) == 2


def test_a_newsletter_that_drives_people_away_tells_of_each(
    mailmojo: Mailmojo, sandbox: Sandbox, inbox: Inbox
) -> None:
    register(mailmojo, "contacts/unsubscribed")
    made = mailmojo.control("seed", lists=1, contacts=400, campaigns=[{"name": "N", "status": "sent"}])
    sandbox.tick()

    left = mailmojo.get(f"/lists/{made['lists'][0]}/unsubscribed/")
    assert left
    assert Counter(call["contact"]["email"] for call in inbox.payloads) == Counter(
        row["email"] for row in left
    )


def test_a_deleted_webhook_is_silent(mailmojo: Mailmojo, sandbox: Sandbox, inbox: Inbox) -> None:
    number = register(mailmojo, "contacts/subscribed")["id"]
    mailmojo.delete(f"/webhooks/{number}/")
    mailmojo.new_list("a@example.com")
    sandbox.tick()

    assert inbox.payloads == []
    assert mailmojo.refused("DELETE", f"/webhooks/{number}/") == (404, [])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["callback_url", "topic"]),
        ({"callback_url": "here", "topic": "contacts/deleted"}, ["callback_url", "topic"]),
    ],
)
def test_what_a_webhook_cannot_be(mailmojo: Mailmojo, body: Any, wrong: list[str]) -> None:
    assert mailmojo.refused("POST", "/webhooks/", body, breaks_schema=True) == (400, wrong)
