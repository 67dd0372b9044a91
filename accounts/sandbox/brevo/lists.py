"""Folders, lists, and who is on a list."""

from collections.abc import Callable

from accounts.sandbox.brevo import people, processes
from accounts.sandbox.brevo.state import JSON, Account, Contact, ContactList, Folder, Process
from accounts.sandbox.brevo.statistics import list_counters
from accounts.sandbox.brevo.wire import (
    Call,
    Fields,
    created,
    done,
    invalid,
    missing,
    not_found,
    refuse,
    stamp,
)
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


def _counts(account: Account, member_ids: set[int] | dict[int, None]) -> dict[str, int]:
    blocked = sum(account.contacts[n].email_blacklisted for n in member_ids)
    subscribed = len(member_ids) - blocked
    return {"totalBlacklisted": blocked, "totalSubscribers": subscribed, "uniqueSubscribers": len(member_ids)}


def _folder_wire(account: Account, folder: Folder) -> dict[str, JSON]:
    members: set[int] = set()
    for row in account.lists.values():
        if row.folder_id == folder.id:
            members.update(row.members)
    return {"id": folder.id, "name": folder.name} | _counts(account, members)


def _summary(account: Account, row: ContactList) -> dict[str, JSON]:
    return {"id": row.id, "name": row.name} | _counts(account, row.members)


def _folder(call: Call) -> Folder:
    folder = call.account.folders.get(call.id("folderId"))
    if folder is None:
        raise not_found("Folder ID does not exist")
    return folder


def _list(call: Call) -> ContactList:
    row = call.account.lists.get(call.id("listId"))
    if row is None:
        raise not_found("List ID does not exist")
    return row


def _name(fields: Fields) -> str:
    fields.require("name")
    return fields.text("name") or ""


@routes.route("GET", "/contacts/folders")
def get_folders(call: Call) -> Reply:
    rows = call.page(10, 50).cut(call.account.folders)
    return Reply(
        200,
        {"folders": [_folder_wire(call.account, row) for row in rows], "count": len(call.account.folders)},
    )


@routes.route("POST", "/contacts/folders")
def create_folder(call: Call) -> Reply:
    folder = add_folder(call.account, _name(call.fields()))
    return created({"id": folder.id})


def add_folder(account: Account, name: str) -> Folder:
    """Folders and lists share one run of ids, as they do at the provider."""
    folder = Folder(account.next_id("list"), name)
    account.folders[folder.id] = folder
    return folder


def add_list(account: Account, name: str, folder_id: int, now: float) -> ContactList:
    row = ContactList(account.next_id("list"), name, folder_id, now)
    account.lists[row.id] = row
    return row


@routes.route("GET", "/contacts/folders/{folderId}")
def get_folder(call: Call) -> Reply:
    return Reply(200, _folder_wire(call.account, _folder(call)))


@routes.route("PUT", "/contacts/folders/{folderId}")
def update_folder(call: Call) -> Reply:
    folder = _folder(call)
    folder.name = _name(call.fields())
    return done()


@routes.route("DELETE", "/contacts/folders/{folderId}")
def delete_folder(call: Call) -> Reply:
    """Its lists go with it, their contacts stay."""
    folder = _folder(call)
    for row in [row for row in call.account.lists.values() if row.folder_id == folder.id]:
        _drop(call, row)
    del call.account.folders[folder.id]
    return done()


@routes.route("GET", "/contacts/folders/{folderId}/lists")
def get_folder_lists(call: Call) -> Reply:
    folder = _folder(call)
    rows = [row for row in call.account.lists.values() if row.folder_id == folder.id]
    page = call.page(10, 50).cut(rows)
    return Reply(200, {"lists": [_summary(call.account, row) for row in page], "count": len(rows)})


@routes.route("GET", "/contacts/lists")
def get_lists(call: Call) -> Reply:
    rows = call.page(10, 50).cut(call.account.lists)
    lists = [_summary(call.account, row) | {"folderId": row.folder_id} for row in rows]
    return Reply(200, {"lists": lists, "count": len(call.account.lists)})


def _check_folder(account: Account, folder_id: int | None) -> int:
    if folder_id not in account.folders:
        raise invalid("Folder ID does not exist")
    return folder_id


@routes.route("POST", "/contacts/lists")
def create_list(call: Call) -> Reply:
    """An equal name is no obstacle: asked twice, the provider has two lists."""
    fields = call.fields()
    fields.require("name", "folderId")
    folder_id = _check_folder(call.account, fields.number("folderId"))
    return created({"id": add_list(call.account, _name(fields), folder_id, call.now).id})


@routes.route("GET", "/contacts/lists/{listId}")
def get_list(call: Call) -> Reply:
    row, account = _list(call), call.account
    start = end = None
    if call.query("startDate") or call.query("endDate"):
        start, end = call.days(36500)
    statistics = [
        {"campaignId": campaign.id, "stats": list_counters(account, campaign, row.id)}
        for campaign in account.campaigns.values()
        if campaign.started_at
        and row.id in campaign.fields.get("listIds", ())
        and (start is None or end is None or start <= campaign.started_at < end)
    ]
    return Reply(
        200,
        _summary(account, row)
        | {
            "folderId": row.folder_id,
            "createdAt": stamp(row.created_at),
            "campaignStats": statistics,
            "dynamicList": False,
        },
    )


@routes.route("PUT", "/contacts/lists/{listId}")
def update_list(call: Call) -> Reply:
    row, fields = _list(call), call.fields()
    if not (fields.has("name") or fields.has("folderId")):
        raise missing("name")
    folder_id = (
        _check_folder(call.account, fields.number("folderId")) if fields.has("folderId") else row.folder_id
    )
    row.name, row.folder_id = fields.text("name") or row.name, folder_id
    return done()


@routes.route("DELETE", "/contacts/lists/{listId}")
def delete_list(call: Call) -> Reply:
    _drop(call, _list(call))
    return done()


def _drop(call: Call, row: ContactList) -> None:
    for contact_id in list(row.members):
        people.leave(call.account, call.account.contacts[contact_id], row.id, call.now)
    for contact in call.account.contacts.values():
        if row.id in contact.unsubscribed_ids:
            contact.unsubscribed_ids = tuple(n for n in contact.unsubscribed_ids if n != row.id)
    del call.account.lists[row.id]


@routes.route("GET", "/contacts/lists/{listId}/contacts")
def get_contacts_from_list(call: Call) -> Reply:
    account, row, page, since = (
        call.account,
        _list(call),
        call.page(50, 500),
        call.query_stamp("modifiedSince"),
    )
    ids = sorted(row.members)
    if since is not None:
        ids = [n for n in ids if account.contacts[n].modified_at >= since]
    contacts = [people.wire(account, account.contacts[n]) for n in page.cut(ids)]
    return Reply(200, {"contacts": contacts, "count": len(ids)})


def _chosen(call: Call, fields: Fields) -> list[tuple[JSON, Contact | None]]:
    """Each given identifier with its contact. Exactly one kind, one to 150 of them."""
    kinds = [name for name in ("emails", "ids", "extIds") if fields.has(name)]
    if not kinds:
        raise missing("emails")
    if len(kinds) > 1:
        raise invalid("Only one of emails, ids or extIds can be passed")
    given: list[JSON] = fields.list_of(kinds[0], int if kinds[0] == "ids" else str) or []
    if not 1 <= len(given) <= 150:
        raise refuse("out_of_range", f"{kinds[0]} should hold between 1 and 150 items")
    kind = {"emails": "email_id", "ids": "contact_id", "extIds": "ext_id"}[kinds[0]]
    return [(value, people.find(call.account, str(value), kind)) for value in given]


def _result(call: Call, outcome: dict[str, JSON]) -> Reply:
    return created(outcome if call.account.flat_list_results else {"contacts": outcome})


def _move(
    call: Call, row: ContactList, move: Callable[[Contact], None], *, present: bool, complaint: str
) -> Reply:
    """Move whom it can. Nobody at all is a 400, however many were already where they should be."""
    success, failure = [], []
    for value, contact in _chosen(call, call.fields()):
        if contact is not None and (contact.id in row.members) == present:
            move(contact)
            success.append(value)
        else:
            failure.append(value)
    if not success:
        raise invalid(complaint)
    return _result(call, {"success": success, "failure": failure, "total": len(success)})


@routes.route("POST", "/contacts/lists/{listId}/contacts/add")
def add_contact_to_list(call: Call) -> Reply:
    row = _list(call)
    return _move(
        call,
        row,
        lambda contact: people.join(call.account, call.store, contact, row.id, call.now),
        present=False,
        complaint="Contact already in list and/or does not exist",
    )


@routes.route("POST", "/contacts/lists/{listId}/contacts/remove")
def remove_contact_from_list(call: Call) -> Reply:
    row, fields = _list(call), call.fields()
    if fields.flag("all"):
        process = processes.start(call, "LIST_EMPTY", "empty_list", {"listId": row.id})
        return _result(call, {"processId": process.id})
    return _move(
        call,
        row,
        lambda contact: people.leave(call.account, contact, row.id, call.now),
        present=True,
        complaint="Contact already removed from list and/or does not exist",
    )


@processes.work("empty_list")
def empty_list(account: Account, process: Process, context: processes.Context) -> None:
    row = account.lists.get(process.arguments["listId"])
    for contact_id in list(row.members) if row else ():
        people.leave(account, account.contacts[contact_id], process.arguments["listId"], context.now)
