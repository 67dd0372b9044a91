"""The fields of a workspace: what they hold, what uses them, what each account calls them."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date
from typing import Any

from django.db import connection as database
from django.urls import reverse

from accounts.models import Connection, MirrorKind, MirrorRow, Workspace
from accounts.names import by_name
from accounts.templatetags.ui import day, number
from audiences import plain, uses
from audiences.field_names import STANDARD_NAMES, fold, tells_births
from audiences.files import values
from audiences.models import Contact, Field, FieldChange
from audiences.uses import Use

# A preview names so many values that do not convert.
SAMPLES = 20
# A choice field made of a text field offers its values, if they are no more than this.
MOST_CHOICES = 100


@dataclass(slots=True)
class FieldRow:
    field: Field
    uses: list[Use] = attribute(default_factory=list)
    mirrors: list[MirrorRow] = attribute(default_factory=list)
    # Another field of the same name.
    looks_like: Field | None = None
    # Under way, or stopped.
    change: FieldChange | None = None

    @property
    def url(self) -> str:
        return reverse("audiences:field", args=[self.field.key])

    @property
    def is_held(self) -> bool:
        """Whether something keeps it from being deleted or merged."""
        return any(not use.is_archived for use in self.uses)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What an account calls something, and the field here that holds it, if any does."""

    row: MirrorRow
    field: Field | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """How many people's values read as another kind, and of those that do not, some with how many people have them."""

    fits: int
    fails: int
    samples: list[tuple[str, int]]
    distinct: list[str]

    @property
    def total(self) -> int:
        return self.fits + self.fails

    @property
    def other_samples(self) -> int:
        """People whose values are not among the samples."""
        return self.fails - sum(count for _, count in self.samples)


def all_fields(workspace: Workspace) -> list[Field]:
    """Those of every person first, whether a row says more of them or not; then the others by label."""
    rows = {row.key: row for row in Field.objects.filter(workspace=workspace)}
    standard = [
        rows.pop(key) if key in rows else Field(workspace=workspace, key=key, label=label)
        for key, label in Contact.STANDARD_FIELDS.items()
    ]
    return [*standard, *rows.values()]


def field_rows(workspace: Workspace) -> list[FieldRow]:
    """All fields with what hangs on them, in a constant number of queries."""
    rows = {field.key: FieldRow(field) for field in all_fields(workspace)}
    by_id = {row.field.pk: row for row in rows.values() if row.field.pk}
    for key, used in uses.of(workspace, "field", rows).items():
        rows[str(key)].uses = used
    for mirror in _mirrors(workspace):
        if mirror.object_id in by_id:
            by_id[mirror.object_id].mirrors.append(mirror)
    for change in FieldChange.objects.filter(workspace=workspace).exclude(state=FieldChange.State.DONE):
        if change.field_id in by_id:
            by_id[change.field_id].change = change
    first: dict[str, Field] = {}
    for row in rows.values():
        name = _same_name(row.field)
        if name in first:
            row.looks_like = first[name]
        else:
            first[name] = row.field
    return list(rows.values())


def mapping_of(
    workspace: Workspace, field: Field
) -> list[tuple[Connection, list[Attribute], MirrorRow | None]]:
    """(account, what it knows of people, which of it is this field) of each connected account."""
    fields = {row.pk: row for row in Field.objects.filter(workspace=workspace)}
    by_account: dict[Connection, list[Attribute]] = defaultdict(list)
    for row in _mirrors(workspace):
        by_account[row.connection].append(Attribute(row, fields.get(row.object_id)))
    return [
        (
            account,
            sorted(attributes, key=lambda one: str((one.row.theirs or {}).get("name") or one.row.remote_id)),
            next((one.row for one in attributes if field.pk and one.row.object_id == field.pk), None),
        )
        for account, attributes in by_account.items()
    ]


def people_with(workspace: Workspace, key: str) -> int:
    """How many have a value, counted now."""
    with database.cursor() as cursor:
        cursor.execute(
            f"select count(*) from audiences_contact c where c.workspace_id = %s and {_is_set(key)}",
            [workspace.pk, *([] if key in Contact.STANDARD_FIELDS else [key, key])],
        )
        return int(cursor.fetchone()[0])


def held_by_somebody(workspace: Workspace, keys: Collection[str]) -> set[str]:
    """Of these fields, none of which has a column of its own, those of which anybody has a value: all people are looked through once."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            select distinct held.key from audiences_contact c cross join lateral jsonb_each(c.custom) held
            where c.workspace_id = %(workspace)s and c.custom ?| %(keys)s
              and held.key = any(%(keys)s) and held.value not in ('null', '""')
            """,
            {"workspace": workspace.pk, "keys": list(keys)},
        )
        return {key for (key,) in cursor.fetchall()}


def people_with_choice(workspace: Workspace, key: str, choices: Iterable[str]) -> int:
    with database.cursor() as cursor:
        cursor.execute(
            "select count(*) from audiences_contact where workspace_id = %s and custom ->> %s = any(%s)",
            [workspace.pk, key, list(choices)],
        )
        return int(cursor.fetchone()[0])


def conversion(field: Field, *, reading: str, choices: Iterable[str] = ()) -> Conversion:
    """What would become of the values of a field; each different value is read once."""
    parse = reader_of(reading, choices, of_past=tells_births(field.key, field.label))
    fits = fails = 0
    samples: list[tuple[str, int]] = []
    distinct: list[str] = []
    with database.chunked_cursor() as cursor:
        cursor.execute(
            f"select custom -> %s as value, count(*) from audiences_contact c"
            f" where workspace_id = %s and {_is_set(field.key)} group by 1 order by 2 desc, 1",
            [field.key, field.workspace_id, field.key, field.key],
        )
        while rows := cursor.fetchmany(5_000):
            for raw, count in rows:
                value = json.loads(raw)
                if len(distinct) <= MOST_CHOICES:
                    distinct.append(as_text(value))
                try:
                    parse(value)
                except ValueError:
                    fails += count
                    if len(samples) < SAMPLES:
                        samples.append((as_text(value), count))
                else:
                    fits += count
    return Conversion(fits, fails, samples, distinct)


def merge_outcome(field: Field, into: Field) -> tuple[int, int, int]:
    """(people whose gap is filled, who have the same in both, who have something else in both)."""
    here, there = _text_of(field.key), _text_of(into.key)
    values: dict[str, Any] = {"workspace": field.workspace_id, "a": field.key, "b": into.key}
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select count(*) filter (where b = ''), count(*) filter (where b = a), count(*) filter (where b <> '' and b <> a)
            from (
                select coalesce({here.format(name="a")}, '') as a, coalesce({there.format(name="b")}, '') as b
                from audiences_contact where workspace_id = %(workspace)s
            ) both_values where a <> ''
            """,
            values,
        )
        filled, same, different = cursor.fetchone()
    return filled, same, different


def reader_of(
    reading: str, choices: Iterable[str] = (), *, of_past: bool = False
) -> Callable[[Any], values.Value]:
    """What turns any value into one of another kind. Raises ValueError. `reading`: as in files.values, or "choice".

    What is of the kind already reads as itself, so that reading twice does no harm.
    """
    known = frozenset(choices)
    if reading == "choice":

        def choose(value: Any) -> values.Value:
            text = as_text(value)
            if text not in known:
                raise ValueError(text)
            return text

        return choose
    parse, kind = values.parser(reading, of_past=of_past), values.READINGS[reading][1]
    plain_date = values.parser("date_ymd")

    def read(value: Any) -> values.Value:
        is_boolean = isinstance(value, bool)
        if (kind == "boolean" and is_boolean) or (
            kind == "number" and isinstance(value, int | float) and not is_boolean
        ):
            return value
        try:
            return parse(as_text(value))
        except values.MistypedYear:
            raise
        except ValueError:
            if kind != "date":
                raise
            return plain_date(as_text(value))

    return read


def value_of(field: Field, text: str) -> values.Value | None:
    """What a person typed for a field; None for nothing. Raises ValueError with a sentence fit for a page."""
    text = text.strip()
    if not text:
        return None
    kind = Field.Kind.TEXT if field.is_standard else Field.Kind(field.kind)
    # What an account offers to choose from may be unknown here: then it is text.
    reading = "choice" if kind == Field.Kind.CHOICE and field.choices else reading_of(kind)
    try:
        value = reader_of(reading, field.choices)(text)
    except values.MistypedYear:
        raise
    except ValueError:
        raise ValueError(_UNFIT[kind]) from None
    if "\x00" in text:
        raise ValueError("This text holds a letter that cannot be kept. Type it again.")
    if read := plain.READERS.get(field.key):
        value = read(text)
    if isinstance(value, str) and len(value) > field.max_letters:
        raise ValueError(f"This field holds {field.max_letters} letters at most.")
    return value


_UNFIT: dict[str, str] = {
    Field.Kind.NUMBER: "This is no number. Write it like 1234.5.",
    Field.Kind.DATE: "This is no date. Write it like 2026-12-31.",
    Field.Kind.BOOLEAN: "Say yes or no.",
    Field.Kind.CHOICE: "Choose one of the choices of this field.",
}


def as_text(value: Any) -> str:
    """A value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return str(value)


def value_in_words(value: Any, kind: str = "") -> str:
    """A value as every page writes it; what is not of the kind stays as it came."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    # A year or a postcode is no number to group.
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 10_000):
        return str(number(value))
    if kind == Field.Kind.DATE:
        try:
            return day(date.fromisoformat(str(value)[:10]))
        except ValueError:
            pass
    return "" if value is None else str(value)


def reads_alike(text: str, other: str) -> bool:
    """Browsers write line breaks their own way, and forms trim."""
    return text.split() == other.split()


def typed_text(field: Field, value: Any) -> str:
    """A value as the widget of its kind takes it; as it stands where it is not of the kind."""
    if field.kind in (Field.Kind.NUMBER, Field.Kind.DATE, Field.Kind.BOOLEAN) and value not in (None, ""):
        try:
            return as_text(reader_of(reading_of(field.kind))(value))
        except ValueError:
            pass
    return as_text(value)


def readings(connection: Connection) -> dict[str, Callable[[Any], values.Value]]:
    """Field.key → how the account's values are read, where it holds another kind than we do."""
    rows = MirrorRow.objects.filter(connection=connection, kind=MirrorKind.FIELD, gone_at=None)
    theirs = {row.object_id: (row.theirs or {}).get("kind", "") for row in rows}
    fields = Field.objects.filter(workspace=connection.workspace_id, pk__in=[*theirs])
    return {
        field.key: reader_of(
            reading_of(field.kind, field.reading), of_past=tells_births(field.key, field.label)
        )
        for field in fields
        if field.kind != theirs[field.pk]
        # What an account offers to choose from is text here, and text is never turned away.
        and {field.kind, theirs[field.pk]} != {"text", "choice"}
    }


def reading_of(kind: str, reading: str = "") -> str:
    """How texts become a kind, unless the field says how."""
    if reading in values.READINGS and values.READINGS[reading][1] == kind:
        return reading
    return {"number": "number", "date": "date_ymd", "boolean": "boolean"}.get(kind, "text")


def _mirrors(workspace: Workspace) -> list[MirrorRow]:
    rows = MirrorRow.objects.filter(connection__workspace=workspace, kind=MirrorKind.FIELD, gone_at=None)
    return list(
        rows.exclude(connection__status=Connection.Status.DISCONNECTED)
        .select_related("connection")
        .order_by(*by_name("connection"))
    )


def _same_name(field: Field) -> str:
    """Fields of one name say the same here; a name that a standard field has elsewhere is that field."""
    name = fold(field.label) or field.key
    return STANDARD_NAMES.get(name, name) if field.key not in Contact.STANDARD_FIELDS else field.key


def _is_set(key: str) -> str:
    """SQL; takes the key twice unless it has a column."""
    if key in Contact.STANDARD_FIELDS:
        return f"c.{key} <> ''"
    return "c.custom ? %s and c.custom -> %s not in ('null', '\"\"')"


def _text_of(key: str) -> str:
    return key if key in Contact.STANDARD_FIELDS else "custom ->> %({name})s"
