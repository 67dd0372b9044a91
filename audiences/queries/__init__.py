"""Reads that pages and tasks need, each a constant number of SQL queries."""

from audiences.queries.bulk import bulk_kept, bulk_progress
from audiences.queries.columns import columns_of, columns_there_are
from audiences.queries.combining import count_combined, some_combined
from audiences.queries.consents import consents_of
from audiences.queries.contacts import contacts, count_patiently, counted, languages, people_meant
from audiences.queries.duplicates import counted_duplicates, duplicates, looking
from audiences.queries.evidence import campaigns_behind, evidence, link_of, merged_into, pattern_of
from audiences.queries.exports import columns_last_chosen, exports
from audiences.queries.fields import readings
from audiences.queries.foreseen import is_followed, outlook
from audiences.queries.growth import growth, moved_people
from audiences.queries.imports import (
    earlier_import,
    has_people,
    imports,
    left_empty,
    progress,
    rejects_csv,
    rows_of,
)
from audiences.queries.lists import counts_by_status, folders, list_in_accounts, lists, mirrors_of
from audiences.queries.mirror import mirrored_lists, refused_by_us, remote_fields
from audiences.queries.patterns import caught, newest_no
from audiences.queries.person import person
from audiences.queries.privacy import erasures, what_is_held
from audiences.queries.selections import as_rule, in_words, read_signed, signed
from audiences.queries.suppressions import (
    Wanted,
    blocks_of,
    count_suppressions_patiently,
    counted_suppressions,
    is_suppressed,
    one_suppression,
    shown_entry,
    suppressions,
    went_into,
)
from audiences.queries.undone import undone

__all__ = [
    "Wanted",
    "as_rule",
    "blocks_of",
    "bulk_kept",
    "bulk_progress",
    "campaigns_behind",
    "caught",
    "columns_last_chosen",
    "columns_of",
    "columns_there_are",
    "consents_of",
    "contacts",
    "count_combined",
    "count_patiently",
    "count_suppressions_patiently",
    "counted",
    "counted_duplicates",
    "counted_suppressions",
    "counts_by_status",
    "duplicates",
    "earlier_import",
    "erasures",
    "evidence",
    "exports",
    "folders",
    "growth",
    "has_people",
    "imports",
    "in_words",
    "is_followed",
    "is_suppressed",
    "languages",
    "left_empty",
    "link_of",
    "list_in_accounts",
    "lists",
    "looking",
    "merged_into",
    "mirrored_lists",
    "mirrors_of",
    "moved_people",
    "newest_no",
    "one_suppression",
    "outlook",
    "pattern_of",
    "people_meant",
    "person",
    "progress",
    "read_signed",
    "readings",
    "refused_by_us",
    "rejects_csv",
    "remote_fields",
    "rows_of",
    "shown_entry",
    "signed",
    "some_combined",
    "suppressions",
    "undone",
    "went_into",
    "what_is_held",
]
