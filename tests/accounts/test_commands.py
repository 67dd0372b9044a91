"""manage.py demo, rotate_vault and verify_activity."""

import pytest
from allauth.account.models import EmailAddress
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database

from accounts import activity, vault
from accounts.models import Connection, Membership, OutboxEntry, Pull, User
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


def test_the_demo_has_people_of_every_role_and_a_connection_that_is_being_pulled(embedded, client, capsys):
    call_command("demo")

    assert sorted(Membership.objects.values_list("user__email", "role")) == [
        ("admin@demo.test", "admin"),
        ("approver@demo.test", "approver"),
        ("editor@demo.test", "editor"),
        ("viewer@demo.test", "viewer"),
    ]
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 4
    assert client.login(email="editor@demo.test", password="campanile-demo")
    connection = Connection.objects.get()
    assert connection.status == Connection.Status.READY
    assert Pull.objects.get().is_running
    run_outbox("accounts.register_webhook")
    connection.refresh_from_db()
    assert connection.webhook_remote_id


def test_the_demo_made_twice_is_made_once_and_follows_the_sandbox(
    embedded, settings, django_assert_max_num_queries
):
    call_command("demo")
    run_outbox("accounts.register_webhook")
    Connection.objects.update(base_url="http://127.0.0.1:1/brevo/v3")

    with django_assert_max_num_queries(45):
        call_command("demo")
    settings.PUBLIC_URL = "http://127.0.0.1:8001"
    run_outbox("accounts.register_webhook")

    connection = Connection.objects.get()
    assert connection.base_url == f"{settings.SANDBOX_URL}/brevo/v3"
    assert Pull.objects.count() == 1
    assert [hook.url for hook in connection.open().webhooks()] == [
        f"http://127.0.0.1:8001/hooks/{connection.webhook_token}/"
    ]


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
    assert "Sealed 1 connections" in capsys.readouterr().out


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
