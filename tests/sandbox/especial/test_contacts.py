import time
from typing import Any

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.especial.especial_client import BASE, Especial


def seeded(especial: Especial, people: int = 120, **more: Any) -> str:
    number = especial.control("seed", lists=1, contacts=people, **more)["lists"][0]
    return f"/lists/{number}/contacts"


def test_pages_are_read_to_the_end(especial: Especial) -> None:
    path = seeded(especial)
    pages = [especial.get(path, page=n, with_count="true") for n in (1, 2, 3, 4)]

    assert [len(page["data"]) for page in pages] == [50, 50, 20, 0]
    assert [page["pagination"]["count"] for page in pages] == [120] * 4
    assert [row["id"] for page in pages for row in page["data"]] == list(range(1, 121))
    assert especial.get(path)["pagination"]["count"] is None


@pytest.mark.parametrize("query", [{}, {"sort": "-email"}, {"filter": "status==active"}])
def test_cursors_lead_to_the_end_and_back(especial: Especial, query: dict[str, str]) -> None:
    path = seeded(especial)
    page, seen, back = especial.get(path, **query), [], []
    while True:
        seen.append([row["id"] for row in page["data"]])
        if not (cursor := page["pagination"]["cursor"]["next"]):
            break
        page = especial.get(path, cursor=cursor, **query)
    while cursor := page["pagination"]["cursor"]["previous"]:
        page = especial.get(path, cursor=cursor, **query)
        back.append([row["id"] for row in page["data"]])

    assert [len(ids) for ids in seen] == [50, 50, 20]
    assert len({number for ids in seen for number in ids}) == 120
    assert back == [seen[1], seen[0]]


def test_a_cursor_holds_its_place_while_people_go(especial: Especial) -> None:
    path = seeded(especial)
    cursor = especial.get(path)["pagination"]["cursor"]["next"]
    for number in (3, 50, 51):
        especial.delete(f"{path}/{number}")

    assert especial.get(path, cursor=cursor)["data"][0]["id"] == 52


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"page": 0}, 422, "ensure this value is greater than or equal to 1"),
        ({"page": "x"}, 422, "value is not a valid integer"),
        ({"per_page": 101}, 422, "ensure this value is less than or equal to 100"),
        ({"with_count": "maybe"}, 422, "value could not be parsed to a boolean"),
        ({"page": 1, "cursor": "YWZ0ZXI6NTA"}, 400, "Send either page or cursor"),
        ({"cursor": "50"}, 400, "Invalid cursor"),
        ({"cursor": "YWZ0ZXI6NTA", "sort": "email"}, 400, "Invalid cursor"),
        ({"sort": "city"}, 400, "Invalid sort term: city"),
        ({"filter": "city==Bern"}, 400, "Invalid filter term: city"),
        ({"filter": "status!=active"}, 400, "Invalid filter: status!=active"),
        ({"filter": "status"}, 400, "Invalid filter: status"),
        ({"query": '`email` = "x"', "fiql": "email==x"}, 400, "Use one of query, fiql and json"),
    ],
)
def test_wrong_queries_are_refused(
    especial: Especial, query: dict[str, Any], status: int, message: str
) -> None:
    path = seeded(especial, 1)
    assert especial.refused("GET", path, breaks_schema=True, **query) == (status, message)


def test_sorting_reads_a_sign_unless_it_became_a_space(especial: Especial) -> None:
    path = seeded(especial, 3)
    emails = sorted(row["email"] for row in especial.data(path))

    assert [row["email"] for row in especial.data(path, sort="+email")] == emails
    assert [row["email"] for row in especial.data(path, sort="-email")] == emails[::-1]
    assert especial.refused("GET", f"{path}?sort=+email") == (400, "Invalid sort term:  email")


def test_filters_are_joined_by_and(especial: Especial) -> None:
    path = seeded(especial, 4)
    especial.post(f"{path}/tag", {"tags": ["a"], "contact_ids": [1, 2]})
    especial.post(f"{path}/2/unsubscribe")

    def ids(terms: str) -> list[int]:
        return [row["id"] for row in especial.data(path, filter=terms)]

    assert (ids("tags==a"), ids("status==active"), ids("tags==a;status==active")) == ([1, 2], [1, 3, 4], [1])
    assert ids(f"email=={especial.data(f'{path}/3')['email'].upper()}") == [3]


def test_ids_are_counted_per_list(especial: Especial) -> None:
    first, second = (especial.new_list("a@example.com") for _ in range(2))

    assert [especial.data(f"/lists/{n}/contacts")[0]["id"] for n in (first, second)] == [1, 1]
    especial.post(f"/lists/{first}/contacts/1/unsubscribe")
    assert especial.data(f"/lists/{second}/contacts/1")["status"] == "active"


def test_what_is_not_there_is_a_400_or_if_wanted_a_404(especial: Especial) -> None:
    path = seeded(especial, 1)
    assert especial.refused("GET", f"{path}/7") == (400, "Contact not found")
    assert especial.refused("GET", "/lists/7") == (400, "List not found")

    especial.control("seed", missing_status=404)
    headers = {"Authorization": f"Bearer {especial.token}"}
    assert especial.session.get(f"{BASE}{path}/7", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("resubscribe", "status"),
    [(None, "active"), ("true", "active"), ("1", "active"), ("false", "unsubscribed"), ("0", "unsubscribed")],
)
def test_adding_again_brings_back_who_had_left_unless_told_otherwise(
    especial: Especial, resubscribe: str | None, status: str
) -> None:
    number = especial.new_list("a@example.com")
    especial.post(f"/lists/{number}/contacts/1/unsubscribe")
    query = {} if resubscribe is None else {"resubscribe": resubscribe}
    made = especial.post(f"/lists/{number}/contacts", {"email": "A@example.com"}, **query)

    assert (made["id"], made["data"]["status"]) == (1, status)


@pytest.mark.parametrize(
    ("opt_in", "new", "left"),
    [("false", "active", "active"), ("new", "pending", "active"), ("not_active", "pending", "pending"), ("true", "pending", "pending")],
)  # fmt: skip
def test_double_opt_in_asks_first(especial: Especial, opt_in: str, new: str, left: str) -> None:
    number = especial.new_list("left@example.com", "here@example.com")
    especial.post(f"/lists/{number}/contacts/1/unsubscribe")
    added = [
        especial.post(
            f"/lists/{number}/contacts", {"email": f"{name}@example.com"}, send_double_opt_in=opt_in
        )
        for name in ("new", "left", "here")
    ]

    assert [row["data"]["status"] for row in added] == [new, left, "active"]
    especial.control("act", kind="confirm", email="new@example.com", list=number)
    assert especial.data(f"/lists/{number}/contacts/3")["status"] == "active"


def test_values_are_text_of_the_attribute_s_type(especial: Especial) -> None:
    number = especial.new_list("a@example.com")
    base = f"/lists/{number}"
    for name, kind in (("points", "integer"), ("since", "datetime"), ("plan", "text")):
        especial.post(f"{base}/custom-attributes", {"name": name, "type": kind})

    def change(name: str, value: Any) -> tuple[int, str]:
        body = {"custom_attributes": [{"name": name, "value": value}]}
        reply = especial.call("PATCH", f"{base}/contacts/1", body, breaks_schema=True)
        return reply.status_code, reply.json()["detail"][0]["msg"] if reply.status_code >= 400 else ""

    assert change("points", "12") == (200, "")
    assert change("points", 12) == (422, "str type expected")
    assert change("points", "twelve") == (400, "Invalid value for points")
    assert change("since", "2024-02-30") == (400, "Invalid value for since")
    assert change("since", "2024-02-28 10:00:00") == (200, "")
    assert change("city", "Bern") == (400, "Unknown attribute city")
    assert especial.data(f"{base}/contacts/1")["custom_attributes"] == [
        {"name": "points", "value": "12"},
        {"name": "since", "value": "2024-02-28 10:00:00"},
        {"name": "plan", "value": ""},
    ]
    especial.delete(f"{base}/custom-attributes/points")
    assert especial.data(f"{base}/contacts/1")["custom_attributes"][0]["value"] == "2024-02-28 10:00:00"


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("plan", 400, "Attribute plan already exists"),
        ("Email", 400, "Email is a reserved name"),
        ("my plan", 422, r'string does not match regex "^[A-Za-z0-9\-_]+$"'),
    ],
)
def test_attribute_names_are_checked(especial: Especial, name: str, status: int, message: str) -> None:
    path = f"/lists/{especial.new_list()}/custom-attributes"
    especial.post(path, {"name": "plan", "type": "text"})
    assert especial.refused("POST", path, {"name": name, "type": "text"}, breaks_schema=True) == (
        status,
        message,
    )


def test_an_import_skips_who_had_left_and_says_so_by_their_missing_ids(especial: Especial) -> None:
    number = especial.new_list("left@example.com", "here@example.com")
    especial.post(f"/lists/{number}/contacts/1/unsubscribe")
    rows = [{"email": f"{name}@example.com"} for name in ("left", "here", "new", "new")]
    reply = especial.post(f"/lists/{number}/import-contacts", {"contacts": rows})

    assert (reply["id"], [row["id"] for row in reply["data"]]) == ([2, 3], [2, 3])
    assert [row["status"] for row in especial.data(f"/lists/{number}/contacts")] == [
        "unsubscribed",
        "active",
        "active",
    ]
    path = f"/lists/{number}/import-contacts"
    gone = {"contacts": [{"email": "new@example.com"}], "import_to": "unsubscribed"}
    assert especial.post(path, gone)["data"][0]["status"] == "unsubscribed"
    especial.post(path, {"contacts": [{"email": "here@example.com"}], "import_to": "deleted"})
    assert especial.refused("GET", f"/lists/{number}/contacts/2") == (400, "Contact not found")


def test_an_import_has_its_limits(especial: Especial) -> None:
    path = f"/lists/{especial.new_list()}/import-contacts"
    rows = [{"email": f"p{n}@example.com"} for n in range(1001)]

    assert especial.refused("POST", path, {"contacts": rows}) == (
        400,
        "At most 1000 contacts can be imported at once",
    )
    assert len(especial.post(path, {"contacts": rows[:1000]})["id"]) == 1000
    empty = {"contacts": [{"email": "a@example.com", "custom_attributes": []}]}
    assert especial.refused("POST", path, empty, breaks_schema=True)[0] == 422
    assert especial.refused("POST", path, {"contacts": []}, breaks_schema=True)[0] == 422


def test_an_address_belongs_to_one_contact_of_a_list(especial: Especial) -> None:
    number = especial.new_list("a@example.com", "b@example.com")
    path = f"/lists/{number}/contacts/1"

    assert (
        especial.refused("PATCH", path, {"email": "B@example.com"})[1]
        == "This email is already used in the list"
    )
    assert especial.patch(path, {"email": "c@example.com"})["data"]["email"] == "c@example.com"
    found = [especial.data(f"/lists/{number}/contacts", filter=f"email=={name}@example.com") for name in "ac"]
    assert [[row["id"] for row in rows] for rows in found] == [[], [1]]


def test_bulk_calls_want_one_way_to_choose(especial: Especial) -> None:
    path = f"/lists/{especial.new_list('a@example.com', 'b@example.com')}/contacts"
    both: dict[str, Any] = {"contact_ids": [1], "query": '`email` LIKE "a%"'}

    for chosen in ({}, both):
        answer = especial.refused("POST", f"{path}/tag", {"tags": ["x"]} | chosen)
        assert answer == (400, "Use one of contact_ids, query, fiql and json")
    assert especial.refused("POST", f"{path}/tag", {"tags": ["x"], "contact_ids": [1, 9]}) == (
        400,
        "Contact 9 not found",
    )
    assert (
        especial.refused("POST", f"{path}/add-interests", {"interests": ["x"], "contact_ids": [1]})[0] == 400
    )
    assert [row["tags"] for row in especial.data(path)] == [[], []]
    many = {"tags": ["x"], "contact_ids": list(range(1, 1026))}
    assert especial.refused("POST", f"{path}/tag", many, breaks_schema=True)[0] == 422


def test_names_are_taken_once(especial: Especial) -> None:
    number = especial.new_list()
    for path, field, made in (("/tags", "tag", "tag"), (f"/lists/{number}/interests", "name", "interest")):
        for name in ("a", "b"):
            especial.post(path, {field: name})
        assert especial.refused("POST", path, {field: "a"}) == (400, f"This {made} already exists")
        assert especial.refused("PATCH", f"{path}/a", {field: "b"}) == (400, f"This {made} already exists")
        assert especial.patch(f"{path}/a", {field: "a"})["data"][field] == "a"


def test_renaming_a_tag_or_an_interest_reaches_everybody(especial: Especial) -> None:
    number = especial.new_list("a@example.com")
    especial.post(f"/lists/{number}/interests", {"name": "snow"})
    especial.patch(f"/lists/{number}/contacts/1", {"tags": ["old"], "interests": ["snow"]})
    especial.patch("/tags/old", {"tag": "new"})
    especial.patch(f"/lists/{number}/interests/snow", {"name": "ice"})

    contact = especial.data(f"/lists/{number}/contacts/1")
    assert (contact["tags"], contact["interests"], especial.data("/tags")) == (
        ["new"],
        ["ice"],
        [{"tag": "new"}],
    )
    especial.delete("/tags/new")
    especial.delete(f"/lists/{number}/interests/ice")
    contact = especial.data(f"/lists/{number}/contacts/1")
    assert (contact["tags"], contact["interests"]) == ([], [])


RULES: list[tuple[dict[str, Any], list[int]]] = [
    ({"json": {"eq": {"city": "Bern"}}}, [1]),
    ({"json": {"neq": {"city": "bern"}}}, [2, 3]),
    ({"json": {"gt": {"points": 9}}}, [2]),
    ({"json": {"gte": {"points": "9"}}}, [1, 2]),
    ({"json": {"lt": {"points": "10"}}}, [1]),
    ({"json": {"lte": {"points": "10"}}}, [1, 2]),
    ({"json": {"lt": {"city": "C"}}}, [1, 2]),
    ({"json": {"like": {"email": "*@example.com"}}}, [1, 2]),
    ({"json": {"unlike": {"email": "*@example.com"}}}, [3]),
    ({"fiql": "points=gt=9"}, [2]),
    ({"fiql": "city==Bern"}, [1]),
    ({"query": '`points` >= "10"'}, [2]),
    ({"query": '`email` NOT LIKE "%.org"'}, [1, 2]),
]
UNKNOWN: list[dict[str, Any]] = [
    {"json": {"and": [{"eq": {"city": "Bern"}}, {"eq": {"city": "Basel"}}]}},
    {"json": {"eq": {"city": "Bern", "points": "1"}}},
    {"json": {"eq": {"city": "Bern"}, "gt": {"points": "1"}}},
    {"json": {"sent": {"mailing": 1}}},
    {"json": {"eq": {"height": "1"}}},
    {"fiql": "city==Bern;points=gt=9"},
    {"fiql": "mailing=sent=1"},
    {"query": '`city` = "Bern" AND `points` > "9"'},
    {"query": 'TAG IS "vip"'},
]


@pytest.fixture
def rows(especial: Especial) -> str:
    """A list of three, with a city and points."""
    people = [("a@example.com", "Bern", "9"), ("b@example.com", "Basel", "10"), ("c@example.org", "", "")]
    contacts = [{"email": e, "fields": {"city": c, "points": p}, "lists": [0]} for e, c, p in people]
    fields = [{"name": "points", "kind": "number"}]
    number = especial.control("seed", lists=1, contacts=contacts, fields=fields)["lists"][0]
    return f"/lists/{number}"


@pytest.mark.parametrize(("rule", "ids"), RULES, ids=str)
def test_a_segment_is_one_comparison(
    especial: Especial, rows: str, rule: dict[str, Any], ids: list[int]
) -> None:
    number = especial.post(f"{rows}/segments", {"name": "Some"} | rule)["id"]

    assert [row["id"] for row in especial.data(f"{rows}/segments/{number}/contacts")] == ids
    shown = dict.fromkeys(("query", "fiql", "json")) | rule
    assert {name: especial.data(f"{rows}/segments/{number}")[name] for name in shown} == shown


@pytest.mark.parametrize("rule", UNKNOWN, ids=str)
def test_other_conditions_are_refused(especial: Especial, rows: str, rule: dict[str, Any]) -> None:
    assert especial.refused("POST", f"{rows}/segments", {"name": "Some"} | rule)[0] == 400


def test_a_segment_uses_one_notation(especial: Especial, rows: str) -> None:
    for rule in ({}, {"fiql": "city==Bern", "json": {"eq": {"city": "Bern"}}}):
        assert especial.refused("POST", f"{rows}/segments", {"name": "Some"} | rule) == (
            400,
            "Use one of query, fiql and json",
        )


def test_a_segment_belongs_to_its_list(especial: Especial, rows: str) -> None:
    number = especial.post(f"{rows}/segments", {"name": "Some", "fiql": "city==Bern"})["id"]
    other = f"/lists/{especial.new_list()}"

    assert especial.refused("GET", f"{other}/segments/{number}") == (400, "Segment not found")
    assert especial.refused("POST", f"{other}/exports", segment_id=number) == (400, "Segment not found")


def test_a_contact_export_holds_who_was_chosen(especial: Especial, rows: str) -> None:
    number = especial.post(f"{rows}/exports", json='{"eq": {"city": "Bern"}}', description="Bern")["id"]
    assert especial.data(f"{rows}/exports/{number}")["status"] == "pending"
    assert especial.refused("GET", f"{rows}/exports/{number}/download") == (400, "The export is pending")
    especial.wait(3)

    link = especial.data(f"{rows}/exports/{number}/download")
    header, *lines = especial.file(link["url"])
    assert [dict(zip(header, line, strict=True))["email"] for line in lines] == ["a@example.com"]
    especial.sign_in(expiration_seconds=6 * 86400)
    especial.wait(5 * 86400)
    assert especial.session.get(link["url"]).status_code == 404
    assert especial.data(f"{rows}/exports/{number}")["status"] == "deleted"


def test_a_failed_export_has_two_words_for_it(especial: Especial, rows: str) -> None:
    number = especial.post(f"{rows}/exports")["id"]
    especial.control("act", kind="fail_export", task=number)

    assert especial.data(f"{rows}/exports/{number}")["status"] == "failed"
    assert especial.data(f"/tasks/{number}")["status"] == "error"


def test_two_hundred_thousand_contacts_are_quickly_made_and_read(sandbox: Sandbox) -> None:
    client = Especial(sandbox, "sandbox-big")
    client.sign_in()
    started = time.monotonic()
    client.control("seed", lists=2, contacts=200_000)
    seeded_at = time.monotonic()
    headers = {"Authorization": f"Bearer {client.token}"}
    queries: list[dict[str, Any]] = [
        {"page": 2400},
        {"page": 2399},
        {"filter": "status==active", "page": 1200},
        {"sort": "-email"},
    ]
    for query in queries:
        reply = client.session.get(f"{BASE}/lists/1/contacts", params=query, headers=headers)
        assert len(reply.json()["data"]) == 50
    read = time.monotonic()

    assert (seeded_at - started < 20, read - seeded_at < 4) == (True, True)
