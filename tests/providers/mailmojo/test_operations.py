"""Every core operation of the contract has a method of the client, and each is exercised against the sandbox.

Request and reply of each call are held against the contract on their way (see tests/providers/conftest.py).
"""

import ast
import inspect

import pytest

from accounts.providers.errors import Missing
from accounts.providers.mailmojo import client
from tests.providers.conftest import Account
from tests.providers.wsgi import contract

# A person's browser goes there, not we: see test_tokens.py.
BY_THE_BROWSER = {"oauthAuthorize"}


@pytest.fixture
def account() -> Account:
    account = Account("mailmojo")
    account.seed(
        lists=["News", "Tests"],
        contacts=[{"email": f"person{number}@example.org", "lists": [0, 1]} for number in range(30)],
        templates=[{"name": "Basic", "subject": "Hello", "html": "<p>Hello there</p>"}],
    )
    return account


def test_every_core_operation_has_a_method():
    tree = ast.parse(inspect.getsource(client))
    named = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert contract("mailmojo").core() - BY_THE_BROWSER <= named


def test_every_core_operation_keeps_the_contract(account):
    """One long walk, since most operations need what others made."""
    api = account.open().client
    api.scopes += ("templates:read",)

    # Account and domains
    assert api.get_account()["username"] == account.name
    changed = {"name": "Fernweh", "contact_email": "post@fernweh.example"}
    assert api.update_account(account.name, changed)["name"] == "Fernweh"
    assert api.update_account_patch(account.name, {**changed, "city": "Oslo"})["city"] == "Oslo"
    domain = api.get_domains()[0]
    assert api.get_domain(domain["id"])["id"] == domain["id"]

    # Lists and segments
    sender = {"from_name": "Fernweh", "from_email": "post@fernweh.example"}
    made = str(api.create_list({"name": "Trial", **sender})["id"])
    assert api.update_list(made, {"name": "Trial 2", **sender})["name"] == "Trial 2"
    assert "Trial 2" in [found["name"] for found in api.get_lists()]
    segment = api.create_segment(made, "Climbers", [{"tag_name": "climber", "type": "has_tag"}])
    assert [found["id"] for found in api.get_list(made)["segments"]] == [segment["id"]]

    # People
    assert api.subscribe_contact(made, {"email": "ana@example.com", "tags": ["climber"]})["status"] == "a"
    assert api.import_subscribers(made, b"email,name\r\nben+x@example.com,Ben\r\n")["num_contacts"] == 1
    assert api.get_subscriber(made, "ben+x@example.com")["name"] == "Ben"
    assert len(list(api.get_subscribers(made, limit=1))) == 1
    assert len(list(api.get_subscribers(made))) == 2
    assert api.update_contact("ben+x@example.com", {"custom": {"town": "Oslo"}})["custom"]["town"] == "Oslo"
    assert api.get_contact("ben+x@example.com")["custom"] == {"town": "Oslo"}
    assert len(list(api.get_contacts())) == 32
    api.unsubscribe_contact(made, "ben+x@example.com")
    assert [found["email"] for found in api.get_unsubscribed(made)] == ["ben+x@example.com"]
    assert api.get_contact_stats(start_date="2026-01-01")

    # Newsletters
    body = {"list_id": int(made), "title": "Trial", "subject": "Hi", "html": "<p>Hello</p>"}
    newsletter = api.create_newsletter(body)
    assert api.update_newsletter(newsletter, {**body, "subject": "Hello"})["subject"] == "Hello"
    api.test_newsletter(newsletter, ["ana@example.com"])
    assert api.send_newsletter(newsletter, send_date="2100-01-01T00:00:00Z")["is_scheduled"]
    assert api.cancel_newsletter(newsletter)["is_scheduled"] is False
    assert api.get_newsletter(newsletter)["title"] == "Trial"
    assert api.get_newsletters(kind="draft", per_page=1)["meta"]["total"] == 1

    # Templates and webhooks
    assert "Basic" in [found["name"] for found in api.get_templates()]
    hook = api.create_webhook("contacts/subscribed", "https://example.com/hooks/x")
    assert hook["secret"]
    api.delete_webhook(hook["id"])

    exercised = {operation for operation, _ in account.operations}
    assert contract("mailmojo").core() - BY_THE_BROWSER - exercised == set()


def test_subscribing_never_brings_back_who_left(account):
    api = account.open().client
    (list_id, *_) = (found["id"] for found in api.get_lists())
    api.unsubscribe_contact(list_id, "person1@example.org")
    api.subscribe_contact(list_id, {"email": "person1@example.org", "force_subscribe": True})

    assert account.calls()[-1]["body"] == {"email": "person1@example.org", "force_subscribe": False}
    with pytest.raises(Missing):
        api.get_subscriber(list_id, "person1@example.org")


def test_everybody_is_asked_for(account):
    api = account.open().client
    list(api.get_subscribers("1"))

    assert account.calls()[-1]["query"] == {"limit": str(client.EVERYBODY)}


def test_addresses_are_encoded_whole(account):
    with pytest.raises(Missing):
        account.contact(email="a/b%c+d@example.com")

    assert account.calls()[-1]["path"] == "/mailmojo/v1/contacts/a%2Fb%25c%2Bd%40example.com/"


def test_test_without_an_address_is_not_sent(account):
    with pytest.raises(ValueError):
        account.open().client.test_newsletter("1", [])
