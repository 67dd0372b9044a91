"""What is to be done with the people who were chosen, and with what."""

from typing import Any
from uuid import uuid4

from django import forms

from accounts.forms import Form
from accounts.models import Workspace
from accounts.names import by_name
from audiences.forms import choose, choose_list, offer
from audiences.models import BulkAction, Contact, Field, List, Tag
from audiences.queries.contacts import People

Action = BulkAction.Action
MOST_OFFERED = 500


class _BulkForm(Form):
    """`clean()` answers what `services.begin_bulk` takes beside the people."""

    # Said in its place where there is nothing to choose from.
    nothing = ""
    nonce = forms.CharField(max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, workspace: Workspace, people: People, **kwargs: Any) -> None:
        # Beside the filters of the page, which ask for lists and tags as well.
        super().__init__(*args, **{"initial": {"nonce": uuid4().hex}, "auto_id": "bulk_%s"} | kwargs)
        self.workspace, self.people = workspace, people
        self.fit()

    def fit(self) -> None:
        """Fill in what there is to choose from."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        beside = {name: data.pop(name) for name in ("nonce", "consent_source", "typed") if name in data}
        return beside | {"arguments": self.arguments(data)}

    def arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class _ListForm(_BulkForm):
    list = forms.ModelChoiceField(List.objects.none(), label="List", empty_label="Choose a list")

    def fit(self) -> None:
        choose_list(self, "list", workspace=self.workspace)
        if not self.workspace.lists.filter(archived_at=None).exists():
            self.nothing = "There are no lists in use yet. Make one first."

    def arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"list": data["list"].pk} if data.get("list") else {}


class AddToListForm(_ListForm):
    consent_source = forms.CharField(
        label="Where their consent comes from",
        max_length=300,
        help_text="Kept with each person who is new on the list, as proof.",
        error_messages={"required": "Where did these people agree to be written to?"},
        widget=forms.TextInput(attrs={"placeholder": "Form on our website, spring fair, shop counter…"}),
    )


class RemoveFromListForm(_ListForm):
    def fit(self) -> None:
        super().fit()
        self.initial["list"] = self.people.list_id


class TagForm(_BulkForm):
    tag = forms.CharField(
        label="Tag",
        max_length=Tag.MOST_LETTERS,
        help_text="One there is, or a new one.",
        widget=forms.TextInput(attrs={"list": "tags-there-are", "autocomplete": "off"}),
    )

    def fit(self) -> None:
        self.offered = list(
            self.workspace.tags.order_by(*by_name()).values_list("name", flat=True)[:MOST_OFFERED]
        )

    def arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"new_tag": data.get("tag", "")}


class UntagForm(_BulkForm):
    tag = forms.ModelChoiceField(Tag.objects.none(), label="Tag", empty_label="Choose a tag")

    def fit(self) -> None:
        choose(self, "tag", self.workspace.tags.order_by(*by_name()))
        if not self.workspace.tags.exists():
            self.nothing = "There are no tags yet, so nobody has one to take off."
        self.initial["tag"] = self.people.tag_id

    def arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"tag": data["tag"].pk} if data.get("tag") else {}


class SetFieldForm(_BulkForm):
    field = forms.ChoiceField(label="Field")
    value = forms.CharField(
        label="New value",
        required=False,
        max_length=Field.MOST_LETTERS,
        help_text="Left empty, the field is emptied.",
    )

    def fit(self) -> None:
        rows = {row.key: row for row in self.workspace.fields.all()}
        standard = {
            key: rows.pop(key).label if key in rows else label
            for key, label in Contact.STANDARD_FIELDS.items()
        }
        labels = ((key, row.label) for key, row in rows.items())
        offer(self, "field", [("", "Choose a field"), *standard.items(), *labels])
        if row := rows.get(self["field"].value() or ""):
            self.fields["value"].widget = _widget(row)


class SuppressAllForm(_BulkForm):
    reason = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Kept with each block, for whoever asks later.",
        widget=forms.TextInput(attrs={"placeholder": "Customers of the shop we sold"}),
    )
    typed = forms.CharField(
        label="How many people",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_typed(self) -> int | None:
        """Grouped as the page writes it, or not."""
        digits = "".join(letter for letter in self.cleaned_data["typed"] if letter in "0123456789")
        return int(digits) if digits else None


FORMS: dict[str, type[_BulkForm]] = {
    Action.ADD_TO_LIST: AddToListForm,
    Action.REMOVE_FROM_LIST: RemoveFromListForm,
    Action.TAG: TagForm,
    Action.UNTAG: UntagForm,
    Action.SET_FIELD: SetFieldForm,
    Action.SUPPRESS: SuppressAllForm,
}


def _widget(field: Field) -> forms.Widget:
    match field.kind:
        case Field.Kind.DATE:
            return forms.TextInput({"type": "date"})
        case Field.Kind.NUMBER:
            return forms.TextInput({"inputmode": "decimal"})
        case Field.Kind.BOOLEAN:
            return forms.Select(choices=[("", "Empty"), ("yes", "Yes"), ("no", "No")])
        case Field.Kind.CHOICE if field.choices:
            return forms.Select(choices=[("", "Empty"), *((text, text) for text in field.choices)])
    return forms.TextInput()
