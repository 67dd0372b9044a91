"""Making, describing and sorting lists."""

from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import Workspace
from accounts.names import by_name
from audiences.models import Folder, List


class ListNameForm(Form):
    """A name that another list may have already: then it asks whether two are meant."""

    name = forms.CharField(label="Name", max_length=200)
    # Drawn only when it is asked.
    is_twin = forms.BooleanField(label="Two lists of this name are meant", required=False)

    @property
    def asks_for_twin(self) -> bool:
        return self.is_bound and ("is_twin" in self.errors or bool(self.cleaned_data.get("is_twin")))


class ListForm(ListNameForm):
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=1000,
        help_text="Who is on it and what they were told they would get.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    folder = forms.ModelChoiceField(
        Folder.objects.none(), label="Folder", required=False, empty_label="In no folder"
    )
    new_folder = forms.CharField(label="Or a new folder", required=False, max_length=200)

    def __init__(self, *args: Any, workspace: Workspace, mine: List | None = None, **kwargs: Any) -> None:
        if mine is not None:
            kwargs["initial"] = {
                "name": mine.name, "description": mine.description, "folder": mine.folder_id,
            }  # fmt: skip
        super().__init__(*args, **kwargs)
        folder = self.fields["folder"]
        assert isinstance(folder, forms.ModelChoiceField)  # noqa: S101
        folder.queryset = workspace.folders.order_by(*by_name())


class FolderForm(Form):
    name = forms.CharField(label="Name", max_length=200)
