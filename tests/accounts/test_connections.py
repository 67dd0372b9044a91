"""Connecting an account, from the key to the mirror, against the sandbox over a socket."""

from datetime import timedelta

import pytest
import redis
from django.core import mail
from django.utils import timezone

from accounts import attention, outbox, tasks, upkeep
from accounts.models import ActivityEntry, Connection, OutboxEntry, Pull
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from accounts.services import connections as services
from tests.factories import ConnectionFactory, WorkspaceFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db

Status = Connection.Status
KEY = "sandbox-acme"


@pytest.fixture
def admin(member):
    return member("admin")


@pytest.fixture
def account(sandbox):
    """A small account with people in it."""
    sandbox.control("seed", provider="brevo", account=KEY, lists=2, contacts=7, campaigns=1, limits="off")
    return sandbox


@pytest.fixture
def check(account, workspace, admin):
    """`check("sandbox-acme")`: the row that carries the check of a key, after the worker has run."""

    def run(key: str = KEY, **extra) -> Connection:
        row = services.begin_check(
            workspace=workspace,
            provider="brevo",
            credentials={"api_key": key},
            base_url=account.base_url(),
            by=admin,
            **extra,
        )
        run_outbox("accounts.check")
        return Connection.objects.filter(pk=row.pk).first() or row

    return run


@pytest.fixture
def connected(check, admin):
    return services.save_connection(connection=check(), by=admin)


def calls(account, **query):
    return [
        (call["method"], call["path"])
        for call in account.read("log", provider="brevo", account=KEY, **query)["calls"]
    ]


# Checking


def test_a_check_reads_whose_account_it_is_and_writes_nothing_there(check, account):
    row = check()

    assert (row.status, row.status_note) == (Status.CHECKING, "")
    assert row.checked_at is not None
    assert row.fingerprint
    assert row.account["name"]
    assert row.account["plan"]
    assert {method for method, _ in calls(account)} == {"GET"}


def test_a_wrong_key_is_answered_with_a_sentence_and_no_retry(check):
    row = check("wrong-key")

    assert "does not let Campanile in" in row.status_note
    assert row.checked_at is None
    assert OutboxEntry.objects.get(task="accounts.check").state == OutboxEntry.State.DONE


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "status": 403}, ""),
        ({"kind": "status", "status": 503}, "could not be reached"),
        ({"kind": "status", "status": 429}, "asks for a pause"),
        ({"kind": "garbage"}, "does not look like"),
        ({"kind": "drop_before"}, "could not be reached"),
    ],
)
def test_every_failure_of_a_check_is_a_sentence(check, account, fault, words):
    account.control("faults", provider="brevo", method="GET", path="/account", times=9, **fault)

    row = check()

    assert row.status_note
    assert words in row.status_note
    assert row.status == Status.CHECKING


def test_an_unreachable_address_is_answered(workspace, admin, settings):
    settings.PRIVATE_ADDRESSES = ["127.0.0.1:1"]
    row = services.begin_check(
        workspace=workspace,
        provider="brevo",
        credentials={"api_key": KEY},
        base_url="http://127.0.0.1:1/brevo/v3",
        by=admin,
    )
    run_outbox("accounts.check")

    row.refresh_from_db()
    assert "could not be reached" in row.status_note


def test_a_private_address_is_refused(check, settings):
    settings.PRIVATE_ADDRESSES = []

    assert check().status_note


# Saving


def test_saving_starts_the_pull_and_the_following(connected):
    assert connected.status == Status.READY
    assert connected.name == connected.account["name"]
    assert connected.webhook_secrets
    assert Pull.objects.get().connection == connected
    assert set(connected.outbox.values_list("task", "effect", "order_key")) >= {
        ("audiences.pull_fields", Effect.READ, f"audience:{connected.pk}"),
        ("audiences.follow", Effect.READ, f"audience:{connected.pk}"),
    }
    assert list(ActivityEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "connection.connected",
        "pull.started",
    ]


def test_an_account_is_connected_once(check, connected, admin):
    with pytest.raises(CannotDo, match="already connected"):
        services.save_connection(connection=check(), by=admin)


def test_the_same_account_may_be_connected_in_another_workspace(connected, account, admin):
    other = WorkspaceFactory()
    row = services.begin_check(
        workspace=other, provider="brevo", credentials={"api_key": KEY}, base_url=account.base_url(), by=admin
    )
    run_outbox("accounts.check")
    row.refresh_from_db()

    assert services.save_connection(connection=row, by=admin).status == Status.READY


def test_saving_twice_is_saving_once(connected, admin):
    assert services.save_connection(connection=connected, by=admin) == connected
    assert Pull.objects.count() == 1


def test_an_unread_account_cannot_be_saved(workspace, admin):
    row = services.begin_check(
        workspace=workspace, provider="brevo", credentials={"api_key": KEY}, base_url="", by=admin
    )

    with pytest.raises(CannotDo, match="Check it first"):
        services.save_connection(connection=row, by=admin)


# Keys


def test_a_refused_key_is_told_once(connected, django_capture_on_commit_callbacks):
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            services.credentials_refused(connection=Connection.objects.get(pk=connected.pk), detail="401")

    connected.refresh_from_db()
    assert (connected.status, connected.status_note) == (Status.RECONNECT, "401")
    assert ActivityEntry.objects.filter(verb="connection.refused").count() == 1
    assert [message.subject for message in mail.outbox] == [f"{connected} needs new credentials"]


@pytest.mark.parametrize("status", [Status.PAUSED, Status.DISCONNECTED])
def test_a_late_refusal_changes_nothing_for_an_account_at_rest(connected, status):
    under_way = Connection.objects.get(pk=connected.pk)
    connected.set_status(status)

    services.credentials_refused(connection=under_way, detail="401")

    connected.refresh_from_db()
    assert connected.status == status


def test_a_refusal_of_the_old_key_does_not_stop_the_new_one(connected):
    under_way = Connection.objects.get(pk=connected.pk)
    connected.set_credentials({"api_key": "another"})
    connected.save()

    services.credentials_refused(connection=under_way, detail="401")

    connected.refresh_from_db()
    assert connected.status == Status.READY


def test_a_revoked_key_pauses_the_work_until_a_new_one_opens_the_same_account(
    connected, check, account, admin
):
    account.control(
        "faults", provider="brevo", method="GET", path="/account", kind="status", status=401, times=1
    )
    services.check_again(connection=connected)
    run_outbox("accounts.check")
    connected.refresh_from_db()
    assert connected.status == Status.RECONNECT
    entry = connected.outbox.get(task="accounts.check", state=OutboxEntry.State.WAITING)
    assert outbox.claim(entry.pk) is None

    gone = check(replaces=connected)

    connected.refresh_from_db()
    assert connected.status == Status.READY
    assert connected.credentials == {"api_key": KEY}
    assert not Connection.objects.filter(pk=gone.pk).exists()
    assert ActivityEntry.objects.filter(verb="connection.key_replaced").count() == 1


def test_a_key_of_another_account_changes_nothing(connected, check):
    row = check("sandbox-other", replaces=connected)

    connected.refresh_from_db()
    assert "opens another account" in row.status_note
    assert connected.credentials == {"api_key": KEY}


def test_a_key_that_opens_another_account_later_stops_the_connection(connected):
    Connection.objects.filter(pk=connected.pk).update(fingerprint="another")

    services.check_again(connection=connected)
    run_outbox("accounts.check")

    connected.refresh_from_db()
    assert connected.status == Status.RECONNECT


# Day by day


def test_pausing_holds_the_work_and_resuming_lets_it_go(connected, admin):
    services.pause(connection=connected, by=admin)
    connected.refresh_from_db()
    entry = connected.outbox.filter(task="audiences.pull_fields").get()
    assert outbox.claim(entry.pk) is None
    with pytest.raises(CannotDo):
        services.start_pull(connection=connected, by=admin)

    services.resume(connection=connected, by=admin)

    connected.refresh_from_db()
    assert connected.status == Status.READY
    with pytest.raises(CannotDo):
        services.resume(connection=connected, by=admin)


def test_disconnecting_forgets_the_key_and_keeps_the_row(connected, admin):
    services.disconnect(connection=connected, by=admin)

    connected.refresh_from_db()
    assert connected.status == Status.DISCONNECTED
    assert connected.credentials == {}
    assert not connected.outbox.filter(state=OutboxEntry.State.WAITING).exists()
    assert Pull.objects.get().state == Pull.State.CANCELLED


def test_a_disconnected_account_comes_back_as_it_was(connected, check, admin):
    services.disconnect(connection=connected, by=admin)

    again = services.save_connection(connection=check(), by=admin)

    assert again == connected
    assert again.status == Status.READY
    assert again.credentials == {"api_key": KEY}
    assert Connection.objects.count() == 1


def test_a_guard_keeps_a_connection(connected, admin, monkeypatch):
    monkeypatch.setattr(
        services, "_GUARDS", [lambda connection: "Two campaigns are on their way through it."]
    )

    with pytest.raises(CannotDo, match="Two campaigns"):
        services.disconnect(connection=connected, by=admin)


def test_renaming_is_told_with_before_and_after(connected, admin):
    before = connected.name
    services.rename(connection=connected, name="Main account", by=admin)

    entry = ActivityEntry.objects.get(verb="connection.renamed")
    assert (entry.before, entry.after) == ({"name": before}, {"name": "Main account"})


# Webhooks


def webhooks(account):
    state = account.read("state", provider="brevo", account=KEY)["state"]
    return state["webhooks"]


def test_a_webhook_is_registered_once_even_when_the_answer_was_lost(connected, account, admin):
    account.control("faults", provider="brevo", method="POST", path="/webhooks", kind="drop_after", times=1)
    services.register_webhook(connection=connected, by=admin)
    run_outbox("accounts.register_webhook")
    entry = connected.outbox.get(task="accounts.register_webhook")
    assert (entry.state, entry.must_look) == (OutboxEntry.State.WAITING, True)

    OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now())
    run_outbox("accounts.register_webhook")

    connected.refresh_from_db()
    assert connected.webhook_remote_id
    assert len(webhooks(account)) == 1
    assert ActivityEntry.objects.filter(verb="webhook.registered").count() == 1


def test_a_new_webhook_secret_keeps_the_old_one_alive(connected, account, admin):
    services.register_webhook(connection=connected, by=admin)
    run_outbox("accounts.register_webhook")
    old = connected.webhook_secrets

    services.rotate_webhook_secret(connection=connected, by=admin)
    run_outbox("accounts.register_webhook")

    connected.refresh_from_db()
    assert connected.webhook_secrets[1:] == old
    assert len(webhooks(account)) == 1


def test_a_provider_on_the_internet_cannot_call_a_loopback_address(connected, admin, settings):
    Connection.objects.filter(pk=connected.pk).update(base_url="https://api.example.com/v3")
    connected.refresh_from_db()
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    with pytest.raises(CannotDo, match="PUBLIC_URL"):
        services.register_webhook(connection=connected, by=admin)


# Upkeep


def test_the_sweep_looks_after_everything_and_twice_does_no_harm(connected):
    OutboxEntry.objects.filter(task="audiences.follow").delete()
    OutboxEntry.objects.filter(task="audiences.pull_fields").update(
        state=OutboxEntry.State.SET_ASIDE, note="no"
    )

    for _ in range(2):
        tasks.sweep()

    assert Pull.objects.get().state == Pull.State.FAILED
    assert OutboxEntry.objects.filter(task="audiences.follow").count() == 1


def test_upkeep_goes_on_without_a_cache(connected, monkeypatch):
    def away(*_, **__):
        raise redis.ConnectionError

    monkeypatch.setattr(upkeep.cache, "add", away)

    tasks.sweep()


def test_upkeep_gives_a_lost_standing_entry_back_once(connected):
    OutboxEntry.objects.filter(task="audiences.follow").delete()

    assert upkeep.follow_again() == 1
    assert upkeep.follow_again() == 0

    OutboxEntry.objects.filter(task="audiences.follow").update(state=OutboxEntry.State.SET_ASIDE)
    assert upkeep.follow_again() == 0


def test_keys_that_were_never_saved_are_not_kept(check, connected):
    row = check()
    Connection.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=2))

    assert upkeep.drop_old_checks() > 0
    assert list(Connection.objects.all()) == [connected]


def test_what_waits_for_a_person_is_listed(connected, rf, workspace):
    Connection.objects.filter(pk=connected.pk).update(status=Status.RECONNECT)
    OutboxEntry.objects.filter(task="audiences.pull_fields").update(
        state=OutboxEntry.State.SET_ASIDE, note="said no"
    )

    assert [(item.title, item.tone) for item in attention.needs(workspace)] == [
        (f"Reconnect {connected}", "bad"),
        ("Pull fields", "warn"),
    ]


def test_another_workspace_sees_nothing_of_it(connected):
    assert attention.needs(WorkspaceFactory()) == []
    assert attention.running(WorkspaceFactory()) == []


def test_a_retried_entry_is_told(connected, admin):
    entry = OutboxEntry.objects.filter(task="audiences.pull_fields").get()
    OutboxEntry.objects.filter(pk=entry.pk).update(state=OutboxEntry.State.SET_ASIDE)

    assert services.retry_entry(entry=entry, by=admin) is True
    assert services.retry_entry(entry=entry, by=admin) is False
    assert ActivityEntry.objects.filter(verb="outbox.retried").count() == 1


def test_factories_make_connections_that_nothing_answers():
    assert ConnectionFactory().credentials == {"api_key": "sandbox-test"}
