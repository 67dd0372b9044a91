"""The whole way over real sockets: the account mails, its calls reach a running server, and become a report."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from accounts.providers.records import CampaignDraft
from audiences.models import Suppression
from campaigns.models import Recipient
from reporting.mirror import figures, inbox
from reporting.models import Event, Figures, InboxCall, LinkFigures
from tests.factories import CampaignFactory, ConnectionFactory, ContactFactory
from tests.reporting.calls import make_delivery

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = "sandbox-calls"
HTML = (
    '<html><body><a href="https://example.test/news">Read</a> <a href="https://example.test/shop">Buy</a>'
    '<a href="{{ unsubscribe }}">Leave</a></body></html>'
)


@pytest.fixture
def connection(sandbox, workspace, live_server):
    seeded = sandbox.control(
        "seed", provider="brevo", account=ACCOUNT, limits="off", pace={"send": 5, "react": 600}, lists=["News"], contacts=200,
        senders=[{"name": "News", "email": "news@campanile.example", "active": True}],
    )  # fmt: skip
    connection = ConnectionFactory(workspace=workspace, base_url=sandbox.base_url(), api_key=ACCOUNT)
    hook = connection.open().create_webhook(
        url=f"{live_server.url}/hooks/{connection.webhook_token}/", secret="webhook-secret"
    )
    connection.webhook_remote_id = hook.remote_id
    connection.save()
    connection.list_id = str(seeded["lists"][0])
    return connection


@pytest.fixture
def delivery(connection, workspace):
    """Made over there and released, to people we hold here."""
    provider = connection.open()
    remote_id = provider.create_campaign(
        CampaignDraft(
            name="November", subject="Hello", preview_text="", html=HTML, sender_name="News",
            sender_email="news@campanile.example", list_ids=(connection.list_id,),
        )
    )  # fmt: skip
    provider.schedule_campaign(remote_id=remote_id, send_at=datetime.now(UTC) + timedelta(seconds=30))
    campaign = CampaignFactory(workspace=workspace, connection=connection, status="sent")
    delivery = make_delivery(campaign, connection, remote_id=remote_id, started_at=datetime.now(UTC))
    for record in provider.contacts().items:
        contact = ContactFactory(workspace=workspace, email=record.email)
        Recipient.objects.create(
            delivery=delivery,
            planned_on=delivery.frozen_at,
            contact=contact,
            email=contact.email,
            state="handed_over",
        )
    return delivery


def settle(sandbox):
    """Wait until the account has posted everything it has to say."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if sandbox.read("posted", account=ACCOUNT)["waiting"] == 0:
            return sandbox.read("posted", account=ACCOUNT)["posted"]
        time.sleep(0.1)
    raise AssertionError("The sandbox still had calls to make.")


def test_every_call_becomes_an_event_and_both_counts_agree(sandbox, connection, delivery):
    for _ in range(30):
        sandbox.control("clock", advance=60)
    posted = settle(sandbox)
    assert {entry["status"] for entry in posted} == {204}

    inbox.apply_inbox()

    assert not InboxCall.objects.exclude(state="applied").exists()
    figures.write_figures(delivery, connection.open().figures(remote_id=delivery.remote_id))
    ours = Figures.objects.get(delivery=delivery, source="events").counts
    theirs = Figures.objects.get(delivery=delivery, source="provider").counts
    names = (
        "delivered", "opened", "opened_by_human", "opens", "clicked", "clicks", "unsubscribed", "complained",
        "hard_bounced", "soft_bounced",
    )  # fmt: skip
    assert {name: ours[name] for name in names} == {name: theirs[name] for name in names}
    assert ours["clicked"] > 0
    by_source = {
        source: dict(LinkFigures.objects.filter(source=source).values_list("url", "clicks"))
        for source in ("events", "provider")
    }
    assert by_source["events"] == by_source["provider"]
    assert set(Recipient.objects.values_list("state", flat=True)) <= {"delivered", "bounced"}
    assert Suppression.objects.count() == ours["unsubscribed"] + ours["complained"] + ours["hard_bounced"]


def test_who_leaves_over_there_is_blocked_here(sandbox, connection, delivery):
    for _ in range(2):
        sandbox.control("clock", advance=60)
    person = Recipient.objects.order_by("pk").first().contact
    sandbox.control(
        "act",
        provider="brevo",
        account=ACCOUNT,
        campaign=delivery.remote_id,
        email=person.email,
        kind="unsubscribe",
    )
    settle(sandbox)

    inbox.apply_inbox()

    assert Suppression.objects.get(contact=person, reason="unsubscribed").connection == connection
    assert Event.objects.filter(contact=person, kind="unsubscribed", delivery=delivery).count() == 1


def test_a_scanner_that_follows_the_address_changes_nothing(live_server, connection):
    address = f"{live_server.url}/hooks/{connection.webhook_token}/"

    answers = [
        requests.request(method, address, timeout=10).status_code for method in ("GET", "HEAD", "OPTIONS")
    ]

    assert (answers, InboxCall.objects.count()) == ([405, 405, 405], 0)
