"""Every core operation of the contract has a method of the client, and each is exercised against the sandbox.

Request and reply of each call are held against the contract on their way (see tests/providers/conftest.py).
"""

import ast
import inspect
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from accounts.providers.base import Effect
from accounts.providers.especial import (
    calls,
    campaign_calls,
    client,
    contact_calls,
    report_calls,
    results,
)
from tests.providers.conftest import Account
from tests.providers.wsgi import contract

MODULES = (calls, campaign_calls, client, contact_calls, report_calls)


def opened() -> Account:
    account = Account("especial")
    account.seed(
        lists=["News", "Tests"],
        contacts=[{"email": f"person{number}@example.org", "lists": [0, 1]} for number in range(30)],
        campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2, "lists": [0]}],
    )
    return account


@pytest.fixture
def account() -> Account:
    return opened()


@pytest.fixture(scope="module")
def walked() -> Account:
    """After one long walk through every core operation, since most need what others made."""
    account = opened()
    walk_through(account)
    return account


def test_every_core_operation_has_a_method():
    named = {
        node.value
        for module in MODULES
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert contract("especial").core() <= named


def test_every_core_operation_keeps_the_contract(walked):
    assert contract("especial").core() - {operation for operation, _ in walked.operations} == set()


def test_the_account_goes_with_every_call_that_takes_it(walked):
    book = contract("especial")
    takes = {
        operation
        for operation, (path, description) in book.operations.items()
        if "account_id" in {book._resolve(one)["name"] for one in description.get("parameters", ())}
        and "{account_id}" not in path
    }
    patterns = [
        (operation, described["x-method"], path.split("/"))
        for operation, (path, described) in _with_methods(book).items()
    ]
    account_id = walked.open().client.tokens().details["account_id"]
    for call in walked.calls():
        parts = urlsplit(call["path"]).path.removeprefix("/especial").split("/")
        fits = [
            (sum(part.startswith("{") for part in path), operation)
            for operation, method, path in patterns
            if method == call["method"]
            and len(path) == len(parts)
            and all(part.startswith("{") or part == given for part, given in zip(path, parts, strict=True))
        ]
        operation = min(fits)[1]
        assert call["query"].get("account_id") == (account_id if operation in takes else None), operation


def _with_methods(book):
    methods = {
        description["operationId"]: method.upper()
        for item in book.spec["paths"].values()
        for method, description in item.items()
        if isinstance(description, dict) and "operationId" in description
    }
    return {
        operation: (path, {**description, "x-method": methods[operation]})
        for operation, (path, description) in book.operations.items()
    }


def walk_through(account: Account) -> None:
    api = account.open().client
    now = int(datetime.now(UTC).timestamp())
    window = {"start_time": now - 5 * 86_400, "end_time": now + 86_400}
    news, tests = (str(row["id"]) for row in api.list_lists(with_count=True, sort="created_on")["data"])

    # Signing in and the account
    tokens = api.next_tokens(api.tokens())
    assert tokens.details == {"account_id": str(api.get_self_account(tokens)["id"])}
    api = account.open().client
    assert api.patch_self_account({"phone": "+41 44 000 00 00"})["data"]["phone"] == "+41 44 000 00 00"

    # Senders, keys and domains
    sender = api.create_sender({"name": "Ida", "email": "ida@example.com"})["id"]
    assert api.get_sender(sender)["confirmed"] is False
    api.resend_confirmation_email(sender)
    assert api.confirm_sender(_confirmation(account, sender))["confirmed"] is True
    api.patch_sender(sender, {"name": "Ida M."})
    assert "Ida M." in [row["name"] for row in api.list_senders(with_count=True, sort="name")["data"]]
    key = str(api.create_dkim_key("example.com", selector="mail")["id"])
    assert api.get_dkim_key(key)["domain"] == "example.com"
    assert [str(row["id"]) for row in api.list_dkim_keys()["data"]] == [key]
    api.patch_domains({"domains": {"bounce": "bounce.example.com"}})
    assert api.show_domains()["bounce"] == "bounce.example.com"
    assert set(api.validate_domains()) == {"bounce", "tracking"}

    # Lists
    made = api.create_list({"name": "Trial", "default_sender": {"id": sender}, "language": "en_US"})
    api.accept_list_policy(made)
    api.patch_list(made, {"name": "Trial 2"})
    assert (api.get_list(made)["name"], api.get_list(made)["policy_accepted"]) == ("Trial 2", True)
    api.archive_list(made)
    api.unarchive_list(made)

    # Attributes, interests, tags
    api.create_custom_attribute(made, "trial", "text")
    assert api.get_custom_attribute(made, "trial")["type"] == "text"
    assert "trial" in [row["name"] for row in api.list_custom_attributes(made, with_count=True)["data"]]
    api.create_interest(made, {"name": "wine", "alias": "Wine"})
    api.patch_interest(made, "wine", {"alias": "Red wine"})
    assert api.get_interest(made, "wine")["alias"] == "Red wine"
    assert api.list_interests(made, with_count=True)["pagination"]["count"] == 1
    api.create_tag("vip")
    api.create_tag("old")
    api.patch_tag("old", "older")
    assert api.show_tag("older")["tag"] == "older"
    assert {row["tag"] for row in api.list_tags(with_count=True)["data"]} >= {"vip", "older"}

    # Contacts
    person = api.create_contact(
        made, {"email": "ana@example.com", "custom_attributes": [{"name": "trial", "value": "x"}]}
    )
    api.patch_contact(made, person, {"custom_attributes": [{"name": "trial", "value": "y"}]})
    assert api.get_contact(made, person)["custom_attributes"][0]["value"] == "y"
    assert (
        len(api.import_contacts(made, [{"email": "ben@example.com"}, {"email": "cy@example.com"}])["id"]) == 2
    )
    found = api.list_contacts_of_list(made, with_count=True, filter="email==ben@example.com", sort="-id")
    ben = str(found["data"][0]["id"])
    assert api.list_contacts_of_list(
        made, page=1, per_page=2, json=json.dumps({"eq": {"email": "cy@example.com"}})
    )["data"]
    api.tag_contact(made, person, ["vip"])
    api.untag_contact(made, person, ["vip"])
    api.tag_multiple_contacts(made, {"tags": ["vip"], "contact_ids": [int(ben)]})
    api.untag_multiple_contacts(made, {"tags": ["vip"], "contact_ids": [int(ben)]})
    api.add_interests_to_contacts(made, {"interests": ["wine"], "contact_ids": [int(ben)]})
    assert api.get_contact(made, ben)["interests"] == ["wine"]
    api.remove_interests_from_contacts(made, {"interests": ["wine"], "contact_ids": [int(ben)]})
    api.unsubscribe_contact(made, ben)
    assert api.get_contact(made, ben)["status"] == "unsubscribed"
    api.delete_contact(made, ben)

    # Segments
    part = api.create_segment(made, {"name": "Anas", "json": {"eq": {"trial": "y"}}})
    api.patch_segment(made, part, {"name": "Only Ana"})
    assert api.get_segment(made, part)["name"] == "Only Ana"
    assert api.list_segments(made, with_count=True, sort="name")["pagination"]["count"] == 1
    inside = api.list_contacts_of_segment(made, part, with_count=True)["data"]
    assert [row["email"] for row in inside] == ["ana@example.com"]

    # Exports
    export = api.export_contacts(made, description="All", filter="status==active")
    account.advance(60)
    assert api.get_contacts_export(made, export)["status"] == "ready"
    assert [row["id"] for row in api.list_contacts_exports(made, with_count=True)["data"]] == [export]
    assert api.download_contacts_export(made, export)["url"]

    # Suppressed addresses
    api.create_suppressed_email("*@blocked.example")
    suppressed = api.list_suppressed_emails(with_count=True, filter="email==*@blocked.example")["data"]
    assert [row["email"] for row in suppressed] == ["*@blocked.example"]
    api.delete_suppressed_email("*@blocked.example")

    # Templates and blueprints
    template = api.create_template({"name": "Basic", "content": {"type": "html", "html": "<p>Hello</p>"}})
    api.patch_template(template, {"name": "Basics"})
    assert api.get_template(template)["content"]["html"] == "<p>Hello</p>"
    assert "Basics" in [row["name"] for row in api.list_templates(with_count=True, sort="name")["data"]]
    assert "Hello" in api.render_template(template)
    api.delete_template(template)
    blueprint = str(api.list_campaign_blueprints(page=1)["data"][0]["id"])
    assert api.get_campaign_blueprint(blueprint)["name"]
    assert "<" in api.render_campaign_blueprint(blueprint)

    # Campaigns
    body = {
        "name": "Trial",
        "audience": {"list_id": int(news)},
        "sender": {"id": sender, "name": "Ida"},
        "content": {"type": "html", "subject": "Hi", "html": '<a href="https://example.com/">Read</a>'},
    }
    campaign = api.create_campaign(body)
    api.patch_campaign(campaign, {"content": {"subject": "Hello"}})
    assert api.get_campaign(campaign)["content"]["subject"] == "Hello"
    assert api.get_campaign_revisions(campaign, with_count=True)["data"]
    assert "Read" in api.render_campaign(campaign)["html"]
    api.send_test_email(campaign, "ida@example.com", kind="separated")
    api.schedule_campaign(campaign, now + 3600)
    api.reschedule_campaign(campaign, now + 7200)
    assert api.get_campaign(campaign)["scheduled_for"] == now + 7200
    api.suspend_campaign(campaign)
    assert api.get_campaign(campaign)["suspended"] is True
    api.resume_campaign(campaign)
    api.unschedule_campaign(campaign)
    assert api.get_campaign(campaign)["status"] == "incomplete"
    api.schedule_campaign(campaign, now + 3600)
    api.cancel_campaign(campaign)
    second = api.create_campaign({**body, "name": "Second"})
    api.schedule_campaign(second, now + 3600)
    account.advance(7200)
    assert api.get_campaign(second)["status"] == "delivered"
    api.archive_campaign(second)
    assert api.get_campaign(second)["status"] == "archived"
    api.unarchive_campaign(second)
    assert [row["name"] for row in api.list_campaigns(with_count=True, filter="name==Second")["data"]] == [
        "Second"
    ]
    third = api.create_campaign({"name": "Third"})
    api.delete_campaign(third)

    # Reports, logs, tasks
    assert api.get_list_stats(news)["active_contacts"] > 0
    assert api.get_campaign_stats(second)["sent_emails"] > 0
    assert api.get_campaign_links_stats(second, with_count=True, sort="-total", **window)["data"]
    assert api.get_emails_stats(**window)["data"] is not None
    assert api.get_self_account_stats(**window)["sent_emails"] > 0
    own_id = api.tokens().details["account_id"]
    assert api.get_account_stats(own_id, **window)["sent_emails"] > 0
    assert api.get_list_logs(news, with_count=True, filter="type==sent", **window)["data"]
    assert api.get_campaign_logs(second, with_count=True, filter="type==sent", sort="time")["data"]
    assert api.get_email_logs("sent")["data"] == []
    log_export = api.create_campaign_log_export(second, description="All")
    account.advance(60)
    assert [row["id"] for row in api.list_campaign_log_exports(second, with_count=True)["data"]] == [
        log_export
    ]
    assert api.download_campaign_log_export(second, log_export)["url"]
    task = api.list_tasks(with_count=True, sort="created_on")["data"][0]["id"]
    assert api.get_task(task)["status"] == "ready"
    workflow, action = _action(api, tests)
    assert api.get_action_stats(workflow, action)["sent_emails"] == 0
    assert api.get_action_logs(workflow, action)["data"] == []

    # Webhooks
    hook = api.create_webhook({"event": results.WEBHOOK_EVENTS[0], "url": "https://example.com/hooks/x"})
    api.patch_webhook(hook, {"rate_limit": 10, "rate_limit_period": "minute"})
    assert api.get_webhook(hook)["signature"]["key"]
    api.archive_webhook(hook)
    assert [row["id"] for row in api.list_webhooks(with_archived=True)["data"]] == [hook]
    api.unarchive_webhook(hook)

    # What is left to delete
    api.delete_contacts_export(made, export)
    api.delete_task(log_export)
    api.delete_segment(made, part)
    api.delete_interest(made, "wine")
    api.delete_tag("vip")
    api.delete_custom_attribute(made, "trial")
    api.delete_dkim_key(key)
    api.delete_list(made)
    api.delete_sender(sender)


def _confirmation(account: Account, sender_id: str) -> str:
    """What stands in the mail that asks a new sender to confirm."""
    sender = account.state()["senders"][sender_id]
    return str(sender.get("confirmation_id") or sender["confirmation"])


def _action(api, list_id: str) -> tuple[str, str]:
    """A workflow with one mail; both are beyond what the client is for."""
    workflow = api._do(
        "createWorkflow",
        Effect.CREATE,
        "POST",
        "/workflows",
        body={"name": "Welcome", "audience": {"list_id": int(list_id)}, "trigger": "subscribed"},
        read=calls.the_id,
    )
    action = api._do(
        "createAction",
        Effect.CREATE,
        "POST",
        f"/workflows/{workflow}/actions",
        body={
            "name": "Hello",
            "type": "email",
            "condition": "none",
            "delay": 0,
        },
        read=calls.the_id,
    )
    return workflow, action


def test_only_what_may_mail_is_called_once(walked):
    assert {operation for operation, effect in walked.operations if effect is Effect.ONCE} == {
        "scheduleCampaign",
        "rescheduleCampaign",
        "resumeCampaign",
        "unarchiveCampaign",
        "sendTestEmail",
        "resendConfirmationEmail",
    }


def test_a_question_to_the_person_makes_adding_them_a_mail(account):
    api = account.open().client
    api.create_contact("1", {"email": "dora@example.com"}, send_double_opt_in="new")

    assert account.operations[-1] == ("createContact", Effect.ONCE)


def test_nobody_who_left_is_revived(account):
    account.open().client.create_contact("1", {"email": "person1@example.org"})
    call = account.calls()[-1]

    assert (call["query"]["resubscribe"], call["query"]["send_double_opt_in"]) == ("false", "false")


def test_a_campaign_is_never_scheduled_without_its_date():
    """Without one it would go out at once."""
    for verb in (client.Client.schedule_campaign, client.Client.reschedule_campaign):
        assert inspect.signature(verb).parameters["date"].default is inspect.Parameter.empty
