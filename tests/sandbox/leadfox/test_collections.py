"""Every collection is read the same way."""

from typing import Any

import pytest

from tests.sandbox.leadfox.client import Leadfox

PEOPLE: list[dict[str, Any]] = [
    {"email": "ann@example.com", "fields": {"first_name": "Ann", "city": "Basel", "score": 9}, "lists": [0]},
    {"email": "bob@example.com", "fields": {"first_name": "Bob", "city": "Lyon", "score": 10}, "lists": [0, 1]},
    {"email": "cay@example.com", "fields": {"first_name": "ann", "born": "1990-05-02"}, "lists": [1], "blocked": True},
    {"email": "dee@example.com", "fields": {"city": ""}},
]  # fmt: skip


@pytest.fixture
def people(leadfox: Leadfox) -> Leadfox:
    leadfox.seed(lists=["One", "Two"], contacts=PEOPLE[:3])
    leadfox.control("clock", advance=60)
    leadfox.seed(contacts=PEOPLE[3:])
    return leadfox


def names(rows: list[dict[str, Any]]) -> str:
    """The first letters of the addresses."""
    return "".join(row["email"][0] for row in rows)


def test_a_walk_ends_with_a_short_page(leadfox: Leadfox) -> None:
    leadfox.seed(lists=1, contacts=250)

    pages = [leadfox.get("/v1/contact", sort="_id", skip=skip) for skip in (0, 100, 200, 300)]

    assert [len(page) for page in pages] == [100, 100, 50, 0]
    ids = [row["_id"] for page in pages for row in page]
    assert ids == sorted(set(ids))
    assert len(ids) == 250
    assert [row["_id"] for row in leadfox.get("/v1/contact", sort="-_id", limit=250)] == ids[::-1]
    assert [row["_id"] for row in leadfox.get("/v1/contact", skip=10, limit=3)] == ids[10:13]


def test_a_walk_sees_what_has_changed(leadfox: Leadfox) -> None:
    leadfox.seed(contacts=[{"email": f"{n}@example.com"} for n in "abc"])
    assert names(leadfox.get("/v1/contact", sort="-email")) == "cba"
    leadfox.new_contact("d@example.com")
    assert names(leadfox.get("/v1/contact", sort="-email")) == "dcba"
    leadfox.delete(f"/v1/contact/{leadfox.contact('b@example.com')['_id']}")
    assert names(leadfox.get("/v1/contact", sort="-email")) == "dca"
    leadfox.seed(contacts=[{"email": "e@example.com"}])
    assert names(leadfox.get("/v1/contact", sort="-email")) == "edca"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("email=bob@example.com", "b"),
        ("email = ann@example.com|dee@example.com|ann@example.com", "ad"),
        ("email=BOB@example.com", ""),  # addresses are kept in lower case, and values are case-sensitive
        ("properties.firstname = Ann", "a"),
        ("properties.firstname=Ann|Bob,properties.city=Lyon", "b"),
        ("properties.firstname!=Ann", "bcd"),
        ("properties.firstname!=Ann|Bob", "cd"),
        ("properties.city=Lyon", "b"),
        ("properties.city exists true", "abd"),
        ("properties.city exists false", "c"),
        ("properties.city=", "d"),
        ("properties.city>Basel", "b"),
        ("properties.score<10", "a"),  # as numbers, though both are text
        ("properties.score>=9", "ab"),
        ("properties.born=1990-05-02", "c"),
        ("properties.born>=1990-05-02", "c"),
        ("properties.nothing=x", ""),
        ("nothing!=x", "abcd"),
        ("subscribed=false", "c"),
        ("name exists false", "d"),
        ("created>=2025-03-10T08:00:30Z", "d"),
        ("modified<2025-03-10T09:00:30+01:00", "abc"),
        ("created=2025-03-10T08:00:00.000Z", "abc"),
        ("created=2025-03-10T08:00:00Z", "abc"),
        ("created<=2025-03-10", ""),
        ("", "abcd"),
    ],
)  # fmt: skip
def test_filters(people: Leadfox, filters: str, found: str) -> None:
    assert names(people.get("/v1/contact", sort="email", filters=filters)) == found


def test_filters_look_into_arrays_and_know_ids_and_owners(people: Leadfox) -> None:
    one, two = (row["_id"] for row in people.get("/v1/list"))
    ann = people.contact("ann@example.com")

    assert names(people.get("/v1/contact", filters=f"lists.list={one}")) == "ab"
    assert names(people.get("/v1/contact", filters=f"lists.list={one}|{two}")) == "abc"
    assert names(people.get("/v1/contact", filters=f"lists.list!={one}")) == "cd"
    assert names(people.get("/v1/contact", filters=f"lists.list={one},lists.list={two}")) == "b"
    assert names(people.get("/v1/contact", filters="lists exists false")) == "d"
    assert people.get("/v1/contact", filters=f"_id={ann['_id']}|{'0' * 24}") == [ann]
    assert names(people.get("/v1/contact", filters=f"_owner={ann['_owner']}")) == "abcd"


def test_filters_may_come_numbered(people: Leadfox) -> None:
    query: dict[str, Any] = {
        "filters[0]": "properties.city exists true",
        "filters[1]": "properties.firstname=Bob",
    }
    assert names(people.get("/v1/contact", **query)) == "b"


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("email", "abcd"),
        ("-email", "dcba"),
        ("properties.firstname,-email", "dabc"),  # none first, capitals before small letters
        ("subscribed,email", "cabd"),
        ("-created,email", "dabc"),
        ("-properties.city, email", "badc"),
    ],
)
def test_sorting(people: Leadfox, sort: str, found: str) -> None:
    assert names(people.get("/v1/contact", sort=sort)) == found


def test_fields(people: Leadfox) -> None:
    bob = people.contact("bob@example.com")
    ids = {"_id": bob["_id"], "_owner": bob["_owner"]}

    def only(fields: str) -> Any:
        return people.get("/v1/contact", filters="email=bob@example.com", fields=fields)[0]

    assert only("email") == ids | {"email": "bob@example.com"}
    assert only("_id, properties.city ,nothing") == ids | {"properties": {"city": "Lyon"}}
    assert only("lists.list") == ids | {"lists": [{"list": row["list"]} for row in bob["lists"]]}
    assert only("properties,properties.city") == ids | {"properties": {"city": "Lyon"}}
    assert only("") == bob


@pytest.mark.parametrize(
    "path", ["/v1/folder", "/v1/list", "/v1/email", "/v1/property", "/v1/mailinglist", "/v1/campaign"]
)
def test_all_collections_understand_it(leadfox: Leadfox, path: str) -> None:
    leadfox.seed(
        folders=3, lists=3, mailinglists=3, campaigns=3, fields=[{"name": f"List {n}"} for n in (1, 2, 3)]
    )

    def read(**query: Any) -> Any:
        """The contract wants more of a campaign than `fields` leaves of it, so it is not asked."""
        return leadfox.call("GET", path, outside_contract=True, **query).json()

    rows = read(sort="-name", filters="name>=A,name!=Nobody", fields="name", limit=2)
    assert len(rows) == 2
    assert rows[0]["name"] > rows[1]["name"]
    assert [set(row) for row in rows] == [{"_id", "_owner", "name"}] * 2
    assert read(filters="name=" + rows[0]["name"], fields="name") == rows[:1]


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"skip": "-1"}, "skip must be a whole number from 0"),
        ({"skip": "x"}, "skip must be a whole number from 0"),
        ({"limit": "0"}, "limit must be a whole number from 1"),
        ({"limit": "1.5"}, "limit must be a whole number from 1"),
        ({"filters": "email"}, "filters: cannot read 'email'"),
        ({"filters": "email=a, b=c,"}, "filters: cannot read ''"),
        (
            {"filters": "properties.city=Paris, Texas"},
            "filters: cannot read 'Texas'",
        ),  # a comma cannot be escaped
        ({"filters": "email exists maybe"}, "filters: cannot read 'email exists maybe'"),
    ],
)
def test_queries_that_are_refused(leadfox: Leadfox, query: dict[str, str], refusal: str) -> None:
    assert leadfox.refused("GET", "/v1/contact", outside_contract=True, **query) == (400, refusal)
