"""Senders and domains of ours → an account."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry
from accounts.providers.errors import Refused
from accounts.providers.records import DomainRecord, SenderRecord
from audiences.mirror.digests import digest
from campaigns.models import Sender, SendingDomain


def create_sender(entry: OutboxEntry) -> None:
    """Make the sender over there, unless it is there: a lost answer makes no twin."""
    sender, connection = _of(entry)
    provider = connection.open()
    wanted = (sender.name, sender.email)
    found = next(
        (record for record in provider.senders() if (record.name, record.email.lower()) == wanted), None
    )
    store_sender(connection, sender, found or provider.create_sender(name=sender.name, email=sender.email))


def confirm_sender(entry: OutboxEntry) -> None:
    sender, connection = _of(entry)
    row = MirrorRow.objects.get(connection=connection, kind=MirrorKind.SENDER, object_id=sender.pk)
    provider = connection.open()
    provider.confirm_sender(remote_id=row.remote_id, code=str(entry.payload["code"]))
    for record in provider.senders():
        if record.remote_id == row.remote_id:
            store_sender(connection, sender, record)


def authenticate_domain(entry: OutboxEntry) -> None:
    """Have the account look at the DNS. Its no is told, with the records as it sees them now."""
    domain = SendingDomain.objects.select_related("connection__workspace").get(pk=entry.subject_id)
    provider = domain.connection.open()
    try:
        store_domain(domain.connection, provider.authenticate_domain(name=domain.name))
    except Refused:
        for record in provider.domains():
            if record.name.lower() == domain.name:
                store_domain(domain.connection, record)
        raise


def _of(entry: OutboxEntry) -> tuple[Sender, Connection]:
    assert entry.connection is not None  # noqa: S101 - recorded with one
    return Sender.objects.get(pk=entry.subject_id), entry.connection


def sender_json(record: SenderRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "email": record.email,
        "is_active": record.is_active,
        "problems": list(record.problems),
    }


def store_sender(
    connection: Connection, sender: Sender, record: SenderRecord, *, pull_id: int | None = None
) -> None:
    theirs = sender_json(record)
    values = {
        "object_id": sender.pk,
        "theirs": theirs,
        "digest": digest(theirs),
        "version": sender.version,
        "seen_at": timezone.now(),
        "gone_at": None,
    }
    if pull_id is not None:
        values["seen_pull_id"] = pull_id
    with transaction.atomic():
        rows = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.SENDER)
        # A row that mirrored this sender under another id over there has been replaced by this one.
        rows.filter(object_id=sender.pk).exclude(remote_id=record.remote_id).delete()
        rows.update_or_create(
            connection=connection, kind=MirrorKind.SENDER, remote_id=record.remote_id, defaults=values
        )


def store_domain(connection: Connection, record: DomainRecord) -> str:
    """Write what the account says of a domain; answers created, changed or unchanged."""
    values = {
        "is_verified": record.is_verified,
        "is_authenticated": record.is_authenticated,
        "dns": [dict(row) for row in record.dns],
    }
    domain, created = SendingDomain.objects.get_or_create(
        connection=connection, name=record.name.lower()[:253], defaults=values
    )
    changed = any(getattr(domain, name) != value for name, value in values.items())
    SendingDomain.objects.filter(pk=domain.pk).update(**values, read_at=timezone.now())
    return "created" if created else "changed" if changed else "unchanged"
