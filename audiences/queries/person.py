"""What the page of one person tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry
from accounts.names import by_name
from accounts.redaction import redact
from audiences.models import Contact, List, Subscription, Suppression
from audiences.models.suppressions import BLOCK_TASK
from audiences.privacy import former_of
from audiences.queries.contacts import suppressions_of
from audiences.queries.evidence import campaigns_behind
from audiences.queries.fields import all_fields, value_in_words

# A block that an account has not confirmed after this long is a fault.
CONFIRM_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Account:
    """One account that holds the person, and what it knows of a block."""

    connection: Connection
    remote_id: str
    seen_at: datetime
    gone_at: datetime | None
    tone: str = ""
    says: str = ""
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    fields: list[tuple[str, str]]
    subscriptions: list[Subscription]
    suppressions: list[Suppression]
    accounts: list[Account]
    # Addresses they had before; none for who may not see addresses.
    former: list[str]
    # id → name of the campaigns that a suppression rests on.
    campaigns: Mapping[int, str]

    @property
    def active(self) -> list[Suppression]:
        return [row for row in self.suppressions if row.lifted_at is None]

    @property
    def why(self) -> Suppression | None:
        """What speaks against writing to them first of all: the oldest cause that still holds.

        That an account blocks them, for a reason it does not tell, may be the echo of another.
        """
        blocked = Suppression.Reason.BLOCKED
        return min(self.active, key=lambda row: (row.reason == blocked, row.at), default=None)

    @property
    def left(self) -> list[List]:
        """Lists they left, with nothing against the others."""
        return [row.list for row in self.subscriptions if row.status == Subscription.Status.UNSUBSCRIBED]


def person(contact: Contact, *, shows_addresses: bool) -> Person:
    """In eight queries at most, whatever hangs on the person."""
    suppressions = list(suppressions_of(contact))
    said: Callable[[str], str] = str if shows_addresses else redact
    return Person(
        fields=[(label, said(text)) for label, text in _fields(contact)],
        subscriptions=list(
            Subscription.objects.filter(contact=contact).select_related("list").order_by(*by_name("list"))
        ),
        suppressions=suppressions,
        accounts=_accounts(contact, suppressions, said),
        former=former_of(contact) if shows_addresses else [],
        campaigns=campaigns_behind(contact.workspace, suppressions),
    )


def _fields(contact: Contact) -> list[tuple[str, str]]:
    values = [(field.label, contact.value(field.key), field.kind) for field in all_fields(contact.workspace)]
    return [(label, value_in_words(value, kind)) for label, value, kind in values if value not in (None, "")]


def _accounts(contact: Contact, suppressions: list[Suppression], said: Callable[[str], str]) -> list[Account]:
    mirrors = (
        MirrorRow.objects.filter(kind=MirrorKind.CONTACT, object_id=contact.pk)
        .select_related("connection")
        .order_by(*by_name("connection"))
    )
    asked = {
        entry.connection_id: entry
        for entry in OutboxEntry.objects.filter(
            subject_type=ContentType.objects.get_for_model(Contact), subject_id=contact.pk, task=BLOCK_TASK
        ).order_by("id")
    }
    active = {row.connection_id: row for row in suppressions if row.lifted_at is None}
    lifted = {row.connection_id: row for row in suppressions if row.lifted_at is not None}

    def says(row: MirrorRow) -> dict[str, Any]:
        if active:
            return _says(row, active.get(row.connection_id), asked.get(row.connection_id))
        return _refuses(row, lifted.get(row.connection_id))

    return [
        Account(row.connection, said(row.remote_id), row.seen_at, row.gone_at, **says(row)) for row in mirrors
    ]


def _refuses(row: MirrorRow, lifted: Suppression | None) -> dict[str, Any]:
    """What an account goes on with after a block was lifted here: nobody but a person over there ends it."""
    theirs = row.theirs or {}
    if row.gone_at or theirs.get("blocked") is False or not (theirs.get("blocked") or lifted):
        return {}
    name = row.connection.provider_name
    note = (
        f"Campanile never lifts a block in an account. {name} drops what is sent to them, and a campaign through it counts "
        "them as refused. Take them off its blocked people there; the next pull reads it."
    )
    return {"tone": "warn", "says": "Still refuses them", "at": lifted.at if lifted else None, "note": note}


def _says(row: MirrorRow, told: Suppression | None, asked: OutboxEntry | None) -> dict[str, Any]:
    """What an account knows of the block of somebody suppressed."""
    theirs = row.theirs or {}
    if theirs.get("blocked") is False:
        at = parse_datetime(theirs.get("unblocked_at") or "")
        return {"tone": "warn", "says": "No longer blocked there; stays suppressed here", "at": at}
    if theirs.get("by_us"):
        at = parse_datetime(theirs.get("blocked_at") or "")
        return {"tone": "good", "says": "Confirmed the block", "at": at}
    if told:
        return {"tone": "good", "says": "Told us", "at": told.at}
    if theirs.get("blocked"):
        return {"tone": "good", "says": "Blocked there"}
    is_there = row.gone_at is None and row.connection.status != Connection.Status.DISCONNECTED
    if is_there and not row.connection.capabilities.blocks_contacts:
        name = row.connection.provider_name
        note = f"Campanile leaves them out of its deliveries; unsubscribe them in {name} too."
        return {"tone": "warn", "says": f"{name} cannot be told.", "note": note}
    if asked and asked.state == OutboxEntry.State.SET_ASIDE:
        return {"tone": "bad", "says": "Did not take the block", "at": asked.ended_at, "note": asked.note}
    if asked and asked.is_open:
        late = timezone.now() - asked.created_at > CONFIRM_WITHIN
        says = "Has not confirmed the block" if late else "Asked to block"
        return {"tone": "bad" if late else "warn", "says": says, "at": asked.created_at, "note": asked.note}
    return {"tone": "neutral", "says": "Not asked: disconnected or gone there"}
