from audiences.views.builder import edit_segment, field_values, new_segment
from audiences.views.contacts import add_person, contact, contacts, suppress
from audiences.views.imports import (
    cancel,
    change_columns,
    go_on,
    import_,
    imports,
    new_import,
    open_again,
    paste,
    preview,
    rejects,
    roll_back,
    start,
)
from audiences.views.lists import growth, list_, lists
from audiences.views.segments import (
    archive_segment,
    count_segment,
    duplicate_segment,
    restore_segment,
    segment,
    segments,
)
from audiences.views.suppressions import suppressions

__all__ = [
    "add_person",
    "archive_segment",
    "cancel",
    "change_columns",
    "contact",
    "contacts",
    "count_segment",
    "duplicate_segment",
    "edit_segment",
    "field_values",
    "go_on",
    "growth",
    "import_",
    "imports",
    "list_",
    "lists",
    "new_import",
    "new_segment",
    "open_again",
    "paste",
    "preview",
    "rejects",
    "restore_segment",
    "roll_back",
    "segment",
    "segments",
    "start",
    "suppress",
    "suppressions",
]
