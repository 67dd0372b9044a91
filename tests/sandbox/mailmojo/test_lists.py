from typing import Any

import pytest

from tests.sandbox.mailmojo.mailmojo_client import BASE, Mailmojo


def emails(rows: list[dict[str, Any]]) -> list[str]:
    return [row["email"] for row in rows]


def segment(mailmojo: Mailmojo, list_id: int, *predicates: tuple[str, str], name: str = "Part") -> int:
    rows = [{"type": kind, "tag_name": tag} for kind, tag in predicates]
    body = {"list_id": list_id, "name": name, "predicates": rows}
    number: int = mailmojo.post(f"/lists/{list_id}/segments/", body)["id"]
    return number


def import_file(mailmojo: Mailmojo, list_id: int, text: str) -> Any:
    return mailmojo.post(f"/lists/{list_id}/subscribers/import/", text=text)


def test_a_list_as_it_comes_back(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list(name="Letters", data_retention=90, facebook="https://example.com/f")
    found = mailmojo.get(f"/lists/{number}/")
    root = f"{BASE}/mailmojo"

    assert found == {
        "id": number,
        "name": "Letters",
        "from_name": "Owner",
        "from_email": "owner@test.example",
        "created": found["created"],
        "description": "",
        "data_retention": 90,
        "is_primary": True,
        "is_sms_sender_approved": False,
        "sms_sender": "",
        "subscribe_url": f"{root}/subscribe/sandbox-test/{number}",
        "unsubscribe_url": f"{root}/unsubscribe/sandbox-test/{number}",
        "enable_link_proxy": True,
        "enable_recaptcha": False,
        "enable_stats_filter": False,
        "unsubscribe_cascades": False,
        "facebook": "https://example.com/f",
        "linkedin": None,
        "subscribe_redirect_url": f"{root}/subscribed/sandbox-test/{number}",
        "unsubscribe_redirect_url": f"{root}/unsubscribed/sandbox-test/{number}",
        "website": None,
        "instagram": None,
        "pinterest": None,
        "twitter": None,
        "youtube": None,
        "segments": [],
    }


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["from_email", "from_name", "name"]),
        ({"name": "L", "from_name": "O", "from_email": "nobody"}, ["from_email"]),
        ({"name": "L", "from_name": " ", "from_email": "o@example.com"}, ["from_name"]),
        ({"name": "L", "from_name": "O", "from_email": "o@example.com", "website": "here"}, ["website"]),
        (
            {"name": 7, "from_name": "O", "from_email": "o@example.com", "is_primary": "yes"},
            ["is_primary", "name"],
        ),
    ],
)
def test_what_a_list_cannot_be(mailmojo: Mailmojo, body: Any, wrong: list[str]) -> None:
    assert mailmojo.refused("POST", "/lists/", body, breaks_schema=True) == (400, wrong)
    assert mailmojo.get("/lists/") == []


def test_a_list_is_changed_in_part_and_one_is_primary(mailmojo: Mailmojo) -> None:
    first, second = mailmojo.new_list(name="First"), mailmojo.new_list(name="Second")
    mailmojo.patch(f"/lists/{second}/", {"is_primary": True, "twitter": "@ours"})
    mailmojo.patch(f"/lists/{second}/", {"from_name": "Other"})

    rows = mailmojo.get("/lists/")
    assert [(row["id"], row["is_primary"]) for row in rows] == [(first, False), (second, True)]
    assert (rows[1]["twitter"], rows[1]["from_name"], rows[1]["name"]) == ("@ours", "Other", "Second")
    assert mailmojo.refused("PATCH", f"/lists/{second}/", {"name": ""}, breaks_schema=True) == (400, ["name"])


def test_an_unknown_list_is_not_found(mailmojo: Mailmojo) -> None:
    calls = (
        ("GET", ""),
        ("GET", "subscribers/"),
        ("GET", "unsubscribed/"),
        ("GET", "subscribers/a%40example.com/"),
    )
    assert [mailmojo.refused(method, f"/lists/9/{rest}") for method, rest in calls] == [(404, [])] * 4


def test_a_subscriber_becomes_a_contact(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    made = mailmojo.subscribe(
        number,
        "Ann+x@Example.com",
        first_name="Ann",
        last_name="Lee",
        phone="+47",
        custom={"city": "Oslo"},
        tags=["ski", "ski"],
    )
    base = {
        "email": "ann+x@example.com",
        "name": "Ann Lee",
        "first_name": "Ann",
        "last_name": "Lee",
        "phone": "+47",
        "custom": {"city": "Oslo"},
        "tags": ["ski"],
    }
    on_list = {
        "list_id": number,
        "email": "ann+x@example.com",
        "status": "a",
        "added": made["added"],
        "status_changed": made["added"],
    }

    assert made == base | {
        "status": "a",
        "added": made["added"],
        "status_changed": made["added"],
        "list_associations": [on_list],
    }
    assert mailmojo.get("/contacts/") == [made] == [mailmojo.contact("ANN+X@example.com")]
    assert mailmojo.get(f"/lists/{number}/subscribers/") == [base | {"subscribed": made["added"]}]


def test_subscribing_again_adds_and_takes_nothing_away(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    mailmojo.subscribe(
        number,
        "a@example.com",
        name="Ann Marie Lee",
        phone="1",
        custom={"city": "Oslo", "plan": 1},
        tags=["ski"],
    )
    again = mailmojo.subscribe(
        number, "a@example.com", last_name="Ek", phone="", custom={"plan": 2}, tags=["hut"]
    )

    assert [again[name] for name in ("name", "first_name", "phone", "custom", "tags")] == [
        "Ann Marie Ek",
        "Ann Marie",
        "1",
        {"city": "Oslo", "plan": 2},
        ["ski", "hut"],
    ]
    assert len(again["list_associations"]) == 1


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, ["email"]),
        ({"email": "nobody"}, ["email"]),
        (
            {"email": "a@example.com", "tags": "ski", "custom": [1], "force_subscribe": "no"},
            ["custom", "force_subscribe", "tags"],
        ),
        ({"email": "a@example.com", "first_name": 7, "tags": [1]}, ["first_name", "tags"]),
    ],
)
def test_who_cannot_subscribe(mailmojo: Mailmojo, body: Any, wrong: list[str]) -> None:
    number = mailmojo.new_list()
    assert mailmojo.refused("POST", f"/lists/{number}/subscribers/", body, breaks_schema=True) == (400, wrong)
    assert mailmojo.get("/contacts/") == []


def test_leaving_a_list_and_coming_back(mailmojo: Mailmojo) -> None:
    first, second = mailmojo.new_list("a@example.com"), mailmojo.new_list("a@example.com")
    left = mailmojo.delete(f"/lists/{first}/subscribers/a%40example.com/")
    path = f"/lists/{first}/subscribers/a%40example.com/"

    assert left == mailmojo.contact("a@example.com")
    assert mailmojo.standing("a@example.com") == ("a", {first: "u", second: "a"})
    assert emails(mailmojo.get(f"/lists/{first}/unsubscribed/")) == ["a@example.com"]
    assert mailmojo.get(f"/lists/{first}/subscribers/") == []
    assert mailmojo.refused("GET", path) == mailmojo.refused("DELETE", path) == (404, [])

    mailmojo.subscribe(first, "a@example.com", force_subscribe=False)
    assert mailmojo.standing("a@example.com") == ("a", {first: "u", second: "a"})
    mailmojo.subscribe(first, "a@example.com")  # forced, unless told otherwise
    assert mailmojo.standing("a@example.com") == ("a", {first: "a", second: "a"})


def test_leaving_the_last_list_leaves_altogether(mailmojo: Mailmojo) -> None:
    first, second = mailmojo.new_list("a@example.com"), mailmojo.new_list()
    mailmojo.delete(f"/lists/{first}/subscribers/a%40example.com/")
    mailmojo.subscribe(second, "a@example.com", force_subscribe=False)
    assert mailmojo.standing("a@example.com") == ("u", {first: "u", second: "u"})

    mailmojo.subscribe(second, "a@example.com", force_subscribe=True)
    assert mailmojo.standing("a@example.com") == ("a", {first: "u", second: "a"})


def test_some_lists_take_all_others_with_them(mailmojo: Mailmojo) -> None:
    first, second = (
        mailmojo.new_list("a@example.com", unsubscribe_cascades=True),
        mailmojo.new_list("a@example.com"),
    )
    mailmojo.delete(f"/lists/{first}/subscribers/a%40example.com/")
    assert mailmojo.standing("a@example.com") == ("u", {first: "u", second: "u"})


def test_an_address_that_bounced_is_not_brought_back(mailmojo: Mailmojo) -> None:
    first = mailmojo.control(
        "seed", lists=2, contacts=[{"email": "a@example.com", "lists": [0], "bounced": True}]
    )["lists"][0]
    mailmojo.subscribe(first, "a@example.com", force_subscribe=True)
    mailmojo.subscribe(first + 1, "a@example.com", force_subscribe=True)
    assert mailmojo.standing("a@example.com") == ("b", {first: "b", first + 1: "b"})
    assert mailmojo.get(f"/lists/{first}/unsubscribed/") == []


def test_a_limit_is_all_the_paging_there_is(mailmojo: Mailmojo) -> None:
    number = mailmojo.control("seed", lists=1, contacts=30)["lists"][0]
    everyone = emails(mailmojo.get(f"/lists/{number}/subscribers/"))
    for email in everyone[:5]:
        mailmojo.act("leave_list", email=email, list=number)

    assert len(everyone) == 30
    assert emails(mailmojo.get(f"/lists/{number}/subscribers/", limit=10)) == everyone[5:15]
    assert emails(mailmojo.get(f"/lists/{number}/unsubscribed/", limit=3)) == everyone[:3]
    assert len(mailmojo.get(f"/lists/{number}/subscribers/", limit=1000)) == 25


def test_a_file_of_subscribers(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list("left@example.com", "known@example.com")
    mailmojo.delete(f"/lists/{number}/subscribers/left%40example.com/")
    text = (
        "\ufeffEmail,name,shoe size\r\n"
        'Ann@Example.com,"Lee, Ann Łódź",38\r\n'
        "ann@example.com,Ann Again,38\r\n"
        "nobody,No One,40\r\n"
        "left@example.com,Left Out,41\r\n"
        "known@example.com\r\n"
        "\r\n"
    )

    assert import_file(mailmojo, number, text) == {"num_contacts": 3}
    found = {row["email"]: (row["name"], row["status"], row["custom"]) for row in mailmojo.get("/contacts/")}
    assert found == {
        "left@example.com": ("Left Out", "u", {}),
        "known@example.com": ("", "a", {}),
        "ann@example.com": ("Ann Again", "a", {}),
    }


def test_a_file_that_cannot_be_read(mailmojo: Mailmojo) -> None:
    path = f"/lists/{mailmojo.new_list()}/subscribers/import/"
    assert mailmojo.refused("POST", path, text="name\nAnn\n") == (400, ["body"])
    assert mailmojo.refused("POST", path, {"email": "a@example.com"}, breaks_schema=True) == (400, ["body"])


def test_a_contact_is_changed_in_part(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    mailmojo.subscribe(
        number, "a@example.com", name="Ann Lee", custom={"city": "Oslo"}, tags=["ski"], phone="1"
    )
    changed = mailmojo.patch(
        "/contacts/a%40example.com/", {"custom": {"plan": 2}, "tags": [], "name": "Cher", "first_name": "X"}
    )

    assert changed == {
        "email": "a@example.com",
        "name": "Cher",
        "first_name": "Cher",
        "last_name": "",
        "phone": "1",
        "custom": {"plan": 2},
        "tags": [],
    }
    assert mailmojo.patch("/contacts/a%40example.com/", {"last_name": "Ek"})["name"] == "Cher Ek"


def test_a_contact_moves_to_another_address(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list("a@example.com", "b@example.com")
    taken = {"email": "B@example.com"}
    assert mailmojo.refused("PATCH", "/contacts/a%40example.com/", taken, breaks_schema=True) == (
        400,
        ["email"],
    )
    mailmojo.patch("/contacts/a%40example.com/", {"email": "New@example.com"})

    assert mailmojo.refused("GET", "/contacts/a%40example.com/") == (404, [])
    assert mailmojo.standing("new@example.com") == ("a", {number: "a"})
    assert emails(mailmojo.get(f"/lists/{number}/subscribers/")) == ["b@example.com", "new@example.com"]


def test_an_unknown_contact_is_not_found(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    paths = ("/contacts/no%40example.com/", f"/lists/{number}/subscribers/no%40example.com/")
    assert [mailmojo.refused("GET", path) for path in paths] == [(404, [])] * 2
    assert mailmojo.refused("PATCH", paths[0], {}, breaks_schema=True) == (404, [])
    assert mailmojo.refused("DELETE", paths[1]) == (404, [])


def test_segments_count_who_is_on_the_list(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    for name, tags in (
        ("a", ["ski"]),
        ("b", ["ski", "member"]),
        ("c", ["member"]),
        ("d", ["ski"]),
        ("e", ["ski"]),
    ):
        mailmojo.subscribe(number, f"{name}@example.com", tags=tags)
    mailmojo.delete(f"/lists/{number}/subscribers/d%40example.com/")
    segment(mailmojo, number, ("has_tag", "ski"))
    segment(mailmojo, number, ("has_tag", "ski"), ("not_has_tag", "member"), name="No members")

    rows = mailmojo.get(f"/lists/{number}/")["segments"]
    assert [(row["name"], row["num_contacts"]) for row in rows] == [("Part", 3), ("No members", 2)]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"predicates": []}, ["predicates"]),
        ({"predicates": [{"type": "likes", "tag_name": "ski"}]}, ["predicates"]),
        ({"predicates": [{"type": "has_tag"}]}, ["predicates"]),
        ({"list_id": 99}, ["list_id"]),
        ({"name": ""}, ["name"]),
    ],
)
def test_what_a_segment_cannot_be(mailmojo: Mailmojo, change: Any, wrong: list[str]) -> None:
    number = mailmojo.new_list()
    body = {"list_id": number, "name": "S", "predicates": [{"type": "has_tag", "tag_name": "ski"}]}
    assert mailmojo.refused("POST", f"/lists/{number}/segments/", body | change, breaks_schema=True) == (
        400,
        wrong,
    )


def test_days_add_up(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list("a@example.com", "b@example.com", "c@example.com")
    mailmojo.wait(86400)
    mailmojo.delete(f"/lists/{number}/subscribers/a%40example.com/")
    mailmojo.act("delete_contact", email="b@example.com")
    mailmojo.act("delete_contact", email="a@example.com")  # who had left is not lost again
    mailmojo.wait(86400)
    mailmojo.subscribe(number, "a@example.com")
    mailmojo.subscribe(number, "d@example.com")
    mailmojo.control("seed", contacts=[{"email": "e@example.com", "bounced": True}])

    rows = mailmojo.get("/contacts/stats/")
    columns = ("added", "unsubscribed", "bounced", "deleted", "sum")
    assert [tuple(row[name] for name in columns) for row in rows[-4:]] == [
        (0, 0, 0, 0, 0),
        (3, 0, 0, 0, 3),
        (0, 1, 0, 1, 1),
        (3, 0, 1, 0, 3),
    ]
    assert len(rows) == 30
    assert mailmojo.get("/contacts/stats/", start_date=rows[-2]["date"]) == rows[-2:]
    assert mailmojo.get("/accounts/me/")["num_contacts"] == 3
