"""Rules across fields that a schema does not express, each with its refusal."""

from typing import Any

import pytest

from tests.sandbox.brevo_client import Brevo

IPS = [
    {"id": 1, "ip": "192.0.2.1", "active": True, "domain": "one.example"},
    {"id": 2, "ip": "192.0.2.2", "active": True, "domain": "two.example"},
]


def ip(number: int, **weight: int) -> dict[str, Any]:
    return {name: IPS[number][name] for name in ("ip", "domain")} | weight


@pytest.mark.parametrize(
    ("ips", "accepted"),
    [
        ([ip(0, weight=60), ip(1, weight=40)], True),
        ([ip(0), ip(1)], True),
        ([ip(0, weight=60), ip(1, weight=50)], False),
        ([ip(0, weight=100), ip(1)], False),
        ([{"ip": "198.51.100.1", "domain": "one.example"}], False),
    ],
)
def test_weights_of_dedicated_ips(brevo: Brevo, ips: list[dict[str, Any]], accepted: bool) -> None:
    brevo.control("seed", dedicated_ips=IPS)
    assert len(brevo.get("/senders/ips")["ips"]) == 2

    reply = brevo.call("POST", "/senders", {"name": "News", "email": "news@example.com", "ips": ips})

    assert reply.status_code == (201 if accepted else 400)
    if accepted:
        assert len(brevo.get(f"/senders/{reply.json()['id']}/ips")["ips"]) == 2
        assert len(brevo.get("/senders", ip="192.0.2.1")["senders"]) == 1


def test_ips_need_an_account_with_dedicated_ones(brevo: Brevo) -> None:
    body = {"name": "News", "email": "news@example.com", "ips": [ip(0)]}
    assert brevo.refused("POST", "/senders", body) == (400, "invalid_parameter")
    assert len(brevo.get("/senders")["senders"]) == 1


def test_a_sender_with_a_new_address_has_to_be_confirmed_again(brevo: Brevo) -> None:
    brevo.put("/senders/1", {"email": "other@example.com"})
    assert brevo.get("/senders")["senders"][0]["active"] is False
    brevo.post("/senders", {"name": "Second", "email": "second@example.com"})
    assert brevo.refused("PUT", "/senders/2", {"email": "other@example.com"}) == (400, "duplicate_parameter")
    assert brevo.refused("DELETE", "/senders/9") == (404, "document_not_found")


def test_dns_records_count_as_published_after_a_while(brevo: Brevo) -> None:
    brevo.post("/senders/domains", {"name": "example.com"})
    seen = []
    for seconds in (0, 590, 20):
        brevo.wait(seconds)
        seen.append(brevo.get("/senders/domains/example.com")["verified"])

    assert seen == [False, False, True]
    assert brevo.refused("POST", "/senders/domains", {"name": "example.com"}) == (400, "duplicate_parameter")
    assert brevo.refused("POST", "/senders/domains", {"name": "no domain"}) == (400, "invalid_parameter")


def test_sender_blocks_count_only_on_a_create_that_may_update(brevo: Brevo) -> None:
    body = {"email": "a@example.com", "smtpBlacklistSender": ["news@example.com"]}
    number = str(brevo.post("/contacts", body)["id"])
    row = brevo.state()["contacts"][number]
    assert row[-1] == []
    brevo.post("/contacts", body | {"updateEnabled": True})
    assert brevo.state()["contacts"][number][-1] == ["news@example.com"]


def test_inline_images_limit_the_recipients(brevo: Brevo) -> None:
    list_id = brevo.control("seed", lists=1, contacts=5001)["lists"][0]
    number = brevo.new_campaign(list_id, inlineImageActivation=True)

    assert brevo.refused("POST", f"/emailCampaigns/{number}/sendNow") == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"htmlContent": None}, "missing_parameter"),
        ({"htmlUrl": "http://127.0.0.1:9/mail.html"}, "invalid_parameter"),
        ({"htmlContent": "short"}, "invalid_parameter"),
        ({"sender": {"id": 1, "email": "owner@sandbox-test.example"}}, "invalid_parameter"),
        ({"sender": {"id": 9}}, "invalid_parameter"),
        ({"sender": None}, "missing_parameter"),
        ({"subject": None}, "missing_parameter"),
        ({"templateName": None}, "missing_parameter"),
        ({"replyTo": "nobody"}, "invalid_parameter"),
    ],
)
def test_refused_templates(brevo: Brevo, fields: dict[str, Any], code: str) -> None:
    body = {"templateName": "T", "subject": "S", "sender": {"id": 1}, "htmlContent": "<p>Hello there</p>"}
    body = {name: value for name, value in (body | fields).items() if value is not None}
    assert brevo.refused("POST", "/smtp/templates", body, breaks_schema=True) == (400, code)
    assert brevo.get("/smtp/templates")["count"] == 0


def test_double_opt_in_needs_its_own_kind_of_template(brevo: Brevo) -> None:
    list_id = brevo.new_list()
    template = {"templateName": "T", "subject": "S", "sender": {"id": 1}, "isActive": True}
    plain = brevo.post("/smtp/templates", template | {"htmlContent": "<p>Hello there</p>"})["id"]
    body = {"email": "a@example.com", "includeListIds": [list_id], "redirectionUrl": "https://example.com"}

    path = "/contacts/doubleOptinConfirmation"
    assert brevo.refused("POST", path, body | {"templateId": plain}) == (400, "invalid_parameter")
    assert brevo.refused("POST", path, body, breaks_schema=True) == (400, "missing_parameter")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"event": "shoe"}, "invalid_parameter"),
        ({"notifyURL": None}, "missing_parameter"),
        ({"days": 91}, "out_of_range"),
        ({"days": 2, "startDate": "2026-01-01", "endDate": "2026-01-02"}, "invalid_parameter"),
        ({"startDate": "2026-01-01"}, "missing_parameter"),
    ],
)
def test_refused_history_exports(brevo: Brevo, fields: dict[str, Any], code: str) -> None:
    body = {"type": "marketing", "event": "opened", "notifyURL": "https://example.com/done"} | fields
    body = {name: value for name, value in body.items() if value is not None}
    assert brevo.refused("POST", "/webhooks/export", body, breaks_schema=True) == (400, code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/contacts/folders/9", None),
        ("PUT", "/contacts/folders/9", {"name": "F"}),
        ("GET", "/contacts/folders/9/lists", None),
        ("PUT", "/contacts/lists/9", {"name": "L"}),
        ("GET", "/contacts/lists/9/contacts", None),
        ("PUT", "/contacts/9", {"attributes": {}}),
        ("GET", "/emailCampaigns/9", None),
        ("POST", "/emailCampaigns/9/sendNow", None),
        ("POST", "/emailCampaigns/9/sendTest", {}),
        ("POST", "/emailCampaigns/9/exportRecipients", {"recipientsType": "all"}),
        ("GET", "/emailCampaigns/9/sharedUrl", None),
        ("GET", "/smtp/templates/9", None),
        ("DELETE", "/smtp/templates/9", None),
        ("GET", "/senders/domains/none.example", None),
        ("PUT", "/senders/domains/none.example/authenticate", None),
        ("PUT", "/senders/9/validate", {"otp": 1}),
        ("GET", "/processes/9", None),
        ("GET", "/webhooks/9", None),
        ("DELETE", "/webhooks/9", None),
    ],
)
def test_unknown_objects(brevo: Brevo, method: str, path: str, body: Any) -> None:
    assert brevo.refused(method, path, body) == (404, "document_not_found")


def test_the_shared_copy_of_a_mail_needs_no_key(brevo: Brevo) -> None:
    number = brevo.new_campaign(brevo.new_list("a@example.com"))
    page = brevo.session.get(brevo.get(f"/emailCampaigns/{number}/sharedUrl")["sharedUrl"])

    assert (page.status_code, "<p>Hello</p>" in page.text) == (200, True)
    assert brevo.session.get("https://api.brevo.com/brevo/files/x").status_code == 404


def test_reports_are_for_sent_campaigns(brevo: Brevo) -> None:
    number = brevo.new_campaign(brevo.new_list("a@example.com"))
    body = {"email": {"to": ["boss@example.com"], "body": "Look"}}
    assert brevo.refused("POST", f"/emailCampaigns/{number}/sendReport", body) == (400, "invalid_parameter")
    export = {"recipientsType": "all"}
    assert brevo.refused("POST", f"/emailCampaigns/{number}/exportRecipients", export) == (
        400,
        "invalid_parameter",
    )
