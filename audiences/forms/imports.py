"""Bringing a file, saying how it is written, matching its columns; typing in one person."""

import re
from collections import Counter
from datetime import date
from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Role
from accounts.templatetags.ui import day
from audiences.addresses import addresses_in
from audiences.field_names import fold, tells_births
from audiences.files import MAX_BYTES
from audiences.files.dialects import DELIMITERS, ENCODINGS
from audiences.files.values import READINGS, parser
from audiences.forms import choose_list, offer
from audiences.importing.decisions import NEW_FIELD, SPECIAL, Decisions
from audiences.models import Contact, Import, List
from audiences.queries.fields import all_fields

MOST_PASTED = 1_000_000
TOO_LARGE = "This file is larger than 200 MB. Pack it as zip, or split it."


class UploadForm(Form):
    file = forms.FileField(
        label="File",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.zip,.xlsx,.xlsm,.xlsb,.xls,.ods"}),
        error_messages={"required": "Choose a file.", "empty": "This file is empty. Choose another one."},
    )

    def __init__(self, *args: Any, is_too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_too_large:
            self.fields["file"].error_messages["required"] = TOO_LARGE

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        return file


class PasteForm(Form):
    rows = forms.CharField(
        label="Rows",
        max_length=MOST_PASTED,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text="One person a line, straight from a spreadsheet or a mail. A heading helps to match the columns.",
    )

    def clean_rows(self) -> str:
        rows: str = self.cleaned_data["rows"]
        if not rows.strip():
            raise forms.ValidationError("Paste at least one row.")
        return _one_a_line(rows)


class DialectForm(Form):
    encoding = forms.ChoiceField(label="Letters", choices=list(ENCODINGS.items()), required=False)
    delimiter = forms.ChoiceField(label="Separated by", choices=list(DELIMITERS.items()), required=False)
    heading = forms.TypedChoiceField(
        label="Names of the columns", coerce=int, empty_value=None, required=False
    )
    sheet = forms.ChoiceField(label="Sheet", required=False)

    def __init__(self, *args: Any, mine: Import, **kwargs: Any) -> None:
        dialect = mine.dialect
        kwargs["initial"] = {
            "encoding": dialect.get("encoding"),
            "delimiter": dialect.get("delimiter"),
            "heading": str(dialect.get("heading", "")),
            "sheet": (dialect.get("sheets") or [""])[0],
        }
        super().__init__(*args, **kwargs)
        self.asked = dialect.get("asked", {})
        rows = [(line, f"Row {line}: {text}") for line, text in dialect.get("first", [])]
        offer(self, "heading", [*rows, (0, "In no row")])
        sheets = dialect.get("sheets") or []
        if sheets:
            del self.fields["encoding"], self.fields["delimiter"]
        if len(sheets) > 1:
            offer(self, "sheet", [(name, name) for name in sheets])
        else:
            del self.fields["sheet"]

    def clean(self) -> dict[str, Any]:
        """The heading is looked for again, unless a person chose it: in another sheet there is another."""
        data = super().clean() or {}
        is_chosen = "heading" in self.changed_data or "heading" in self.asked
        return data if is_chosen and "sheet" not in self.changed_data else data | {"heading": None}


class ColumnsForm(Form):
    """A target and a reading for each column of the file, and what is decided for all of it."""

    on_list = forms.ModelChoiceField(
        List.objects.none(),
        label="Put them on the list",
        required=False,
        empty_label="No list, only their fields",
    )
    new_list = forms.CharField(label="Or on a new list", required=False, max_length=200)
    consent_source = forms.CharField(
        label="Where their consent comes from",
        required=False,
        max_length=300,
        help_text="Kept with each person who is new on the list, as proof.",
        widget=forms.TextInput(attrs={"placeholder": "Form on our website, spring fair, shop counter…"}),
    )
    consent_date = forms.DateField(
        label="The day they agreed",
        required=False,
        help_text="Only if it was one day for all. Else match a column of the file.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    consent_wording = forms.CharField(
        label="What they agreed to",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    policy = forms.ChoiceField(
        label="People who are here already", choices=Import.Policy, widget=forms.RadioSelect,
        help_text="An empty cell never empties a field.",
    )  # fmt: skip
    resubscribes = forms.BooleanField(label="Put people who left the list back on it", required=False)

    def __init__(self, *args: Any, mine: Import, may_resubscribe: bool, **kwargs: Any) -> None:
        kwargs["initial"] = _initial(mine)
        super().__init__(*args, **kwargs)
        self.mine = mine
        choose_list(self, "on_list", workspace=mine.workspace)
        box = self.fields["resubscribes"]
        box.help_text = "Only who agreed again after leaving, on the day given above. Suppressed people stay out in any case."
        if not may_resubscribe:
            box.disabled = True
            box.help_text = "This needs the role Approver."
        add_columns(self, mine, [(NEW_FIELD, "New field"), *_targets(mine)])

    def rows(self) -> list[dict[str, Any]]:
        """A column and its two choices, for the table."""
        return column_rows(self, self.mine)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        mapping = mapping_of(data, self.mine)
        decided = {
            name: data[name]
            for name in ("on_list", "new_list", "policy", "resubscribes", "consent_source", "consent_wording", "consent_date")
            if name in data
        }  # fmt: skip
        return {"decisions": Decisions(mapping=mapping, **decided)}


_FULL_YEAR = re.compile(r"\d{4}")
# A comma within quotes is of a name.
_PERSON = re.compile(r"""(?:"[^"]*"|[^,;"])+""")


def _one_a_line(rows: str) -> str:
    """People as a line of a mail names them, `Ana <ana@x.test>, "B, Ben" <ben@x.test>; c@x.test`, a line each.

    A line without an address, a heading or a greeting, stays a row. All as it is where a line holds something beside people,
    or the first names as many columns as a line has.
    """
    lines = [line for line in rows.splitlines() if line.strip()]
    parts = [[part.strip() for part in _PERSON.findall(line) if part.strip()] for line in lines]
    people = [
        _people_of(line, of_line) if "@" in line else None for line, of_line in zip(lines, parts, strict=True)
    ]
    is_table = any(found == [] for found in people) or any(line.count('"') % 2 for line in lines)
    is_headed = people[0] is None and any(found and 1 < len(found) <= len(parts[0]) for found in people)
    if is_table or is_headed or not any(people):
        return rows
    return "\n".join("\n".join(found) if found else line for line, found in zip(lines, people, strict=True))


def _people_of(line: str, parts: list[str]) -> list[str]:
    """One each, or none if something else stands among them."""
    if all(part.count("@") == 1 for part in parts):
        return parts
    return [] if "\t" in line else addresses_in(line)  # a tab stands between columns


def add_columns(form: forms.Form, mine: Import, targets: list[Any]) -> None:
    """A target and a reading for each column of the file."""
    for index, column in enumerate(mine.columns):
        form.fields[f"to_{index}"] = forms.ChoiceField(
            label=f"Goes to, for {column['name']}", choices=[("", "Leave out"), *targets], required=False
        )
        form.fields[f"as_{index}"] = forms.ChoiceField(
            label=f"Written as, for {column['name']}",
            choices=[(name, label) for name, (label, _) in READINGS.items()],
            required=False,
        )


def column_rows(form: forms.Form, mine: Import) -> list[dict[str, Any]]:
    labels = {field.key: field.label for field in all_fields(mine.workspace)}

    def sample(index: int, text: str) -> tuple[str, str]:
        to = form[f"to_{index}"].value() or ""
        of_past = tells_births(to, labels.get(to, mine.columns[index]["name"]))
        return text, _read_as(text, form[f"as_{index}"].value(), of_past=of_past)

    return [
        {
            "column": column,
            "to": form[f"to_{index}"],
            "reads": form[f"as_{index}"],
            "samples": [sample(index, text) for text in column["samples"]],
        }
        for index, column in enumerate(mine.columns)
    ]


def _read_as(text: str, reading: str, *, of_past: bool) -> str:
    """The day that a date with two digits of its year is taken for."""
    if READINGS.get(reading, ("", ""))[1] != "date" or _FULL_YEAR.search(text):
        return ""
    try:
        return day(date.fromisoformat(str(parser(reading, of_past=of_past)(text))))
    except ValueError:
        return ""


def mapping_of(data: dict[str, Any], mine: Import) -> list[dict[str, str]]:
    return [
        {"to": data.get(f"to_{index}", ""), "as": data.get(f"as_{index}") or "text"}
        for index in range(len(mine.columns))
    ]


def may_resubscribe(role: Role) -> bool:
    return role.covers(Role.APPROVER)


def _initial(mine: Import) -> dict[str, Any]:
    basis = mine.basis
    initial: dict[str, Any] = {
        "on_list": mine.list_id,
        "new_list": "" if mine.list_id else mine.new_list,
        "policy": mine.policy,
        "resubscribes": mine.resubscribes,
        "consent_source": basis.source if basis else "",
        "consent_wording": basis.wording if basis else "",
        "consent_date": mine.consent_at.date() if mine.consent_at else None,
    }
    for index, column in enumerate(mine.mapping):
        target = NEW_FIELD if "label" in column else column["to"]
        initial |= {f"to_{index}": target, f"as_{index}": column["as"]}
    return initial


def _targets(mine: Import) -> list[Any]:
    fields = all_fields(mine.workspace)
    person = [(field.key, field.label) for field in fields if field.key in Contact.STANDARD_FIELDS]
    names = Counter(fold(field.label) or field.label for field in fields)
    # Of one name, they are told apart by what they hold.
    own = [
        (field.key, f"{field.label} ({field.get_kind_display().lower()})" if names[fold(field.label) or field.label] > 1 else field.label)
        for field in fields
        if field.key not in Contact.STANDARD_FIELDS
    ]  # fmt: skip
    return [
        ("email", SPECIAL["email"]),
        ("Person", person),
        *([("Own fields", own)] if own else []),
        ("Proof", [(key, label) for key, label in SPECIAL.items() if key != "email"]),
    ]
