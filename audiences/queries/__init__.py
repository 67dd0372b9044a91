"""Reads that pages and tasks need, each a constant number of SQL queries."""

from audiences.queries.contacts import contacts, counted, languages
from audiences.queries.imports import (
    earlier_import,
    imports,
    kept,
    progress,
    rejects_csv,
    rows_of,
)
from audiences.queries.lists import counts_by_status, growth, lists, mirrors_of
from audiences.queries.mirror import mirrored_lists, refused_by_us, remote_fields
from audiences.queries.person import campaigns_behind, evidence, link_of, person
from audiences.queries.privacy import erasures, what_is_held
from audiences.queries.suppressions import is_suppressed, suppressions

__all__ = [
    "campaigns_behind",
    "contacts",
    "counted",
    "counts_by_status",
    "earlier_import",
    "erasures",
    "evidence",
    "growth",
    "imports",
    "is_suppressed",
    "kept",
    "languages",
    "link_of",
    "lists",
    "mirrored_lists",
    "mirrors_of",
    "person",
    "progress",
    "refused_by_us",
    "rejects_csv",
    "remote_fields",
    "rows_of",
    "suppressions",
    "what_is_held",
]
