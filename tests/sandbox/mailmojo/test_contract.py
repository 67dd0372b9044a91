"""Every core operation is called once and held against the contract, request and reply."""

from collections.abc import Callable

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.mailmojo.mailmojo_client import Mailmojo, operations


def oauth(mailmojo: Mailmojo) -> None:
    mailmojo.login()
    mailmojo.refresh()
    mailmojo.token(grant_type="client_credentials", scope="lists")


def account(mailmojo: Mailmojo) -> None:
    assert mailmojo.get("/accounts/me/")["username"] == "sandbox-test"
    mailmojo.post("/accounts/sandbox-test/", {"city": "Bergen"})
    mailmojo.patch("/accounts/me/", {"zip_code": "5013"})
    found = mailmojo.get("/accounts/sandbox-test/")
    assert (found["city"], found["zip_code"], found["num_contacts"]) == ("Bergen", "5013", 0)


def made_accounts(mailmojo: Mailmojo) -> None:
    body = {"username": "fjord-kafe", "name": "Fjord Kafe", "email": "kafe@example.com"}
    assert mailmojo.post("/accounts/", body)["username"] == "fjord-kafe"
    mailmojo.post("/account/", body | {"username": "fjord-kafe-2", "trial_days": 30})


def domains(mailmojo: Mailmojo) -> None:
    (row,) = mailmojo.get("/domains/")
    assert mailmojo.get(f"/domains/{row['id']}/") == row


def lists(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list(name="Letters", website="https://example.com/")
    mailmojo.patch(f"/lists/{number}/", {"description": "All", "facebook": None})
    segment = {"list_id": number, "name": "Skiers", "predicates": [{"type": "has_tag", "tag_name": "ski"}]}
    mailmojo.post(f"/lists/{number}/segments/", segment)
    assert [row["name"] for row in mailmojo.get(f"/lists/{number}/")["segments"]] == ["Skiers"]
    assert [row["description"] for row in mailmojo.get("/lists/")] == ["All"]


def subscribers(mailmojo: Mailmojo) -> None:
    number = mailmojo.new_list()
    mailmojo.subscribe(number, "Ann@Example.com", name="Ann Lee", tags=["ski"], custom={"city": "Oslo"})
    imported = mailmojo.post(f"/lists/{number}/subscribers/import/", text="email,name\nb@example.com,Bo Ek\n")
    assert imported == {"num_contacts": 1}
    assert len(mailmojo.get(f"/lists/{number}/subscribers/", limit=10)) == 2
    assert mailmojo.get(f"/lists/{number}/subscribers/ann%40example.com/")["last_name"] == "Lee"
    mailmojo.delete(f"/lists/{number}/subscribers/ann%40example.com/")
    assert [row["email"] for row in mailmojo.get(f"/lists/{number}/unsubscribed/", limit=10)] == [
        "ann@example.com"
    ]


def contacts(mailmojo: Mailmojo) -> None:
    mailmojo.new_list("a@example.com", "b@example.com")
    assert len(mailmojo.get("/contacts/")) == 2
    assert mailmojo.get("/contacts/stats/", start_date="2024-01-01")[-1]["sum"] == 2
    mailmojo.patch("/contacts/a%40example.com/", {"name": "Ann Lee", "phone": "+4790000000"})
    assert mailmojo.contact("a@example.com")["first_name"] == "Ann"


def newsletters(mailmojo: Mailmojo) -> None:
    list_id = mailmojo.new_list(*(f"person{n}@example.com" for n in range(5)))
    number = mailmojo.new_newsletter(list_id, preview_text="Look", utm_campaign="autumn")
    mailmojo.patch(f"/newsletters/{number}/", {"list_id": list_id, "subject": "Other"})
    mailmojo.post(f"/newsletters/{number}/send_test/", {"emails": ["me@example.com"]})
    mailmojo.put(f"/newsletters/{number}/send/", {"send_date": mailmojo.later(hours=1)})
    mailmojo.put(f"/newsletters/{number}/cancel/")
    mailmojo.put(f"/newsletters/{number}/send/")
    mailmojo.wait(86400)
    found = mailmojo.get(f"/newsletters/{number}/")
    assert (found["subject"], found["is_sent"], found["num_recipients"]) == ("Other", True, 5)
    page = mailmojo.get("/newsletters/", page=1, per_page=10, type="sent")
    assert (page["data"], page["meta"]["total"]) == ([found], 1)


def templates(mailmojo: Mailmojo) -> None:
    assert [row["name"] for row in mailmojo.get("/templates/")] == ["Plain"]
    assert mailmojo.get("/templates/web_components/")[0]["tag"] == "mm-button"


def webhooks(mailmojo: Mailmojo) -> None:
    hook = {"callback_url": "https://example.com/hook", "topic": "contacts/subscribed"}
    made = mailmojo.post("/webhooks/", hook)
    assert made["secret"]
    mailmojo.delete(f"/webhooks/{made['id']}/")


def extras(mailmojo: Mailmojo) -> None:
    rows = [{"name": "One"}]
    mailmojo.control("seed", lists=1, forms=rows, pages=rows, automations=rows)
    assert mailmojo.get("/forms/", is_published="true")[0] == mailmojo.get("/forms/1/")
    assert mailmojo.patch("/forms/1/", {"name": "Form"})["name"] == "Form"
    mailmojo.call("PATCH", "/forms/1/subscribers/", {"contact": {"email": "a@example.com"}, "view_id": 1})
    assert mailmojo.standing("a@example.com") == ("a", {1: "a"})
    assert mailmojo.get("/pages/")[0] == mailmojo.get("/pages/1/")
    assert mailmojo.patch("/pages/1/", {"subscribe_tags": ["page"]})["subscribe_tags"] == ["page"]
    assert mailmojo.get("/automations/1/")["name"] == "One"
    assert mailmojo.patch("/automations/1/", {"name": "Two"})["name"] == "Two"
    session = {"session_type": "newsletters", "user_ip": "192.0.2.1", "options": {"locale": "nb_NO"}}
    reply = mailmojo.call("POST", "/embed/", session)
    assert reply.text == f'<script src="{reply.headers["Location"]}" async></script>'


STORIES: tuple[Callable[[Mailmojo], None], ...] = (
    oauth, account, made_accounts, domains, lists, subscribers, contacts, newsletters, templates, webhooks, extras,
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_operations_follow_the_contract(story: Callable[[Mailmojo], None], mailmojo: Mailmojo) -> None:
    story(mailmojo)


def test_every_operation_is_exercised() -> None:
    """The core ones and the extended, which are all played here; those outside answer 404."""
    exercised: set[str] = set()
    for story in STORIES:
        client = Mailmojo(Sandbox(post=lambda *_: 200))
        client.control("seed")
        story(client)
        exercised |= client.exercised

    assert {op.id for op in operations() if op.scope != "outside"} - exercised == set()


def test_what_is_outside_is_not_there(mailmojo: Mailmojo) -> None:
    seen = {"form_id": 1, "trigger": {}, "view_url": "https://example.com/", "visitor_id": "a" * 32}
    assert mailmojo.refused("PATCH", "/forms/1/track/view/", seen, breaks_schema=True) == (404, [])
    assert mailmojo.refused("PATCH", "/pages/1/track/view/", seen, breaks_schema=True) == (404, [])
