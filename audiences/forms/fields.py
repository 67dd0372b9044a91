"""Fields: a new one, its name and choices, another kind, another field."""

from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Workspace
from audiences.files.values import READINGS
from audiences.models import Contact, Field
from audiences.queries.fields import MOST_CHOICES, all_fields

LINES = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})
# How values are read as another kind: reading → label.
KINDS = {
    "text": "Text",
    "number": READINGS["number"][0],
    "number_comma": READINGS["number_comma"][0],
    "date_ymd": READINGS["date_ymd"][0],
    "date_dmy": READINGS["date_dmy"][0],
    "date_mdy": READINGS["date_mdy"][0],
    "date_named": READINGS["date_named"][0],
    "boolean": READINGS["boolean"][0],
    "choice": "Choice, one of those that people have now",
}


class Lines(forms.CharField):
    """One a line → a list of texts, in their order, each once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=LINES, max_length=20_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = [" ".join(line.split()) for line in (super().clean(value) or "").splitlines()]
        if any(len(line) > 200 for line in lines):
            raise forms.ValidationError("A choice has 200 letters at most.")
        return list(dict.fromkeys(line for line in lines if line))


class NewFieldForm(Form):
    label = forms.CharField(
        label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    kind = forms.ChoiceField(label="Kind", choices=Field.Kind.choices)
    choices = Lines(
        label="Choices",
        required=False,
        help_text=f"Only for the kind Choice: one a line, {MOST_CHOICES} at most.",
    )


class LabelForm(Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    label = forms.CharField(label="Name", max_length=120, help_text="Merge tags and segments keep working.")


class ChoicesForm(Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    choices = Lines(label="Choices", required=False, help_text=f"One a line, {MOST_CHOICES} at most.")
    clears = forms.TypedChoiceField(
        label="People who have a choice that goes",
        choices=[("keep", "Keep it as it is"), ("clear", "Lose it: the field is empty")],
        required=False,
        widget=forms.RadioSelect,
        coerce=lambda value: value == "clear",
        empty_value=None,
    )


class KindForm(Form):
    version = forms.IntegerField(widget=forms.HiddenInput)
    reading = forms.ChoiceField(choices=[*KINDS.items()], widget=forms.HiddenInput)
    empties = forms.BooleanField(label="Empty the field where the value does not convert", required=False)


class MappingForm(Form):
    account = forms.IntegerField()
    row = forms.IntegerField(required=False)


def merge_targets(workspace: Workspace, field: Field) -> list[tuple[str, str]]:
    """(key, label) of the fields this one may go into: those of its kind, and those that hold any text."""
    return [
        (other.key, other.label)
        for other in all_fields(workspace)
        if other.key != field.key
        and (
            other.kind == field.kind or other.kind == Field.Kind.TEXT or other.key in Contact.STANDARD_FIELDS
        )
    ]
