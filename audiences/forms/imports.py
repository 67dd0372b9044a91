"""Bringing a file, saying how it is written, matching its columns; typing in one person."""

from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Role, Workspace
from audiences.files import MAX_BYTES
from audiences.files.dialects import DELIMITERS, ENCODINGS
from audiences.files.values import READINGS
from audiences.forms import offer
from audiences.importing.decisions import NEW_FIELD, SPECIAL, Decisions
from audiences.models import Field, Import, List
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
        return rows


class DialectForm(Form):
    encoding = forms.ChoiceField(label="Letters", choices=list(ENCODINGS.items()), required=False)
    delimiter = forms.ChoiceField(label="Separated by", choices=list(DELIMITERS.items()), required=False)
    header = forms.ChoiceField(
        label="First row",
        choices=[("yes", "Names of the columns"), ("no", "Already a person")],
        required=False,
    )
    sheet = forms.ChoiceField(label="Sheet", required=False)

    def __init__(self, *args: Any, mine: Import, **kwargs: Any) -> None:
        dialect = mine.dialect
        kwargs["initial"] = {
            "encoding": dialect.get("encoding"),
            "delimiter": dialect.get("delimiter"),
            "header": "yes" if dialect.get("has_header") else "no",
            "sheet": (dialect.get("sheets") or [""])[0],
        }
        super().__init__(*args, **kwargs)
        sheets = dialect.get("sheets") or []
        if sheets:
            del self.fields["encoding"], self.fields["delimiter"]
        if len(sheets) > 1:
            offer(self, "sheet", [(name, name) for name in sheets])
        else:
            del self.fields["sheet"]


class ColumnsForm(Form):
    """A target and a reading for each column of the file, and what is decided for all of it."""

    on_list = forms.ModelChoiceField(List.objects.none(), label="Put them on the list", required=False)
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
        choose_list(self, "on_list", mine.workspace, none="No list, only their fields")
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


class PersonForm(Form):
    """One person: the address, the fields there are, and the list."""

    email = forms.CharField(
        label="Address", max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    on_list = forms.ModelChoiceField(List.objects.none(), label="List", required=False)
    consent_source = forms.CharField(
        label="Where the consent comes from",
        required=False,
        max_length=300,
        help_text="Needed for a list; kept as proof.",
    )
    consent_date = forms.DateField(
        label="The day they agreed",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose_list(self, "on_list", workspace, none="On no list")
        self.keys = []
        for key, label, kind in _fields(workspace):
            name = f"field_{key}"
            self.keys.append(name)
            self.fields[name] = _typed(label, kind)

    def person_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.keys]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        fields = {name.removeprefix("field_"): _as_text(data.get(name)) for name in self.keys}
        return {name: value for name, value in data.items() if name not in self.keys} | {"fields": fields}


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
    return [
        {"column": column, "to": form[f"to_{index}"], "reads": form[f"as_{index}"]}
        for index, column in enumerate(mine.columns)
    ]


def mapping_of(data: dict[str, Any], mine: Import) -> list[dict[str, str]]:
    return [
        {"to": data.get(f"to_{index}", ""), "as": data.get(f"as_{index}") or "text"}
        for index in range(len(mine.columns))
    ]


def choose_list(form: forms.Form, name: str, workspace: Workspace, *, none: str) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
    field.queryset = workspace.lists.filter(archived_at=None).order_by("name", "id")
    field.empty_label = none


def may_resubscribe(role: Role) -> bool:
    return role.covers(Role.APPROVER)


def _initial(mine: Import) -> dict[str, Any]:
    basis = mine.basis
    initial: dict[str, Any] = {
        "on_list": mine.list_id,
        "policy": mine.policy,
        "resubscribes": mine.resubscribes,
        "consent_source": basis.source if basis else "",
        "consent_wording": basis.wording if basis else "",
        "consent_date": mine.consent_at.date() if mine.consent_at else None,
    }
    for index, column in enumerate(mine.mapping):
        initial |= {f"to_{index}": column["to"], f"as_{index}": column["as"]}
    return initial


def _targets(mine: Import) -> list[Any]:
    fields = [(key, label) for key, label, _ in _fields(mine.workspace)]
    return [
        ("email", SPECIAL["email"]),
        ("Fields", fields),
        ("Proof", [(key, label) for key, label in SPECIAL.items() if key != "email"]),
    ]


def _fields(workspace: Workspace) -> list[tuple[str, str, str]]:
    """(key, label, kind) of all a person has, the standard ones first."""
    return [
        (field.key, field.label, Field.Kind.TEXT.value if field.is_standard else field.kind)
        for field in all_fields(workspace)
    ]


def _typed(label: str, kind: str) -> forms.Field:
    match kind:
        case Field.Kind.NUMBER:
            return forms.DecimalField(label=label, required=False, max_digits=20)
        case Field.Kind.DATE:
            widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            return forms.DateField(label=label, required=False, widget=widget)
        case Field.Kind.BOOLEAN:
            choices = [("", "Not known"), ("yes", "Yes"), ("no", "No")]
            return forms.ChoiceField(label=label, required=False, choices=choices)
    return forms.CharField(label=label, required=False, max_length=200)


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
