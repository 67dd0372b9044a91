"""One person's fields, each with the widget of its kind, and what they are on a list."""

import json
from decimal import Decimal
from typing import Any

from django import forms

from accounts.forms import Form
from audiences.forms.imports import _typed
from audiences.importing.shaping import MAX_TEXT
from audiences.models import Contact, Field, List, Subscription
from audiences.queries.fields import all_fields, as_text, reader_of, reading_of

MINE, THEIRS = "mine", "theirs"
MOST_SEEN = 1_000_000


class EditForm(Form):
    """`seen` holds what the page showed, so that a change by somebody else meanwhile is told field by field."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=MOST_SEEN, strip=False)
    email = forms.CharField(
        label="Address", max_length=320, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        definitions = all_fields(contact.workspace)
        now = {"email": contact.email} | {
            field.key: as_text(contact.value(field.key)) for field in definitions
        }
        kwargs["initial"] = {
            "version": contact.version,
            "seen": json.dumps(now),
            "email": contact.email,
            **{f"field_{key}": text for key, text in now.items() if key != "email"},
        }
        super().__init__(*args, **kwargs)
        self.keys: list[str] = []
        # Several values at once: an account writes them, no widget here does.
        self.untouchable: list[tuple[str, str]] = []
        for field in definitions:
            value = contact.value(field.key)
            if isinstance(value, list | dict):
                self.untouchable.append((field.label, as_text(value)))
                continue
            self.keys.append(field.key)
            self.fields[f"field_{field.key}"] = _widget(field, value)

    def person_fields(self) -> list[forms.BoundField]:
        return [self[f"field_{key}"] for key in self.keys]

    def clean_seen(self) -> dict[str, str]:
        try:
            seen = json.loads(self.cleaned_data["seen"])
            return {str(key): str(text) for key, text in seen.items()}
        except (ValueError, AttributeError):
            return {}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        fields = {key: _text(data[f"field_{key}"]) for key in self.keys if f"field_{key}" in data}
        kept = {name: data[name] for name in ("version", "seen", "email") if name in data}
        return kept | {"fields": fields}


class SubscriptionForm(Form):
    on_list = forms.ModelChoiceField(List.objects.none(), label="List", empty_label=None)
    was = forms.ChoiceField(
        choices=[("", ""), *Subscription.Status.choices], required=False, widget=forms.HiddenInput
    )
    status = forms.ChoiceField(label="Status", widget=forms.RadioSelect)
    consent_source = forms.CharField(
        label="Where the consent comes from",
        required=False,
        max_length=300,
        help_text="Needed to subscribe; kept as proof.",
        widget=forms.TextInput(attrs={"placeholder": "Form on our website, spring fair, shop counter…"}),
    )
    consent_date = forms.DateField(
        label="The day they agreed",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, contact: Contact, row: Subscription | None, **kwargs: Any) -> None:
        kwargs["initial"] = {"was": row.status if row else "", "status": "" if row else "subscribed"}
        super().__init__(*args, **kwargs)
        chosen, status = self.fields["on_list"], self.fields["status"]
        assert isinstance(chosen, forms.ModelChoiceField)  # noqa: S101
        assert isinstance(status, forms.ChoiceField)  # noqa: S101
        status.choices = _moves(row)
        if row is not None:
            chosen.queryset = List.objects.filter(pk=row.list_id)
            chosen.initial, chosen.widget = row.list_id, forms.HiddenInput()
        else:
            free = contact.workspace.lists.filter(archived_at=None).exclude(subscriptions__contact=contact)
            chosen.queryset = free.order_by("name", "id")


class FindForm(Form):
    q = forms.CharField(label="Address or name", required=False, max_length=200)


def _moves(row: Subscription | None) -> list[tuple[str, str]]:
    Status = Subscription.Status  # noqa: N806
    said = {
        Status.SUBSCRIBED: "Subscribe: they agreed to be written to",
        Status.UNSUBSCRIBED: "Unsubscribe: they do not want this list any more",
        Status.REMOVED: "Take off the list: not a leave, they can be put back",
    }
    if row is None:
        return [(Status.SUBSCRIBED.value, said[Status.SUBSCRIBED])]
    legal = [status for status in said if status != row.status]
    if row.status == Status.UNSUBSCRIBED:
        legal.remove(Status.REMOVED)
    return [(status.value, said[status]) for status in legal]


def _widget(field: Field, value: Any) -> forms.Field:
    """By kind; a value that is not of the kind is shown as it stands, to be corrected or left alone."""
    text = as_text(value)
    if field.is_standard:
        most = Contact._meta.get_field(field.key).max_length  # type: ignore[union-attr]
        return forms.CharField(label=field.label, required=False, max_length=most)
    if field.kind == Field.Kind.CHOICE:
        choices = [("", "Not known"), *((choice, choice) for choice in field.choices)]
        if text and text not in field.choices:
            choices.append((text, f"{text} (no longer a choice)"))
        return forms.ChoiceField(label=field.label, required=False, choices=choices)
    if field.kind == Field.Kind.TEXT:
        return forms.CharField(label=field.label, required=False, max_length=max(MAX_TEXT, len(text)))
    try:
        if text:
            reader_of(reading_of(field.kind))(value)
    except ValueError:
        return forms.CharField(
            label=field.label, required=False, max_length=max(MAX_TEXT, len(text)),
            help_text=f"This is no {field.get_kind_display().lower()}. Correct it, or leave it as it is.",
        )  # fmt: skip
    return _typed(field.label, field.kind)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else str(value)
