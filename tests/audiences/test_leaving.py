"""Who leaves is blocked here at once and in every other account soon; nothing but consent undoes it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import outbox
from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.base import Effect
from audiences import queries, services
from audiences.models import Contact, Subscription, Suppression
from tests.audiences.conftest import Account
from tests.factories import ConnectionFactory, ContactFactory
from tests.helpers import run_outbox


def follow(connection):
    """One round of following, whenever it would be due."""
    entry = OutboxEntry.objects.filter(connection=connection, task="audiences.follow").first()
    if entry is None:
        outbox.record(task="audiences.follow", subject=connection, connection=connection, effect=Effect.READ)
    OutboxEntry.objects.filter(task="audiences.follow").update(not_before=timezone.now())
    assert run_outbox("audiences.follow") == ["audiences.follow"]


def suppress(contact, **values):
    told = {"reason": "unsubscribed", "connection": None, "at": timezone.now(), "evidence": {}} | values
    return services.suppress(workspace=contact.workspace, email=contact.email, **told)


@pytest.fixture
def second(workspace, sandbox):
    """Another account of the same workspace."""
    sandbox.control("seed", provider="brevo", account="sandbox-second", limits="off", lists=0, contacts=0)
    return Account(sandbox, "second")


@pytest.fixture
def second_connection(workspace, sandbox):
    return ConnectionFactory(
        workspace=workspace, base_url=sandbox.base_url(), api_key="sandbox-second", name="Second"
    )


def test_a_leave_over_there_holds_here_within_a_round(account, connection, pull):
    account.contact("ana@example.test")
    pull()
    follow(connection)
    account.update("ana@example.test", emailBlacklisted=True)

    follow(connection)

    row = Suppression.objects.get()
    assert (row.contact.email, row.reason, row.connection) == ("ana@example.test", "blocked", connection)
    entry = OutboxEntry.objects.get(task="audiences.follow")
    assert entry.state == "waiting"
    assert entry.not_before > timezone.now() + timedelta(seconds=30)


def test_following_brings_new_people_and_leaves_of_lists(account, connection, pull, sandbox):
    news = account.new_list("News", account.new_folder("Tower"))
    account.contact("ana@example.test", news)
    pull()
    account.contact("ben@example.test", news)
    sandbox.control(
        "act",
        provider="brevo",
        account="sandbox-test",
        kind="leave_list",
        email="ana@example.test",
        list=news,
    )

    follow(connection)

    assert [(s.contact.email, s.status) for s in Subscription.objects.order_by("contact__email")] == [
        ("ana@example.test", "unsubscribed"),
        ("ben@example.test", "subscribed"),
    ]
    assert Subscription.objects.first().list.subscribed_count == 1


def test_following_waits_for_the_first_pull(account, connection):
    follow(connection)
    assert OutboxEntry.objects.get(task="audiences.follow").note == "Waits for the first pull."
    assert account.calls() == []


def test_following_again_changes_nothing(account, connection, pull):
    account.contact("ana@example.test")
    pull()
    account.update("ana@example.test", attributes={"FIRSTNAME": "Ana"})
    follow(connection)
    before = Contact.objects.values().get()
    follow(connection)
    assert Contact.objects.values().get() == before


def test_a_leave_goes_to_the_other_accounts_and_is_confirmed(
    account, connection, second, second_connection, pull, browse
):
    for where in (account, second):
        where.contact("ana@example.test")
    pull()
    pull(second_connection)
    account.update("ana@example.test", emailBlacklisted=True)

    follow(connection)
    assert run_outbox("audiences.block") == ["audiences.block"]

    assert second.call("GET", "/contacts/ana@example.test")["emailBlacklisted"] is True
    mirror = MirrorRow.objects.get(connection=second_connection, kind=MirrorKind.CONTACT)
    assert (mirror.theirs["blocked"], mirror.theirs["by_us"]) == (True, True)
    contact = Contact.objects.get()
    page = browse().get(f"/w/acme/contacts/{contact.pk}/").content.decode()
    assert "Told us" in page
    assert "Confirmed the block" in page
    # What we asked for ourselves comes back as no news.
    pull(second_connection)
    assert Suppression.objects.count() == 1


def test_an_account_that_holds_a_suppressed_person_later_is_told_too(
    account, connection, second, second_connection, pull
):
    account.contact("ana@example.test")
    account.update("ana@example.test", emailBlacklisted=True)
    pull()
    second.contact("ana@example.test")

    pull(second_connection)
    run_outbox("audiences.block")

    assert second.call("GET", "/contacts/ana@example.test")["emailBlacklisted"] is True


def test_suppressing_here_asks_each_account_once(workspace):
    contact = ContactFactory(workspace=workspace)
    for number in range(3):
        MirrorRow.objects.create(
            connection=ConnectionFactory(workspace=workspace), kind=MirrorKind.CONTACT, object_id=contact.pk,
            remote_id=str(number),
        )  # fmt: skip

    assert suppress(contact) is True
    assert suppress(contact) is False

    entries = OutboxEntry.objects.filter(task="audiences.block")
    assert entries.count() == 3
    assert {(entry.priority, entry.effect) for entry in entries} == {(0, "converge")}


def test_a_known_cause_replaces_blocked_without_a_reason(workspace):
    contact = ContactFactory(workspace=workspace)
    source = ConnectionFactory(workspace=workspace)
    now = timezone.now()
    suppress(contact, reason="blocked", connection=source, at=now - timedelta(hours=2))
    suppress(contact, reason="complained", connection=source, at=now - timedelta(hours=1))
    suppress(contact, reason="blocked", connection=source, at=now)
    row = Suppression.objects.get()
    assert (row.reason, row.at) == ("complained", now - timedelta(hours=1))


def test_a_fact_older_than_the_consent_that_lifted_its_block_is_history(workspace):
    contact = ContactFactory(workspace=workspace)
    suppress(contact, at=timezone.now() - timedelta(days=3))
    Suppression.objects.update(lifted_at=timezone.now() - timedelta(days=1))
    assert suppress(contact, at=timezone.now() - timedelta(days=2)) is False
    assert not queries.is_suppressed(contact)
    assert suppress(contact) is True


def test_an_address_suppressed_before_its_person_is_known_holds_when_they_come(
    workspace, account, connection, pull
):
    services.suppress(
        workspace=workspace, email="Ana@Example.test", reason="complained", connection=None, at=timezone.now(), evidence={}
    )  # fmt: skip
    account.contact("ana@example.test")
    pull()
    assert queries.is_suppressed(Contact.objects.get())


def test_who_changes_address_over_there_stays_suppressed(account, connection, pull):
    account.contact("ana@example.test")
    account.update("ana@example.test", emailBlacklisted=True)
    pull()
    account.update("ana@example.test", attributes={"EMAIL": "ana@new.test"})
    pull()
    assert queries.is_suppressed(Contact.objects.get(email="ana@new.test"))
    assert (
        MirrorRow.objects.get(kind=MirrorKind.CONTACT).object_id
        == Contact.objects.get(email="ana@new.test").pk
    )


def test_who_changes_address_over_there_keeps_the_worse_of_both_blocks(account, connection, pull, workspace):
    account.contact("ana@example.test")
    pull()
    suppress(Contact.objects.get(), reason="complained", connection=connection)
    services.suppress(
        workspace=workspace, email="ana@new.test", reason="bounced", connection=connection,
        at=timezone.now() + timedelta(hours=1), evidence={},
    )  # fmt: skip
    later = Suppression.objects.get(email="ana@new.test").at
    account.update("ana@example.test", attributes={"EMAIL": "ana@new.test"})
    pull()
    row = Suppression.objects.get(email="ana@new.test", lifted_at=None)
    assert (row.contact.email, row.reason, row.at) == ("ana@new.test", "complained", later)


def test_an_older_fact_does_not_undo_a_newer_one(account, connection, pull, sandbox):
    news = account.new_list("News", account.new_folder("Tower"))
    account.contact("ana@example.test", news)
    pull()
    consent_at = timezone.now() + timedelta(hours=1)
    Subscription.objects.update(evidence={"consent": "form"}, changed_at=consent_at)
    sandbox.control(
        "act",
        provider="brevo",
        account="sandbox-test",
        kind="leave_list",
        email="ana@example.test",
        list=news,
    )
    pull()
    assert Subscription.objects.get().status == "subscribed"


def test_being_on_the_list_there_does_not_undo_a_leave_here(account, connection, pull):
    news = account.new_list("News", account.new_folder("Tower"))
    account.contact("ana@example.test", news)
    pull()
    Subscription.objects.update(status="unsubscribed")
    account.update("ana@example.test", attributes={"FIRSTNAME": "Ana"})
    pull()
    assert Subscription.objects.get().status == "unsubscribed"


@pytest.mark.parametrize(
    "order",
    [
        ("block", "unblock", "pull", "follow"),
        ("pull", "block", "follow", "unblock", "pull"),
        ("unblock", "block", "unblock", "follow", "pull", "follow"),
    ],
)
def test_nobody_blocked_is_unblocked_in_any_order(order, account, connection, pull):
    account.contact("ana@example.test")
    pull()
    blocked = False
    for step in order:
        match step:
            case "block":
                account.update("ana@example.test", emailBlacklisted=True)
                follow(connection)
                blocked = True
            case "unblock":
                account.update("ana@example.test", emailBlacklisted=False)
            case "pull":
                pull()
            case "follow":
                follow(connection)
        assert Suppression.objects.filter(lifted_at=None).exists() is blocked


def test_a_disconnected_account_is_not_asked(workspace):
    contact = ContactFactory(workspace=workspace)
    connection = ConnectionFactory(workspace=workspace, status=Connection.Status.DISCONNECTED)
    MirrorRow.objects.create(
        connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk, remote_id="1"
    )
    suppress(contact)
    assert not OutboxEntry.objects.exists()
