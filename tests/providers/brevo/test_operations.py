"""Every core operation of the contract has a method of the client, and each is exercised against the sandbox.

Request and reply of each call are held against the contract on their way (see tests/providers/conftest.py).
"""

import ast
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from accounts.providers.brevo import client, mapping
from accounts.providers.errors import Refused
from accounts.providers.records import ContactRecord
from tests.providers.conftest import Account
from tests.providers.wsgi import contract


@pytest.fixture
def account() -> Account:
    account = Account("brevo")
    account.seed(
        lists=["News", {"name": "Tests", "test": True}],
        contacts=[{"email": f"person{number}@example.org", "lists": [0, 1]} for number in range(30)],
        campaigns=[{"name": "Old", "status": "sent", "daysAgo": 2}],
        transactional_daily=3,
    )
    return account


def test_every_core_operation_has_a_method():
    tree = ast.parse(inspect.getsource(client))
    named = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert contract("brevo").core() <= named


def test_every_core_operation_keeps_the_contract(account):
    """One long walk, since most operations need what others made."""
    api = account.open().client
    today = datetime.now(UTC).date()
    window = {"start_date": str(today - timedelta(days=5)), "end_date": str(today)}
    old_campaign = str(api.get_email_campaigns(status="sent")["campaigns"][0]["id"])

    def finish(process_id: str) -> dict:
        account.advance(60)
        return api.get_process(process_id)

    assert api.get_account()["email"]

    # Folders, lists, segments
    folder = api.create_folder("Trials")
    assert api.get_folder(folder)["name"] == "Trials"
    api.update_folder(folder, "Tests")
    assert "Tests" in [found["name"] for found in api.get_folders()["folders"]]
    made = api.create_list("Trial", folder)
    api.update_list(made, {"name": "Trial 2", "folderId": int(folder)})
    assert api.get_list(made, start_date=str(today), end_date=str(today))["name"] == "Trial 2"
    assert [found["id"] for found in api.get_folder_lists(folder)["lists"]] == [int(made)]
    assert api.get_lists()["count"] == 3
    assert api.get_segments()["segments"] == []

    # Attributes
    api.create_attribute("normal", "TRIAL", {"type": "text"})
    api.create_attribute("category", "TIER", {"enumeration": [{"value": 1, "label": "gold"}]})
    api.update_attribute(
        "category", "TIER", {"enumeration": [{"value": 1, "label": "gold"}, {"value": 2, "label": "tin"}]}
    )
    assert {"TRIAL", "TIER"} <= {found["name"] for found in api.get_attributes()["attributes"]}

    # Contacts
    ana = api.create_contact(
        {"email": "ana@example.com", "attributes": {"TRIAL": "x"}, "listIds": [int(made)]}
    )
    assert api.create_contact({"email": "ana@example.com", "updateEnabled": True}) is None
    api.update_contact("ana@example.com", {"attributes": {"TRIAL": "y"}}, identifier_type="email_id")
    assert api.get_contact_info(ana, identifier_type="contact_id", **window)["attributes"]["TRIAL"] == "y"
    assert api.get_contacts(created_since="2020-01-01T00:00:00.000Z", list_ids=[made])["count"] == 1
    assert "messagesSent" in api.get_contact_stats("person1@example.org", **window)
    assert api.update_batch_contacts([{"email": "ana@example.com", "attributes": {"TRIAL": "z"}}]) is None
    api.add_contact_to_list(made, {"emails": ["person1@example.org"]})
    assert api.get_contacts_from_list(made, modified_since="2020-01-01T00:00:00.000Z")["count"] == 2
    api.remove_contact_from_list(made, {"emails": ["person1@example.org"]})
    imported = api.import_contacts({"jsonBody": [{"email": "ben@example.com"}], "listIds": [int(made)]})
    assert finish(imported)["status"] == "completed"
    exported = api.request_contact_export(
        {"customContactFilter": {"actionForContacts": "allContacts", "listId": int(made)}}
    )
    assert finish(exported)["export_url"]
    assert api.get_processes()["count"] == 2
    api.delete_contact(ana, identifier_type="contact_id")

    # Senders and domains
    sender = api.create_sender({"name": "Ida", "email": "ida@example.com"})
    sender_id = str(sender["id"])
    api.validate_sender(sender_id, account.state()["senders"][sender_id]["otp"])
    api.update_sender(sender_id, {"name": "Ida M."})
    assert [found["name"] for found in api.get_senders(domain="example.com")["senders"]] == ["Ida M."]
    assert api.get_ips() == {"ips": []}
    assert api.get_ips_from_sender(sender_id) == {"ips": []}
    assert api.create_domain("example.com")["dns_records"]
    account.act(kind="publish_dns", domain="example.com")
    api.authenticate_domain("example.com")
    assert api.get_domain_configuration("example.com")["authenticated"]
    assert len(api.get_domains()["domains"]) == 1

    # Templates
    content = '<p>Please confirm</p><a href="{{ params.DOIurl }}">Yes</a>'
    by_ida = {"name": "Ida", "email": "ida@example.com"}
    template = api.create_template(
        {
            "templateName": "Welcome",
            "subject": "Hi",
            "htmlContent": content,
            "sender": by_ida,
            "isActive": True,
        }
    )
    assert api.get_template(template)["doiTemplate"]
    assert api.get_templates(is_active=True)["count"] == 1
    api.send_test_template(template, ["person1@example.org"])
    api.create_doi_contact(
        {
            "email": "new@example.com",
            "includeListIds": [int(made)],
            "templateId": int(template),
            "redirectionUrl": "https://example.com",
        }
    )
    api.update_template(template, {"isActive": False})
    api.delete_template(template)

    # Campaigns
    body = {
        "name": "Trial",
        "subject": "Hi",
        "htmlContent": "<p>Hello there</p>",
        "sender": by_ida,
        "recipients": {"listIds": [int(made)]},
    }
    campaign = api.create_email_campaign(body)
    api.update_email_campaign(campaign, {"subject": "Hello"})
    assert api.get_email_campaign(campaign)["subject"] == "Hello"
    assert api.get_shared_url(campaign)
    api.send_test_email(campaign, ["person1@example.org"])
    assert api.upload_image("https://example.com/logo.png", "logo.png")
    api.update_campaign_status(campaign, "replicate")
    api.send_email_campaign_now(campaign)
    account.advance(3600)
    assert mapping.phase(api.get_email_campaign(campaign, statistics="globalStats")["status"]) == "sent"
    api.send_report(old_campaign, to=["ida@example.com"], body="The report.")
    assert finish(api.export_recipients(old_campaign, "all"))["export_url"]
    halves = {
        "abTesting": True,
        "subjectA": "A",
        "subjectB": "B",
        "splitRule": 50,
        "winnerCriteria": "open",
        "winnerDelay": 1,
    }
    tested = api.create_email_campaign({**body, **halves, "name": "A/B"})
    assert api.get_ab_test_result(tested)["winningVersion"]
    api.delete_email_campaign(tested)

    # Statistics of transactional mail
    assert api.get_aggregated_report(**window)["requests"] > 0
    assert api.get_daily_reports(days=3)["reports"]
    assert api.get_email_events(event="delivered", **window)["events"]

    # Webhooks
    hook = api.create_webhook(mapping.webhook_body("https://example.com/hooks/x", "s3cret", "x-secret"))
    api.update_webhook(hook, {"description": "Trial", "events": ["opened"]})
    assert api.get_webhook(hook)["events"] == ["opened"]
    assert len(api.get_webhooks()["webhooks"]) == 1
    api.export_webhooks_history(
        {"type": "marketing", "event": "allEvents", "notifyURL": "https://example.com/done", "days": 7}
    )
    api.delete_webhook(hook)

    # What is left to delete
    api.delete_sender(sender_id)
    api.delete_domain("example.com")
    api.delete_attribute("normal", "TRIAL")
    api.delete_list(made)
    api.delete_folder(folder)

    assert contract("brevo").core() - {operation for operation, _ in account.operations} == set()


def test_import_with_blocks_and_lists_never_sends_a_block_flag(account):
    account.save_contacts([ContactRecord("", "ana@example.com", blocked=True)], list_ids=["2"])
    (call,) = [call for call in account.calls() if call["path"].endswith("/contacts/import")]

    assert "emailBlacklist" not in str(call["body"])


def test_walk_asks_for_full_pages_oldest_first_and_percent_encodes_the_instant(account):
    account.contacts(cursor="990", changed_since=datetime(2026, 6, 1, 12, tzinfo=UTC))
    call = account.calls()[-1]

    assert call["query"] == {
        "limit": "1000",
        "offset": "990",
        "sort": "asc",
        "modifiedSince": "2026-06-01T12:00:00.000Z",
    }


def test_list_without_a_folder_makes_one_when_the_account_has_none(account):
    folder = next(iter(account.folders()))
    account.open().client.delete_folder(folder.remote_id)

    made = account.create_list(name="First")
    assert [(found.remote_id, found.name) for found in account.folders()] == [
        (made.folder_remote_id, "Campanile")
    ]


def test_failed_process_is_refused(account):
    reference = account.request_people(remote_id="1", kind="opened")
    account.fault(
        kind="status",
        method="GET",
        path="/processes",
        status=200,
        body={"id": 1, "status": "failed", "name": "X"},
    )

    with pytest.raises(Refused, match="failed"):
        account.people(reference)
