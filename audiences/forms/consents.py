from typing import Any

from django import forms

from accounts.days import HAIR, is_day
from accounts.forms import Form
from accounts.models import Workspace
from audiences.forms import choose_list
from audiences.forms.suppressions import MomentField
from audiences.models import Consent, List


class ConsentForm(Form):
    """What a person said about being written to, or about being counted."""

    purpose = forms.ChoiceField(label="About", choices=Consent.Purpose, widget=forms.RadioSelect)
    kind = forms.ChoiceField(
        label="They said",
        choices=[("given", "Yes"), ("withdrawn", "No, or no longer")],
        widget=forms.RadioSelect,
    )
    on_list = forms.ModelChoiceField(
        List.objects.none(), label="For which mails", required=False, empty_label="All of them"
    )
    source = forms.CharField(
        label="Where they said so",
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "Form on our website, letter, phone call…"}),
    )
    at = MomentField(label="When they said so")
    wording = forms.CharField(
        label="The words they were shown",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose_list(self, "on_list", workspace=workspace)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        at = data.get("at")
        if at is not None and data.get("kind") == Consent.Kind.WITHDRAWN and is_day(at + HAIR):
            data["at"] = at + 2 * HAIR  # it wins over a yes of that moment
        return data
