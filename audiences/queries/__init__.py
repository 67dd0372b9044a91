"""Reads that pages and tasks need, each a constant number of SQL queries."""

from audiences.queries.mirror import mirrored_lists, remote_fields
from audiences.queries.suppressions import is_suppressed

__all__ = ["is_suppressed", "mirrored_lists", "remote_fields"]
