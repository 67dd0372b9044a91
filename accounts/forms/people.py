"""The workspace, its members, and oneself."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.forms import DaysForm, Form, ModelForm
from accounts.models import Role, User, Workspace

MAX_TEST_ADDRESSES = 20


class ZoneField(forms.ChoiceField):
    """An IANA zone. Kept as a name: rules change, names stay."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[(name, name.replace("_", " ")) for name in zones()], **kwargs)


def zones() -> list[str]:
    """Places and UTC; the old aliases are left out."""
    places = (name for name in available_timezones() if "/" in name)
    return ["UTC", *sorted(name for name in places if not name.startswith(("Etc/", "SystemV/", "US/")))]


class WorkspaceForm(ModelForm):
    time_zone = ZoneField(
        label="Time zone", help_text="What times mean in this workspace unless they say otherwise."
    )

    class Meta:
        model = Workspace
        fields = ("name", "time_zone", "postal_address", "test_addresses")
        labels = {"postal_address": "Postal address", "test_addresses": "Test addresses"}
        help_texts = {
            "postal_address": "Printed in the footer of every campaign; the law asks for it.",
            "test_addresses": f"Where test mails go, one a line, at most {MAX_TEST_ADDRESSES}.",
        }
        widgets = {
            "postal_address": forms.Textarea(attrs={"rows": 3}),
            "test_addresses": forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        }

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_test_addresses(self) -> str:
        addresses = [
            line.strip() for line in self.cleaned_data["test_addresses"].splitlines() if line.strip()
        ]
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"“{address}” is not an e-mail address.") from error
        if len(addresses) > MAX_TEST_ADDRESSES:
            raise ValidationError(f"At most {MAX_TEST_ADDRESSES} addresses.")
        return "\n".join(dict.fromkeys(addresses))


class RoleForm(Form):
    role = forms.ChoiceField(label="Role", choices=Role.choices)


class InvitationForm(Form):
    email = forms.EmailField(label="E-mail address", max_length=254)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.EDITOR)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class ProfileForm(ModelForm):
    time_zone = ZoneField(label="Time zone", help_text="Times on your pages are shown in it.")

    class Meta:
        model = User
        fields = ("name", "time_zone")
        labels = {"name": "Your name"}

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])


class NewcomerForm(Form):
    """The invited person's name and first password."""

    name = forms.CharField(
        label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, User(email=self.email, name=self.cleaned_data.get("name", "")))
        return password


class ActivityFilters(DaysForm):
    """GET. Kinds are those of `activity.KINDS`, or the words before the dot of a verb; `actor` is a member."""

    kind = forms.CharField(label="Kind", required=False, max_length=30)
    actor = forms.IntegerField(label="Who", required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    object = forms.RegexField(
        r"^[a-z_]+\.[a-z_]+:\d{1,18}$", required=False, widget=forms.HiddenInput, max_length=90
    )


def one_line(text: str) -> str:
    """Names end up in subjects and headers: no line breaks, no control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
