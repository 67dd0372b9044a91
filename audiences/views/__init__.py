from audiences.views.contacts import contact, contacts, suppress
from audiences.views.lists import growth, list_, lists
from audiences.views.suppressions import suppressions

__all__ = ["contact", "contacts", "growth", "list_", "lists", "suppress", "suppressions"]
