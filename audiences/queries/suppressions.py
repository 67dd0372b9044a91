from audiences.models import Contact, Suppression


def is_suppressed(contact: Contact) -> bool:
    return Suppression.objects.filter(contact=contact, lifted_at=None).exists()
