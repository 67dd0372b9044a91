"""Choosing people by the lists they are on, and what is to become of them."""

from typing import Any

from django import forms

from accounts.forms import Form
from accounts.models import MirrorKind, MirrorRow, Workspace
from audiences import rules
from audiences.forms import choose_list
from audiences.forms.lists import ListNameForm
from audiences.models import List

# Said of the first list and the others.
HOWS = {
    "any": "On any of them",
    "all": "On all of them",
    "but": "On the first, but not on the others",
}


class CombineForm(Form):
    """A GET form: the choice stands in the address."""

    first = forms.ModelChoiceField(
        List.objects.none(),
        label="First list",
        empty_label="Choose a list",
        error_messages={"invalid_choice": "The first list is archived or gone. Choose another one."},
    )
    how = forms.ChoiceField(label="People", choices=list(HOWS.items()), widget=forms.RadioSelect)
    others = forms.ModelMultipleChoiceField(
        List.objects.none(),
        label="Other lists",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one other list.",
            **dict.fromkeys(
                ("invalid_choice", "invalid_pk_value"),
                "One of the other lists is archived or gone. Choose those that are left.",
            ),
        },
    )

    def __init__(self, data: Any, *, workspace: Workspace) -> None:
        is_asked = data is not None and {"first", "others"} & set(data)
        if is_asked and "how" not in data:
            data = data.copy()
            data["how"] = "any"
        super().__init__(data if is_asked else None, initial={"how": "any"})
        self.workspace = workspace
        choose_list(self, "first", "others", workspace=workspace, sizes=True)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("first") in (data.get("others") or ()):
            self.add_error(
                "others", "The first list stands among the others too. Take it out of one of them."
            )
        return data

    def lists(self) -> list[List]:
        return [self.cleaned_data["first"], *self.cleaned_data["others"]]

    def rule(self) -> rules.Group:
        """Who is meant, when the form is valid."""
        first, *others = (rules.Condition("list", mine.pk, "on", name=mine.name) for mine in self.lists())
        how = self.cleaned_data["how"]
        if how == "but":
            return rules.Group("all", (first, rules.Group("none", tuple(others))))
        return rules.Group(how, (first, *others))

    def source(self) -> str:
        """What the consent of these people rests on, as far as the lists tell."""
        if self.cleaned_data["how"] == "but":
            return f"On the list {self.cleaned_data['first']}"[:300]
        names = [str(mine) for mine in self.lists()]
        join = " or " if self.cleaned_data["how"] == "any" else " and "
        return f"On the lists {', '.join(names[:-1])}{join}{names[-1]}"[:300]


# What may become of the people chosen → the fields it asks for.
ACTIONS = {
    "new": ("name", "is_twin", "consent_source"),
    "add": ("to", "consent_source"),
    "remove": ("to",),
}


class OntoListForm(ListNameForm):
    """One thing that may become of the people chosen; each has a dialog of its own on the page."""

    name = forms.CharField(label="Name of the new list", max_length=200)
    to = forms.ModelChoiceField(
        List.objects.none(),
        label="List",
        empty_label="Choose a list",
        help_text="Lists whose people an account chooses by itself are not offered.",
    )
    consent_source = forms.CharField(
        label="Where their consent comes from",
        max_length=300,
        help_text="Kept with each person who is new on the list, as proof.",
    )

    def __init__(self, data: Any, *, action: str, workspace: Workspace, source: str) -> None:
        super().__init__(data, initial={"consent_source": source}, auto_id=f"{action}_%s")
        self.action = action
        for name in set(self.fields) - set(ACTIONS[action]):
            del self.fields[name]
        if "to" in self.fields:
            kept = MirrorRow.objects.filter(
                kind=MirrorKind.LIST, gone_at=None, theirs__is_dynamic=True, connection__workspace=workspace
            )
            free = workspace.lists.filter(archived_at=None).exclude(pk__in=kept.values("object_id"))
            choose_list(self, "to", workspace=workspace, lists=free, sizes=True)
