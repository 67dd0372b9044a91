from typing import Any

from django import forms
from django.utils.choices import CallableChoiceIterator

from accounts.forms import Form
from accounts.models import Connection, Workspace
from audiences import queries
from audiences.models import List, Subscription, Suppression
from audiences.queries.contacts import SEARCH_LETTERS, People

Choices = list[tuple[str, str]]
STATES = [("", "Mailable or not"), ("mailable", "Mailable"), ("suppressed", "Suppressed")]


class _Filters(Form):
    """A GET form whose wrong values are ignored: an old link shows more, not an error."""

    def value(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name) or None

    def words(self) -> str:
        return (self.value("q") or "").strip()


class ContactFilters(_Filters):
    q = forms.CharField(label="Address or name", required=False, max_length=200)
    list = forms.ModelChoiceField(List.objects.none(), label="List", required=False, empty_label="All lists")
    status = forms.ChoiceField(choices=Subscription.Status, required=False, widget=forms.HiddenInput)
    state = forms.ChoiceField(label="Mailable or suppressed", choices=STATES, required=False)
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Account", required=False, empty_label="All accounts"
    )
    language = forms.CharField(label="Language", required=False, max_length=35)

    def __init__(self, *args: Any, workspace: Workspace, shows_addresses: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace, self.shows_addresses = workspace, shows_addresses
        _choose(self, "list", workspace.lists.filter(archived_at=None).order_by("name", "id"))
        _choose(self, "account", connections(workspace))
        # Asked for only when the form is drawn.
        self.fields["language"].widget = forms.Select()
        self.fields["language"].widget.choices = CallableChoiceIterator(self._languages)

    def people(self) -> People:
        words = self.words()
        chosen, account = self.value("list"), self.value("account")
        return People(
            self.workspace,
            words=words if len(words) >= SEARCH_LETTERS else "",
            list_id=chosen.pk if chosen else None,
            status=self.value("status") or Subscription.Status.SUBSCRIBED,
            state=self.value("state") or "",
            connection_id=account.pk if account else None,
            language=self.value("language") or "",
            shows_addresses=self.shows_addresses,
        )

    @property
    def is_too_short(self) -> bool:
        return 0 < len(self.words()) < SEARCH_LETTERS

    def _languages(self) -> Choices:
        return [("", "All languages"), *((code, code) for code in queries.languages(self.workspace))]


class ListFilters(_Filters):
    q = forms.CharField(label="Name", required=False, max_length=200)
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Account", required=False, empty_label="All accounts"
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "account", connections(workspace))


class SegmentFilters(_Filters):
    q = forms.CharField(label="Name or description", required=False, max_length=200)
    state = forms.ChoiceField(
        label="In use or archived", choices=[("", "In use"), ("archived", "Archived")], required=False
    )


class SuppressionFilters(_Filters):
    q = forms.CharField(label="Address", required=False, max_length=254)
    reason = forms.ChoiceField(
        label="Reason", choices=[("", "All reasons"), *Suppression.Reason.choices], required=False
    )
    account = forms.ModelChoiceField(
        Connection.objects.none(), label="Told by", required=False, empty_label="Told by anybody"
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose(self, "account", connections(workspace))


class SuppressForm(Form):
    reason = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Kept with the block, for whoever asks later.",
        widget=forms.TextInput(attrs={"placeholder": "Asked us by phone, 21 November"}),
    )


def connections(workspace: Workspace) -> Any:
    return workspace.connections.exclude(status=Connection.Status.CHECKING).order_by("name", "id")


def _choose(form: forms.Form, name: str, queryset: Any) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
    field.queryset = queryset
