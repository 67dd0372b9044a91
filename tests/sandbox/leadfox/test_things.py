"""Folders, lists, e-mail designs, mailing lists and properties."""

from typing import Any

import pytest

from tests.sandbox.leadfox.client import Leadfox

BUILT_IN = ["email", "firstname", "lastname", "phone", "gender"]
WORDS: dict[str, dict[str, str]] = {
    "folder": {},
    "list": {},
    "email": {},
    "property": {"shortcode": "town"},
}


@pytest.mark.parametrize("kind", WORDS)
def test_make_read_and_change(leadfox: Leadfox, kind: str) -> None:
    made = leadfox.post(f"/v1/{kind}", {"name": "Some", "_id": "0" * 24, "colour": "red"} | WORDS[kind])
    expected = {"_id": made["_id"], "_owner": leadfox.log_in()["clientid"], "name": "Some"} | WORDS[kind]
    assert made == expected | ({"editor": "bee"} if kind == "email" else {})
    assert made["_id"] != "0" * 24  # ids of its own are for campaigns only

    path = f"/v1/{kind}/{made['_id']}"
    changed = leadfox.put(path, {"description": "Words", "_owner": "me"})
    assert changed == made | {"description": "Words"}
    assert leadfox.patch(path, {"name": "Other"}) == changed | {"name": "Other"}
    assert leadfox.get(path) == changed | {"name": "Other"}
    assert leadfox.get(f"/v1/{kind}", filters="name=Other") == [changed | {"name": "Other"}]


@pytest.mark.parametrize("kind", WORDS)
def test_refusals(leadfox: Leadfox, kind: str) -> None:
    made = leadfox.post(f"/v1/{kind}", {"name": "Some"} | WORDS[kind])["_id"]
    title, outside = kind.capitalize(), {"outside_contract": True}

    assert leadfox.refused("POST", f"/v1/{kind}", {}, **outside) == (400, "name is required")
    assert leadfox.refused("POST", f"/v1/{kind}", [], **outside) == (400, "The body must be a JSON object")
    assert leadfox.refused("PUT", f"/v1/{kind}/{made}", {"name": ""}, **outside) == (400, "name is required")
    assert leadfox.refused("PUT", f"/v1/{kind}/{made}", {"name": 1}, **outside) == (
        400,
        "name must be a string",
    )
    assert leadfox.refused("GET", f"/v1/{kind}/1") == (404, f"{title} not found")
    assert leadfox.refused("PUT", f"/v1/{kind}/1", {}) == (404, f"{title} not found")


def test_equal_names_make_two(leadfox: Leadfox) -> None:
    one, two = (leadfox.post("/v1/list", {"name": "Same"})["_id"] for _ in range(2))
    assert one != two
    assert [row["name"] for row in leadfox.get("/v1/list")] == ["Same", "Same"]


def test_a_design_keeps_every_word(leadfox: Leadfox) -> None:
    words = (
        "name",
        "description",
        "subject",
        "preheader",
        "fromemail",
        "fromname",
        "unsubscribetext",
        "body",
        "json",
    )
    design = {word: f"{word} é" for word in words}

    made = leadfox.post("/v1/email", design)

    assert {name: made[name] for name in words} == design
    assert leadfox.put(f"/v1/email/{made['_id']}", {"subject": "S"}) == made | {"subject": "S"}
    assert leadfox.refused("POST", "/v1/email", design | {"editor": "mjml"}, outside_contract=True) == (
        400,
        "editor must be bee",
    )


def test_properties_begin_with_the_built_in_ones(leadfox: Leadfox) -> None:
    assert [row["shortcode"] for row in leadfox.get("/v1/property")] == BUILT_IN


def test_values_follow_a_shortcode_that_changes(leadfox: Leadfox) -> None:
    number = leadfox.post("/v1/property", {"name": "Town", "shortcode": "town"})["_id"]
    leadfox.new_contact("ann@example.com", town="Basel", phone="1")

    leadfox.put(f"/v1/property/{number}", {"shortcode": "city"})

    assert leadfox.contact("ann@example.com")["properties"] == {"phone": "1", "city": "Basel"}


def test_shortcodes_that_are_refused(leadfox: Leadfox) -> None:
    def refused(shortcode: Any, path: str = "", method: str = "POST") -> tuple[int, str]:
        body = {"name": "P", "shortcode": shortcode}
        return leadfox.refused(method, f"/v1/property{path}", body, outside_contract=True)

    town = leadfox.post("/v1/property", {"name": "Town", "shortcode": "town"})["_id"]
    phone = leadfox.get("/v1/property", filters="shortcode=phone")[0]["_id"]
    assert refused("") == (400, "shortcode is required")
    assert refused("a b") == (400, "shortcode may hold letters, digits, - and _ only")
    assert refused("town") == (409, "A property with the shortcode town exists already")
    assert refused("email", f"/{town}", "PUT") == (409, "A property with the shortcode email exists already")
    assert refused("tel", f"/{phone}", "PUT") == (
        400,
        "The shortcode phone is built in and cannot be changed",
    )
    assert leadfox.put(f"/v1/property/{phone}", {"name": "Tel", "shortcode": "phone"})["name"] == "Tel"


def test_mailing_lists_are_only_read(leadfox: Leadfox) -> None:
    ids = leadfox.seed(mailinglists=["News", "Offers"])["mailinglists"]
    owner = leadfox.log_in()["clientid"]

    rows = [
        {"_id": n, "_owner": owner, "name": name} for n, name in zip(ids, ("News", "Offers"), strict=True)
    ]
    assert leadfox.get("/v1/mailinglist") == rows
    assert leadfox.get(f"/v1/mailinglist/{ids[1]}") == rows[1]
    assert leadfox.refused("GET", "/v1/mailinglist/1") == (404, "Mailing list not found")
    assert leadfox.refused("PUT", f"/v1/mailinglist/{ids[1]}", {"name": "X"}, outside_contract=True) == (
        405,
        "Method not allowed",
    )


@pytest.mark.parametrize(
    ("updates", "denied", "allowed"), [("patch", "PUT", "PATCH"), ("put", "PATCH", "PUT")]
)
def test_an_account_may_know_one_update_method_only(
    leadfox: Leadfox, updates: str, denied: str, allowed: str
) -> None:
    leadfox.seed(updates=updates)
    paths = {
        f"/v1/list/{leadfox.new_list()}": {"name": "New"},
        f"/v1/contact/{leadfox.new_contact('a@example.com')}": {"properties": {}},
        f"/v1/campaign/{leadfox.new_campaign()}": {"name": "New"},
    }
    for path, body in paths.items():
        assert leadfox.refused(denied, path, body) == (405, "Method not allowed")
        assert leadfox.call(allowed, path, body).status_code == 200
