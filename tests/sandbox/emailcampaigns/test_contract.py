"""Every core operation is called once and held against the contract, request and reply."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from accounts.sandbox.app import Sandbox
from tests.sandbox.emailcampaigns.client import BASE, EmailCampaigns, core_operations

HEX = re.compile("[0-9a-f]{24}")


def auth(api: EmailCampaigns) -> None:
    login = {"username": "sandbox-test", "password": "x"}
    given = api.send(requests.Request("POST", f"{BASE}/auth/api-token-auth/", data=login)).json()
    assert (sorted(given), bool(HEX.fullmatch(given["client_id"]))) == (["client_id", "token"], True)


def _records(api: EmailCampaigns, path: str, first: dict[str, str], second: dict[str, str]) -> None:
    """Create, read, list, update and delete one kind of record."""
    made = api.post(path, first)
    number = made["$_id"]["$oid"]
    assert HEX.fullmatch(number)
    assert {name: made[name] for name in first} == first
    assert re.fullmatch(r"2030-01-16T12:00:30\.000000", made["created_on"])
    assert api.get(path, _id=number) == made
    assert made in api.get(path)
    api.wait(60)
    answered = api.put(path, second, _id=number)
    changed = made | second | {"modified_on": "2030-01-16T12:01:30.000000"}
    assert answered == (changed if path == "/email/contact/" else None)
    assert api.get(path, _id=number) == changed
    api.delete(path, _id=number)
    assert changed not in api.get(path)


def senders(api: EmailCampaigns) -> None:
    first = {"description": "News", "email": "news@example.com"}
    _records(api, "/email/senderid/", first, {"description": "Letters", "email": "letters@example.com"})


def opt_outs(api: EmailCampaigns) -> None:
    _records(api, "/email/optout/", {"email": "a@example.com"}, {"email": "b@example.com"})


def opt_outs_in_bulk(api: EmailCampaigns) -> None:
    api.upload("/email/optout/bulk/add/", "email\na@example.com\nb@example.com\n")
    api.upload("/email/optout/bulk/delete/", "email\na@example.com\n")
    assert api.opted_out() == ["b@example.com"]


def groups(api: EmailCampaigns) -> None:
    _records(api, "/email/contact/", {"tag": "Guests"}, {"tag": "Visitors"})


def contacts_in_bulk(api: EmailCampaigns) -> None:
    group = api.group("a@example.com", "b@example.com")
    text = "email,name\nc@example.com,Carl\n"
    api.upload("/email/contact/bulk/update/", text, record=group, name_index=1, email_index=0)
    api.upload("/email/contact/bulk/delete/", "email\na@example.com\n", record=group, email_index=0)
    assert api.emails(group) == ["b@example.com", "c@example.com"]


def messages(api: EmailCampaigns) -> None:
    first = {"description": "Subject", "email_message": "<p>Hello</p>"}
    _records(api, "/email/message/", first, first | {"description": "Other"})


def campaigns(api: EmailCampaigns) -> None:
    made = api.new_campaign(api.group("a@example.com"))
    number = made["$_id"]["$oid"]
    assert api.get("/email/campaign/") == [api.get("/email/campaign/", _id=number)] == [made]
    api.set_status(number, "paused")
    assert api.status(number) == "paused"


def results(api: EmailCampaigns) -> None:
    campaign = api.sent("a@example.com", "bounce@example.com")
    assert api.dispositions(campaign) == {"a@example.com": "delivered", "bounce@example.com": "bounced"}


STORIES: tuple[Callable[[EmailCampaigns], Any], ...] = (
    auth, senders, opt_outs, opt_outs_in_bulk, groups, contacts_in_bulk, messages, campaigns, results,
)  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_operations_follow_the_contract(story: Callable[[EmailCampaigns], None], api: EmailCampaigns) -> None:
    story(api)


def test_every_core_operation_is_exercised(sandbox: Sandbox) -> None:
    exercised: set[str] = set()
    for story in STORIES:
        sandbox.store.reset()
        client = EmailCampaigns(sandbox)
        story(client)
        exercised |= client.exercised

    assert set(core_operations().values()) - exercised == set()
