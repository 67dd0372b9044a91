"""The fields people have: made, renamed, given another kind, merged, deleted, and where accounts keep them.

What changes a value for everybody is a FieldChange: a few people at once, many in the background. The field itself
changes first, in the same transaction as the order to do so: whoever writes people from then on writes the new kind.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from accounts.templatetags.ui import counted
from audiences import sets, uses
from audiences.field_names import key_of
from audiences.importing.decisions import SPECIAL
from audiences.models import Contact, Field, FieldChange, Import
from audiences.queries import fields as queries
from audiences.services import field_changes

# People with a value up to which nobody waits for the background.
AT_ONCE = 2_000
MOST_FIELDS = 500


class CannotChangeField(CannotDo):
    pass


@transaction.atomic
def add_field(*, workspace: Workspace, by: User, label: str, kind: str, choices: Sequence[str] = ()) -> Field:
    """A new field; its key comes from its label and never changes. Raises CannotChangeField."""
    sets.one_writer(workspace)
    known = set(Field.objects.filter(workspace=workspace).values_list("key", flat=True))
    if len(known) >= MOST_FIELDS:
        raise CannotChangeField(f"A workspace has {MOST_FIELDS} fields at most. Delete one that nobody uses.")
    label = " ".join(label.split())
    _refuse(_wrong_label(workspace, label) | _wrong_choices(kind, choices))
    key = _free_key(label, known)
    field = Field.objects.create(
        workspace=workspace, key=key, label=label, kind=kind, people_count=0, counted_at=timezone.now(),
        choices=list(choices) if kind == Field.Kind.CHOICE else [],
    )  # fmt: skip
    _note(by, field, "field.added", f"Added the field {label}.", after={"key": key, "kind": kind})
    return field


@transaction.atomic
def rename_field(*, workspace: Workspace, key: str, by: User, version: int, label: str) -> Field:
    """Another label; the key stays, so nothing that names the field notices."""
    field = _locked(workspace, key, version)
    old, label = field.label, " ".join(label.split())
    _refuse(_wrong_label(workspace, label, besides=field))
    if label != old:
        _store(field, label=label)
        _note(
            by, field, "field.renamed", f"Renamed the field {old} to {label}.",
            before={"label": old}, after={"label": label},
        )  # fmt: skip
    return field


@transaction.atomic
def change_choices(
    *,
    workspace: Workspace,
    key: str,
    by: User,
    version: int,
    choices: Sequence[str],
    clears: bool | None = None,
) -> FieldChange | None:
    """What can be chosen from now on. People who have a choice that goes keep it or lose it: `clears` decides."""
    field = _locked(workspace, key, version)
    if field.kind != Field.Kind.CHOICE:
        raise CannotChangeField("This field has no choices.")
    _refuse(_wrong_choices(field.kind, choices))
    gone = [choice for choice in field.choices if choice not in choices]
    people = queries.people_with_choice(workspace, key, gone) if gone else 0
    if people and clears is None:
        has = "has" if people == 1 else "have"
        sentence = f"{_people(people)} {has} a choice that goes. Say what becomes of it."
        raise CannotChangeField(sentence, fields={"clears": sentence})
    _store(field, choices=list(choices))
    _note(
        by, field, "field.choices", f"Changed the choices of the field {field}.",
        before={"removed": gone}, after={"choices": list(choices), "cleared": clears and bool(gone)},
    )  # fmt: skip
    return _begin(field, by, FieldChange.Action.CLEAR, choices=gone) if people and clears else None


@transaction.atomic
def change_kind(
    *,
    workspace: Workspace,
    key: str,
    by: User,
    version: int,
    kind: str,
    reading: str = "",
    choices: Sequence[str] = (),
    empties: bool = False,
) -> FieldChange:
    """Read everybody's value as another kind. Raises CannotChangeField while some do not convert, unless `empties`."""
    field = _locked(workspace, key, version)
    if field.is_standard:
        raise CannotChangeField("A field that every person has stays text.")
    if kind == field.kind:
        raise CannotChangeField("This field is of that kind already.")
    _refuse(_wrong_choices(kind, choices))
    _refuse_open_imports(workspace, field)
    reading = "choice" if kind == Field.Kind.CHOICE else queries.reading_of(kind, reading)
    if not empties and (fails := queries.conversion(field, reading=reading, choices=choices).fails):
        raise CannotChangeField(
            f"The values of {_people(fails)} do not convert. Correct them first, or choose to empty them."
        )
    old = field.kind
    _store(
        field, kind=kind, reading="" if reading == "choice" else reading,
        choices=list(choices) if kind == Field.Kind.CHOICE else [],
    )  # fmt: skip
    _note(
        by, field, "field.kind",
        f"Changed the field {field} from {Field.Kind(old).label.lower()} to {Field.Kind(kind).label.lower()}.",
        before={"kind": old}, after={"kind": kind, "reading": reading, "empties": empties},
    )  # fmt: skip
    return _begin(
        field,
        by,
        FieldChange.Action.CONVERT,
        kind=kind,
        reading=reading,
        choices=list(choices),
        empties=empties,
    )


@transaction.atomic
def merge_fields(*, workspace: Workspace, key: str, into: str, by: User, version: int) -> FieldChange:
    """Fill the gaps of the kept field from this one, which goes. What accounts know of it is the kept one's."""
    field, kept = _locked(workspace, key, version), _locked(workspace, into)
    if field == kept or field.is_standard:
        raise CannotChangeField("A field that every person has cannot go into another one.")
    _refuse_used(workspace, field, "Merge it once nothing does.")
    if kept.kind not in (field.kind, Field.Kind.TEXT):
        raise CannotChangeField(
            f"{kept} holds a {kept.get_kind_display().lower()} and {field} a {field.get_kind_display().lower()}."
            " Give both one kind first."
        )
    if kept.is_standard and (long := _too_long(field, kept)):
        raise CannotChangeField(
            f"The values of {_people(long)} are longer than {kept} holds. Shorten them first."
        )
    filled, same, different = queries.merge_outcome(field, kept)
    _hand_over_mirrors(field, kept)
    if field.kind == kept.kind == Field.Kind.CHOICE:
        _store(kept, choices=[*kept.choices, *(one for one in field.choices if one not in kept.choices)])
    _store(field)
    _note(
        by, kept, "field.merged", f"Merged the field {field} into {kept}.", before={"key": field.key},
        after={"filled": filled, "same": same, "lost": different},
    )  # fmt: skip
    return _begin(field, by, FieldChange.Action.MERGE, into=kept.key)


@transaction.atomic
def delete_field(*, workspace: Workspace, key: str, by: User, version: int, typed: str) -> FieldChange:
    """Forget a field and everybody's value. Only while nothing uses it; accounts keep theirs."""
    field = _locked(workspace, key, version)
    if field.is_standard:
        raise CannotChangeField("Every person has this field. It cannot be deleted.")
    _refuse_used(workspace, field, "Delete it once nothing does.")
    if typed.strip() != field.label:
        raise CannotChangeField(f"Type {field.label} to delete the field.")
    _leave_out(MirrorRow.objects.filter(_mirrors_of(field)))
    _store(field)
    _note(
        by, field, "field.deleted", f"Deleted the field {field}.",
        before={"key": field.key, "kind": field.kind, "people": queries.people_with(workspace, field.key)},
    )  # fmt: skip
    return _begin(field, by, FieldChange.Action.DELETE)


@transaction.atomic
def map_field(
    *, workspace: Workspace, key: str, by: User, connection: Connection, row_id: int | None
) -> None:
    """Which attribute of an account the field is, from the next pull on; None: none. Another field may lose it so."""
    field = _locked(workspace, key)
    # As a pull of fields does: one after the other.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    rows = {
        row.pk: row
        for row in MirrorRow.objects.select_for_update().filter(connection=connection, kind=MirrorKind.FIELD)
    }
    chosen = rows.get(row_id) if row_id else None
    if row_id and (chosen is None or chosen.gone_at is not None):
        raise CannotChangeField("The account no longer has this attribute. Look again, then decide.")
    now = next((row for row in rows.values() if row.object_id == field.pk), None)
    if now == chosen:
        return
    if now is not None:
        _leave_out(MirrorRow.objects.filter(pk=now.pk))
    if chosen is not None:
        MirrorRow.objects.filter(pk=chosen.pk).update(object_id=field.pk, version=field.version)
    _note(
        by, field, "field.mapped", f"Changed what the field {field} is in {connection}.",
        before={"attribute": now.remote_id if now else None}, after={"attribute": chosen.remote_id if chosen else None},
    )  # fmt: skip


@transaction.atomic
def go_on_with_field(*, workspace: Workspace, key: str, by: User) -> None:
    """Go on with a change that stopped, from where it was."""
    field = Field.objects.filter(workspace=workspace, key=key).first()
    change = (
        FieldChange.objects.filter(field=field, state=FieldChange.State.FAILED).first() if field else None
    )
    if field is None or change is None:
        raise CannotChangeField("There is nothing to go on with.")
    change.move_to(FieldChange.State.RUNNING, note="")
    _note(by, field, "field.resumed", f"Went on with the change of the field {field}.")
    _record(change)


def _begin(field: Field, by: User, action: str, **arguments: Any) -> FieldChange:
    change = FieldChange.objects.create(
        workspace=field.workspace, field=field, action=action, created_by=by,
        arguments={"key": field.key, "label": field.label, **arguments},
    )  # fmt: skip
    if queries.people_with(field.workspace, field.key) <= AT_ONCE:
        for _ in field_changes.steps(change):
            pass
        if not field_changes.is_over(change):
            _record(change, later=True)
    else:
        _record(change)
    return change


def _record(change: FieldChange, *, later: bool = False) -> None:
    outbox.record(
        task=field_changes.CHANGE_TASK, subject=change, workspace=change.workspace, effect=Effect.CONVERGE,
        order_key=f"field_change:{change.pk}", priority=OutboxEntry.Priority.BULK,
        not_before=timezone.now() + field_changes.SETTLED_AFTER if later else None,
    )  # fmt: skip


def _row(workspace: Workspace, key: str) -> Field | None:
    """The field's row; a standard one is made when something is to be said of it."""
    if key in Contact.STANDARD_FIELDS:
        return Field.objects.get_or_create(
            workspace=workspace, key=key, defaults={"label": Contact.STANDARD_FIELDS[key]}
        )[0]
    return Field.objects.filter(workspace=workspace, key=key).first()


def _locked(workspace: Workspace, key: str, version: int | None = None) -> Field:
    """Hold the audience and the field, as it is now. Raises CannotChangeField when it is not what was looked at."""
    sets.one_writer(workspace)
    row = _row(workspace, key)
    if row is None:
        raise CannotChangeField("This field is gone.")
    field = Field.objects.select_for_update().select_related("workspace").get(pk=row.pk)
    if FieldChange.objects.filter(field=field).exclude(state=FieldChange.State.DONE).exists():
        raise CannotChangeField(f"{field} is still being changed for everybody. Wait until that is over.")
    if version is not None and version != field.version:
        raise CannotChangeField(
            "Somebody changed this field while you were looking. Look again, then decide."
        )
    return field


def _store(field: Field, **changed: Any) -> None:
    for name, value in changed.items():
        setattr(field, name, value)
    field.version += 1
    field.save(update_fields=[*changed, "version"])


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise CannotChangeField(next(iter(wrong.values())), fields=wrong)


def _wrong_label(workspace: Workspace, label: str, *, besides: Field | None = None) -> dict[str, str]:
    if not label:
        return {"label": "Give the field a name."}
    if any(
        label.casefold() == other.label.casefold()
        for other in queries.all_fields(workspace)
        if other != besides and (besides is None or other.key != besides.key)
    ):
        return {"label": "There is a field of this name already."}
    return {}


def _free_key(label: str, known: set[str]) -> str:
    base = key_of(label)
    key, number = base, 1
    while key in known or key in Contact.STANDARD_FIELDS or key in SPECIAL:
        number += 1
        key = f"{base}_{number}"
    return key


def _wrong_choices(kind: str, choices: Sequence[str]) -> dict[str, str]:
    sentence = ""
    if kind != Field.Kind.CHOICE:
        pass
    elif not choices:
        sentence = "Name at least one choice, one a line."
    elif len(choices) > queries.MOST_CHOICES:
        sentence = f"{queries.MOST_CHOICES} choices at most."
    elif len({*choices}) < len(choices):
        sentence = "A choice stands here twice."
    return {"choices": sentence} if sentence else {}


def _refuse_used(workspace: Workspace, field: Field, then: str) -> None:
    titles = [use.title for use in uses.holding(workspace, "field", field.key)]
    if titles:
        shown = ", ".join(titles[:5]) + (f" and {len(titles) - 5} more" if len(titles) > 5 else "")
        raise CannotChangeField(f"{field} is used by: {shown}. {then}")


def _refuse_open_imports(workspace: Workspace, field: Field) -> None:
    """Its rows have been read as the old kind already."""
    for mine in Import.objects.filter(workspace=workspace, state__in=Import.OPEN).only("name", "mapping"):
        if any(column.get("to") == field.key for column in mine.mapping or []):
            raise CannotChangeField(
                f"The import of {mine.name} fills this field and is not finished. Finish or cancel it first."
            )


def _too_long(field: Field, kept: Field) -> int:
    with database.cursor() as cursor:
        cursor.execute(
            f"select count(*) from audiences_contact where workspace_id = %s and {kept.key} = ''"
            " and length(custom ->> %s) > %s",
            [field.workspace_id, field.key, kept.max_letters],
        )
        return int(cursor.fetchone()[0])


def _mirrors_of(field: Field) -> Any:
    return Q(kind=MirrorKind.FIELD, object_id=field.pk, connection__workspace=field.workspace_id)


def _hand_over_mirrors(field: Field, kept: Field) -> None:
    """What an account calls the field becomes the kept one's, where the account has nothing for that yet."""
    taken = MirrorRow.objects.filter(_mirrors_of(kept)).values("connection_id")
    mine = MirrorRow.objects.filter(_mirrors_of(field))
    free = mine.exclude(connection_id__in=taken).values_list("pk", flat=True)
    MirrorRow.objects.filter(pk__in=list(free)).update(object_id=kept.pk, version=kept.version)
    _leave_out(MirrorRow.objects.filter(_mirrors_of(field)))


def _leave_out(rows: Any) -> None:
    """Pulls know the attribute, and no field here holds it: an id that no field has, and no other row."""
    for row_id in list(rows.values_list("pk", flat=True)):
        MirrorRow.objects.filter(pk=row_id).update(object_id=-row_id)


def _note(by: User | None, field: Field, verb: str, sentence: str, **more: Any) -> None:
    activity.record(field.workspace, verb, sentence, actor=by, subject=field, **more)


def _people(count: int) -> str:
    return counted(count, "person,people")
