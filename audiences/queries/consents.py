from audiences.models import Consent, Contact

# A person has a few; an import a month makes more than anybody reads.
MOST = 100


def consents_of(contact: Contact) -> list[Consent]:
    """The newest by their own time first."""
    found = Consent.objects.filter(contact=contact).select_related("basis__by", "list")
    return list(found.order_by("-at", "-id")[:MOST])
