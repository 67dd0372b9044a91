from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from django import forms

from accounts.forms import DaysForm, Form
from accounts.forms.widgets import NameIterator, QuickSelect
from accounts.models import Connection, Workspace
from accounts.names import Folded, by_name
from audiences.list_names import ListLabels, first_account
from audiences.queries.contacts import SEARCH_LETTERS
from audiences.queries.lists import NO_FOLDER, SORTS

Choices = list[tuple[str, str]]


class AddressInput(forms.TextInput):
    """Not of the type email: there browsers rewrite a domain by the rules of 2003, which make ß another one."""

    def __init__(self) -> None:
        hints = {"inputmode": "email", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        super().__init__({**hints, "dir": "ltr"})


class Filters(DaysForm):
    """A GET form. A value that does not hold is none; where that would show more people than an old link meant, `unfit` tells."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if type(field.widget) is forms.Select:
                field.widget = QuickSelect(field.widget.attrs, field.widget.choices)

    def value(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name) or None

    def words(self) -> str:
        return (self.value("q") or "").strip()

    def unfit(self) -> dict[str, str]:
        """Of each value that does not hold, the field's name → a sentence."""
        self.is_valid()
        return {name: self._unfit(name) for name in self.errors if name in self.fields}

    def unfit_in_words(self, *more: str) -> dict[str, str]:
        """What the chips of these filters say; of several names the first one does."""
        return {
            names: f"{self.fields[names.split()[0]].label or names}: does not hold"
            for names in (*self.unfit(), *more)
        }

    def _unfit(self, name: str) -> str:
        if self.has_error(name, "backwards"):
            return str(self.errors[name][0])
        field, typed = self.fields[name], str(self.data.get(name, ""))[:60]
        match field:
            case forms.ModelChoiceField():
                return f"{field.label}: the one that was asked for is gone or archived."
            case forms.DateField():
                return f"{field.label}: “{typed}” is no day."
            case forms.ChoiceField():
                return f"{field.label}: “{typed}” is none of the choices."
        return f"{field.label}: this is too long."

    @property
    def search(self) -> str:
        """What people are searched for by: fewer letters are in no index, and find nearly everybody."""
        return "" if self.is_too_short else self.words()

    @property
    def is_too_short(self) -> bool:
        return 0 < len(self.words()) < SEARCH_LETTERS


class ListFilters(Filters):
    q = forms.CharField(label="Name", required=False, max_length=200)
    folder = forms.ChoiceField(label="Folder", required=False)
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Account", required=False, empty_label="All accounts"
    )
    show = forms.ChoiceField(
        label="In use or archived", choices=[("", "In use"), ("archived", "Archived")], required=False
    )
    sort = forms.ChoiceField(
        choices=[(name, name) for name in SORTS], required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [
            (str(pk), name) for pk, name in workspace.folders.order_by(*by_name()).values_list("pk", "name")
        ]
        offer(self, "folder", [("", "All folders"), (NO_FOLDER, "In no folder"), *names])
        choose(self, "account", connections(workspace))


class SuppressForm(Form):
    reason = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Kept with the block, for whoever asks later.",
        widget=forms.TextInput(attrs={"placeholder": "Asked us by phone, 21 November"}),
    )


def connections(workspace: Workspace) -> Any:
    return workspace.connections.exclude(status=Connection.Status.CHECKING).order_by(*by_name())


def offer(form: forms.Form, name: str, choices: Any) -> None:
    """Give a field its choices."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for type checkers
    field.choices = choices


def choose_list(
    form: forms.Form, *names: str, workspace: Workspace, lists: Any = None, sizes: bool = False
) -> None:
    """Lists in use, or of `lists`, by name; those of one name told apart."""
    found = workspace.lists.filter(archived_at=None) if lists is None else lists
    label = ListLabels(workspace, sizes=sizes)
    for name in names:
        in_order = found.order_by(Folded("name"), first_account(), "pk")
        choose(form, name, in_order, label=label, columns=label.columns)


def choose(
    form: forms.Form,
    name: str,
    queryset: Any,
    *,
    label: Callable[[Any], str] = attrgetter("name"),
    columns: Sequence[str] = (),
) -> None:
    """Give a field its rows. `label` gets their `pk`, `name` and these columns."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - for type checkers
    field.iterator = partial(NameIterator, columns=columns)  # type: ignore[assignment]
    field.label_from_instance = label  # type: ignore[assignment, method-assign]
    field.queryset = queryset
