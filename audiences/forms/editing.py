"""A person typed in or changed by hand: fields, each with the widget of its kind, and what they are on a list."""

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from accounts import days
from accounts.forms import Form
from accounts.models import Workspace
from audiences.addresses import NO_ADDRESS, NotAnAddress, normalise
from audiences.forms import AddressInput, choose, choose_list, offer
from audiences.models import Contact, Field, List, Subscription
from audiences.queries.consents import NO_DAY, NO_SOURCE
from audiences.queries.fields import all_fields, as_text, reads_alike, typed_text, value_of

MINE, THEIRS = "mine", "theirs"
MOST_SEEN = 1_000_000


class AddressField(forms.CharField):
    """What was typed, if somebody can have it."""

    def __init__(self) -> None:
        super().__init__(label="Address", max_length=320, widget=AddressInput)

    def validate(self, value: str) -> None:
        super().validate(value)
        try:
            normalise(value)
        except NotAnAddress:
            raise forms.ValidationError(NO_ADDRESS) from None


class ConsentDateField(forms.DateField):
    def __init__(self) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(label="The day they agreed", required=False, widget=widget)

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is not None and (sentence := days.refusal(value)):
            raise forms.ValidationError(sentence)


class FieldsForm(Form):
    """Values of a person, each told at its own place where it does not fit."""

    definitions: dict[str, Field]

    def person_fields(self) -> list[forms.BoundField]:
        return [self[f"field_{key}"] for key in self.definitions]

    def typed(self, data: dict[str, Any]) -> dict[str, str]:
        """Text by field key, of those that the form could read at all."""
        return {key: _text(data[f"field_{key}"]) for key in self.definitions if f"field_{key}" in data}

    def refuse_unfit(self, texts: Iterable[tuple[str, str]]) -> None:
        for key, text in texts:
            try:
                value_of(self.definitions[key], text)
            except ValueError as error:
                self.add_error(f"field_{key}", str(error))


class PersonForm(FieldsForm):
    """One person: the address, the fields there are, and the list."""

    email = AddressField()
    on_list = forms.ModelChoiceField(
        List.objects.none(), label="List", required=False, empty_label="On no list"
    )
    consent_source = forms.CharField(
        label="Where the consent comes from",
        required=False,
        max_length=300,
        help_text="Needed for a list; kept as proof.",
    )
    consent_date = ConsentDateField()

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose_list(self, "on_list", workspace=workspace)
        self.definitions = {field.key: field for field in all_fields(workspace)}
        for field in self.definitions.values():
            self.fields[f"field_{field.key}"] = _widget(field, None)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        fields = self.typed(data)
        self.refuse_unfit(fields.items())
        if data.get("on_list") and not data.get("consent_source"):
            self.add_error("consent_source", NO_SOURCE)
        kept = {name: value for name, value in data.items() if not name.startswith("field_")}
        return kept | {"fields": fields}


class EditForm(FieldsForm):
    """`seen` holds what the page showed, so that a change by somebody else meanwhile is told field by field."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=MOST_SEEN, strip=False)
    email = AddressField()

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        definitions = all_fields(contact.workspace)
        now = {"email": contact.email} | {
            field.key: typed_text(field, contact.value(field.key)) for field in definitions
        }
        kwargs["initial"] = {
            "version": contact.version,
            "seen": json.dumps(now),
            "email": contact.email,
            **{f"field_{key}": text for key, text in now.items() if key != "email"},
        }
        super().__init__(*args, **kwargs)
        self.definitions = {}
        # Several values at once: an account writes them, no widget here does.
        self.untouchable: list[tuple[str, str]] = []
        for field in definitions:
            value = contact.value(field.key)
            if isinstance(value, list | dict):
                self.untouchable.append((field.label, as_text(value)))
                continue
            self.definitions[field.key] = field
            self.fields[f"field_{field.key}"] = _widget(field, value)

    def clean_seen(self) -> dict[str, str]:
        try:
            seen = json.loads(self.cleaned_data["seen"])
            return {str(key): str(text) for key, text in seen.items()}
        except (ValueError, AttributeError):
            return {}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        fields, seen = self.typed(data), data.get("seen", {})
        # What was left alone stays as it is, whatever it is.
        self.refuse_unfit(
            (key, text) for key, text in fields.items() if not reads_alike(text, seen.get(key, ""))
        )
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
    consent_date = ConsentDateField()

    def __init__(self, *args: Any, contact: Contact, row: Subscription | None, **kwargs: Any) -> None:
        kwargs["initial"] = {"was": row.status if row else "", "status": "" if row else "subscribed"}
        super().__init__(*args, **kwargs)
        offer(self, "status", _moves(row))
        if row is not None:
            choose(self, "on_list", List.objects.filter(pk=row.list_id))
            chosen = self.fields["on_list"]
            chosen.initial, chosen.widget = row.list_id, forms.HiddenInput()
        else:
            free = contact.workspace.lists.filter(archived_at=None).exclude(subscriptions__contact=contact)
            choose_list(self, "on_list", workspace=contact.workspace, lists=free)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("status") == Subscription.Status.SUBSCRIBED:
            if "consent_source" in data and not data["consent_source"]:
                self.add_error("consent_source", NO_SOURCE)
            if "consent_date" in data and data["consent_date"] is None:
                self.add_error("consent_date", NO_DAY)
        return data


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
    if row.list.archived_at is not None and Status.SUBSCRIBED in legal:
        legal.remove(Status.SUBSCRIBED)
    if row.status == Status.UNSUBSCRIBED:
        legal.remove(Status.REMOVED)
    return [(status.value, said[status]) for status in legal]


def _widget(field: Field, value: Any) -> forms.Field:
    """By kind. A value that the widget would not give back as it is stands as text, to be corrected or left alone."""
    text = typed_text(field, value)
    if field.kind == Field.Kind.CHOICE and field.choices:
        choices = [("", "Not known"), *((choice, choice) for choice in field.choices)]
        if text and text not in field.choices:
            choices.append((text, f"{text} (no longer a choice)"))
        return forms.ChoiceField(label=field.label, required=False, choices=choices)
    plain = forms.CharField(label=field.label, required=False, max_length=max(field.max_letters, len(text)))
    if "\n" in text or "\r" in text:
        plain.widget = forms.Textarea(attrs={"rows": 3})
    if field.kind in (Field.Kind.TEXT, Field.Kind.CHOICE) or field.is_standard:
        return plain
    typed = _typed(field.label, field.kind)
    try:
        if _text(typed.clean(text)) == text:
            return typed
    except forms.ValidationError:
        pass
    plain.help_text = f"This is no {field.get_kind_display().lower()}. Correct it, or leave it as it is."
    return plain


def _typed(label: str, kind: str) -> forms.Field:
    match kind:
        case Field.Kind.NUMBER:
            return forms.DecimalField(label=label, required=False, max_digits=20)
        case Field.Kind.DATE:
            widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            return forms.DateField(label=label, required=False, widget=widget)
        case Field.Kind.BOOLEAN:
            choices = [("", "Not known"), ("yes", "Yes"), ("no", "No")]
            return forms.ChoiceField(label=label, required=False, choices=choices)
    return forms.CharField(label=label, required=False, max_length=200)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else str(value)
