"""manage.py demo, rotate_vault and verify_activity."""

import pytest
from allauth.account.models import EmailAddress
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database

from accounts import activity, vault
from accounts.management.commands.demo import ACCOUNTS
from accounts.models import Connection, Membership, OutboxEntry, Pull, User
from accounts.providers import PROVIDERS, provider_class
from accounts.services import connections as services
from tests.factories import ConnectionFactory, WorkspaceFactory
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def embedded(settings, sandbox):
    settings.EMBEDDED = True
    settings.SANDBOX_URL = sandbox.url
    return settings


# demo


def test_the_demo_is_refused_on_a_real_installation(settings):
    settings.EMBEDDED = False

    with pytest.raises(CommandError, match="embedded"):
        call_command("demo")
    assert not User.objects.exists()


def test_the_demo_has_people_of_every_role_and_each_account_of_the_sandbox(embedded, client):
    call_command("demo")

    assert sorted(Membership.objects.values_list("user__email", "role")) == [
        ("admin@demo.test", "admin"),
        ("approver@demo.test", "approver"),
        ("editor@demo.test", "editor"),
        ("viewer@demo.test", "viewer"),
    ]
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 4
    assert client.login(email="editor@demo.test", password="campanile-demo")
    accounts = Connection.objects.order_by("pk").values_list("provider", "name", "status")
    assert list(accounts) == [
        ("brevo", "Fernweh Outdoor", "ready"),
        ("especial", "Fernweh Club", "ready"),
        ("mailmojo", "Fernweh Norge", "ready"),
        ("leadfox", "Fernweh Canada", "ready"),
        ("emailcampaigns", "events.fernweh.example (127.0.0.1)", "ready"),
    ]
    run_outbox("accounts.register_webhook")
    reporting = Connection.objects.exclude(webhook_remote_id="").values_list("provider", flat=True)
    assert set(reporting) == {slug for slug in PROVIDERS if provider_class(slug).capabilities.has_webhooks}


def test_the_demo_knows_an_account_of_every_provider():
    assert set(ACCOUNTS) == set(PROVIDERS)


def test_the_demo_waits_for_no_pull(embedded, sandbox):
    """What it reads before the pages open is whose accounts they are, with their senders."""
    call_command("demo")

    assert {pull.state for pull in Pull.objects.all()} == {Pull.State.RUNNING}
    assert OutboxEntry.objects.filter(task="audiences.pull_fields", state="waiting").count() == 5
    assert len(sandbox.read("log")["calls"]) <= 20
    assert {call["method"] for call in sandbox.read("log")["calls"] if not is_for_tokens(call)} == {"GET"}


def is_for_tokens(call):
    return call["path"].rstrip("/").endswith(("/token", "/auth"))


def test_the_demo_made_twice_is_made_once_and_follows_the_sandbox(embedded, settings, sandbox):
    call_command("demo")
    run_outbox("accounts.register_webhook")
    before = list(Connection.objects.order_by("pk").values_list("pk", "base_url"))
    Connection.objects.update(base_url="http://127.0.0.1:1/elsewhere")

    settings.PUBLIC_URL = "http://127.0.0.1:8001"
    asked = len(sandbox.read("log")["calls"])
    call_command("demo")
    assert len(sandbox.read("log")["calls"]) == asked  # nothing is awaited
    run_outbox("accounts.register_webhook")

    assert list(Connection.objects.order_by("pk").values_list("pk", "base_url")) == before
    assert Pull.objects.count() == 5
    connection = Connection.objects.get(provider="brevo")
    assert [hook.url for hook in connection.open().webhooks()] == [
        f"http://127.0.0.1:8001/hooks/{connection.webhook_token}/"
    ]


def test_an_account_that_somebody_disconnected_stays_so(embedded, member):
    call_command("demo")
    connection = Connection.objects.get(provider="leadfox")
    services.disconnect(connection=connection, by=member("admin"))

    call_command("demo")

    assert [found.status for found in Connection.objects.filter(provider="leadfox")] == ["disconnected"]


def test_the_demo_says_when_there_is_no_sandbox(embedded, settings):
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    settings.PRIVATE_ADDRESSES = ["127.0.0.1:1"]

    with pytest.raises(CommandError, match="could not be read"):
        call_command("demo")
    assert not Connection.objects.exists()


# rotate_vault


def test_rotating_brings_every_secret_under_the_newest_key(settings, capsys):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.VAULT_KEYS = [old]
    connection = ConnectionFactory()
    settings.VAULT_KEYS = [new, old]
    with pytest.raises(CommandError, match="still need an old key"):
        call_command("rotate_vault", "--check")

    call_command("rotate_vault")
    call_command("rotate_vault", "--check")

    settings.VAULT_KEYS = [new]
    connection.refresh_from_db()
    assert connection.credentials == {"api_key": "sandbox-test"}
    assert connection.webhook_secrets == ["webhook-secret"]
    assert "Sealed 1 secrets" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_lost_key_is_named_and_nothing_is_changed(settings, arguments):
    connection = ConnectionFactory()
    before = connection.sealed_credentials
    settings.VAULT_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="No key in VAULT_KEYS opens"):
        call_command("rotate_vault", *arguments)
    connection.refresh_from_db()
    assert connection.sealed_credentials == before


def test_a_secret_moved_to_another_row_does_not_open():
    mine, other = ConnectionFactory(api_key="sandbox-mine"), ConnectionFactory()
    other.sealed_credentials = mine.sealed_credentials

    with pytest.raises(vault.Locked):
        _ = other.credentials


def test_without_any_key_nothing_opens_and_nothing_is_sealed(settings):
    connection = ConnectionFactory()
    settings.VAULT_KEYS = []

    with pytest.raises(vault.Locked, match="VAULT_KEYS"):
        _ = connection.credentials
    with pytest.raises(vault.Locked):
        connection.set_credentials({"api_key": "x"})


# verify_activity


def behind_the_back(statement, *values):
    """What somebody with all rights on the database could do."""
    with database.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("alter table accounts_activityentry disable trigger user")
        cursor.execute(statement, values)
        cursor.execute("alter table accounts_activityentry enable trigger user")


def test_a_whole_chain_is_verified(workspace, capsys):
    for number in range(3):
        activity.record(
            workspace, "list.renamed", f"Renamed {number}.", after={"n": number, "word": "é\u2028"}
        )
    activity.record(WorkspaceFactory(slug="other"), "list.renamed", "Elsewhere.")

    call_command("verify_activity")

    assert capsys.readouterr().out == "acme: whole\nother: whole\n"


def test_a_changed_entry_breaks_the_chain(workspace, capsys):
    entries = [activity.record(workspace, "list.renamed", f"Renamed {number}.") for number in range(3)]
    behind_the_back("update accounts_activityentry set sentence = 'x' where id = %s", entries[1].pk)

    with pytest.raises(CommandError, match="acme"):
        call_command("verify_activity", "acme")
    assert f"broken at entry {entries[1].pk}" in capsys.readouterr().out


def test_a_removed_entry_breaks_the_chain(workspace):
    entries = [activity.record(workspace, "list.renamed", f"Renamed {number}.") for number in range(3)]
    behind_the_back("delete from accounts_activityentry where id = %s", entries[1].pk)

    assert activity.first_broken(workspace) == entries[2]


@pytest.mark.parametrize(
    "change", ["update accounts_activityentry set sentence = 'x'", "delete from accounts_activityentry"]
)
def test_the_database_itself_refuses_to_change_the_log(workspace, change):
    activity.record(workspace, "list.renamed", "Renamed.")

    with pytest.raises(Exception, match="append"), database.cursor() as cursor:
        cursor.execute(change)


def test_an_unknown_workspace_is_named():
    with pytest.raises(CommandError, match="nowhere"):
        call_command("verify_activity", "nowhere")


def test_outbox_entries_of_the_demo_are_done_or_due(embedded):
    call_command("demo")

    assert not OutboxEntry.objects.filter(state=OutboxEntry.State.SET_ASIDE).exists()
