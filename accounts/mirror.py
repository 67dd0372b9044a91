"""What is read from and made at an account itself: whose it is, and where it reports to."""

from itertools import islice
from typing import Any

from django.utils import timezone

from accounts.models import Connection, OutboxEntry, User
from accounts.providers.base import Provider
from accounts.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
    UnexpectedReply,
)
from accounts.providers.records import AccountRecord, WebhookRecord
from accounts.refusals import CannotDo
from accounts.services import connections as services
from accounts.vault import Locked

SENDERS_SHOWN = 50


def check_account(entry: OutboxEntry) -> None:
    check(_of(entry))


def check(connection: Connection) -> None:
    """Read whose account it is. What was only typed in is answered on its row; for a saved one errors are raised."""
    if connection.is_saved:
        return _check_saved(connection)
    try:
        provider = connection.open()
        record, senders = _read(provider)
    except (ProviderError, Locked) as error:
        _store(connection, status_note=failure(connection, error)[:500])
        return None
    account = _account(record, senders)
    replaces = Connection.objects.filter(
        pk=connection.account.get("replaces"), workspace=connection.workspace
    ).first()
    connection.fingerprint, connection.checked_at = record.fingerprint, timezone.now()
    if replaces is None:
        _store(connection, account=account, fingerprint=record.fingerprint, checked_at=connection.checked_at)
        return None
    connection.account = account
    if not services.adopt_credentials(connection=replaces, checked=connection):
        note = (
            f"This opens another account ({record.name}). Nothing was changed: {replaces} keeps what it had."
        )
        _store(connection, status_note=note[:500])
    return None


def register_webhook(entry: OutboxEntry) -> None:
    """Have the account report to our address: found by that address, else made. Fresh: made anew with its secret.

    The end of the address is unguessable, so whatever ends in it is ours, from a time when we lived elsewhere too.
    """
    connection = _of(entry)
    provider = connection.open()
    url = services.webhook_url(connection)
    fresh = bool(entry.payload.get("fresh"))
    hook = _webhook_there(connection, provider, url, fresh=fresh)
    hook = hook or provider.create_webhook(url=url, secret=connection.webhook_secrets[0])
    by = User.objects.filter(pk=entry.payload.get("by")).first()
    services.webhook_registered(connection=connection, remote_id=hook.remote_id, secrets_=hook.secrets, by=by)


def _webhook_there(
    connection: Connection, provider: Provider, url: str, *, fresh: bool
) -> WebhookRecord | None:
    """The one that leads to `url`; others of ours are deleted. Where none can be read, the one we remember."""
    if not provider.capabilities.lists_webhooks:
        if not connection.webhook_remote_id:
            return None
        if not fresh:
            return WebhookRecord(connection.webhook_remote_id, url)
        provider.delete_webhook(remote_id=connection.webhook_remote_id)
        return None
    ours = [hook for hook in provider.webhooks() if hook.url.endswith(services.webhook_path(connection))]
    good = [hook for hook in ours if hook.url == url and not fresh][:1]
    for hook in ours:
        if hook not in good:
            provider.delete_webhook(remote_id=hook.remote_id)
    return good[0] if good else None


def failure(connection: Connection, error: ProviderError | CannotDo) -> str:
    """What a person reads when an account could not be read: what happened, and what to try."""
    name = connection.provider_name
    if isinstance(error, CannotDo):
        return error.sentence
    match error:
        case Unauthorized():
            return f"{name} does not let Campanile in. {_again(connection)} ({error.detail})"
        case RateLimited():
            return f"{name} asks for a pause of {error.retry_after:.0f} s. Check again after that."
        case Unavailable() | OutcomeUnknown():
            return f"{name} could not be reached, so nothing is known about the account. Check again in a minute. ({error.detail})"
        case Refused():
            return f"{name} says no: {error.detail}"
        case UnexpectedReply():
            return f"The answer does not look like {name}'s. Is the base URL right? ({error.detail})"
    return error.detail


def _again(connection: Connection) -> str:
    if connection.provider_class.way(connection.credentials.get("way", "")).asks_there:
        return "Agree there once more."
    return "Enter the credentials again, whole, and see that they are still good there."


def _check_saved(connection: Connection) -> None:
    record, senders = _read(connection.open())
    if connection.fingerprint and record.fingerprint != connection.fingerprint:
        raise Unauthorized(
            "This opens another account than the one that was connected.", provider=connection.provider
        )
    _store(connection, account=_account(record, senders), checked_at=timezone.now())


def _read(provider: Provider) -> tuple[AccountRecord, list[dict[str, Any]]]:
    record = provider.account()
    senders = [
        {"name": sender.name, "email": sender.email, "is_active": sender.is_active}
        for sender in islice(provider.senders() if provider.capabilities.has_senders else (), SENDERS_SHOWN)
    ]
    return record, senders


def _account(record: AccountRecord, senders: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": record.name,
        "email": record.email,
        "plan": record.plan,
        "credits_left": record.credits_left,
        "details": dict(record.details),
        "senders": senders,
    }


def _store(connection: Connection, **values: Any) -> None:
    Connection.objects.filter(pk=connection.pk).update(**values)


def _of(entry: OutboxEntry) -> Connection:
    """The connection an entry is about; `deliver` calls nobody for a subject that is gone."""
    connection: Connection = entry.subject  # type: ignore[assignment]
    return connection
