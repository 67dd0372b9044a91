"""Contacts, and who is on a list."""

from typing import Any

import pytest

from tests.sandbox.leadfox.client import Leadfox

START, LATER = "2025-03-10T08:00:00.000Z", "2025-03-10T08:01:00.000Z"


def test_a_new_contact(leadfox: Leadfox) -> None:
    body = {"email": "Ann@Example.com", "properties": {"firstname": "Ann", "lastname": "Lee"}}

    made = leadfox.post("/v1/contact", body)

    assert made == {
        "_id": made["_id"],
        "_owner": leadfox.log_in()["clientid"],
        "email": "ann@example.com",
        "name": "Ann Lee",
        "properties": {"firstname": "Ann", "lastname": "Lee"},
        "subscribed": True,
        "created": START,
        "modified": START,
        "lifecycle": "subscriber",
        "lists": [],
        "mailinglists": [],
        "sessionTrackingConsent": {"status": "DENIED", "updated": START},
    }
    assert leadfox.get(f"/v1/contact/{made['_id']}") == made
    assert leadfox.get("/v1/contact") == [made]


def test_an_address_is_there_once(leadfox: Leadfox) -> None:
    leadfox.new_contact("ann@example.com")

    refusal = leadfox.refused("POST", "/v1/contact", {"email": "ANN@example.com"})

    assert refusal == (409, "A contact with this email exists already")
    assert len(leadfox.get("/v1/contact")) == 1


def test_upsert_makes_or_merges(leadfox: Leadfox) -> None:
    made = leadfox.post(
        "/v1/contact/upsert", {"email": "ann@example.com", "properties": {"firstname": "Ann"}}
    )
    leadfox.wait(60)
    again = leadfox.post("/v1/contact/upsert", {"email": "Ann@example.com", "properties": {"phone": "1"}})

    assert again == made | {"properties": {"firstname": "Ann", "phone": "1"}, "modified": LATER}
    assert leadfox.get("/v1/contact") == [again]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_merges_properties_and_changes_nothing_else(leadfox: Leadfox, method: str) -> None:
    list_id = leadfox.new_list("ann@example.com")
    contact = leadfox.contact("ann@example.com")
    leadfox.put(f"/v1/contact/{contact['_id']}", {"properties": {"firstname": "Ann", "phone": "1"}})
    before = leadfox.contact("ann@example.com")
    leadfox.wait(60)

    body = {
        "email": "new@example.com",
        "subscribed": False,
        "lists": [],
        "properties": {"phone": "", "email": "x@y.zz"},
    }
    reply = leadfox.call(method, f"/v1/contact/{contact['_id']}", body).json()

    assert reply == before | {"properties": {"firstname": "Ann", "phone": ""}, "modified": LATER}
    assert reply["lists"] == [{"list": list_id, "time": START}]
    assert reply == leadfox.contact("ann@example.com")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, "email is required"),
        ({"email": ""}, "email is required"),
        ({"email": 7}, "email must be a string"),
        ({"email": "no address"}, "email is not valid"),
        ({"email": "a@example.com", "properties": []}, "properties must be a JSON object"),
        ({"email": "a@example.com", "properties": {"phone": 7}}, "properties.phone must be a string"),
        ({"email": "a@example.com", "properties": {"phone": None}}, "properties.phone must be a string"),
        ({"email": "a@example.com", "properties": {"town": "Basel"}}, "properties.town does not exist"),
    ],
)
def test_contacts_that_are_refused(leadfox: Leadfox, body: dict[str, Any], refusal: str) -> None:
    assert leadfox.refused("POST", "/v1/contact", body, outside_contract=True) == (400, refusal)
    assert leadfox.refused("POST", "/v1/contact/upsert", body, outside_contract=True) == (400, refusal)
    assert leadfox.get("/v1/contact") == []


def test_delete(leadfox: Leadfox) -> None:
    list_id = leadfox.new_list("ann@example.com")
    path = f"/v1/contact/{leadfox.contact('ann@example.com')['_id']}"

    assert leadfox.call("DELETE", path).status_code == 204

    assert leadfox.refused("GET", path) == (404, "Contact not found")
    assert leadfox.refused("DELETE", path) == (404, "Contact not found")
    assert leadfox.refused("PUT", path, {}) == (404, "Contact not found")
    assert leadfox.get(f"/v1/list/{list_id}/contact") == []
    leadfox.new_contact("ann@example.com")


def test_a_list_keeps_its_members(leadfox: Leadfox) -> None:
    list_id, other = leadfox.new_list(), leadfox.new_list()
    ann, bob = leadfox.new_contact("ann@example.com"), leadfox.new_contact("bob@example.com")
    leadfox.wait(60)

    added = leadfox.call("POST", f"/v1/list/{list_id}/contact/{bob}")
    leadfox.wait(60)
    leadfox.post(f"/v1/list/{list_id}/contact/{bob}")  # a second time changes nothing
    leadfox.post(f"/v1/list/{list_id}/contact/{ann}")
    leadfox.post(f"/v1/list/{other}/contact/{ann}")

    assert (added.status_code, added.content) == (200, b"")
    members = leadfox.get(f"/v1/list/{list_id}/contact", sort="email")
    assert members == [leadfox.contact("ann@example.com"), leadfox.contact("bob@example.com")]
    assert [row["list"] for row in members[0]["lists"]] == [list_id, other]
    assert members[1]["lists"] == [{"list": list_id, "time": LATER}]
    assert members[1]["modified"] == LATER
    assert leadfox.get(f"/v1/list/{list_id}/contact", filters="email=bob@example.com") == members[1:]
    assert leadfox.get(f"/v1/list/{list_id}/contact", sort="email", skip=1, limit=1) == members[1:]


def test_leaving_a_list_leaves_nothing_behind(leadfox: Leadfox) -> None:
    list_id = leadfox.new_list("ann@example.com")
    ann = leadfox.contact("ann@example.com")["_id"]

    for _ in range(2):
        gone = leadfox.call("DELETE", f"/v1/list/{list_id}/contact/{ann}")
        assert (gone.status_code, gone.content) == (200, b"")

    assert leadfox.get(f"/v1/list/{list_id}/contact") == []
    assert leadfox.contact("ann@example.com")["lists"] == []


def test_members_and_lists_that_do_not_exist(leadfox: Leadfox) -> None:
    list_id, ann, nobody = leadfox.new_list(), leadfox.new_contact("ann@example.com"), "0" * 24
    for method in ("POST", "DELETE"):
        assert leadfox.refused(method, f"/v1/list/{nobody}/contact/{ann}") == (404, "List not found")
        assert leadfox.refused(method, f"/v1/list/{list_id}/contact/{nobody}") == (404, "Contact not found")
    assert leadfox.refused("GET", f"/v1/list/{nobody}/contact") == (404, "List not found")
