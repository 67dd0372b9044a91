"""Reads that pages and tasks need, each a constant number of SQL queries."""

from audiences.queries.consents import consents_of
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
from audiences.queries.patterns import caught, caught_by
from audiences.queries.person import campaigns_behind, evidence, link_of, person
from audiences.queries.suppressions import (
    Wanted,
    blocks_of,
    is_suppressed,
    one_suppression,
    suppressions,
)

__all__ = [
    "Wanted",
    "blocks_of",
    "campaigns_behind",
    "caught",
    "caught_by",
    "consents_of",
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
    "one_suppression",
    "person",
    "progress",
    "refused_by_us",
    "rejects_csv",
    "remote_fields",
    "rows_of",
    "suppressions",
]
