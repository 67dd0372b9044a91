"""Senders, opt-outs, groups and messages, one by one, and what is refused."""

from typing import Any

import pytest

from tests.sandbox.emailcampaigns.client import BASE, EmailCampaigns

INPUTS = {
    "/email/senderid/": {"description": "News", "email": "news@example.com"},
    "/email/optout/": {"email": "a@example.com"},
    "/email/contact/": {"tag": "Guests"},
    "/email/message/": {"description": "Subject", "email_message": "<p>Hello</p>"},
}
UNKNOWN = "65a1b2c3d4e5f60718293a4b"
NOT_FOUND = (404, {"detail": "Not found."})


@pytest.mark.parametrize("path", INPUTS)
def test_an_id_that_is_unknown_malformed_or_of_another_kind_is_not_found(
    api: EmailCampaigns, path: str
) -> None:
    other = next(other for other in INPUTS if other != path)
    foreign = api.post(other, INPUTS[other])["$_id"]["$oid"]
    for number in (UNKNOWN, foreign, f"{foreign[:16]}-0000001", "1"):
        # The contract knows of no 404 to a GET of one sender, nor of ids of another form.
        wrong = {"breaks_contract": len(number) != 24 or "-" in number or path == "/email/senderid/"}
        assert api.refused("GET", path, _id=number, **wrong) == NOT_FOUND
        assert api.refused("PUT", path, INPUTS[path], _id=number, **wrong) == NOT_FOUND
        assert api.refused("DELETE", path, _id=number, **wrong) == NOT_FOUND


@pytest.mark.parametrize("path", INPUTS)
def test_update_and_delete_need_an_id(api: EmailCampaigns, path: str) -> None:
    refusal = (400, {"_id": ["This field is required."]})
    assert api.refused("PUT", path, INPUTS[path], breaks_contract=True) == refusal
    assert api.refused("DELETE", path, breaks_contract=True) == refusal


@pytest.mark.parametrize("path", INPUTS)
def test_every_field_is_required_in_create_and_update(api: EmailCampaigns, path: str) -> None:
    before = api.post(path, INPUTS[path])
    for name in INPUTS[path]:
        for value, complaint in (
            (None, "This field is required."),
            ("  ", "This field may not be blank."),
            (7, "Not a valid string."),
        ):
            body, refusal = INPUTS[path] | {name: value}, (400, {name: [complaint]})
            assert api.refused("POST", path, body, breaks_contract=True) == refusal
            query = {"_id": before["$_id"]["$oid"], "breaks_contract": True}
            assert api.refused("PUT", path, body, **query) == refusal

    assert api.get(path, _id=before["$_id"]["$oid"]) == before


@pytest.mark.parametrize("path", ["/email/senderid/", "/email/optout/"])
def test_addresses_are_checked_and_kept_in_lower_case(api: EmailCampaigns, path: str) -> None:
    for email in ("ann", "ann@example", "a b@example.com", "<ann@example.com>"):
        refusal = (400, {"email": ["Enter a valid email address."]})
        assert api.refused("POST", path, INPUTS[path] | {"email": email}, breaks_contract=True) == refusal

    assert api.post(path, INPUTS[path] | {"email": "Ann@Example.com"})["email"] == "ann@example.com"


@pytest.mark.parametrize("path", INPUTS)
def test_an_equal_record_is_no_obstacle(api: EmailCampaigns, path: str) -> None:
    """So whoever repeats a create after a lost answer has a twin."""
    before = len(api.get(path))
    first, second = api.post(path, INPUTS[path]), api.post(path, INPUTS[path])

    assert first["$_id"] != second["$_id"]
    assert len(api.get(path)) == before + 2


def test_a_new_group_is_empty_and_keeps_its_contacts_when_renamed(api: EmailCampaigns) -> None:
    group = api.group("a@example.com", tag="Guests")
    renamed = api.put("/email/contact/", {"tag": "Visitors"}, _id=group)

    assert (renamed["tag"], renamed["contacts"]) == (
        "Visitors",
        [{"name": "Person 0", "email": "a@example.com"}],
    )
    assert api.post("/email/contact/", {"tag": "Empty"})["contacts"] == []


@pytest.mark.parametrize(
    ("method", "path", "options", "refusal"),
    [
        ("GET", "/email/shoes/", {}, NOT_FOUND),
        ("GET", "/email/contact", {}, NOT_FOUND),
        ("POST", "/email/contact", {"json": INPUTS["/email/contact/"]}, NOT_FOUND),
        ("PATCH", "/email/contact/", {}, (405, {"detail": 'Method "PATCH" not allowed.'})),
        ("DELETE", "/email/campaign/", {}, (405, {"detail": 'Method "DELETE" not allowed.'})),
        ("GET", "/email/contact/bulk/replace/", {}, (405, {"detail": 'Method "GET" not allowed.'})),
        (
            "POST",
            "/email/contact/",
            {"data": {"tag": "x"}},
            (415, {"detail": "Unsupported media type in request."}),
        ),
        (
            "POST",
            "/email/contact/",
            {"data": "{", "headers": {"Content-Type": "application/json"}},
            (400, {"detail": "JSON parse error"}),
        ),
        (
            "POST",
            "/email/contact/",
            {"json": ["x"]},
            (400, {"non_field_errors": ["Invalid data. Expected a dictionary."]}),
        ),
    ],
)
def test_paths_methods_and_bodies_nobody_knows(
    api: EmailCampaigns, method: str, path: str, options: Any, refusal: Any
) -> None:
    headers = api.headers | options.pop("headers", {})
    reply = api.session.request(method, BASE + path, headers=headers, **options)

    assert (reply.status_code, reply.json()) == refusal


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\u202e\u0000😀", "=HYPERLINK(1)", "a\r\nb", "x" * 5000]
)
def test_hostile_text_comes_back_as_it_was_sent(api: EmailCampaigns, text: str) -> None:
    group = api.post("/email/contact/", {"tag": text})["$_id"]["$oid"]

    assert api.get("/email/contact/", _id=group)["tag"] == text
