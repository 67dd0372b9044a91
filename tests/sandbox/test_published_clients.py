"""Brevo's own published client drives the sandbox unchanged: only the address is set."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import sib_api_v3_sdk as brevo
from sib_api_v3_sdk.rest import ApiException

KEY = "sandbox-published-client"


@pytest.fixture
def client(sandbox_server: Any) -> Iterator[brevo.ApiClient]:
    configuration = brevo.Configuration()
    configuration.host = sandbox_server.base_url("brevo")
    configuration.api_key["api-key"] = KEY
    sandbox_server.control("reset", provider="brevo", account=KEY)
    sandbox_server.control(
        "seed", provider="brevo", account=KEY, limits="off", pace={"send": 1, "process": 0.2}
    )
    client = brevo.ApiClient(configuration)
    yield client
    client.pool.close()


def until(done: Any) -> None:
    deadline = time.monotonic() + 15
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_contacts_and_lists(client: brevo.ApiClient) -> None:
    api = brevo.ContactsApi(client)
    folder = api.create_folder(brevo.CreateUpdateFolder(name="Folder")).id
    number = api.create_list(brevo.CreateList(name="List", folder_id=folder)).id
    api.create_attribute("normal", "CITY", brevo.CreateAttribute(type="text"))
    api.create_contact(
        brevo.CreateContact(email="a+b@example.com", attributes={"CITY": "Łódź"}, list_ids=[number])
    )
    second = api.create_contact(brevo.CreateContact(email="c@example.com")).id

    assert api.add_contact_to_list(
        number, brevo.AddContactToList(emails=["c@example.com"])
    ).contacts.success == ["c@example.com"]
    assert [row["email"] for row in api.get_contacts_from_list(number, sort="asc").contacts] == [
        "a+b@example.com",
        "c@example.com",
    ]
    assert api.get_contact_info("a+b@example.com").attributes == {"CITY": "Łódź"}
    api.update_contact(str(second), brevo.UpdateContact(email_blacklisted=True))
    assert api.get_contacts(limit=10, offset=0).count == 2
    assert api.get_contact_stats(str(second)).messages_sent == []
    assert api.get_list(number).total_blacklisted == 1
    assert (api.get_lists(limit=10, offset=0).count, api.get_folders(10, 0).count) == (1, 2)
    assert {row.name for row in api.get_attributes().attributes} == {"FIRSTNAME", "LASTNAME", "CITY"}
    with pytest.raises(ApiException) as refused:
        api.get_contact_info("nobody@example.com")
    assert refused.value.status == 404


def test_import_and_export(client: brevo.ApiClient) -> None:
    api, processes = brevo.ContactsApi(client), brevo.ProcessApi(client)
    number = api.create_list(brevo.CreateList(name="List", folder_id=1)).id
    body = brevo.RequestContactImport(file_body="EMAIL;FIRSTNAME\na@example.com;Ann", list_ids=[number])
    imported = api.import_contacts(body).process_id
    until(lambda: processes.get_process(imported).status == "completed")
    wanted = brevo.RequestContactExportCustomContactFilter(action_for_contacts="allContacts", list_id=number)
    exported = api.request_contact_export(brevo.RequestContactExport(custom_contact_filter=wanted)).process_id
    until(lambda: processes.get_process(exported).status == "completed")

    assert processes.get_processes(limit=10, offset=0).count == 2
    assert "a@example.com" in requests.get(processes.get_process(exported).export_url, timeout=5).text


def test_a_campaign_from_draft_to_report(client: brevo.ApiClient) -> None:
    contacts, campaigns = brevo.ContactsApi(client), brevo.EmailCampaignsApi(client)
    number = contacts.create_list(brevo.CreateList(name="List", folder_id=1)).id
    for name in ("a", "b", "bounce"):
        contacts.create_contact(brevo.CreateContact(email=f"{name}@example.com", list_ids=[number]))
    body = brevo.CreateEmailCampaign(
        name="Letter",
        subject="Subject",
        sender={"id": 1},
        html_content='<p>Hello</p><a href="https://example.com/">read</a>',
        recipients={"listIds": [number]},
    )
    campaign_id = campaigns.create_email_campaign(body).id
    campaigns.update_email_campaign(campaign_id, brevo.UpdateEmailCampaign(subject="Other"))
    campaigns.send_test_email(campaign_id, brevo.SendTestEmail(email_to=["a@example.com"]))
    assert campaigns.get_email_campaign(campaign_id).status == "draft"
    campaigns.send_email_campaign_now(campaign_id)
    until(lambda: campaigns.get_email_campaign(campaign_id).status == "sent")

    statistics = campaigns.get_email_campaign(campaign_id, statistics="globalStats").statistics
    assert statistics["globalStats"]["sent"] == 3
    assert campaigns.get_email_campaigns(limit=10, offset=0, status="sent").count == 1
    campaigns.update_campaign_status(campaign_id, brevo.UpdateCampaignStatus(status="archive"))
    assert campaigns.get_email_campaign(campaign_id).status == "archive"


def test_account_senders_templates_webhooks_and_reports(client: brevo.ApiClient) -> None:
    senders, mails, hooks = (
        brevo.SendersApi(client),
        brevo.TransactionalEmailsApi(client),
        brevo.WebhooksApi(client),
    )
    number = senders.create_sender(sender=brevo.CreateSender(name="News", email="news@example.com")).id
    senders.update_sender(number, sender=brevo.UpdateSender(name="Letters"))
    template = brevo.CreateSmtpTemplate(
        sender=brevo.CreateSmtpTemplateSender(id=1),
        template_name="T",
        subject="S",
        html_content="<p>Hello there</p>",
    )
    mails.create_smtp_template(template)
    events = ["hardBounce", "opened", "listAddition"]
    hook = brevo.CreateWebhook(
        url="http://127.0.0.1:9/x", description="Ours", events=events, type="marketing"
    )
    hook_id = hooks.create_webhook(hook).id

    assert brevo.AccountApi(client).get_account().plan[0].type == "subscription"
    assert [row.active for row in senders.get_senders().senders] == [True, False]
    assert senders.get_ips().ips == []
    assert mails.get_smtp_templates().count == 1
    assert mails.get_aggregated_smtp_report(days=7).requests == 0
    assert len(mails.get_smtp_report(days=7).reports) == 7
    assert hooks.get_webhook(hook_id).events == ["hardBounces", "opened", "listAdditions"]
    assert len(hooks.get_webhooks(type="marketing").webhooks) == 1
    hooks.delete_webhook(hook_id)


def test_the_demo_account_is_readable_whole(client: brevo.ApiClient, sandbox_server: Any) -> None:
    sandbox_server.control("seed", provider="brevo", account="sandbox-demo", limits="off")
    client.configuration.api_key["api-key"] = "sandbox-demo"
    campaigns = brevo.EmailCampaignsApi(client)

    assert brevo.ContactsApi(client).get_contacts(limit=1000).count >= 1204
    assert campaigns.get_email_campaigns(limit=100).count >= 8
    for kind in ("globalStats", "linksStats", "statsByDomain", "statsByDevice", "statsByBrowser"):
        assert campaigns.get_email_campaign(5, statistics=kind).statistics["campaignStats"][0]["sent"] > 0
    assert campaigns.get_ab_test_campaign_result(4).winning_version in ("A", "B")
    assert campaigns.get_shared_template_url(5).shared_url.startswith("http")
