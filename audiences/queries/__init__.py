"""Reads that pages and tasks need, each a constant number of SQL queries."""

from audiences.queries.bulk import bulk_progress
from audiences.queries.columns import columns_of, columns_there_are
from audiences.queries.contacts import contacts, counted, languages, people_meant
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
from audiences.queries.selections import as_rule, read_signed, signed
from audiences.queries.suppressions import is_suppressed, suppressions

__all__ = [
    "as_rule",
    "bulk_progress",
    "campaigns_behind",
    "columns_of",
    "columns_there_are",
    "contacts",
    "counted",
    "counts_by_status",
    "earlier_import",
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
    "people_meant",
    "person",
    "progress",
    "read_signed",
    "refused_by_us",
    "rejects_csv",
    "remote_fields",
    "rows_of",
    "signed",
    "suppressions",
]
