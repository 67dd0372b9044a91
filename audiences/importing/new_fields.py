"""Fields that come with an import: planned in its mapping, made when it starts, taken back with it.

Such a column has a "label" beside its target, the key the field gets, and once it is made the "field" it is.
"""

from typing import Any

from accounts.models import MirrorKind, MirrorRow
from audiences import sets, uses
from audiences.field_names import key_of, label_of
from audiences.files import values
from audiences.importing.decisions import NEW_FIELD, SPECIAL
from audiences.models import Contact, Field, FieldChange, Import
from audiences.queries.fields import held_by_somebody


def plan(mine: Import, mapping: list[dict[str, str]]) -> list[dict[str, str]]:
    """The mapping with a free key and a label where a person asked for a new field."""
    keys = {
        *Field.objects.filter(workspace=mine.workspace).values_list("key", flat=True),
        *Contact.STANDARD_FIELDS,
        *SPECIAL,
    }
    planned = []
    for column, of_file in zip(mapping, mine.columns, strict=True):
        if column["to"] == NEW_FIELD:
            base = key_of(of_file["name"])
            key, number = base, 1
            while key in keys:
                number += 1
                key = f"{base}_{number}"
            keys.add(key)
            column = column | {"to": key, "label": label_of(of_file["name"], keeps_capitals=True)}
        planned.append(column)
    return planned


def planned(mine: Import) -> dict[str, dict[str, Any]]:
    """Key → column of what this import makes, or made."""
    return {column["to"]: column for column in mine.mapping if "label" in column}


def make(mine: Import) -> list[str]:
    """Make what was planned; answers labels of fields that somebody made meanwhile under the same key, and makes none then."""
    wanted = planned(mine)
    if not wanted:
        return []
    sets.one_writer(mine.workspace)
    taken = Field.objects.filter(workspace=mine.workspace, key__in=wanted).values_list("label", flat=True)
    if not taken:
        made = Field.objects.bulk_create(
            Field(
                workspace=mine.workspace,
                key=key,
                label=column["label"],
                kind=values.READINGS[column["as"]][1],
            )
            for key, column in wanted.items()
        )
        ids = {field.key: field.pk for field in made}
        mine.mapping = [
            column | {"field": ids[column["to"]]} if "label" in column else column for column in mine.mapping
        ]
        Import.objects.filter(pk=mine.pk).update(mapping=mine.mapping)
    return list(taken)


def take_back(mine: Import) -> dict[str, Any]:
    """Delete the fields made that nobody fills, uses or has changed: {"fields_gone", "fields_left"}, as labels."""
    made = [column["field"] for column in mine.mapping if "field" in column]
    if not made:
        return {}
    sets.one_writer(mine.workspace)
    told: dict[str, list[str]] = {"fields_gone": [], "fields_left": []}
    fields = list(Field.objects.filter(workspace=mine.workspace, pk__in=made).order_by("id"))
    keys = [field.key for field in fields]
    used = {*uses.of(mine.workspace, "field", keys), *held_by_somebody(mine.workspace, keys)}
    theirs = MirrorRow.objects.filter(kind=MirrorKind.FIELD, connection__workspace=mine.workspace_id)
    mirrored = set(theirs.filter(object_id__in=made).values_list("object_id", flat=True))
    under_way = FieldChange.objects.filter(field__in=made).exclude(state=FieldChange.State.DONE)
    changing = set(under_way.values_list("field", flat=True))
    for field in fields:
        if field.version > 1 or field.key in used or field.pk in mirrored or field.pk in changing:
            told["fields_left"].append(field.label)
        else:
            field.delete()
            told["fields_gone"].append(field.label)
    return {name: labels for name, labels in told.items() if labels}
