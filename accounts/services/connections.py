"""What people do with connections. Nothing here waits for a provider: checks and calls are recorded for the worker."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import activity, mail, outbox, pulls, queries
from accounts.models import Connection, Membership, OutboxEntry, Pull, Role, User, Workspace
from accounts.models.connections import app_credentials
from accounts.providers import provider_class
from accounts.providers.base import Effect, Way
from accounts.refusals import CannotDo

Status = Connection.Status
FOLLOW = "audiences.follow"

# What forbids to disconnect: other apps add functions that answer a sentence, or "" when they have no objection.
Guard = Callable[[Connection], str]
_GUARDS: list[Guard] = []


class CannotConnect(CannotDo):
    pass


def guard_disconnect(guard: Guard) -> None:
    """Ask `guard` before a connection goes. For `AppConfig.ready` of the apps above."""
    if guard not in _GUARDS:
        _GUARDS.append(guard)


# Connecting


def sandbox_url(provider: str) -> str:
    """Where the sandbox beside us plays this provider."""
    return f"{settings.SANDBOX_URL}/{provider}{urlsplit(provider_class(provider).default_base_url).path}"


@dataclass(frozen=True, slots=True)
class ConsentPlace:
    """Where a person is asked, by which way, and with which app of this installation."""

    way: str
    base_url: str
    app: Mapping[str, str]


def consent_place(*, provider: str, way: str, base_url: str) -> ConsentPlace:
    """Raises CannotConnect where this installation has no app at the provider, or the way is another one."""
    cls = provider_class(provider)
    chosen = next((known for known in cls.ways if known.name == way), cls.ways[0])
    if not chosen.asks_there:
        raise CannotConnect(f"{cls.name} is connected in another way.")
    if not base_url and asks_the_sandbox(provider):
        base_url = sandbox_url(provider)
    if sentence := missing_app(provider=provider, way=chosen, base_url=base_url):
        raise CannotConnect(sentence)
    return ConsentPlace(chosen.name, base_url, app_credentials(provider, base_url))


def asks_the_sandbox(provider: str) -> bool:
    """Whether people are asked on the sandbox's page, as an embedded installation that no provider knows does."""
    return settings.EMBEDDED and not all(app_credentials(provider, "").values())


def missing_app(*, provider: str, way: Way, base_url: str) -> str:
    """What the operator must do before anybody can connect in this way; empty where nothing is missing."""
    typed = {credential.name for credential in way.credentials}
    needed = [name for name in provider_class(provider).app_credentials if name not in typed]
    app = app_credentials(provider, base_url)
    if all(app[name] for name in needed):
        return ""
    name = provider_class(provider).name
    names = " and ".join(f"{provider}_{name}".upper() for name in needed)
    return (
        f"This installation is not known to {name} yet. The operator asks {name} for an app and sets {names}."
    )


def _refuse_unless_allotted(
    *, workspace: Workspace, provider: str, way: Way, credentials: Mapping[str, str], base_url: str
) -> None:
    """An app that acts for whomever a credential names does so for those the operator allots. The sandbox knows nobody real."""
    if not way.allotted or base_url.startswith(f"{settings.SANDBOX_URL}/"):
        return
    named = credentials.get(way.allotted, "").strip()
    if f"{workspace.slug}:{named}" in settings.PROVIDER_ALLOTMENTS.get(provider, ()):
        return
    sentence = (
        f"This account is not allotted to this workspace. The operator adds {workspace.slug}:{named or '…'} to "
        f"{f'{provider}_{way.name}'.upper()}."
    )
    raise CannotConnect(sentence, fields={way.allotted: sentence})


@transaction.atomic
def begin_check(
    *,
    workspace: Workspace,
    provider: str,
    credentials: Mapping[str, str],
    base_url: str = "",
    by: User,
    replaces: Connection | None = None,
) -> Connection:
    """Seal what was typed and ask the worker whose account it opens.

    The row answers as it goes: `checked_at` when the account was read, `status_note` when it could not be.
    Raises vault.Locked without a key, CannotConnect where the way needs an app that this installation does not have or
    that is not allotted to the workspace.
    """
    if settings.EMBEDDED and not base_url and queries.is_of_the_sandbox(credentials.values()):
        base_url = sandbox_url(provider)
    cls = provider_class(provider)
    way = cls.way(credentials.get("way", ""))
    if sentence := missing_app(provider=provider, way=way, base_url=base_url):
        raise CannotConnect(sentence)
    _refuse_unless_allotted(
        workspace=workspace, provider=provider, way=way, credentials=credentials, base_url=base_url
    )
    connection = Connection(
        workspace=workspace,
        provider=provider,
        name=cls.name,
        base_url=base_url,
        created_by=by,
        account={"replaces": replaces.pk} if replaces else {},
    )
    connection.set_credentials(credentials)
    connection.save()
    _record_check(connection)
    return connection


@transaction.atomic
def save_connection(*, connection: Connection, by: User) -> Connection:
    """Keep a checked account and start its first pull. Answers the connection that has it now.

    An account that was disconnected comes back as the connection it was, mirror and results included.
    """
    connection = _locked(connection)
    if connection.status != Status.CHECKING:
        return connection
    if connection.checked_at is None or not connection.fingerprint:
        raise CannotConnect("The account has not been read yet. Check it first.")
    known = (
        Connection.objects.select_for_update()
        .filter(
            workspace=connection.workspace, provider=connection.provider, fingerprint=connection.fingerprint
        )
        .exclude(status=Status.CHECKING)
        .first()
    )
    if known is not None and known.status != Status.DISCONNECTED:
        raise CannotConnect(
            f"This account is already connected as {known}. To use other credentials for it, replace them there."
        )
    if known is not None:
        _take_over(known, connection)
        known.set_status(Status.READY)
        connection, saved = known, known
    else:
        saved = connection
        saved.name = (saved.account.get("name") or saved.name)[:120]
        saved.status, saved.status_at = Status.READY, timezone.now()
        saved.set_webhook_secrets([secrets.token_urlsafe(32)])
        try:
            with transaction.atomic():
                saved.save()
        except IntegrityError as error:  # saved twice in this instant
            raise CannotConnect("This account has just been connected by somebody else.") from error
    activity.record(
        saved.workspace,
        "connection.connected",
        f"Connected {saved} ({saved.provider_name}).",
        actor=by,
        subject=saved,
        after={"account": saved.account.get("name", ""), "plan": saved.account.get("plan", "")},
    )
    pulls.start(connection=saved, by=by)
    record_following(saved)
    return saved


def record_following(connection: Connection) -> None:
    """The standing entry that follows changes over there, unless it stands already. Belongs in a transaction."""
    Connection.objects.select_for_update().get(pk=connection.pk)
    standing = OutboxEntry.objects.filter(connection=connection, task=FOLLOW).exclude(
        state__in=[OutboxEntry.State.DONE, OutboxEntry.State.CANCELLED]
    )
    if not standing.exists():
        outbox.record(
            task=FOLLOW,
            subject=connection,
            connection=connection,
            effect=Effect.READ,
            # Whatever writes contacts of one account goes one after the other.
            order_key=f"audience:{connection.pk}",
            priority=OutboxEntry.Priority.BULK,
        )


# Credentials


@transaction.atomic
def credentials_refused(*, connection: Connection, detail: str) -> None:
    """The provider does not take the key any more: work waits in order, people are told once.

    The answer may come late: a key that was replaced since, or an account at rest or disconnected, is left alone.
    """
    same_key = Connection.objects.filter(
        pk=connection.pk, status=Status.READY, sealed_credentials=connection.sealed_credentials
    )
    if not same_key.update(status=Status.RECONNECT, status_note=detail[:500], status_at=timezone.now()):
        return
    activity.record(
        connection.workspace,
        "connection.refused",
        f"{connection.provider_name} no longer takes the credentials of {connection}. Work for it waits.",
        subject=connection,
        after={"answer": detail},
    )
    admins = Membership.objects.filter(workspace=connection.workspace, role=Role.ADMIN)
    transaction.on_commit(
        partial(
            mail.send,
            "accounts/mails/reconnect.txt",
            to=list(admins.values_list("user__email", flat=True)),
            context={"connection": connection, "detail": detail},
        )
    )


def replace_credentials(
    *, connection: Connection, credentials: Mapping[str, str], base_url: str = "", by: User
) -> Connection:
    """Have a new key checked; it takes the old one's place only if it opens the same account.

    Answers the row that carries the check; it vanishes when the key was taken over.
    """
    return begin_check(
        workspace=connection.workspace,
        provider=connection.provider,
        credentials=credentials,
        base_url=base_url,
        by=by,
        replaces=connection,
    )


@transaction.atomic
def adopt_credentials(*, connection: Connection, checked: Connection) -> bool:
    """Give `connection` the key that `checked` was read with. False when it opens another account."""
    connection = _locked(connection)
    if checked.fingerprint != connection.fingerprint:
        return False
    by = checked.created_by
    _take_over(connection, checked)
    if connection.status == Status.RECONNECT:
        connection.set_status(Status.READY)
        wake(connection)
    activity.record(
        connection.workspace,
        "connection.key_replaced",
        f"Replaced the credentials of {connection}.",
        actor=by,
        subject=connection,
    )
    return True


def _take_over(connection: Connection, checked: Connection) -> None:
    """Key, address and account as just read; the row that carried the check goes."""
    connection.set_credentials(checked.credentials)
    connection.adopt_tokens(checked)
    connection.base_url = checked.base_url
    connection.account = {name: value for name, value in checked.account.items() if name != "replaces"}
    connection.checked_at = checked.checked_at
    connection.version += 1
    connection.save(update_fields=["sealed_credentials", "base_url", "account", "checked_at", "version"])
    checked.delete()


# Day by day


@transaction.atomic
def check_again(*, connection: Connection) -> None:
    """Read the account's name, plan, credits and senders anew."""
    _refuse_unless_working(connection)
    waiting = OutboxEntry.objects.filter(connection=connection, task="accounts.check")
    if not waiting.filter(state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED]).exists():
        _record_check(connection)


def start_pull(*, connection: Connection, by: User) -> Pull:
    """Raises CannotPull while one is running."""
    _refuse_unless_working(connection)
    return pulls.start(connection=connection, by=by)


@transaction.atomic
def pause(*, connection: Connection, by: User) -> None:
    """Nothing goes to or comes from the account until someone resumes it; work waits in order."""
    if not Connection.objects.filter(pk=connection.pk, status=Status.READY).update(
        status=Status.PAUSED, status_note=f"Paused by {by}."[:500], status_at=timezone.now()
    ):
        raise CannotConnect(f"{connection} is not at work, so there is nothing to pause.")
    activity.record(
        connection.workspace, "connection.paused", f"Paused {connection}.", actor=by, subject=connection
    )


@transaction.atomic
def resume(*, connection: Connection, by: User) -> None:
    if not Connection.objects.filter(pk=connection.pk, status=Status.PAUSED).update(
        status=Status.READY, status_note="", status_at=timezone.now()
    ):
        raise CannotConnect(f"{connection} is not paused.")
    activity.record(
        connection.workspace, "connection.resumed", f"Resumed {connection}.", actor=by, subject=connection
    )
    wake(connection)


@transaction.atomic
def rename(*, connection: Connection, name: str, by: User) -> None:
    before = connection.name
    if name == before:
        return
    connection.name = name
    connection.version += 1
    connection.save(update_fields=["name", "version"])
    activity.record(
        connection.workspace,
        "connection.renamed",
        f"Renamed {before} to {name}.",
        actor=by,
        subject=connection,
        before={"name": before},
        after={"name": name},
    )


@transaction.atomic
def disconnect(*, connection: Connection, by: User) -> None:
    """Forget the key and stop all work. Lists, contacts and results stay; the same account can come back."""
    connection = _locked(connection)
    if connection.status in (Status.CHECKING, Status.DISCONNECTED):
        raise CannotConnect(f"{connection} is not connected.")
    for guard in _GUARDS:
        if objection := guard(connection):
            raise CannotConnect(objection)
    connection.set_status(Status.DISCONNECTED)
    connection.set_credentials({})
    connection.save(update_fields=["sealed_credentials"])
    connection.forget_tokens(wait=False)
    OutboxEntry.objects.filter(connection=connection, state=OutboxEntry.State.WAITING).update(
        state=OutboxEntry.State.CANCELLED, ended_at=timezone.now(), note="The account was disconnected."
    )
    pulls.abandon(connection=connection, note="The account was disconnected. What was pulled so far stays.")
    activity.record(
        connection.workspace,
        "connection.disconnected",
        f"Disconnected {connection}.",
        actor=by,
        subject=connection,
    )


@transaction.atomic
def retry_entry(*, entry: OutboxEntry, by: User) -> bool:
    """Put set-aside work back in line. False when somebody has done so already."""
    if not outbox.retry(entry):
        return False
    activity.record(
        entry.workspace,
        "outbox.retried",
        f"Tried set-aside work again: {entry.task}.",
        actor=by,
        subject=entry,
        before={"note": entry.note},
    )
    return True


def wake(connection: Connection) -> None:
    """Ring for what waited for the account, a few at once; the sweep rings for the rest."""
    due = OutboxEntry.objects.filter(
        connection=connection, state=OutboxEntry.State.WAITING, not_before__lte=timezone.now()
    ).order_by("priority", "not_before", "id")[:10]
    for entry in due:
        transaction.on_commit(partial(outbox.ring, entry))


# Webhooks


def webhook_path(connection: Connection) -> str:
    return f"/hooks/{connection.webhook_token}/"


def webhook_url(connection: Connection) -> str:
    return settings.PUBLIC_URL + webhook_path(connection)


@transaction.atomic
def register_webhook(*, connection: Connection, by: User) -> None:
    """Have the account tell us what happens, as it happens."""
    _refuse_unless_working(connection)
    if not connection.capabilities.has_webhooks:
        raise CannotConnect(connection.capabilities.sentence("has_webhooks"))
    _refuse_unreachable(connection)
    if not connection.webhook_secrets:
        connection.set_webhook_secrets([secrets.token_urlsafe(32)])
        connection.save(update_fields=["sealed_webhook_secrets"])
    _record_webhook(connection, by=by, fresh=False)


@transaction.atomic
def rotate_webhook_secret(*, connection: Connection, by: User) -> None:
    """A new secret; the old one stays good until the account has taken the new one."""
    _refuse_unless_working(connection)
    _refuse_unreachable(connection)
    # More than two are those that the account chose itself, one for each of its webhooks.
    old = connection.webhook_secrets
    connection.set_webhook_secrets([secrets.token_urlsafe(32), *(old if len(old) > 2 else old[:1])])
    connection.save(update_fields=["sealed_webhook_secrets"])
    _record_webhook(connection, by=by, fresh=True)
    activity.record(
        connection.workspace,
        "webhook.secret_changed",
        f"Changed the webhook secret of {connection}.",
        actor=by,
        subject=connection,
    )


@transaction.atomic
def webhook_registered(
    *, connection: Connection, remote_id: str, secrets_: Sequence[str] = (), by: User | None
) -> None:
    """What the worker found or made over there. `secrets_`: those the provider chose itself, in place of ours."""
    if secrets_ and list(secrets_) != connection.webhook_secrets:
        connection.set_webhook_secrets(list(secrets_))
        connection.save(update_fields=["sealed_webhook_secrets"])
    if connection.webhook_remote_id == remote_id:
        return
    connection.webhook_remote_id = remote_id
    connection.save(update_fields=["webhook_remote_id"])
    activity.record(
        connection.workspace,
        "webhook.registered",
        f"{connection} now reports events to Campanile.",
        actor=by,
        subject=connection,
        after={"remote_id": remote_id},
    )


def _record_webhook(connection: Connection, *, by: User, fresh: bool) -> None:
    waiting = OutboxEntry.objects.filter(
        connection=connection, task="accounts.register_webhook", state=OutboxEntry.State.WAITING
    )
    if fresh:
        waiting.update(state=OutboxEntry.State.CANCELLED, ended_at=timezone.now())
    elif waiting.exists():
        return
    outbox.record(
        task="accounts.register_webhook",
        subject=connection,
        connection=connection,
        effect=Effect.CREATE,
        order_key=f"webhook:{connection.pk}",
        payload={"fresh": fresh, "by": by.pk},
    )


def _record_check(connection: Connection) -> None:
    outbox.record(
        task="accounts.check",
        subject=connection,
        connection=connection,
        effect=Effect.READ,
        order_key=f"check:{connection.pk}",
        priority=OutboxEntry.Priority.INTERACTIVE,
    )


def _locked(connection: Connection) -> Connection:
    """The row as it is now, held until the change is committed: two clicks are one."""
    found = Connection.objects.select_for_update().filter(pk=connection.pk).first()
    if found is None:
        raise CannotConnect("This check is over: it was taken over or dropped. Look at the connections.")
    return found


def _refuse_unless_working(connection: Connection) -> None:
    if not connection.is_working:
        raise CannotConnect(
            f"{connection} is not at work ({connection.get_status_display().lower()}). Settle that first."
        )


def _refuse_unreachable(connection: Connection) -> None:
    """A provider on the internet cannot call a loopback address; the sandbox beside us can."""
    beside_us = urlsplit(connection.base_url).netloc in settings.PRIVATE_ADDRESSES
    if not beside_us and _is_loopback(urlsplit(settings.PUBLIC_URL).hostname or ""):
        raise CannotConnect(
            f"{connection.provider_name} cannot reach {settings.PUBLIC_URL}. "
            "Set PUBLIC_URL to the address of this installation on the internet, then register again."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
