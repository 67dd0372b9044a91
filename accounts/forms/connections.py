"""Connecting an account; the fields are the provider's own words about what it needs."""

from typing import Any

from django import forms
from django.conf import settings

from accounts.forms import Form
from accounts.providers.base import Credential, Provider, Way
from accounts.queries import is_of_the_sandbox


class CredentialsForm(Form):
    """Drawn from one way of the provider's. What was typed into a secret is never sent back to the page."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        max_length=300,
        assume_scheme="https",
        help_text="Only where the account is reached at another address than usual.",
    )

    def __init__(self, *args: Any, provider: type[Provider], way: Way, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider, self.way = provider, way
        address = self.fields["base_url"]
        address.widget.attrs |= {"placeholder": provider.default_base_url, "spellcheck": "false"}
        if not provider.default_base_url:
            address.label = "Base URL of the account"
            address.help_text = "Its own address, beginning with https://. It usually ends in /api/v1; whoever runs the account knows it."
        for credential in reversed(way.credentials):
            self.fields = {credential.name: _field(credential), **self.fields}

    @property
    def asks_for_address(self) -> bool:
        """Whether the address belongs to what everybody must fill in."""
        return not self.provider.default_base_url

    @property
    def credential_fields(self) -> list[forms.BoundField]:
        return [self[credential.name] for credential in self.way.credentials]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        typed = {
            credential.name: ("yes" if data[credential.name] else "")
            if credential.is_flag
            else data[credential.name]
            for credential in self.way.credentials
            if credential.name in data
        }
        is_played_here = settings.EMBEDDED and is_of_the_sandbox(typed.values())
        is_missing = not data.get("base_url") and "base_url" not in self.errors
        if self.asks_for_address and is_missing and not is_played_here:
            self.add_error("base_url", "Fill in the address at which the account is reached.")
        return {"credentials": {"way": self.way.name, **typed}, "base_url": data.get("base_url", "")}


def _field(credential: Credential) -> forms.Field:
    if credential.is_flag:
        return forms.BooleanField(label=credential.label, help_text=credential.help, required=False)
    widget = forms.PasswordInput if credential.secret else forms.TextInput
    return forms.CharField(
        label=credential.label,
        help_text=credential.help,
        max_length=2000,
        widget=widget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class NameForm(Form):
    name = forms.CharField(label="Name", max_length=120, help_text="How this account is called here.")
