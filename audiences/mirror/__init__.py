"""Our people and lists ⇄ those of an account."""

from audiences.mirror.contacts import block, follow, pull_contacts
from audiences.mirror.fields import pull_fields
from audiences.mirror.leaves import pull_leaves
from audiences.mirror.lists import WORKING_LISTS, pull_lists

__all__ = ["WORKING_LISTS", "block", "follow", "pull_contacts", "pull_fields", "pull_leaves", "pull_lists"]
