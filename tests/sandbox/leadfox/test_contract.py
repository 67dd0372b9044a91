"""Every core operation is called and held against the contract, request and reply."""

from collections.abc import Callable

import pytest

from accounts.sandbox.app import Sandbox
from tests.sandbox.leadfox.client import NOW, Leadfox, core_operations

OWN_ID = "abcdef123456789000000000"


def authenticate(leadfox: Leadfox) -> None:
    assert leadfox.log_in()["mode"] == "apikey"


def contacts(leadfox: Leadfox) -> None:
    leadfox.seed(mailinglists=["News"], contacts=[
        {"email": "full@example.com", "fields": {"city": "Bern"}, "mailinglists": {"News": "opt-in"}, "tracked": False},
    ])  # fmt: skip
    contact = leadfox.post("/v1/contact", {"email": "ann@example.com", "properties": {"firstname": "Ann"}})
    leadfox.post("/v1/contact/upsert", {"email": "ann@example.com", "properties": {"lastname": "Lee"}})
    leadfox.put(f"/v1/contact/{contact['_id']}", {"properties": {"phone": ""}})
    query = {"filters": "email exists true", "sort": "-email", "fields": "email,name", "skip": 0, "limit": 10}
    assert [row["name"] for row in leadfox.get("/v1/contact", **query)] == [None, "Ann Lee"]
    assert len(leadfox.get("/v1/contact")) == 2
    assert leadfox.get(f"/v1/contact/{contact['_id']}")["properties"]["phone"] == ""
    leadfox.delete(f"/v1/contact/{contact['_id']}")
    assert leadfox.refused("GET", f"/v1/contact/{contact['_id']}") == (404, "Contact not found")


def things(leadfox: Leadfox) -> None:
    for kind, words in {
        "folder": {},
        "list": {},
        "email": {"subject": "S"},
        "property": {"shortcode": "town"},
    }.items():
        made = leadfox.post(f"/v1/{kind}", {"name": "Some", "description": "D", **words})
        leadfox.put(f"/v1/{kind}/{made['_id']}", {"name": "Other"})
        assert leadfox.get(f"/v1/{kind}/{made['_id']}") == made | {"name": "Other"}
        assert leadfox.get(f"/v1/{kind}", sort="_id", limit=50)[-1] == made | {"name": "Other"}


def mailing_lists(leadfox: Leadfox) -> None:
    leadfox.seed(mailinglists=["News"])
    (news,) = leadfox.get("/v1/mailinglist")
    assert leadfox.get(f"/v1/mailinglist/{news['_id']}") == news


def members(leadfox: Leadfox) -> None:
    list_id = leadfox.new_list("ann@example.com")
    (ann,) = leadfox.get(f"/v1/list/{list_id}/contact")
    leadfox.delete(f"/v1/list/{list_id}/contact/{ann['_id']}")
    leadfox.post(f"/v1/list/{list_id}/contact/{ann['_id']}")
    leadfox.delete(f"/v1/list/{list_id}/contact/{ann['_id']}")
    assert leadfox.get(f"/v1/list/{list_id}/contact", skip=0, limit=100) == []


def campaigns(leadfox: Leadfox) -> None:
    (news,) = leadfox.seed(mailinglists=["News"])["mailinglists"]
    campaign_id = leadfox.new_campaign(
        leadfox.new_list("ann@example.com"), _id=OWN_ID, _owner=leadfox.log_in()["clientid"]
    )
    chosen = {"mailinglist": news, "statusFilter": 0, "language": "en"}
    batch = {"type": "none"}
    leadfox.put(f"/v1/campaign/{campaign_id}", {"mailinglist": chosen, "batchConfiguration": batch})
    leadfox.put(f"/v1/campaign/{campaign_id}", {"status": "a", "start": "2025-03-10T09:00:00Z"})
    leadfox.wait(7200)
    assert leadfox.get(f"/v1/campaign/{campaign_id}")["mailinglist"] == chosen
    assert [row["status"] for row in leadfox.get("/v1/campaign", filters="status=a")] == ["a"]


def metrics(leadfox: Leadfox) -> None:
    campaign_id = leadfox.new_campaign(leadfox.new_list("ann@example.com"), status="a")
    leadfox.wait(86400)
    days = leadfox.get(f"/v1/metric/campaign/{campaign_id}", startdate="2025-03-10T00:00:00Z")
    assert sum(day["sent"] for day in days) == leadfox.metrics(campaign_id)["sent"] == 1


STORIES: tuple[Callable[[Leadfox], None], ...] = (
    authenticate, contacts, things, mailing_lists, members, campaigns, metrics,
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_operations_follow_the_contract(story: Callable[[Leadfox], None], leadfox: Leadfox) -> None:
    story(leadfox)


def test_every_core_operation_is_exercised() -> None:
    exercised: set[str] = set()
    for story in STORIES:
        client = Leadfox(Sandbox(time=NOW.timestamp, post=lambda *_: 200))
        story(client)
        exercised |= client.exercised

    assert {operation.id for operation in core_operations()} - exercised == set()
