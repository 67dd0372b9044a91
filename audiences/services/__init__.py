"""What people and programs do to the audience: one function per intention, each in one transaction."""

from audiences.addresses import pattern_of
from audiences.services.block_imports import preview_blocks
from audiences.services.by_hand import suppress_entries
from audiences.services.consents import CannotConsent, record_consent
from audiences.services.counts import refresh_counts
from audiences.services.imports import (
    CannotImport,
    add_person,
    begin_import,
    cancel_import,
    change_columns,
    end_stuck_imports,
    go_on,
    open_again,
    preview_import,
    prune_imports,
    start_import,
    undo_import,
)
from audiences.services.lifting import CannotLift, lift, lift_pattern
from audiences.services.suppressions import (
    CannotSuppress,
    Fact,
    go_on_resolving,
    propagate,
    resolve_patterns,
    suppress,
    suppress_all,
    suppress_by_hand,
    suppress_patterns,
)

__all__ = [
    "CannotConsent",
    "CannotImport",
    "CannotLift",
    "CannotSuppress",
    "Fact",
    "add_person",
    "begin_import",
    "cancel_import",
    "change_columns",
    "end_stuck_imports",
    "go_on",
    "go_on_resolving",
    "lift",
    "lift_pattern",
    "open_again",
    "pattern_of",
    "preview_blocks",
    "preview_import",
    "propagate",
    "prune_imports",
    "record_consent",
    "refresh_counts",
    "resolve_patterns",
    "start_import",
    "suppress",
    "suppress_all",
    "suppress_by_hand",
    "suppress_entries",
    "suppress_patterns",
    "undo_import",
]
