"""Every core operation is called once and held against the contract, request and reply. Most others are too."""

from collections.abc import Callable

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.especial.especial_client import HTML, Especial, operations


def token(especial: Especial) -> None:
    assert especial.sign_in()["token_type"] == "bearer"
    assert especial.refresh()["expires_in"] == 432_000


def account(especial: Especial) -> None:
    assert especial.data("/accounts/self")["name"] == "Test"
    address = {"address1": "1 Road", "city": "Bern", "country": "CH", "province": "BE", "postal_code": "3000"}
    changed = especial.patch("/accounts/self", {"name": "Acme", "address": address, "phone": "031"})["data"]
    assert (changed["name"], changed["address"]["city"], changed["phone"]) == ("Acme", "Bern", "031")
    assert especial.data("/reports/accounts/self")["sent_emails"] == 0
    assert especial.data(f"/reports/accounts/{changed['id']}")["current_lists"] == 0


def lists(especial: Especial) -> None:
    body = {"name": "Letter", "default_sender": {"id": especial.sender}, "language": "de_DE"}
    made = especial.post("/lists", body | {"webhook": {"url": "https://example.com/", "actions": ["all"]}})
    number = made["id"]
    assert made["data"]["policy_accepted"] is False
    especial.post(f"/lists/{number}/accept-policy")
    especial.patch(
        f"/lists/{number}", {"name": "Renamed", "redirections": {"after_opt_in": "https://example.com/"}}
    )
    detail = especial.data(f"/lists/{number}")
    assert (detail["name"], detail["policy_accepted"], detail["language"]) == ("Renamed", True, "de_DE")
    assert especial.post(f"/lists/{number}/archive")["archived"] is True
    assert especial.get("/lists", filter="status==archived", with_count="1")["pagination"]["count"] == 1
    assert especial.post(f"/lists/{number}/unarchive")["archived"] is False
    assert especial.data(f"/reports/lists/{number}")["active_contacts"] == 0
    especial.delete(f"/lists/{number}")


def attributes_and_interests(especial: Especial) -> None:
    number = especial.new_list()
    base = f"/lists/{number}"
    made = especial.post(f"{base}/custom-attributes", {"name": "plan", "type": "text"})
    assert made["data"] == {"name": "plan", "type": "text"}
    assert especial.data(f"{base}/custom-attributes") == [especial.data(f"{base}/custom-attributes/plan")]
    especial.delete(f"{base}/custom-attributes/plan")
    especial.post(f"{base}/interests", {"name": "snow", "alias": "Snow"})
    especial.patch(f"{base}/interests/snow", {"alias": "Snow sports"})
    assert especial.data(f"{base}/interests/snow") == {"name": "snow", "alias": "Snow sports", "usage": 0}
    assert len(especial.data(f"{base}/interests")) == 1
    assert especial.delete(f"{base}/interests/snow")["data"]["name"] == "snow"


def contacts(especial: Especial) -> None:
    number = especial.new_list("a@example.com", "b@example.com")
    base = f"/lists/{number}"
    especial.post(f"{base}/custom-attributes", {"name": "plan", "type": "text"})
    especial.post(f"{base}/interests", {"name": "snow"})
    assert especial.get(f"{base}/contacts", with_count="true")["pagination"]["count"] == 2
    contact = especial.data(f"{base}/contacts/1")
    changed = especial.patch(
        f"{base}/contacts/1", {"custom_attributes": [{"name": "plan", "value": "gold"}], "tags": ["vip"]}
    )["data"]
    assert changed == contact | {"custom_attributes": [{"name": "plan", "value": "gold"}], "tags": ["vip"]}
    especial.post(f"{base}/contacts/1/tag", {"tags": ["one"]})
    especial.post(f"{base}/contacts/1/untag", {"tags": ["one"]})
    especial.post(f"{base}/contacts/tag", {"tags": ["many"], "json": {"eq": {"plan": "gold"}}})
    especial.post(f"{base}/contacts/untag", {"tags": ["many"], "contact_ids": [1, 2]})
    especial.post(f"{base}/contacts/add-interests", {"interests": ["snow"], "contact_ids": [1, 2]})
    especial.post(
        f"{base}/contacts/remove-interests", {"interests": ["snow"], "fiql": "email==b@example.com"}
    )
    assert [row["interests"] for row in especial.data(f"{base}/contacts")] == [["snow"], []]
    imported = especial.post(f"{base}/import-contacts", {"contacts": [{"email": "c@example.com"}]})
    assert imported["id"] == [3]
    assert especial.post(f"{base}/contacts/1/unsubscribe")["data"]["status"] == "unsubscribed"
    assert especial.delete(f"{base}/contacts/1")["deleted"] is True
    assert {row["type"] for row in especial.data(f"/logs/lists/{number}")} == {"subscribe", "unsubscribe"}


def segments(especial: Especial) -> None:
    number = especial.new_list("a@example.com", "b@example.com")
    base = f"/lists/{number}/segments"
    made = especial.post(base, {"name": "As", "json": {"like": {"email": "a*"}}})["id"]
    assert [row["email"] for row in especial.data(f"{base}/{made}/contacts")] == ["a@example.com"]
    especial.patch(f"{base}/{made}", {"name": "Bs", "query": '`email` LIKE "b%"'})
    assert especial.data(f"{base}/{made}")["json"] is None
    assert [row["name"] for row in especial.data(base, sort="-id")] == ["Bs"]
    especial.delete(f"{base}/{made}")


def exports_and_tasks(especial: Especial) -> None:
    number = especial.new_list("a@example.com")
    base = f"/lists/{number}/exports"
    made = especial.post(base, description="All")["id"]
    especial.wait(10)
    assert especial.data(f"{base}/{made}")["status"] == "ready"
    assert especial.file(especial.data(f"{base}/{made}/download")["url"])[1][1] == "a@example.com"
    assert len(especial.data(base, sort="-created_on", filter="status==ready")) == 1
    assert especial.data(f"/tasks/{made}")["progress"] == 100
    assert especial.delete(f"{base}/{made}")["data"]["status"] == "deleted"
    other = especial.post(base)["id"]
    assert [row["id"] for row in especial.data("/tasks", filter=f"list_id=={number};status==pending")] == [
        other
    ]
    assert especial.delete(f"/tasks/{other}")["data"]["status"] == "deleted"


def senders_and_domains(especial: Especial) -> None:
    base = "/brands/default/senders"
    made = especial.post(base, {"name": "News", "email": "news@example.com"})
    number = made["id"]
    assert made["data"]["confirmed"] is False
    especial.post(f"{base}/{number}/resend-confirmation-email")
    code = especial.state()["senders"][number]["confirmation"]
    confirmed = especial.post(f"{base}/confirm-email", {"confirmation_id": code}, public=True)
    assert confirmed["data"]["confirmed"] is True
    especial.patch(f"{base}/{number}", {"name": "Letters"})
    assert especial.data(f"{base}/{number}")["name"] == "Letters"
    especial.delete(f"{base}/{number}")
    key = especial.post("/brands/default/dkim", {"domain": "example.com"})["data"]
    assert especial.data("/brands/default/dkim") == [especial.data(f"/brands/default/dkim/{key['id']}")]
    assert especial.delete(f"/brands/default/dkim/{key['id']}")["data"] == key
    shown = especial.patch("/brands/default/domains/default", {"domains": {"bounce": "bounce.example.com"}})
    assert especial.data("/brands/default/domains/default") == shown["data"]
    checked = especial.data("/brands/default/domains/default/validate")
    assert [checked[name][0]["valid"] for name in ("bounce", "tracking")] == [False, True]


def campaigns(especial: Especial) -> None:
    number = especial.new_campaign(especial.new_list("a@example.com"))
    base = f"/campaigns/{number}"
    especial.patch(base, {"content": {"subject": "Other"}})
    first, second = especial.data(f"{base}/revisions")
    assert especial.data(base, revision_id=first["id"])["content"]["subject"] == "Subject"
    assert especial.data(base, revision_id=second["id"])["content"]["subject"] == "Other"
    assert "Unsubscribe" not in especial.data(f"{base}/render", contact_id=1)["html"]
    assert especial.post(f"{base}/send-test", {"email": "me@example.com"})["type"] == "merged"
    future = especial.now() + 3600
    especial.post(f"{base}/schedule", {"date": future})
    especial.post(f"{base}/reschedule", {"date": future + 60})
    assert especial.campaign(number)["scheduled_for"] == future + 60
    especial.post(f"{base}/suspend")
    especial.post(f"{base}/resume")
    especial.post(f"{base}/unschedule")
    assert [row["id"] for row in especial.data("/campaigns", filter="status==incomplete", sort="-name")] == [
        number
    ]
    especial.post(f"{base}/schedule", {"date": future})
    especial.post(f"{base}/archive")
    especial.post(f"{base}/unarchive")
    assert especial.post(f"{base}/cancel")["cancelled"] is True
    assert especial.delete(f"/campaigns/{especial.new_campaign(especial.new_list())}")["deleted"] is True


def sent_campaign(especial: Especial) -> None:
    list_id, number = especial.sent()
    assert especial.data(f"/reports/campaigns/{number}")["sent_emails"] == 40
    assert len(especial.data(f"/reports/campaigns/{number}/links", sort="-total")) == 2
    assert len(especial.data(f"/logs/campaigns/{number}", filter="type==sent")) == 40
    assert especial.data(f"/logs/lists/{list_id}")[0]["campaign_id"] == number
    made = especial.post(f"/logs/campaigns/{number}/exports", description="Log")["id"]
    especial.wait(10)
    assert [row["id"] for row in especial.data(f"/logs/campaigns/{number}/exports")] == [made]
    url = especial.data(f"/logs/campaigns/{number}/exports/{made}/download")["url"]
    assert len(especial.file(url)) > 80


def templates(especial: Especial) -> None:
    made = especial.post(
        "/templates", {"name": "T", "content": {"type": "html", "html": "<p>Hi</p>"}, "tags": ["x"]}
    )
    number = made["id"]
    assert made == {"id": number, "object": "template", "created": True}
    especial.patch(f"/templates/{number}", {"content": {"subject": "S"}})
    assert especial.data(f"/templates/{number}")["content"]["subject"] == "S"
    assert especial.get(f"/templates/{number}/render") == "<p>Hi</p>"
    assert [row["name"] for row in especial.data("/templates", filter="tag==x")] == ["T"]
    especial.delete(f"/templates/{number}")
    blueprints = especial.get("/campaign-blueprints", public=True, with_count="true")
    assert blueprints["pagination"]["count"] == 3
    assert especial.get("/campaign-blueprints/1", public=True)["data"]["name"] == "Newsletter"
    assert especial.get("/campaign-blueprints/1/render", public=True).startswith("<!doctype html>")


def suppressed(especial: Especial) -> None:
    for email in ("a@example.com", "*@example.org", "name@*"):
        especial.post("/suppressed-emails", {"email": email})
    assert len(especial.data("/suppressed-emails")) == 3
    assert especial.data("/suppressed-emails", filter="email==*@example.org") == [
        {"email": "*@example.org", "source": "user"}
    ]
    # `openapi-core` holds the encoded path against the pattern of the plain one.
    especial.delete("/suppressed-emails/%2A%40example.org", breaks_schema=True)
    assert len(especial.data("/suppressed-emails")) == 2


def tags(especial: Especial) -> None:
    especial.post("/tags", {"tag": "vip"})
    especial.patch("/tags/vip", {"tag": "friend"})
    assert especial.data("/tags/friend") == {"tag": "friend"}
    assert especial.data("/tags") == [{"tag": "friend"}]
    especial.delete("/tags/friend")


def webhooks(especial: Especial) -> None:
    number = especial.post("/webhooks", {"event": "Contact.Added", "url": "https://example.com/hook"})["id"]
    assert especial.get(f"/webhooks/{number}")["signature"]["hash_function"] == "sha256"
    changed = especial.patch(f"/webhooks/{number}", {"rate_limit": 5, "rate_limit_period": "minute"})
    assert (changed["object"], changed["data"]["rate_limit"]) == ("Webhook", 5)
    assert especial.post(f"/webhooks/{number}/archive")["archived"] is True
    assert especial.data("/webhooks") == []
    assert especial.data("/webhooks", with_archived="true")[0]["status"] == "archived"
    assert especial.post(f"/webhooks/{number}/unarchive")["archived"] is False


def transactional(especial: Especial) -> None:
    start = especial.now()
    body = {"sender": {"id": especial.sender}, "content": {"subject": "S", "html": HTML, "encoding": "utf-8"}}
    for n in range(30):
        especial.post("/emails", body | {"email": f"p{n}@example.com", "group_id": 7})
    especial.wait(86400)
    assert len(especial.data("/logs/emails", log_type="sent", filter="group_id==7")) == 30
    assert especial.data("/logs/emails", log_type="open")[0]["user_agent"]["is_bot"] in (True, False)
    days = especial.data("/reports/emails", start_time=start - 1, end_time=start + 86400)
    assert sum(day["sent_emails"] for day in days) == 30


def workflows(especial: Especial) -> None:
    list_id = especial.new_list()
    number = especial.post("/workflows", {"name": "Flow", "audience": {"list_id": list_id}})["id"]
    base = f"/workflows/{number}"
    settings = {"content": {"subject": "Hi", "html": "<p>Hi</p>"}, "sender": {"id": especial.sender}}
    action = {"name": "First", "condition": "none", "delay": 0, "type": "email", "email_settings": settings}
    first = especial.post(f"{base}/actions", action)["id"]
    second = especial.post(f"{base}/actions", action | {"name": "Second", "parent_id": first})["id"]
    especial.patch(
        f"{base}/actions/{second}", {"delay": 259200, "email_settings": {"content": {"subject": "Yo"}}}
    )
    assert especial.data(f"{base}/actions/{second}")["email_settings"]["content"]["subject"] == "Yo"
    assert [row["name"] for row in especial.data(f"{base}/actions")] == ["First", "Second"]
    assert especial.get(f"{base}/actions/{first}/render") == "<p>Hi</p>"
    especial.post(f"{base}/actions/{first}/send-test", {"email": "me@example.com"})
    assert especial.data(f"/reports/workflows/{number}/actions/{first}")["sent_emails"] == 0
    assert especial.data(f"/logs/workflows/{number}/actions/{first}") == []
    assert especial.post(f"{base}/lock", {"key": "12345678"})["locked"] is True
    assert especial.refused("PATCH", base, {"name": "Other"}) == (400, "The workflow is locked")
    assert especial.post(f"{base}/unlock", {"key": "12345678"})["locked"] is False
    especial.patch(base, {"name": "Other"})
    especial.post(f"{base}/activate")
    assert especial.refused("DELETE", base) == (400, "An active workflow cannot be changed")
    especial.post(f"{base}/deactivate")
    especial.delete(f"{base}/actions/{first}")
    assert especial.data(f"{base}/actions") == []
    assert [row["name"] for row in especial.data("/workflows")] == ["Other"]
    assert especial.data(base)["status"] == "inactive"
    assert especial.delete(base)["deleted"] is True
    blueprint = especial.get("/workflow-blueprints", public=True)["data"][0]["id"]
    assert especial.get(f"/workflow-blueprints/{blueprint}", public=True)["data"]["trigger"] == "subscribed"
    step = especial.get(f"/workflow-blueprints/{blueprint}/actions", public=True)["data"][0]["id"]
    especial.get(f"/workflow-blueprints/{blueprint}/actions/{step}", public=True)


def forms(especial: Especial) -> None:
    body = {
        "name": "Form",
        "content": {"linked": "<form>"},
        "list_id": especial.new_list(),
        "language": "en_US",
    }
    number = especial.post("/forms", body)["id"]
    assert especial.patch(f"/forms/{number}", {"name": "Other"})["data"]["content"]["linked"] == "<form>"
    assert [row["id"] for row in especial.data("/forms", sort="-name")] == [number]
    assert especial.data(f"/forms/{number}")["name"] == "Other"
    especial.delete(f"/forms/{number}")


def users(especial: Especial) -> None:
    own = especial.data("/users/self")
    made = especial.post("/users", {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"})
    number = made["id"]
    assert made["data"]["status"] == "pending"
    especial.post(f"/users/{number}/resend-verification-email")
    confirmation = {"confirmation": especial.state()["users"][number]["code"], "password": "long enough"}
    assert especial.post(f"/users/{number}/confirm", confirmation, public=True)["data"]["status"] == "active"
    assert especial.post(f"/users/{number}/suspend")["data"]["status"] == "suspended"
    assert especial.post(f"/users/{number}/unsuspend")["suspended"] is True
    especial.patch(f"/users/{number}", {"title": "Editor"})
    assert especial.data(f"/users/{number}")["title"] == "Editor"
    assert [row["id"] for row in especial.data("/users")] == [own["id"], number]
    especial.post(f"/users/{number}/reset-password")
    especial.post("/users/self/reset-password")
    especial.post("/users/forgot-my-password", {"email": especial.user}, public=True)
    code = especial.state()["users"][own["id"]]["reset"]
    especial.post("/users/reset-password-confirm", {"token": code, "password": "long enough"}, public=True)
    assert especial.delete(f"/users/{number}")["deleted"] is True


def sub_accounts(especial: Especial) -> None:
    especial.control("seed", partner=True)
    owner = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}
    number = especial.post("/accounts", {"name": "Customer", "account_owner": owner})["id"]
    name = next(iter(especial.state()["sub_accounts"].values()))
    mail = especial.control_read("state", provider="especial", account=name)["state"]["mails"][0]
    especial.post("/accounts/resend-verification-email", {"email": "ann@example.com"}, public=True)
    especial.post(f"/accounts/{number}/confirm", {"confirmation": mail["confirmation"]}, public=True)
    assert especial.data(f"/accounts/{number}")["status"] == "active"
    especial.patch(f"/accounts/{number}", {"name": "Renamed"})
    assert [row["name"] for row in especial.data("/accounts")] == ["Renamed"]
    assert especial.data("/brands/default/senders", account_id=number)[0]["email"] == "ann@example.com"
    assert especial.post(f"/accounts/{number}/suspend")["suspended"] is True
    assert especial.post(f"/accounts/{number}/unsuspend")["unsuspended"] is True
    assert especial.delete(f"/accounts/{number}")["deleted"] is True


STORIES: tuple[Callable[[Especial], None], ...] = (
    token, account, lists, attributes_and_interests, contacts, segments, exports_and_tasks, senders_and_domains,
    campaigns, sent_campaign, templates, suppressed, tags, webhooks, transactional, workflows, forms, users,
    sub_accounts,
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_operations_follow_the_contract(story: Callable[[Especial], None], especial: Especial) -> None:
    story(especial)


def test_every_operation_is_exercised() -> None:
    """The extended ones too; only what is out of scope is not there."""
    exercised: set[str] = set()
    for story in STORIES:
        client = Especial(Sandbox(post=lambda *_: 200))
        story(client)
        exercised |= client.exercised

    assert {op.id for op in operations()} - exercised == {
        op.id for op in operations() if op.scope == "outside"
    }
