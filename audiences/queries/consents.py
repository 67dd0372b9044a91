from collections.abc import Iterable

from accounts.redaction import redact
from audiences.models import Consent, Contact

# A person has a few; an import a month makes more than anybody reads.
MOST = 100
NO_SOURCE = "Where did this person agree to be written to?"
NO_DAY = "On which day did this person agree?"


def consents_of(contact: Contact, *, shows_addresses: bool) -> list[Consent]:
    """The newest by their own time first."""
    found = Consent.objects.filter(contact=contact).select_related("basis__by", "list")
    return shown_consents(found.order_by("-at", "-id")[:MOST], shows_addresses=shows_addresses)


def shown_consents(consents: Iterable[Consent], *, shows_addresses: bool) -> list[Consent]:
    """Without addresses in what was written down, and without IP addresses, for who may not see them."""
    consents = list(consents)
    if not shows_addresses:
        for consent in consents:
            consent.ip = None
            consent.basis.source, consent.basis.wording = (
                redact(consent.basis.source),
                redact(consent.basis.wording),
            )
    return consents
