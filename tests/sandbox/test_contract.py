"""Every core operation is called once and held against the contract, request and reply."""

from collections.abc import Callable

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import Brevo, core_operations

FUTURE = "2099-01-01T09:00:00.000Z"


def _sent(brevo: Brevo, **fields: object) -> int:
    """A campaign everybody has had time to react to."""
    list_id = brevo.new_list(*(f"person{n}@example.com" for n in range(40)))
    campaign_id = brevo.new_campaign(list_id, **fields)
    brevo.post(f"/emailCampaigns/{campaign_id}/sendNow")
    brevo.wait(3600 * 24)
    return campaign_id


def account(brevo: Brevo) -> None:
    assert brevo.get("/account")["companyName"] == "Test"


def processes(brevo: Brevo) -> None:
    list_id = brevo.new_list("a@example.com")
    number = brevo.post("/contacts/import", {"fileBody": "EMAIL\nb@example.com", "listIds": [list_id]})[
        "processId"
    ]
    assert brevo.get("/processes", limit=10, offset=0)["processes"][0]["status"] == "queued"
    assert brevo.process(number)["name"] == "IMPORTUSER"


def contacts(brevo: Brevo) -> None:
    list_id = brevo.new_list()
    body = {
        "email": "Ann@Example.com",
        "attributes": {"FIRSTNAME": "Ann", "SMS": "+41791234567"},
        "listIds": [list_id],
    }
    number = brevo.post("/contacts", body)["id"]
    assert brevo.get("/contacts", limit=10, offset=0, sort="asc")["count"] == 1
    found = brevo.get("/contacts/ann%40example.com")
    assert (found["id"], found["listIds"]) == (number, [list_id])
    assert brevo.get("/contacts/0041791234567")["id"] == number
    assert brevo.get(f"/contacts/{number}/campaignStats")["messagesSent"] == []
    brevo.put(f"/contacts/{number}", {"attributes": {"LASTNAME": "Lee"}, "unlinkListIds": [list_id]})
    brevo.post("/contacts/batch", {"contacts": [{"id": number, "emailBlacklisted": True}]})
    assert brevo.get(f"/contacts/{number}")["emailBlacklisted"] is True
    brevo.delete(f"/contacts/{number}")
    assert brevo.refused("GET", f"/contacts/{number}") == (404, "document_not_found")


def contact_files(brevo: Brevo) -> None:
    list_id = brevo.new_list("a@example.com")
    asked = {"customContactFilter": {"actionForContacts": "allContacts", "listId": list_id}}
    number = brevo.post("/contacts/export", asked)["processId"]
    assert brevo.file(brevo.process(number)["export_url"])[1][1] == "a@example.com"


def double_opt_in(brevo: Brevo) -> None:
    list_id = brevo.new_list()
    template = {"templateName": "Confirm", "subject": "Confirm", "sender": {"id": 1}, "isActive": True}
    template_id = brevo.post(
        "/smtp/templates", template | {"htmlContent": '<a href="{{ params.DOIurl }}">yes</a>'}
    )["id"]
    body = {"email": "new@example.com", "includeListIds": [list_id], "templateId": template_id}
    brevo.post("/contacts/doubleOptinConfirmation", body | {"redirectionUrl": "https://example.com/thanks"})
    assert brevo.refused("GET", "/contacts/new%40example.com") == (404, "document_not_found")
    brevo.control("act", kind="confirm", email="new@example.com")
    assert brevo.get("/contacts/new%40example.com")["listIds"] == [list_id]


def folders(brevo: Brevo) -> None:
    number = brevo.post("/contacts/folders", {"name": "Folder"})["id"]
    brevo.put(f"/contacts/folders/{number}", {"name": "Renamed"})
    assert brevo.get(f"/contacts/folders/{number}")["name"] == "Renamed"
    assert brevo.get("/contacts/folders", limit=10, offset=0)["count"] == 2
    brevo.post("/contacts/lists", {"name": "Inside", "folderId": number})
    assert brevo.get(f"/contacts/folders/{number}/lists")["count"] == 1
    brevo.delete(f"/contacts/folders/{number}")
    assert brevo.get("/contacts/lists") == {"lists": [], "count": 0}


def lists(brevo: Brevo) -> None:
    number = brevo.new_list("a@example.com")
    brevo.post("/contacts", {"email": "b@example.com"})
    added = brevo.post(
        f"/contacts/lists/{number}/contacts/add", {"emails": ["b@example.com", "none@example.com"]}
    )
    assert added == {"contacts": {"success": ["b@example.com"], "failure": ["none@example.com"], "total": 1}}
    assert brevo.get(f"/contacts/lists/{number}/contacts", limit=500, offset=0)["count"] == 2
    removed = brevo.post(f"/contacts/lists/{number}/contacts/remove", {"emails": ["b@example.com"]})
    assert removed["contacts"]["success"] == ["b@example.com"]
    brevo.put(f"/contacts/lists/{number}", {"name": "Renamed"})
    detail = brevo.get(f"/contacts/lists/{number}")
    assert (detail["name"], detail["uniqueSubscribers"], detail["campaignStats"]) == ("Renamed", 1, [])
    assert brevo.get("/contacts/lists", limit=50, offset=0)["count"] == 1
    brevo.delete(f"/contacts/lists/{number}")
    assert brevo.get("/contacts/a%40example.com")["listIds"] == []


def segments(brevo: Brevo) -> None:
    segment = {"name": "Anns", "category": "People", "attribute": "FIRSTNAME", "value": "Ann"}
    brevo.control("seed", segments=[segment])
    brevo.post("/contacts", {"email": "ann@example.com", "attributes": {"FIRSTNAME": "Ann"}})
    brevo.post("/contacts", {"email": "bob@example.com", "attributes": {"FIRSTNAME": "Bob"}})
    found = brevo.get("/contacts/segments", limit=50, offset=0)["segments"]
    assert [row["segmentName"] for row in found] == ["Anns"]
    assert brevo.get("/contacts", segmentId=found[0]["id"])["count"] == 1


def attributes(brevo: Brevo) -> None:
    options = [{"value": 1, "label": "Free"}, {"value": 2, "label": "Paid"}]
    brevo.post("/contacts/attributes/category/PLAN", {"enumeration": options})
    brevo.put(
        "/contacts/attributes/category/PLAN", {"enumeration": [*options, {"value": 3, "label": "Gold"}]}
    )
    assert [row["name"] for row in brevo.get("/contacts/attributes")["attributes"]] == [
        "FIRSTNAME",
        "LASTNAME",
        "PLAN",
    ]
    brevo.delete("/contacts/attributes/category/PLAN")
    assert brevo.refused("DELETE", "/contacts/attributes/category/PLAN") == (404, "document_not_found")


def senders(brevo: Brevo) -> None:
    number = brevo.post("/senders", {"name": "News", "email": "news@example.com"})["id"]
    assert [row["active"] for row in brevo.get("/senders")["senders"]] == [True, False]
    assert brevo.refused("PUT", f"/senders/{number}/validate", {"otp": 1}) == (400, "invalid_parameter")
    brevo.put(f"/senders/{number}/validate", {"otp": brevo.state()["senders"][str(number)]["otp"]})
    assert [row["active"] for row in brevo.get("/senders")["senders"]] == [True, True]
    brevo.put(f"/senders/{number}", {"name": "Letters"})
    assert brevo.get("/senders/ips") == {"ips": []}
    assert brevo.get(f"/senders/{number}/ips") == {"ips": []}
    brevo.delete(f"/senders/{number}")


def domains(brevo: Brevo) -> None:
    made = brevo.post("/senders/domains", {"name": "example.com"})
    assert made["dns_records"]["dkim_record"]["status"] is False
    assert brevo.refused("PUT", "/senders/domains/example.com/authenticate") == (400, "bad_request")
    brevo.control("act", kind="publish_dns", domain="example.com")
    assert brevo.get("/senders/domains/example.com")["dns_records"]["dkim_record"]["status"] is True
    brevo.put("/senders/domains/example.com/authenticate")
    assert brevo.get("/senders/domains")["domains"][0]["authenticated"] is True
    brevo.post("/senders", {"name": "News", "email": "news@example.com"})
    assert brevo.get("/senders", domain="example.com")["senders"][0]["active"] is True
    brevo.delete("/senders/domains/example.com")


def campaigns(brevo: Brevo) -> None:
    list_id = brevo.new_list("a@example.com")
    number = brevo.new_campaign(list_id)
    brevo.put(f"/emailCampaigns/{number}", {"name": "Renamed"})
    assert (
        brevo.get("/emailCampaigns", limit=100, offset=0, status="draft")["campaigns"][0]["name"] == "Renamed"
    )
    brevo.post(f"/emailCampaigns/{number}/sendTest", {"emailTo": ["a@example.com"]})
    assert brevo.get(f"/emailCampaigns/{number}", excludeHtmlContent="true")["testSent"] is True
    assert brevo.get(f"/emailCampaigns/{number}/sharedUrl")["sharedUrl"].startswith("https://")
    brevo.put(f"/emailCampaigns/{number}/status", {"status": "replicate"})
    assert brevo.get("/emailCampaigns")["count"] == 2
    brevo.delete(f"/emailCampaigns/{number}")


def sent_campaign(brevo: Brevo) -> None:
    number = _sent(brevo)
    for kind in ("globalStats", "linksStats", "statsByDomain", "statsByDevice", "statsByBrowser"):
        assert (
            brevo.get(f"/emailCampaigns/{number}", statistics=kind)["statistics"]["campaignStats"][0]["sent"]
            == 40
        )
    process = brevo.post(f"/emailCampaigns/{number}/exportRecipients", {"recipientsType": "all"})["processId"]
    assert len(brevo.file(brevo.process(process)["export_url"])) == 41
    brevo.post(
        f"/emailCampaigns/{number}/sendReport", {"email": {"to": ["boss@example.com"], "body": "Look"}}
    )


def ab_test(brevo: Brevo) -> None:
    split = {"splitRule": 25, "winnerCriteria": "open", "winnerDelay": 1}
    number = _sent(brevo, abTesting=True, subject=None, subjectA="A", subjectB="B", **split)
    result = brevo.get(f"/emailCampaigns/{number}/abTestCampaignResult")
    assert result["winningVersion"] in ("A", "B", "tie")
    assert result["statistics"]["openers"]["Version A"].endswith("%")


def images(brevo: Brevo) -> None:
    url = brevo.post(
        "/emailCampaigns/images", {"imageUrl": "https://example.com/logo.png", "name": "logo.png"}
    )["url"]
    assert url.endswith("/logo.png")


def templates(brevo: Brevo) -> None:
    brevo.new_list("a@example.com")
    body = {
        "templateName": "Letter",
        "subject": "Hello",
        "sender": {"id": 1},
        "htmlContent": "<p>Hello there</p>",
    }
    number = brevo.post("/smtp/templates", body)["id"]
    brevo.put(f"/smtp/templates/{number}", {"templateName": "Renamed"})
    assert brevo.get("/smtp/templates", templateStatus="false")["templates"][0]["name"] == "Renamed"
    assert brevo.get(f"/smtp/templates/{number}")["doiTemplate"] is False
    brevo.post(f"/smtp/templates/{number}/sendTest", {"emailTo": ["a@example.com"]})
    brevo.delete(f"/smtp/templates/{number}")


def reports(brevo: Brevo) -> None:
    brevo.control("seed", transactional_daily=20)
    whole = brevo.get("/smtp/statistics/aggregatedReport", days=8)
    daily = brevo.get("/smtp/statistics/reports", days=8, limit=30)["reports"]
    events = brevo.get("/smtp/statistics/events", days=8, event="delivered")["events"]
    assert whole["delivered"] == sum(day["delivered"] for day in daily) == len(events) > 100


def webhooks(brevo: Brevo) -> None:
    hook = {"url": "https://example.com/hook", "events": ["delivered", "hardBounce"], "type": "marketing"}
    number = brevo.post("/webhooks", hook)["id"]
    assert brevo.get("/webhooks")["webhooks"] == []
    assert brevo.get("/webhooks", type="marketing")["webhooks"][0]["events"] == ["delivered", "hardBounces"]
    brevo.put(f"/webhooks/{number}", {"description": "Ours"})
    assert brevo.get(f"/webhooks/{number}")["description"] == "Ours"
    brevo.delete(f"/webhooks/{number}")


def webhook_history(brevo: Brevo) -> None:
    _sent(brevo)
    asked = {"type": "marketing", "event": "request", "notifyURL": "https://example.com/done", "days": 7}
    process = brevo.post("/webhooks/export", asked)["processId"]
    assert len(brevo.file(brevo.process(process)["export_url"])) == 41


STORIES: tuple[Callable[[Brevo], None], ...] = (
    account, processes, contacts, contact_files, double_opt_in, folders, lists, segments, attributes, senders, domains,
    campaigns, sent_campaign, ab_test, images, templates, reports, webhooks, webhook_history,
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_operations_follow_the_contract(story: Callable[[Brevo], None], brevo: Brevo) -> None:
    story(brevo)


def test_every_core_operation_is_exercised() -> None:
    exercised: set[str] = set()
    for story in STORIES:
        client = Brevo(Sandbox(post=lambda *_: 200))
        client.control("seed", limits="off")
        story(client)
        exercised |= client.exercised

    assert {operation.id for operation in core_operations()} - exercised == set()
