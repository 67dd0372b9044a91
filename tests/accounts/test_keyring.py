"""The tokens of a connection: renewed once for all workers, kept by nobody else, and never asked for in a loop."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
import requests
from django.conf import settings as django_settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from accounts import vault
from accounts.keyring import ConnectionKeyring
from accounts.models import Connection, ConnectionTokens, OutboxEntry, Role, User, Workspace
from accounts.providers import provider_class
from accounts.providers.errors import Unauthorized
from accounts.providers.records import Tokens
from accounts.services import connections
from tests.accounts_there import TOKENS, AccountThere
from tests.conftest import SandboxServer
from tests.helpers import run_outbox

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "sandbox-keyring"
BACK = "http://127.0.0.1/back"
WORKERS = 8
PASSWORD = "correct horse battery"

# name → provider, and what else its credentials say. `code` and `managed` come with a token to renew by.
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "especial": ("especial", {"username": f"{NAME}@example.test", "password": PASSWORD}),
    "especial-keeping": (
        "especial",
        {"username": f"{NAME}@example.test", "password": PASSWORD, "keep_password": "yes"},
    ),
    "mailmojo-client": ("mailmojo", {"way": "client", "client_id": NAME, "client_secret": "sandbox"}),
    "mailmojo-code": ("mailmojo", {"way": "code", "redirect_uri": BACK}),
    "mailmojo-managed": ("mailmojo", {"way": "managed", "username": NAME}),
    "leadfox": ("leadfox", {"api_key": NAME, "secret": PASSWORD}),
    "emailcampaigns": ("emailcampaigns", {"way": "login", "username": NAME, "password": PASSWORD}),
}
RENEWABLE = [name for name in CASES if name != "emailcampaigns"]
# Those that get by without what they were connected with once the answer to a refresh is lost.
LEFT_WITH_NOTHING = ["especial", "mailmojo-code"]


class Place:
    """An account there that is connected and has tokens."""

    def __init__(self, case: str, server: SandboxServer, workspace: Workspace) -> None:
        self.slug, credentials = CASES[case]
        self.there = AccountThere(server, self.slug, NAME)
        self.connection = self.there.connect(workspace)
        self.connection.set_credentials(self.with_code(credentials))
        self.connection.save()
        self.connection.fingerprint = self.connection.open().account().fingerprint
        self.connection.save(update_fields=["fingerprint"])

    def with_code(self, credentials: dict[str, str]) -> dict[str, str]:
        if credentials.get("way") != "code":
            return credentials
        url = provider_class("mailmojo").consent_url(
            base_url=self.there.base_url,
            credentials={"client_id": "sandbox"},
            redirect_uri=BACK,
            state="s",
        )
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        reply = requests.post(
            f"{self.there.base_url}/oauth/authorize/",
            params=asked,
            data={**asked, "account": NAME, "decision": "allow"},
            allow_redirects=False,
            timeout=10,
        )
        code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
        return {**credentials, "code": code}

    @property
    def row(self) -> ConnectionTokens:
        return ConnectionTokens.objects.select_related("connection").get(pk=self.connection.pk)

    @property
    def tokens(self) -> Tokens:
        tokens = self.row.read()
        assert tokens is not None
        return tokens

    def change(self, **values: Any) -> None:
        row = self.row
        row.set(replace(self.tokens, **values))
        row.save()

    def spoil(self, how: str) -> None:
        """So that no call can be made with it: by our clock, or by the account's word."""
        if how == "expired":
            self.change(expires_at=timezone.now() - timedelta(hours=1))
        else:
            later = timezone.now() + timedelta(hours=1)
            self.change(access=f"{self.tokens.access[:-3]}xxx", expires_at=later)

    def asked(self) -> int:
        """Calls for tokens so far."""
        return len(self.there.calls(TOKENS[self.slug]))

    def read(self) -> str:
        return Connection.objects.get(pk=self.connection.pk).open().account().fingerprint


@pytest.fixture
def place(sandbox: SandboxServer, settings: Any, workspace: Workspace) -> Callable[[str], Place]:
    settings.SANDBOX_URL = sandbox.url
    return lambda case: Place(case, sandbox, workspace)


def at_once(work: Callable[[], Any]) -> list[Any]:
    """What each of the workers gets that begin in the same instant, each with a database connection of its own."""
    barrier, results = threading.Barrier(WORKERS), []

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at what came
            results.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.parametrize("how", ["expired", "refused"])
@pytest.mark.parametrize("case", RENEWABLE)
def test_of_eight_workers_one_asks_for_new_tokens(case: str, how: str, place: Callable[[str], Place]) -> None:
    account = place(case)
    account.spoil(how)
    spoilt, before = account.tokens, account.asked()

    assert at_once(account.read) == [account.connection.fingerprint] * WORKERS
    assert account.asked() - before == 1
    assert account.tokens != spoilt
    assert account.row.renewed_at > timezone.now() - timedelta(minutes=1)  # type: ignore[operator]


def test_threads_of_one_provider_renew_once(place: Callable[[str], Place]) -> None:
    """As the threads of a pull do, which share what is open."""
    account = place("especial")
    provider = Connection.objects.get(pk=account.connection.pk).open()
    account.spoil("refused")
    provider.keyring.__init__(account.connection)  # type: ignore[misc]
    before = account.asked()

    assert at_once(lambda: provider.account().fingerprint) == [account.connection.fingerprint] * WORKERS
    assert account.asked() - before == 1


@pytest.mark.parametrize("case", [case for case in RENEWABLE if case not in LEFT_WITH_NOTHING])
def test_a_lost_answer_to_a_renewal_ends_in_new_tokens(case: str, place: Callable[[str], Place]) -> None:
    account = place(case)
    account.spoil("expired")
    spoilt, before = account.tokens, account.asked()
    account.there.fault("drop_after", TOKENS[account.slug])

    assert account.read() == account.connection.fingerprint
    # The lost one and the next; where that finds the old token spent, the credentials get a new one.
    logins = 1 if case in ("especial-keeping", "mailmojo-managed") else 0
    assert account.asked() - before == 2 + logins
    assert account.tokens != spoilt
    assert account.read() == account.connection.fingerprint


@pytest.mark.parametrize("case", LEFT_WITH_NOTHING)
def test_a_lost_answer_without_credentials_kept_asks_a_person_once(
    case: str, place: Callable[[str], Place], member: Callable[..., User]
) -> None:
    admin = member(Role.ADMIN)
    account = place(case)
    account.spoil("expired")
    before = account.asked()
    account.there.fault("drop_after", TOKENS[account.slug])
    connections.check_again(connection=account.connection)
    for _ in range(3):
        OutboxEntry.objects.filter(state="waiting").update(not_before=timezone.now())
        run_outbox()

    account.connection.refresh_from_db()
    assert account.connection.status == Connection.Status.RECONNECT
    assert account.connection.status_note
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([admin.email], f"{account.connection} needs new credentials")
    ]
    assert account.asked() - before == 2
    assert [(entry.task, entry.state) for entry in OutboxEntry.objects.all()] == [
        ("accounts.check", "waiting")
    ]


def test_an_account_that_is_away_while_it_is_asked_keeps_its_tokens(place: Callable[[str], Place]) -> None:
    account = place("especial")
    account.spoil("expired")
    spoilt = account.tokens
    account.there.fault("drop_before", TOKENS[account.slug], times=0)
    connections.check_again(connection=account.connection)
    run_outbox()
    assert (account.tokens, OutboxEntry.objects.get().state) == (spoilt, "waiting")

    requests.delete(f"{account.there.server.url}/_control/faults", timeout=10)
    redis.Redis.from_url(django_settings.CACHES["default"]["LOCATION"]).flushdb()  # the breaker has opened
    OutboxEntry.objects.update(not_before=timezone.now())
    run_outbox()
    account.connection.refresh_from_db()
    assert (OutboxEntry.objects.get().state, account.connection.status) == ("done", "ready")
    assert account.tokens != spoilt


@pytest.mark.parametrize("case", CASES)
def test_what_got_the_tokens_is_forgotten_if_it_is_not_needed_again(
    case: str, place: Callable[[str], Place]
) -> None:
    account = place(case)
    account.connection.refresh_from_db()

    assert account.connection.credentials == {
        "especial": {"username": f"{NAME}@example.test"},
        "mailmojo-code": {"way": "code"},
        "emailcampaigns": {"way": "login", "username": NAME},
    }.get(case, CASES[case][1])


# Where secrets may not be


def everything_stored() -> str:
    """Every row of every table, as text."""
    with database.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        found = []
        for name in names:
            cursor.execute(f'select t::text from "{name}" t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def everything_in_redis() -> str:
    found = []
    for url in (django_settings.REDIS_URL, django_settings.CACHES["default"]["LOCATION"]):
        client: Any = redis.Redis.from_url(url)
        for key in client.scan_iter():
            kind = client.type(key)
            values = client.lrange(key, 0, -1) if kind == b"list" else None
            values = client.hgetall(key) if kind == b"hash" else values
            values = client.get(key) if kind == b"string" else values
            found.append(repr((key, values)))
    return "\n".join(found)


@pytest.mark.parametrize("case", CASES)
def test_secrets_stand_in_no_log_queue_note_mail_or_page(
    case: str,
    place: Callable[[str], Place],
    browse: Callable[..., Client],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Renewed, echoed in an answer, and refused for good."""
    caplog.set_level("DEBUG")
    account = place(case)
    secrets = {account.tokens.access, account.tokens.refresh, PASSWORD}
    if account.tokens.refresh:
        account.spoil("expired")
    account.read()
    secrets |= {account.tokens.access, account.tokens.refresh, account.connection.credentials.get("code", "")}
    path = {
        "especial": "/accounts/self", "mailmojo": "/v1/accounts/", "leadfox": "/v1/property",
        "emailcampaigns": "/email/senderid/",
    }[account.slug]  # fmt: skip
    kept = PASSWORD if PASSWORD in account.connection.credentials.values() else ""
    echo = f"What is {account.tokens.access}, and what is {account.tokens.refresh} worth with {kept}?"
    for status, times in ((400, 1), (401, 2)):
        account.there.fault("status", path, times=times, status=status, body={"detail": echo, "error": echo})
        connections.check_again(connection=Connection.objects.get(pk=account.connection.pk))
        run_outbox()
    pages = [
        browse().get(f"/w/acme/connections/{account.connection.pk}/{tab}").content.decode()
        for tab in ("", "?tab=log", "?tab=limits")
    ]
    out = capfd.readouterr()
    told = "\n".join(
        [
            caplog.text, out.out, out.err, everything_stored(), everything_in_redis(), *pages,
            *(f"{message.subject}{message.body}" for message in mail.outbox),
        ]
    )  # fmt: skip

    assert [secret for secret in secrets if secret and secret in told] == []
    assert account.connection.name in pages[0]
    assert "What is" in pages[1]


# Replaced, forgotten, rotated, locked


def test_replacing_credentials_takes_the_new_tokens_over(
    place: Callable[[str], Place], member: Callable[..., User]
) -> None:
    account = place("especial")
    old = account.tokens
    connections.replace_credentials(
        connection=account.connection,
        credentials={"username": f"{NAME}@example.test", "password": "another password"},
        base_url=account.there.base_url,
        by=member(Role.ADMIN),
    )
    before = account.asked()
    run_outbox("accounts.check")
    account.connection.refresh_from_db()

    assert account.asked() - before == 1
    assert account.tokens not in (old, None)
    assert ConnectionTokens.objects.count() == Connection.objects.count() == 1
    assert account.connection.credentials == {"username": f"{NAME}@example.test"}
    assert account.read() == account.connection.fingerprint
    assert account.asked() - before == 1


def test_credentials_of_another_account_change_no_tokens(
    place: Callable[[str], Place], member: Callable[..., User]
) -> None:
    account = place("especial")
    old = account.tokens
    check = connections.replace_credentials(
        connection=account.connection,
        credentials={"username": "sandbox-other@example.test", "password": PASSWORD},
        base_url=account.there.base_url,
        by=member(Role.ADMIN),
    )
    run_outbox("accounts.check")
    check.refresh_from_db()

    assert account.tokens == old
    assert "another account" in check.status_note


def test_disconnecting_forgets_the_tokens(place: Callable[[str], Place], member: Callable[..., User]) -> None:
    account = place("especial-keeping")
    connections.disconnect(connection=account.connection, by=member(Role.ADMIN))
    account.connection.refresh_from_db()

    assert (ConnectionTokens.objects.count(), account.connection.credentials) == (0, {})


def test_an_account_disconnected_while_it_is_asked_keeps_no_tokens(
    place: Callable[[str], Place], member: Callable[..., User]
) -> None:
    """The person who disconnects it does not wait for the account."""
    account, admin = place("especial"), member(Role.ADMIN)
    stale = account.tokens
    fresh = replace(stale, access="fresh")

    def ask(_: Tokens | None) -> Tokens:
        worker = threading.Thread(target=disconnect)
        worker.start()
        worker.join(10)
        assert not worker.is_alive()
        return fresh

    def disconnect() -> None:
        connections.disconnect(connection=account.connection, by=admin)
        database.close()

    keyring = ConnectionKeyring(account.connection)
    with pytest.raises(Unauthorized, match="disconnected"):
        keyring.renew(stale, ask)
    assert ConnectionTokens.objects.count() == 0
    with pytest.raises(Unauthorized, match="disconnected"):
        keyring.renew(stale, lambda _: fresh)
    assert ConnectionTokens.objects.count() == 0


def test_rotating_the_vault_takes_the_tokens_along(place: Callable[[str], Place], settings: Any) -> None:
    from cryptography.fernet import Fernet

    account = place("especial")
    tokens, old = account.tokens, settings.VAULT_KEYS
    settings.VAULT_KEYS = [Fernet.generate_key().decode(), *old]
    with pytest.raises(CommandError, match="still need an old key"):
        call_command("rotate_vault", check=True)
    call_command("rotate_vault")
    call_command("rotate_vault", check=True)
    settings.VAULT_KEYS = settings.VAULT_KEYS[:1]

    assert account.tokens == tokens
    assert account.read() == account.connection.fingerprint


def test_without_the_key_of_the_vault_work_waits_and_says_why(
    place: Callable[[str], Place], settings: Any, browse: Callable[..., Client]
) -> None:
    from cryptography.fernet import Fernet

    account = place("especial")
    connections.check_again(connection=account.connection)
    keys, settings.VAULT_KEYS = settings.VAULT_KEYS, [Fernet.generate_key().decode()]
    before = account.asked()
    run_outbox()
    entry = OutboxEntry.objects.get()
    assert (entry.state, entry.note) == ("waiting", vault.Locked().sentence)
    assert account.asked() == before
    assert browse().get(f"/w/acme/connections/{account.connection.pk}/").status_code == 200

    settings.VAULT_KEYS = keys
    OutboxEntry.objects.update(not_before=timezone.now())
    run_outbox()
    assert OutboxEntry.objects.get().state == "done"
