"""Connecting an account; the fields are the provider's own words about what it needs."""

from typing import Any

from django import forms

from accounts.forms import Form
from accounts.providers.base import Provider


class CredentialsForm(Form):
    """Drawn from `Provider.credentials`. What was typed into a secret is never sent back to the page."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        max_length=300,
        assume_scheme="https",
        help_text="Only to speak to something else than the provider itself, such as the sandbox.",
    )

    def __init__(self, *args: Any, provider: type[Provider], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.fields["base_url"].widget.attrs |= {
            "placeholder": provider.default_base_url,
            "spellcheck": "false",
        }
        for credential in reversed(provider.credentials):
            widget = forms.PasswordInput if credential.secret else forms.TextInput
            field = forms.CharField(
                label=credential.label,
                help_text=credential.help,
                max_length=2000,
                widget=widget(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )
            self.fields = {credential.name: field, **self.fields}

    @property
    def credential_fields(self) -> list[forms.BoundField]:
        return [self[credential.name] for credential in self.provider.credentials]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        names = [credential.name for credential in self.provider.credentials]
        return {
            "credentials": {name: data[name] for name in names if name in data},
            "base_url": data.get("base_url", ""),
        }


class NameForm(Form):
    name = forms.CharField(label="Name", max_length=120, help_text="How this account is called here.")
