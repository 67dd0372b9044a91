"""People and what groups them. Shaped for millions of rows: narrow, typed columns, counters elsewhere."""

from audiences.models.consents import Consent, ConsentBasis
from audiences.models.contacts import Contact, Engagement, Field
from audiences.models.imports import Import, ImportBody, ImportChange, ImportStep
from audiences.models.lists import Folder, Gathered, List, Subscription
from audiences.models.suppressions import Suppression

__all__ = [
    "Consent",
    "ConsentBasis",
    "Contact",
    "Engagement",
    "Field",
    "Folder",
    "Gathered",
    "Import",
    "ImportBody",
    "ImportChange",
    "ImportStep",
    "List",
    "Subscription",
    "Suppression",
]
