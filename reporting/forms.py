from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Connection, Workspace


class ReportFilters(Form):
    q = forms.CharField(label="Search names and subjects", required=False, max_length=100)
    account = forms.ModelChoiceField(
        label="Account", queryset=Connection.objects.none(), required=False, empty_label="All accounts"
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = workspace.connections.exclude(  # type: ignore[attr-defined]
            status=Connection.Status.CHECKING
        ).order_by("name")
