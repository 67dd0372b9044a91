"""One person, changed by hand: fields and address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import ActivityEntry, Connection, MirrorKind, OutboxEntry, User
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from audiences import sets
from audiences.addresses import NO_ADDRESS, NotAnAddress, normalise
from audiences.erased import REFUSAL, Erased
from audiences.models import (
    Contact,
    Field,
    FormerAddress,
    Suppression,
)
from audiences.models.suppressions import BLOCK_TASK
from audiences.queries.fields import all_fields, reads_alike, typed_text, value_of
from audiences.queries.suppressions import is_suppressed
from audiences.services.suppressions import propagate
from audiences.sql import HOW_BAD, STRICTER_HOLDS

EMAIL = "email"


class CannotEdit(CannotDo):
    """`other` is the person who has the address already, where that is the reason."""

    other: Contact | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A field that somebody else changed since the page was opened."""

    key: str
    now: str
    # Both changed it, to different values.
    is_conflict: bool
    who: str
    at: datetime | None


class ChangedMeanwhile(CannotEdit):
    def __init__(self, changed: list[Changed]) -> None:
        super().__init__("Somebody changed this person while you were typing. Nothing is saved yet.")
        self.changed = changed


@transaction.atomic
def edit_person(
    *,
    contact: Contact,
    by: User,
    email: str,
    fields: Mapping[str, str],
    seen: Mapping[str, str],
    version: int,
) -> list[str]:
    """Store what was typed, text by field key; returns the keys that changed.

    `seen`: what the page showed when it was opened, of version `version`. What others changed since and was left
    alone here stays theirs. Raises ChangedMeanwhile where both changed one field.
    """
    sets.one_writer(contact.workspace)
    contact = locked(contact)
    definitions = {field.key: field for field in all_fields(contact.workspace)}
    now = {EMAIL: contact.email} | {
        key: typed_text(field, contact.value(key)) for key, field in definitions.items()
    }
    typed = {EMAIL: _address(email)} | {key: text for key, text in fields.items() if key in definitions}
    stale = [key for key in typed if key in seen and not reads_alike(seen[key], now[key])]
    conflicts = {
        key: not (reads_alike(typed[key], seen[key]) or reads_alike(typed[key], now[key])) for key in stale
    }
    changed = _changed_meanwhile(contact, version, conflicts, now)
    if any(one.is_conflict for one in changed):
        raise ChangedMeanwhile(changed)
    wanted = {
        key: text
        for key, text in typed.items()
        if not reads_alike(text, now[key]) and not (key in stale and reads_alike(text, seen[key]))
    }
    values = {key: _value(definitions[key], text) for key, text in wanted.items() if key != EMAIL}
    values = {key: value for key, value in values.items() if not _is_same(value, contact.value(key))}
    if EMAIL in wanted:
        _change_address(contact, wanted[EMAIL], by)
    keys = sorted([*values, *([EMAIL] if EMAIL in wanted else [])])
    if not keys:
        return []
    write(contact, values)
    activity.record(
        contact.workspace, "contact.edited", "Edited a contact.", actor=by, subject=contact,
        before={"version": contact.version - 1}, after={"version": contact.version, "fields": keys},
    )  # fmt: skip
    return keys


def write(contact: Contact, values: Mapping[str, Any], **more: Any) -> None:
    """Field values, empty for none, into the row that is held; its version grows."""
    columns = {key: value for key, value in values.items() if key in Contact.STANDARD_FIELDS}
    custom = contact.custom | {key: value for key, value in values.items() if key not in columns}
    for key in values:
        if custom.get(key) == "":
            del custom[key]
    changes = {**columns, "custom": custom, "updated_at": timezone.now(), **more}
    Contact.objects.filter(pk=contact.pk).update(version=F("version") + 1, **changes)
    for name, value in changes.items():
        setattr(contact, name, value)
    contact.version += 1


def take_over_blocks(contact: Contact) -> None:
    """What speaks against an address that is now this person's, by name or by pattern, is of this person."""
    values: dict[str, Any] = {
        "workspace": contact.workspace_id,
        "contact": contact.pk,
        "email": contact.email,
    }
    with database.cursor() as cursor:
        cursor.execute(_RESOLVE, values)
        cursor.execute(_PATTERNS, values)


def unconfirmed_block(contact: Contact) -> Connection | None:
    """An account that has been asked to refuse the person by the address of now, and has not said yes."""
    newer = OutboxEntry.objects.filter(
        subject_type=OuterRef("subject_type"), subject_id=OuterRef("subject_id"), task=BLOCK_TASK,
        connection=OuterRef("connection"), state=OutboxEntry.State.DONE, pk__gt=OuterRef("pk"),
    )  # fmt: skip
    entry = (
        OutboxEntry.objects.filter(
            ~Exists(newer),
            subject_type=ContentType.objects.get_for_model(Contact),
            subject_id=contact.pk,
            task=BLOCK_TASK,
            state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED, OutboxEntry.State.SET_ASIDE],
        )
        .exclude(connection__status=Connection.Status.DISCONNECTED)
        .select_related("connection")
        .first()
    )
    return entry.connection if entry else None


def block_again(contact: Contact) -> None:
    """Ask each account that holds the person to refuse them by the address they have now."""
    propagate(workspace=contact.workspace, contact_ids=[contact.pk])
    asked = OutboxEntry.objects.filter(
        subject_type=ContentType.objects.get_for_model(Contact), subject_id=contact.pk, task=BLOCK_TASK,
        state=OutboxEntry.State.WAITING,
    ).values("connection_id")  # fmt: skip
    holders = (
        Connection.objects.filter(
            workspace=contact.workspace,
            mirror_rows__kind=MirrorKind.CONTACT,
            mirror_rows__object_id=contact.pk,
            mirror_rows__gone_at=None,
        )
        .exclude(pk__in=asked)
        .exclude(status__in=[Connection.Status.CHECKING, Connection.Status.DISCONNECTED])
    )
    for connection in holders:
        if connection.capabilities.blocks_contacts:
            outbox.record(
                task=BLOCK_TASK, subject=contact, connection=connection, effect=Effect.CONVERGE,
                order_key=f"block:{connection.pk}:{contact.pk}", priority=OutboxEntry.Priority.SUPPRESS,
            )  # fmt: skip


def locked(contact: Contact) -> Contact:
    found = (
        Contact.objects.select_for_update(of=("self",))
        .select_related("workspace")
        .filter(pk=contact.pk)
        .first()
    )
    if found is None:
        raise CannotEdit("This person is gone: merged into another one, or erased.")
    return found


def _address(text: str) -> str:
    try:
        return normalise(text)
    except NotAnAddress as error:
        raise CannotEdit(NO_ADDRESS, fields={EMAIL: NO_ADDRESS}) from error


def _is_same(value: Any, known: Any) -> bool:
    """In Python, 1 is True."""
    return bool(value == ("" if known is None else known)) and isinstance(value, bool) == isinstance(
        known, bool
    )


def _value(field: Field, text: str) -> Any:
    try:
        value = value_of(field, text)
    except ValueError as error:
        raise CannotEdit(str(error), fields={f"field_{field.key}": str(error)}) from error
    return "" if value is None else value


def _changed_meanwhile(
    contact: Contact, version: int, stale: Mapping[str, bool], now: Mapping[str, str]
) -> list[Changed]:
    """With who did it, as far as that was a person here."""
    if not stale:
        return []
    entries = ActivityEntry.objects.filter(
        object_type=Contact._meta.label_lower, object_id=contact.pk, after__version__gt=version
    ).order_by("-id")[:50]
    by: dict[str, ActivityEntry] = {}
    for entry in entries:
        for key in (entry.after or {}).get("fields", []):
            by.setdefault(key, entry)
    return [
        Changed(
            key, now[key], is_conflict,
            by[key].actor_name if key in by else "An account or an import", by[key].at if key in by else None,
        )
        for key, is_conflict in stale.items()
    ]  # fmt: skip


def _change_address(contact: Contact, email: str, by: User) -> None:
    """The same person under another address: what speaks against either holds for both."""
    other = Contact.objects.filter(workspace=contact.workspace, email=email).first()
    if other is not None:
        sentence = "Another person here has this address. If they are one, merge the two."
        refusal = CannotEdit(sentence, fields={EMAIL: sentence})
        refusal.other = other
        raise refusal
    if (account := unconfirmed_block(contact)) is not None:
        sentence = (
            f"{account} has not confirmed yet that it blocks the address of now. Change it once it has."
        )
        raise CannotEdit(sentence, fields={EMAIL: sentence})
    foreign = Suppression.objects.filter(workspace=contact.workspace, email=email, lifted_at=None)
    if foreign.exclude(contact=None).exclude(contact=contact).exists():
        sentence = "This was the address of somebody else, who may not be written to. It stays so."
        raise CannotEdit(sentence, fields={EMAIL: sentence})
    if email in Erased(contact.workspace):
        raise CannotEdit(REFUSAL, fields={EMAIL: REFUSAL})
    FormerAddress.objects.filter(workspace=contact.workspace, email=email).delete()
    FormerAddress.objects.update_or_create(
        workspace=contact.workspace, email=contact.email, defaults={"contact": contact}
    )
    old, contact.email = contact.email, email
    Contact.objects.filter(pk=contact.pk).update(email=email)
    with database.cursor() as cursor:
        cursor.execute(
            _CARRY,
            {"workspace": contact.workspace_id, "contact": contact.pk, "email": email, "old": old},
        )
    take_over_blocks(contact)
    if is_suppressed(contact):
        block_again(contact)


# From each source the worst, of all the addresses the person had.
_CARRY = f"""
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id)
select distinct on (old.connection_id)
       %(workspace)s, %(email)s, %(contact)s, old.reason, old.connection_id,
       max(old.at) over (partition by old.connection_id),
       old.evidence || jsonb_build_object('moved_from', %(contact)s, 'moved', 'here'), old.created_by_id
from audiences_suppression old
where old.workspace_id = %(workspace)s and old.lifted_at is null and not old.is_pattern and old.email <> %(email)s
  and (old.contact_id = %(contact)s or old.email = %(old)s)
order by old.connection_id, {HOW_BAD.format("old")}, old.at desc
{STRICTER_HOLDS}"""
_RESOLVE = """
update audiences_suppression set contact_id = %(contact)s, evidence = evidence - 'merged'
where workspace_id = %(workspace)s and email = %(email)s and (contact_id is null or contact_id = %(contact)s and evidence ? 'merged')
"""
_PATTERNS = """
insert into audiences_suppression (workspace_id, email, contact_id, reason, connection_id, at, evidence)
select %(workspace)s, %(email)s, %(contact)s, p.reason, p.connection_id, p.at, jsonb_build_object('pattern', p.email)
from audiences_suppression p
where p.workspace_id = %(workspace)s and p.is_pattern and p.lifted_at is null
  and p.email in ('*@' || split_part(%(email)s, '@', 2), split_part(%(email)s, '@', 1) || '@*')
  and not exists (
      select 1 from audiences_suppression old
      where old.workspace_id = %(workspace)s and old.email = %(email)s
        and old.connection_id is not distinct from p.connection_id and old.lifted_at >= p.at
  )
order by p.at
on conflict (workspace_id, email, connection_id) where lifted_at is null do nothing
"""
