"""People and what groups them. Shaped for millions of rows: narrow, typed columns, counters elsewhere."""

from audiences.models.contacts import Contact, Engagement, Field
from audiences.models.lists import Folder, Gathered, List, Subscription
from audiences.models.suppressions import Suppression

__all__ = ["Contact", "Engagement", "Field", "Folder", "Gathered", "List", "Subscription", "Suppression"]
