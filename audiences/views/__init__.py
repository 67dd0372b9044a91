from audiences.views.contacts import add_person, contact, contacts, suppress
from audiences.views.exports import cancel_export, export, exports, fetch, make_again, new_export, throw_away
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
from audiences.views.suppressions import suppressions

__all__ = [
    "add_person",
    "cancel",
    "cancel_export",
    "change_columns",
    "contact",
    "contacts",
    "export",
    "exports",
    "fetch",
    "go_on",
    "growth",
    "import_",
    "imports",
    "list_",
    "lists",
    "make_again",
    "new_export",
    "new_import",
    "open_again",
    "paste",
    "preview",
    "rejects",
    "roll_back",
    "start",
    "suppress",
    "suppressions",
    "throw_away",
]
