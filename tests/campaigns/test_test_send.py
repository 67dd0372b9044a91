"""A test mail: one click, at most one mailing; against the sandbox over a real socket."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry
from audiences.models import Field
from campaigns.models import TestSend
from campaigns.services import test_send
from tests.factories import CampaignFactory, ConnectionFactory, SenderFactory
from tests.helpers import run_outbox

ACCOUNT = "sandbox-tests"
SENDER = "news@campanile.example"
READERS = ["ana@example.test", "ben@example.test"]


@pytest.fixture
def account(sandbox):
    sandbox.control(
        "seed", provider="brevo", account=ACCOUNT, limits="off", lists=["News"],
        senders=[{"name": "News", "email": SENDER, "active": True}],
        contacts=[{"email": email, "lists": [0]} for email in READERS],
    )  # fmt: skip
    return sandbox


@pytest.fixture
def campaign(account, workspace):
    connection = ConnectionFactory(workspace=workspace, base_url=account.base_url(), api_key=ACCOUNT)
    sender = SenderFactory(workspace=workspace, name="News", email=SENDER)
    there = next(record for record in connection.open().senders() if record.email == SENDER)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk, remote_id=there.remote_id,
        theirs={"is_active": True},
    )  # fmt: skip
    field = Field.objects.create(workspace=workspace, key="first_name", label="First name")
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.FIELD, object_id=field.pk, remote_id="FIRSTNAME"
    )
    return CampaignFactory(workspace=workspace, connection=connection, sender=sender, name="Bells")


@pytest.fixture
def editor(member):
    return member("editor")


def state(account):
    return account.read("state", provider="brevo", account=ACCOUNT)["state"]


def mails(account):
    return [mail["to"] for mail in state(account)["test_mails"]]


def drafts(account):
    found = state(account)["campaigns"]
    return list(found.values()) if isinstance(found, dict) else found


def click(campaign, by, emails=READERS) -> TestSend:
    return test_send.send_test(campaign=campaign, emails=emails, by=by)


def bring_forward():
    OutboxEntry.objects.filter(state="waiting").update(not_before=timezone.now())


def test_a_test_reaches_its_readers_once(account, campaign, editor):
    test = click(campaign, editor)
    run_outbox("campaigns.send_test")

    test.refresh_from_db()
    assert (test.state, test.refused) == ("sent", {})
    assert mails(account) == READERS
    (draft,) = drafts(account)
    assert draft["name"] == f"Test · Bells · {test.marker}"
    assert OutboxEntry.objects.get().effect == "once"


def test_the_next_test_uses_the_draft_again(account, campaign, editor):
    first = click(campaign, editor)
    run_outbox("campaigns.send_test")
    campaign.subject = "Second try"
    campaign.save()
    second = click(campaign, editor, READERS[:1])
    run_outbox("campaigns.send_test")

    second.refresh_from_db()
    (draft,) = drafts(account)
    assert (second.state, second.marker, draft["fields"]["subject"]) == (
        "sent", first.marker, "Second try",
    )  # fmt: skip
    assert mails(account) == [*READERS, READERS[0]]


def test_a_lost_answer_is_not_known_and_not_repeated(account, campaign, editor):
    account.control(
        "faults", provider="brevo", method="POST", path="/emailCampaigns/*/sendTest", kind="drop_after"
    )
    test = click(campaign, editor)

    for _ in range(3):
        run_outbox("campaigns.send_test")
        bring_forward()

    test.refresh_from_db()
    assert test.state == "unknown"
    assert mails(account) == READERS


def test_a_lost_draft_is_found_by_its_marker(account, campaign, editor):
    account.control("faults", provider="brevo", method="POST", path="/emailCampaigns", kind="drop_after")
    test = click(campaign, editor)

    for _ in range(3):
        run_outbox("campaigns.send_test")
        bring_forward()

    test.refresh_from_db()
    assert (test.state, len(drafts(account)), mails(account)) == ("sent", 1, READERS)


def test_a_worker_cut_off_behind_the_call_sends_nothing_more(account, campaign, editor):
    test = click(campaign, editor)
    TestSend.objects.update(state="sending")

    run_outbox("campaigns.send_test")

    test.refresh_from_db()
    assert (test.state, mails(account)) == ("unknown", [])


def test_refused_addresses_are_told_with_the_reason(account, campaign, editor):
    test = click(campaign, editor, [READERS[0], "stranger@example.test"])
    run_outbox("campaigns.send_test")

    test.refresh_from_db()
    assert test.state == "refused"
    assert test.refused == {"stranger@example.test": "Brevo does not know this address as a contact."}
    assert mails(account) == []


def test_an_account_that_is_away_gets_it_later_but_not_much_later(account, campaign, editor):
    account.control("faults", provider="brevo", path="/emailCampaigns", kind="status", status=503, times=1)
    test = click(campaign, editor)
    run_outbox("campaigns.send_test")
    test.refresh_from_db()
    assert test.state == "waiting"

    TestSend.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    bring_forward()
    run_outbox("campaigns.send_test")

    test.refresh_from_db()
    assert (test.state, mails(account)) == ("refused", [])


def test_refused_credentials_end_the_test_and_pause_the_account(account, campaign, editor):
    account.control("faults", provider="brevo", path="/emailCampaigns", kind="status", status=401)
    test = click(campaign, editor)
    run_outbox("campaigns.send_test")

    test.refresh_from_db()
    assert (test.state, Connection.objects.get().status) == ("refused", "reconnect")


def test_twenty_tests_an_hour_are_enough(campaign, editor):
    for _ in range(test_send.PER_HOUR):
        TestSend.objects.create(campaign=campaign, connection=campaign.connection, emails=[], state="sent")

    with pytest.raises(test_send.CannotSendTest, match="20 tests"):
        click(campaign, editor)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"subject": ""}, "Write a subject"),
        ({"html": "<p>x</p>"}, "link to leave"),
        ({"status": "sent"}, "Only drafts"),
    ],
)
def test_what_blocks_a_campaign_blocks_its_test(campaign, editor, values, sentence):
    type(campaign).objects.filter(pk=campaign.pk).update(**values)

    with pytest.raises(test_send.CannotSendTest, match=sentence):
        click(campaign, editor)
    assert not OutboxEntry.objects.exists()


def test_nobody_is_nobody_and_two_at_once_are_one(campaign, editor):
    with pytest.raises(test_send.CannotSendTest):
        click(campaign, editor, [])
    click(campaign, editor)
    with pytest.raises(test_send.CannotSendTest, match="still on its way"):
        click(campaign, editor)


def test_the_page_shows_how_it_went(account, browse, campaign):
    editor = browse("editor")
    url = f"/w/acme/campaigns/{campaign.pk}/test/"
    asked = editor.post(
        url, {"emails": "\n".join(READERS)}, headers={"HX-Request": "true", "HX-Target": "test_form"}
    )
    assert "every 2s" in asked.content.decode()
    assert "close-dialog" in asked["HX-Trigger"]
    run_outbox("campaigns.send_test")

    shown = editor.get(url).content.decode()
    assert "every 2s" not in shown
    assert "To ana@example.test, ben@example.test" in shown
    refused = editor.post(
        url, {"emails": "nonsense"}, headers={"HX-Request": "true", "HX-Target": "test_form"}
    )
    assert (refused.status_code, "nonsense is not an address" in refused.content.decode()) == (422, True)
