"""A segment's name and words; its rule is read by `audiences.forms.rule`."""

from typing import Any

from django import forms

from accounts.forms import Form
from audiences import rules
from audiences.forms import Filters
from audiences.forms.rule import Draft

OPEN = "Nothing was saved yet: fill in what is marked, or take it out."


class SegmentFilters(Filters):
    q = forms.CharField(label="Name or description", required=False, max_length=200)
    state = forms.ChoiceField(
        label="In use or archived", choices=[("", "In use"), ("archived", "Archived")], required=False
    )


class SegmentForm(Form):
    name = forms.CharField(
        label="Name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Readers of News"}),
        error_messages={"required": "Give the segment a name."},
    )
    description = forms.CharField(
        label="What it is for",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, draft: Draft, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.draft = draft

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.draft.open_rows:
            for row in self.draft.rows():
                row.is_strict = True
            raise forms.ValidationError(OPEN)
        try:
            rule = rules.read(self.draft.as_json())
        except rules.BadRule as refusal:
            raise forms.ValidationError(refusal.sentence) from refusal
        return data | {"rule": rule, "version": data.get("version") or 0}
