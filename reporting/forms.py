from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Connection, Workspace
from accounts.names import by_name
from audiences.addresses import NotAnAddress, normalise


class ReportFilters(Form):
    q = forms.CharField(label="Search names and subjects", required=False, max_length=100)
    account = forms.ModelChoiceField(
        label="Account", queryset=Connection.objects.none(), required=False, empty_label="All accounts"
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = workspace.connections.exclude(  # type: ignore[attr-defined]
            status=Connection.Status.CHECKING
        ).order_by(*by_name())


class LeaveForm(Form):
    email = forms.CharField(
        label="Your email address",
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"])
        except NotAnAddress:
            raise forms.ValidationError("Write the whole address, like ana@example.com.") from None
