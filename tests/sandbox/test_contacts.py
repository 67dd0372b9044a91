from typing import Any

import pytest

from tests.sandbox.brevo_client import Brevo


def test_creating_a_known_contact_is_refused_unless_updates_are_allowed(brevo: Brevo) -> None:
    body = {"email": "ann@example.com", "attributes": {"FIRSTNAME": "Ann"}}
    number = brevo.post("/contacts", body)["id"]

    refusal = brevo.call("POST", "/contacts", body)
    assert (refusal.status_code, refusal.json()["metadata"]) == (400, {"duplicate_identifiers": ["email"]})
    updated = brevo.call(
        "POST", "/contacts", body | {"updateEnabled": True, "attributes": {"FIRSTNAME": "Anna"}}
    )
    assert (updated.status_code, updated.content) == (204, b"")
    assert brevo.get(f"/contacts/{number}")["attributes"] == {"FIRSTNAME": "Anna"}


def test_identifiers(brevo: Brevo) -> None:
    number = brevo.post(
        "/contacts", {"email": "o+ne@example.com", "ext_id": "77", "attributes": {"SMS": "0041791112233"}}
    )["id"]

    for identifier, kind in (("o%2Bne%40example.com", None), (number, None), ("%2B41791112233", None), ("77", "ext_id"),
                             (number, "contact_id"), ("41791112233", "phone_id"), ("o%2Bne@example.com", "email_id")):  # fmt: skip
        query = {"identifierType": kind} if kind else {}
        assert brevo.get(f"/contacts/{identifier}", **query)["id"] == number
    assert brevo.refused("GET", "/contacts/77", identifierType="contact_id") == (404, "document_not_found")
    assert brevo.refused("GET", "/contacts/1", identifierType="shoe", breaks_schema=True) == (
        400,
        "invalid_parameter",
    )


def test_an_address_with_a_slash_stays_one_identifier(brevo: Brevo) -> None:
    brevo.post("/contacts", {"email": "a/b@example.com"})

    assert brevo.get("/contacts/a%2Fb%40example.com")["email"] == "a/b@example.com"


def test_a_contact_known_by_phone_alone_is_shown_with_a_made_up_address(brevo: Brevo) -> None:
    number = brevo.post("/contacts", {"attributes": {"SMS": "+41 79 111 22 33"}})["id"]

    assert brevo.get(f"/contacts/{number}")["email"] == "41791112233@mailin-sms.com"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"attributes": {"FIRSTNAME": "Nobody"}}, "missing_parameter"),
        ({"email": "no-address", "updateEnabled": False}, "invalid_parameter"),
        ({"email": "a@example.com", "listIds": [999]}, "invalid_parameter"),
        ({"email": "a@example.com", "attributes": {"SMS": "twelve"}}, "invalid_parameter"),
        ({"email": "a@example.com", "listIds": ["1"]}, "invalid_parameter"),
        ({"email": "a@example.com", "emailBlacklisted": "yes"}, "invalid_parameter"),
    ],
)
def test_refused_contacts_leave_nothing_behind(brevo: Brevo, body: dict[str, Any], code: str) -> None:
    assert brevo.refused("POST", "/contacts", body, breaks_schema=True) == (400, code)
    assert brevo.get("/contacts")["count"] == 0


def test_unknown_attributes_and_wrong_types_are_dropped_without_a_word(brevo: Brevo) -> None:
    for name, kind in (("BORN", "date"), ("SCORE", "float"), ("VIP", "boolean")):
        brevo.post(f"/contacts/attributes/normal/{name}", {"type": kind})
    brevo.post("/contacts/attributes/category/PLAN", {"enumeration": [{"value": 1, "label": "Free"}]})
    brevo.post(
        "/contacts/attributes/normal/LIKES",
        {"type": "multiple-choice", "multiCategoryOptions": ["tea", "ice"]},
    )
    given = {
        "BORN": "1990-02-03",
        "SCORE": "4.5",
        "VIP": True,
        "PLAN": 1,
        "LIKES": ["ice", "mud"],
        "SHOE": 42,
    }
    number = brevo.post("/contacts", {"email": "a@example.com", "attributes": given})["id"]
    wrong = {"BORN": "soon", "SCORE": "much", "VIP": "maybe", "PLAN": "Gold", "FIRSTNAME": True}
    brevo.put(f"/contacts/{number}", {"attributes": wrong})

    assert brevo.get(f"/contacts/{number}")["attributes"] == {
        "BORN": "1990-02-03T00:00:00.000Z",
        "SCORE": 4.5,
        "VIP": True,
        "PLAN": "Free",
        "LIKES": ["ice"],
    }


def test_changing_the_address_lifts_the_blocklisting(brevo: Brevo) -> None:
    number = brevo.post("/contacts", {"email": "old@example.com", "emailBlacklisted": True})["id"]
    brevo.put(f"/contacts/{number}", {"attributes": {"FIRSTNAME": "Ann"}})
    assert brevo.get(f"/contacts/{number}")["emailBlacklisted"] is True

    brevo.put(f"/contacts/{number}", {"attributes": {"EMAIL": "new@example.com"}})

    assert brevo.get("/contacts/new%40example.com")["emailBlacklisted"] is False
    assert brevo.refused("GET", "/contacts/old%40example.com") == (404, "document_not_found")
    same = brevo.refused("PUT", f"/contacts/{number}", {"attributes": {"EMAIL": "new@example.com"}})
    assert same == (400, "duplicate_parameter")


def test_an_address_somebody_else_has_is_refused_unless_the_two_are_merged(brevo: Brevo) -> None:
    brevo.new_list("a@example.com")
    number = brevo.post("/contacts", {"email": "b@example.com"})["id"]
    change = {"attributes": {"EMAIL": "a@example.com"}}

    assert brevo.refused("PUT", f"/contacts/{number}", change) == (400, "duplicate_parameter")
    brevo.put(f"/contacts/{number}", change | {"forceMerge": True})
    assert [row["id"] for row in brevo.get("/contacts")["contacts"]] == [number]
    assert len(brevo.get(f"/contacts/{number}")["listIds"]) == 1


def test_list_ids_add_and_unlink_list_ids_remove(brevo: Brevo) -> None:
    one, two, three = (brevo.new_list(name=name) for name in ("one", "two", "three"))
    number = brevo.post("/contacts", {"email": "a@example.com", "listIds": [one, two]})["id"]

    brevo.put(f"/contacts/{number}", {"listIds": [three], "unlinkListIds": [one]})

    assert brevo.get(f"/contacts/{number}")["listIds"] == [two, three]


def test_adding_to_a_list_is_refused_when_nobody_could_be_added(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com")
    add, remove = f"/contacts/lists/{number}/contacts/add", f"/contacts/lists/{number}/contacts/remove"

    refusal = brevo.call("POST", add, {"emails": ["a@example.com", "none@example.com"]})
    assert (refusal.status_code, refusal.json()["message"]) == (
        400,
        "Contact already in list and/or does not exist",
    )
    brevo.post(remove, {"emails": ["a@example.com"]})
    assert brevo.refused("POST", remove, {"emails": ["a@example.com"]}) == (400, "invalid_parameter")
    many = [f"p{n}@example.com" for n in range(151)]
    assert brevo.refused("POST", add, {"emails": many}, breaks_schema=True) == (400, "out_of_range")
    assert brevo.refused("POST", add, {"emails": ["a@example.com"], "ids": [1]}) == (400, "invalid_parameter")
    assert brevo.refused("POST", "/contacts/lists/99/contacts/add", {"ids": [1]}) == (
        404,
        "document_not_found",
    )


def test_list_results_can_be_flat_as_the_older_documentation_shows_them(brevo: Brevo) -> None:
    number = brevo.new_list()
    contact_id = brevo.post("/contacts", {"email": "a@example.com"})["id"]
    brevo.control("seed", flat_list_results=True)

    added = brevo.post(f"/contacts/lists/{number}/contacts/add", {"ids": [contact_id]})

    assert added == {"success": [contact_id], "failure": [], "total": 1}


def test_emptying_a_list_is_a_process(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com", "b@example.com")

    process = brevo.post(f"/contacts/lists/{number}/contacts/remove", {"all": True})["contacts"]["processId"]

    assert brevo.get(f"/contacts/lists/{number}")["uniqueSubscribers"] == 2
    brevo.process(process)
    assert (brevo.get(f"/contacts/lists/{number}")["uniqueSubscribers"], brevo.get("/contacts")["count"]) == (
        0,
        2,
    )


def test_batch_updates_what_it_can_and_names_the_rest(brevo: Brevo) -> None:
    first = brevo.post("/contacts", {"email": "a@example.com"})["id"]
    second = brevo.post("/contacts", {"email": "b@example.com"})["id"]
    changes = [
        {"id": first, "attributes": {"FIRSTNAME": "A"}},
        {"id": second, "attributes": {"EMAIL": "a@example.com"}},
    ]

    mixed = brevo.call("POST", "/contacts/batch", {"contacts": changes})

    assert (mixed.status_code, mixed.json()) == (207, {"successIds": [first], "failureIds": [second]})
    assert brevo.call("POST", "/contacts/batch", {"contacts": changes[:1]}).status_code == 204
    unknown = {"contacts": [*changes, {"email": "none@example.com"}]}
    assert brevo.refused("POST", "/contacts/batch", unknown) == (404, "document_not_found")


def test_filters(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com")
    brevo.wait(3600)
    since = brevo.post("/contacts", {"email": "b@example.com", "attributes": {"FIRSTNAME": "Bo"}})["id"]
    moment = brevo.get(f"/contacts/{since}")["createdAt"]

    def found(**query: Any) -> list[str]:
        return [row["email"] for row in brevo.get("/contacts", **query)["contacts"]]

    assert found(sort="asc") == ["a@example.com", "b@example.com"]
    assert found() == ["b@example.com", "a@example.com"]
    assert found(modifiedSince=moment) == found(createdSince=moment) == ["b@example.com"]
    assert found(listIds=number) == ["a@example.com"]
    assert found(ids=since) == ["b@example.com"]
    assert found(filter='equals(FIRSTNAME,"Bo")') == ["b@example.com"]
    brevo.put("/contacts/a%40example.com", {"attributes": {"FIRSTNAME": "Al"}})
    assert found(modifiedSince=moment) == ["b@example.com", "a@example.com"]
    query = {"modifiedSince": "2026-01-01", "breaks_schema": True}
    assert brevo.refused("GET", "/contacts", **query) == (400, "invalid_parameter")


def test_import_creates_updates_and_names_what_it_rejected(brevo: Brevo) -> None:
    brevo.post(
        "/contacts", {"email": "old@example.com", "attributes": {"FIRSTNAME": "Old", "LASTNAME": "Name"}}
    )
    body = "EMAIL;FIRSTNAME;LASTNAME;SHOE\nold@example.com;Older;;42\nnew@example.com;Né;Ü;1\nbroken;X;Y;2\nNEW@example.com;;;\n"
    wanted = {"fileBody": body, "newList": {"listName": "Imported", "folderId": 1}, "emailBlacklist": True}

    process = brevo.process(brevo.post("/contacts/import", wanted)["processId"])

    list_id = brevo.get("/contacts/lists")["lists"][0]["id"]
    rows = {row["email"]: row for row in brevo.get(f"/contacts/lists/{list_id}/contacts")["contacts"]}
    assert {email: row["attributes"] for email, row in rows.items()} == {
        "old@example.com": {"FIRSTNAME": "Older", "LASTNAME": "Name"},
        "new@example.com": {"FIRSTNAME": "Né", "LASTNAME": "Ü"},
    }
    assert all(row["emailBlacklisted"] for row in rows.values())
    report = process["info"]["import"]
    assert brevo.file(report["invalid_emails"]) == [["email"], ["broken"]]
    assert brevo.file(report["duplicate_email_id"]) == [["email"], ["NEW@example.com"]]


def test_import_of_json_can_leave_known_contacts_alone_or_empty_their_attributes(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com")
    brevo.put("/contacts/a%40example.com", {"attributes": {"FIRSTNAME": "Ann"}, "emailBlacklisted": True})
    row = {"email": "a@example.com", "attributes": {"FIRSTNAME": ""}}

    def name_after(**options: Any) -> str | None:
        body = {"jsonBody": [row], "listIds": [number], "emailBlacklist": False} | options
        brevo.process(brevo.post("/contacts/import", body)["processId"])
        return brevo.get("/contacts/a%40example.com")["attributes"].get("FIRSTNAME")

    assert name_after() == "Ann"
    assert name_after(emptyContactsAttributes=True, updateExistingContacts=False) == "Ann"
    assert name_after(emptyContactsAttributes=True) is None
    assert brevo.get("/contacts/a%40example.com")["emailBlacklisted"] is True  # `false` is neutral


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"fileBody": "EMAIL\na@example.com"}, "missing_parameter"),
        ({"listIds": [2]}, "missing_parameter"),
        ({"fileBody": "EMAIL", "jsonBody": [], "listIds": [2]}, "invalid_parameter"),
        ({"fileBody": "EMAIL", "newList": {"listName": "New"}}, "missing_parameter"),
        ({"fileBody": "EMAIL", "newList": {"listName": "New", "folderId": 9}}, "invalid_parameter"),
        ({"fileUrl": "https://example.com/people.csv", "listIds": [2]}, "invalid_parameter"),
        ({"fileBody": "x" * (10 * 1024 * 1024 + 1), "listIds": [2]}, "out_of_range"),
    ],
)
def test_refused_imports(brevo: Brevo, body: dict[str, Any], code: str) -> None:
    assert brevo.new_list() == 2
    assert brevo.refused("POST", "/contacts/import", body, breaks_schema=True) == (400, code)
    assert len(brevo.get("/contacts/lists")["lists"]) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"actionForContacts": "allContacts"},
        {"actionForEmailCampaigns": "openers"},
    ],
)
def test_refused_exports(brevo: Brevo, wanted: dict[str, Any]) -> None:
    body = {"customContactFilter": wanted}
    assert brevo.refused("POST", "/contacts/export", body, breaks_schema=True) == (400, "missing_parameter")


def test_exports_by_subscription(brevo: Brevo) -> None:
    number = brevo.new_list("in@example.com", "out@example.com", "left@example.com")
    brevo.put("/contacts/out%40example.com", {"emailBlacklisted": True})
    brevo.control("act", kind="leave_list", email="left@example.com", list=number)

    def exported(action: str) -> list[str]:
        body = {
            "customContactFilter": {"actionForContacts": action, "listId": number},
            "exportAttributes": ["FIRSTNAME"],
        }
        process = brevo.process(brevo.post("/contacts/export", body)["processId"])
        return [row[1].partition("@")[0] for row in brevo.file(process["export_url"])[1:]]

    assert exported("allContacts") == ["in", "out", "left"]
    assert exported("subscribed") == ["in", "left"]
    assert exported("unsubscribed") == ["out"]
    assert exported("unsubscribedPerList") == ["left"]
    assert brevo.get("/contacts/left%40example.com")["listUnsubscribed"] == [number]


def test_a_registered_user_cannot_be_deleted(brevo: Brevo) -> None:
    owner = brevo.get("/account")["email"]
    brevo.post("/contacts", {"email": owner})

    assert brevo.refused("DELETE", f"/contacts/{owner}") == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("normal/NAME", {}, "missing_parameter"),
        ("normal/first name", {"type": "text"}, "invalid_parameter"),
        ("normal/EMAIL", {"type": "text"}, "invalid_parameter"),
        ("normal/FIRSTNAME", {"type": "text"}, "duplicate_parameter"),
        ("normal/NAME", {"type": "id"}, "invalid_parameter"),
        ("normal/NAME", {"type": "text", "value": "SUM[A]"}, "invalid_parameter"),
        ("normal/NAME", {"type": "text", "enumeration": []}, "invalid_parameter"),
        ("normal/NAME", {"type": "text", "multiCategoryOptions": ["a"]}, "invalid_parameter"),
        ("normal/NAME", {"type": "multiple-choice"}, "missing_parameter"),
        ("normal/NAME", {"type": "multiple-choice", "multiCategoryOptions": ["a" * 201]}, "out_of_range"),
        ("category/NAME", {}, "missing_parameter"),
        ("category/NAME", {"enumeration": [{"value": 1, "label": "a" * 201}]}, "invalid_parameter"),
        ("calculated/NAME", {}, "missing_parameter"),
        ("shoe/NAME", {"type": "text"}, "invalid_parameter"),
    ],
)
def test_refused_attributes(brevo: Brevo, path: str, body: dict[str, Any], code: str) -> None:
    assert brevo.refused("POST", f"/contacts/attributes/{path}", body, breaks_schema=True) == (400, code)


def test_transactional_attributes_cannot_be_updated(brevo: Brevo) -> None:
    brevo.post("/contacts/attributes/transactional/ORDER_ID", {"type": "id"})

    refused = brevo.refused("PUT", "/contacts/attributes/transactional/ORDER_ID", {}, breaks_schema=True)
    assert refused == (400, "invalid_parameter")
    assert brevo.refused("PUT", "/contacts/attributes/normal/NONE", {}) == (404, "document_not_found")
