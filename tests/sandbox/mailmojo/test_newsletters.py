from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.mailmojo.mailmojo_client import BASE, Mailmojo


@pytest.fixture
def list_id(mailmojo: Mailmojo) -> int:
    people = [{"email": f"person{n}@example.com", "lists": [0]} for n in range(20)]
    number: int = mailmojo.control("seed", lists=1, contacts=people)["lists"][0]
    return number


def reach(mailmojo: Mailmojo, list_id: int, status: str) -> int:
    """A newsletter in this status."""
    number = mailmojo.new_newsletter(list_id)
    if status == "scheduled":
        mailmojo.put(f"/newsletters/{number}/send/", {"send_date": mailmojo.later(hours=1)})
    elif status != "draft":
        mailmojo.put(f"/newsletters/{number}/send/")
        mailmojo.wait(20)
    if status == "aborted":
        mailmojo.put(f"/newsletters/{number}/cancel/")
    if status == "sent":
        mailmojo.wait(600)
    assert mailmojo.status(number) == status
    return number


DONE: tuple[int, list[str]] = (200, [])
NO, GONE, SILENT = (400, ["id"]), (404, DONE[1]), (204, DONE[1])
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", "", {"subject": "Other"}),
    ("PUT", "send/", {}),
    ("PUT", "cancel/", None),
    ("POST", "send_test/", {"emails": ["me@example.com"]}),
)


@pytest.mark.parametrize(
    ("status", "answers"),
    [  #             change send  cancel test
        ("draft", (DONE, DONE, NO, SILENT)),
        ("scheduled", (GONE, NO, DONE, NO)),
        ("sending", (GONE, NO, DONE, NO)),
        ("sent", (GONE, NO, NO, NO)),
        ("aborted", (GONE, NO, NO, NO)),
    ],
)
def test_what_each_status_allows(
    mailmojo: Mailmojo, list_id: int, status: str, answers: tuple[Any, ...]
) -> None:
    found = []
    for method, path, body in CALLS:
        number = reach(mailmojo, list_id, status)
        reply = mailmojo.call(method, f"/newsletters/{number}/{path}", body, breaks_schema=True)
        wrong = sorted(reply.json()["errors"]) if reply.status_code == 400 else []
        found.append((reply.status_code, wrong))

    assert tuple(found) == answers


def test_a_draft_as_it_comes_back(mailmojo: Mailmojo, list_id: int) -> None:
    number = mailmojo.new_newsletter(
        list_id, html="<style>p{}</style><h1>Hei &amp; hå</h1><p>Two</p>", preview_text="Look"
    )
    found = mailmojo.get(f"/newsletters/{number}/")
    of_list = {k: v for k, v in mailmojo.get(f"/lists/{list_id}/").items() if k != "segments"}

    assert found == {
        "id": number,
        "subject": "Subject",
        "title": "Title",
        "preview_text": "Look",
        "utm_campaign": "",
        "html": "<style>p{}</style><h1>Hei &amp; hå</h1><p>Two</p>",
        "editor_html": "<style>p{}</style><h1>Hei &amp; hå</h1><p>Two</p>",
        "plain": "Hei & hå\nTwo",
        "list": of_list,
        "segments": [],
        "is_draft": True,
        "is_scheduled": False,
        "is_sending": False,
        "is_sent": False,
        "is_aborted": False,
        "is_in_automation": False,
        "medium": "email",
        "num_recipients": 20,
        "credits_required": 20,
        "saved": found["saved"],
        "statistics": {"open_rate": 0.0, "click_rate": 0.0, "bounce_rate": 0.0, "num_shares": 0},
        "screenshot_url": "",
        "view_url": f"{BASE}/mailmojo/view/sandbox-test/{number}",
    }
    mailmojo.session.mount(f"{BASE}/mailmojo", mailmojo.session.get_adapter("http://control"))
    assert mailmojo.session.get(found["view_url"]).text == found["html"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"subject": None}, ["subject"]),
        ({"subject": ""}, ["subject"]),
        ({"list_id": None}, ["list_id"]),
        ({"list_id": 99}, ["list_id"]),
        ({"segment_ids": [99]}, ["segment_ids"]),
        ({"segment_ids": ["1"]}, ["segment_ids"]),
        ({"template_id": 99, "html": None}, ["template_id"]),
        ({"html_url": "https://example.com/elsewhere"}, ["html_url"]),
        ({"html": 7, "title": 7}, ["html", "title"]),
    ],
)
def test_what_a_newsletter_cannot_be(mailmojo: Mailmojo, list_id: int, change: Any, wrong: list[str]) -> None:
    body = {"list_id": list_id, "subject": "S", "html": "<p>Hello</p>"} | change
    body = {name: value for name, value in body.items() if value is not None}
    assert mailmojo.refused("POST", "/newsletters/", body, breaks_schema=True) == (400, wrong)
    assert mailmojo.get("/newsletters/")["data"] == []


def test_where_content_comes_from(sandbox: Sandbox, mailmojo: Mailmojo, list_id: int) -> None:
    sandbox.store.fetch = lambda url: f"<p>{url}</p>".encode()
    sources = {"template_id": 1, "html_url": "http://127.0.0.1/a", "html": "<p>own</p>"}
    found = []
    for names in (("template_id",), ("template_id", "html_url"), tuple(sources)):
        body = {"list_id": list_id, "subject": "S"} | {name: sources[name] for name in names}
        found.append(mailmojo.post("/newsletters/", body))

    assert [row["html"] for row in found][1:] == ["<p>http://127.0.0.1/a</p>", "<p>own</p>"]
    assert "<h1" in found[0]["html"]
    assert [row["template_id"] for row in found] == [1, 1, 1]
    assert [row["title"] for row in found] == ["S", "S", "S"]


def test_pages_go_from_the_newest_to_the_first(mailmojo: Mailmojo, list_id: int) -> None:
    numbers = mailmojo.control("seed", campaigns=45)["campaigns"]
    seen, page, metas = [], 1, []
    while page:
        got = mailmojo.get("/newsletters/", page=page)
        seen += [row["id"] for row in got["data"]]
        metas.append(got["meta"])
        page = got["meta"]["next_page"]

    assert seen == numbers[::-1]
    assert metas == [
        {"page": 1, "per_page": 20, "total": 45, "next_page": 2, "prev_page": None},
        {"page": 2, "per_page": 20, "total": 45, "next_page": 3, "prev_page": 1},
        {"page": 3, "per_page": 20, "total": 45, "next_page": None, "prev_page": 2},
    ]
    assert mailmojo.get("/newsletters/", page=3, per_page=15)["meta"]["next_page"] is None
    beyond = mailmojo.get("/newsletters/", page=9, per_page=500)
    assert beyond == {
        "data": [],
        "meta": {"page": 9, "per_page": 100, "total": 45, "next_page": None, "prev_page": 8},
    }


def test_types_of_newsletters(mailmojo: Mailmojo, list_id: int) -> None:
    numbers = {status: reach(mailmojo, list_id, status) for status in ("sent", "aborted", "draft", "sending")}
    numbers["scheduled"] = reach(mailmojo, list_id, "scheduled")
    found = {
        kind: {row["id"] for row in mailmojo.get("/newsletters/", type=kind)["data"]}
        for kind in ("draft", "scheduled", "sent")
    }
    assert found == {
        "draft": {numbers["draft"]},
        "scheduled": {numbers["scheduled"]},
        "sent": {numbers["sent"], numbers["aborted"], numbers["sending"]},
    }


def test_a_scheduled_newsletter_goes_out_when_its_time_comes(mailmojo: Mailmojo, list_id: int) -> None:
    number = mailmojo.new_newsletter(list_id)
    mailmojo.put(f"/newsletters/{number}/send/", {"send_date": mailmojo.later(minutes=10)})
    seen = [mailmojo.status(number)]
    for seconds in (590, 15, 300):
        mailmojo.wait(seconds)
        seen.append(mailmojo.status(number))

    assert seen == ["scheduled", "scheduled", "sending", "sent"]
    found = mailmojo.get(f"/newsletters/{number}/")
    assert found["saved"] < found["started"] < found["completed"]


def test_cancelling_and_sending_anew(mailmojo: Mailmojo, list_id: int) -> None:
    number = reach(mailmojo, list_id, "scheduled")
    assert mailmojo.put(f"/newsletters/{number}/cancel/")["is_draft"] is True
    mailmojo.put(f"/newsletters/{number}/send/", {"send_date": mailmojo.later(hours=3)})
    seen = []
    for seconds in (3600, 3 * 3600):
        mailmojo.wait(seconds + 10)
        seen.append(mailmojo.status(number))
    assert seen == ["scheduled", "sent"]


def test_aborting_stops_the_rest(mailmojo: Mailmojo, list_id: int) -> None:
    number = reach(mailmojo, list_id, "aborted")
    mailmojo.wait(3600)

    sent = [event for event in mailmojo.state()["events"][str(number)] if event[1] == "sent"]
    assert 0 < len(sent) < 20
    assert mailmojo.status(number) == "aborted"


@pytest.mark.parametrize("date", ["tomorrow", "2099-01-01", "2099-01-01T10:00:00", "2001-01-01T10:00:00Z"])
def test_a_date_needs_its_offset_and_a_future(mailmojo: Mailmojo, list_id: int, date: str) -> None:
    number = mailmojo.new_newsletter(list_id)
    body = {"send_date": date}
    assert mailmojo.refused("PUT", f"/newsletters/{number}/send/", body, breaks_schema=True) == (
        400,
        ["send_date"],
    )
    assert mailmojo.status(number) == "draft"


def test_what_cannot_be_sent(mailmojo: Mailmojo, list_id: int) -> None:
    empty = mailmojo.new_newsletter(mailmojo.new_list(), html="")
    assert mailmojo.refused("PUT", f"/newsletters/{empty}/send/") == (400, ["html", "list_id"])
    mailmojo.control("seed", credits=19)
    number = mailmojo.new_newsletter(list_id)
    assert mailmojo.refused("PUT", f"/newsletters/{number}/send/") == (400, ["credits_required"])
    mailmojo.control("seed", credits=30)
    mailmojo.put(f"/newsletters/{number}/send/", {"send_date": mailmojo.later(hours=1)})
    second = mailmojo.new_newsletter(list_id)
    mailmojo.put(f"/newsletters/{second}/send/")
    mailmojo.wait(3700)
    assert (mailmojo.status(number), mailmojo.status(second), mailmojo.state()["credits"]) == (
        "aborted",
        "sent",
        10,
    )


def test_one_that_does_not_exist(mailmojo: Mailmojo) -> None:
    assert mailmojo.refused("GET", "/newsletters/9/") == (404, [])
    assert mailmojo.refused("PATCH", "/newsletters/9/", {}, breaks_schema=True) == (404, [])
    # These three document no 404.
    assert mailmojo.refused("PUT", "/newsletters/9/send/") == (400, ["id"])
    assert mailmojo.refused("PUT", "/newsletters/9/cancel/") == (400, ["id"])
    assert mailmojo.refused("POST", "/newsletters/9/send_test/", {"emails": ["a@example.com"]}) == (
        400,
        ["id"],
    )


def test_tests_go_to_anybody_and_change_nothing(mailmojo: Mailmojo, list_id: int) -> None:
    number = mailmojo.new_newsletter(list_id)
    path = f"/newsletters/{number}/send_test/"
    before = mailmojo.get(f"/newsletters/{number}/")
    mailmojo.post(path, {"emails": ["me@example.com", "you@example.com"]})
    for emails in ([], ["nobody"], ["me@example.com", 7]):
        assert mailmojo.refused("POST", path, {"emails": emails}, breaks_schema=True) == (400, ["emails"])

    assert [row["to"] for row in mailmojo.state()["test_mails"]] == ["me@example.com", "you@example.com"]
    assert mailmojo.get(f"/newsletters/{number}/") == before


def test_only_those_who_want_it_are_written_to(mailmojo: Mailmojo) -> None:
    people = [
        {"email": "on@example.com", "lists": [0]},
        {"email": "left@example.com", "lists": [0, 1], "left": [0]},
        {"email": "blocked@example.com", "lists": [0], "blocked": True},
        {"email": "gone@example.com", "lists": [0], "bounced": True},
        {"email": "elsewhere@example.com", "lists": [1]},
    ]
    first = mailmojo.control("seed", lists=2, contacts=people)["lists"][0]
    number = mailmojo.new_newsletter(first)
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.wait(600)

    assert mailmojo.get(f"/newsletters/{number}/")["num_recipients"] == 1
    assert {event[2] for event in mailmojo.state()["events"][str(number)]} == {"on@example.com"}


def test_a_newsletter_to_segments(mailmojo: Mailmojo) -> None:
    people = [
        {"email": f"{n}@example.com", "lists": [0], "tags": tags}
        for n, tags in enumerate((["a"], ["b"], ["a", "b"], []))
    ]
    parts = [{"name": tag, "predicates": [{"type": "has_tag", "tag_name": tag}]} for tag in ("a", "b")]
    made = mailmojo.control("seed", lists=2, contacts=people, segments=parts)
    number = mailmojo.new_newsletter(made["lists"][0], segment_ids=made["segments"])
    found = mailmojo.get(f"/newsletters/{number}/")

    assert (found["num_recipients"], [row["name"] for row in found["segments"]]) == (3, ["a", "b"])
    mailmojo.patch(f"/newsletters/{number}/", {"segment_ids": made["segments"][:1]})
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.wait(600)
    assert {e[2] for e in mailmojo.state()["events"][str(number)]} == {"0@example.com", "2@example.com"}
    # A segment is part of one list alone.
    other = {"list_id": made["lists"][1], "subject": "S", "segment_ids": made["segments"]}
    assert mailmojo.refused("POST", "/newsletters/", other) == (400, ["segment_ids"])


def test_who_leaves_while_it_goes_out_is_spared(mailmojo: Mailmojo, list_id: int) -> None:
    number = mailmojo.new_newsletter(list_id)
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.act("leave_list", email="person19@example.com", list=list_id)
    mailmojo.wait(600)

    sent = {event[2] for event in mailmojo.state()["events"][str(number)] if event[1] == "sent"}
    assert sent == {f"person{n}@example.com" for n in range(19)}
    assert mailmojo.get(f"/newsletters/{number}/")["num_recipients"] == 20
