"""All that is known about the providers: no models, no database, no pages."""

from collections.abc import Iterable, Mapping
from importlib import import_module

from accounts.providers.base import Gate, Keyring, Provider

PROVIDERS: Mapping[str, str] = {
    "brevo": "accounts.providers.brevo.provider.Brevo",
    "emailcampaigns": "accounts.providers.emailcampaigns.provider.EmailCampaigns",
    "especial": "accounts.providers.especial.provider.Especial",
    "leadfox": "accounts.providers.leadfox.provider.Leadfox",
    "mailmojo": "accounts.providers.mailmojo.provider.Mailmojo",
}


def provider_class(slug: str) -> type[Provider]:
    """The class that speaks to `slug`. Raises KeyError for a provider we do not know."""
    module, _, name = PROVIDERS[slug].rpartition(".")
    return getattr(import_module(module), name)


def open_provider(
    slug: str,
    *,
    base_url: str,
    credentials: Mapping[str, str],
    gate: Gate | None = None,
    keyring: Keyring | None = None,
    private_addresses: Iterable[str] = (),
    total_seconds: float = 30.0,
) -> Provider:
    return provider_class(slug)(
        base_url=base_url,
        credentials=credentials,
        gate=gate,
        keyring=keyring,
        private_addresses=private_addresses,
        total_seconds=total_seconds,
    )
