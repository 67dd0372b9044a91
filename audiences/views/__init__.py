from audiences.views.combining import combine
from audiences.views.contacts import add_person, contact, contacts, suppress
from audiences.views.duplicates import bring_back_pair, dismiss_pair, duplicates, look_for_duplicates
from audiences.views.exports import cancel_export, export, exports, fetch, make_again, new_export, throw_away
from audiences.views.folders import folders, remove_folder, rename_folder
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
from audiences.views.lists import change_lists, edit_list, growth, list_, lists, moved, new_list
from audiences.views.suppressions import suppressions

__all__ = [
    "add_person",
    "bring_back_pair",
    "cancel",
    "cancel_export",
    "change_columns",
    "change_lists",
    "combine",
    "contact",
    "contacts",
    "dismiss_pair",
    "duplicates",
    "edit_list",
    "export",
    "exports",
    "fetch",
    "folders",
    "go_on",
    "growth",
    "import_",
    "imports",
    "list_",
    "lists",
    "look_for_duplicates",
    "make_again",
    "moved",
    "new_export",
    "new_import",
    "new_list",
    "open_again",
    "paste",
    "preview",
    "rejects",
    "remove_folder",
    "rename_folder",
    "roll_back",
    "start",
    "suppress",
    "suppressions",
    "throw_away",
]
