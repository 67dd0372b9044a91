"""Fields of an account ⇄ fields of the workspace."""

from collections.abc import Iterator
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from accounts import pulls
from accounts.models import MirrorKind, MirrorRow, Pull, Workspace
from accounts.providers.base import Provider
from accounts.providers.records import FieldRecord
from audiences.erased import Erased
from audiences.field_names import STANDARD_NAMES, fold, key_of, label_of
from audiences.mirror.digests import digest
from audiences.mirror.gone import mark_gone
from audiences.mirror.reading import REMOTE_ID_LENGTH
from audiences.models import Contact, Field

KINDS = frozenset(Field.Kind.values)


def pull_fields(pull: Pull, provider: Provider) -> Iterator[None]:
    if pull.checkpoint.get("done"):
        return
    # A longer name was never meant to be one.
    erased = Erased(pull.connection.workspace)
    records = [
        replace(record, name=erased.without(record.name), choices=tuple(map(erased.without, record.choices)))
        for record in provider.fields()
        if len(record.remote_id) <= REMOTE_ID_LENGTH
    ]
    with transaction.atomic():
        counts = _merge(pull, records)
        mark_gone(pull, MirrorKind.FIELD)
        pulls.store_page(pull, checkpoint={"done": True}, total=len(records), **counts)
    yield


def _merge(pull: Pull, records: list[FieldRecord]) -> dict[str, int]:
    # Two accounts that are pulled at once bring fields of the same name: one after the other, so that they share them.
    workspace = Workspace.objects.select_for_update(no_key=True).get(pk=pull.connection.workspace_id)
    mirrored = {
        row.remote_id: row
        for row in MirrorRow.objects.select_for_update().filter(
            connection=pull.connection, kind=MirrorKind.FIELD
        )
    }
    fields = {field.pk: field for field in Field.objects.filter(workspace=workspace)}
    by_key = {field.key: field for field in fields.values()}
    taken = {fields[row.object_id].key for row in mirrored.values() if row.object_id in fields}
    counts = {"read": len(records), "created": 0, "changed": 0, "unchanged": 0}
    now = timezone.now()
    for record in records:
        theirs = {"name": record.name, "kind": record.kind, "choices": list(record.choices)}
        row = mirrored.get(record.remote_id)
        field = fields.get(row.object_id) if row else None
        if row is not None and row.object_id == -row.pk:
            # A person decided that no field here holds it.
            counts["unchanged"] += 1
            row.theirs, row.digest = theirs, digest(theirs)
            row.seen_pull_id, row.seen_at, row.gone_at = pull.pk, now, None
            row.save()
            continue
        if row is None or field is None:
            key = field_key(record, by_key, taken)
            field = by_key.get(key)
            if field is None:
                field = Field.objects.create(
                    workspace=workspace,
                    key=key,
                    label=Contact.STANDARD_FIELDS.get(key) or label_of(record.name),
                    kind=_kind(record),
                    choices=list(record.choices),
                )
                by_key[key] = fields[field.pk] = field
                counts["created"] += 1
            else:
                counts["unchanged"] += 1
            taken.add(key)
            MirrorRow.objects.update_or_create(
                connection=pull.connection,
                kind=MirrorKind.FIELD,
                remote_id=record.remote_id,
                defaults={
                    "object_id": field.pk, "version": field.version, "digest": digest(theirs), "theirs": theirs,
                    "seen_pull_id": pull.pk, "seen_at": now, "gone_at": None,
                },
            )  # fmt: skip
            continue
        if bytes(row.digest or b"") == digest(theirs):
            counts["unchanged"] += 1
        else:
            # What the account offers to choose from grows; nothing else of a field is taken over.
            added = [choice for choice in record.choices if choice not in field.choices]
            if added and field.version == row.version:
                field.choices = [*field.choices, *added]
                field.version += 1
                field.save(update_fields=["choices", "version"])
            row.version, row.digest, row.theirs = field.version, digest(theirs), theirs
            counts["changed"] += 1
        row.seen_pull_id, row.seen_at, row.gone_at = pull.pk, now, None
        row.save()
    return counts


def field_key(record: FieldRecord, by_key: dict[str, Field], taken: set[str]) -> str:
    """The key under which a field of an account is kept: a standard one if its name says so and it is free.

    `taken`: keys this account's other fields have, for one field here mirrors one field there.
    """
    standard = STANDARD_NAMES.get(fold(record.name))
    if standard and standard not in taken:
        return standard
    base = key_of(record.name)
    key, number = base, 1
    while (
        key in taken
        or key in Contact.STANDARD_FIELDS
        # The same word for another kind of value, in another account, is another field.
        or (key in by_key and by_key[key].kind != _kind(record))
    ):
        number += 1
        key = f"{base}_{number}"
    return key


def _kind(record: FieldRecord) -> str:
    return record.kind if record.kind in KINDS else Field.Kind.TEXT
