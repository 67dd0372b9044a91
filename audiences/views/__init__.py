from audiences.views.consents import record_consent
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
from audiences.views.suppressions import add_suppressions, lift, suppression, suppressions

__all__ = [
    "add_person",
    "add_suppressions",
    "cancel",
    "change_columns",
    "contact",
    "contacts",
    "go_on",
    "growth",
    "import_",
    "imports",
    "lift",
    "list_",
    "lists",
    "new_import",
    "open_again",
    "paste",
    "preview",
    "record_consent",
    "rejects",
    "roll_back",
    "start",
    "suppress",
    "suppression",
    "suppressions",
]
