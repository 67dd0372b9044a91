"""Folders, lists, e-mail designs, mailing lists and properties: named things, read and written all alike."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.leadfox.listing import page, show
from accounts.sandbox.leadfox.state import Account, Thing
from accounts.sandbox.leadfox.wire import Call, Fields, refuse, taken

routes: Routes[Call] = Routes()

SHORTCODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
BUILT_IN = {
    "email": "Email",
    "firstname": "First name",
    "lastname": "Last name",
    "phone": "Phone",
    "gender": "Gender",
}


@dataclass(frozen=True, slots=True)
class Kind:
    title: str
    table: Callable[[Account], dict[str, Thing]]
    names: tuple[str, ...] = ("name", "description")
    required: tuple[str, ...] = ("name",)
    read_only: bool = False


KINDS = {
    "folder": Kind("Folder", lambda account: account.folders),
    "list": Kind("List", lambda account: account.lists),
    "mailinglist": Kind("Mailing list", lambda account: account.mailinglists, read_only=True),
    "email": Kind(
        "Email",
        lambda account: account.designs,
        ("name", "description", "subject", "preheader", "fromemail", "fromname", "unsubscribetext", "editor", "body", "json"),
    ),
    "property": Kind(
        "Property",
        lambda account: account.properties,
        ("name", "description", "shortcode"),
        ("name", "shortcode"),
    ),
}  # fmt: skip


def list_things(kind: Kind, call: Call) -> Reply:
    return page(call, lambda _: kind.table(call.account).values())


def get_thing(kind: Kind, call: Call) -> Reply:
    return Reply(200, show(call.account, call.find(kind.table(call.account), kind.title)))


def create_thing(kind: Kind, call: Call) -> Reply:
    """An equal name is no obstacle: asked twice, the account has two."""
    body = call.fields()
    body.require(*kind.required)
    return Reply(200, show(call.account, add(kind, call.account, body, call.now)))


def add(kind: Kind, account: Account, body: Fields, now: float) -> Thing:
    row = Thing("", {"editor": "bee"} if kind is KINDS["email"] else {})
    _write(kind, account, row, body)
    row.id = account.next_id(now)
    kind.table(account)[row.id] = row
    return row


def update_thing(kind: Kind, call: Call) -> Reply:
    row, body = call.find(kind.table(call.account), kind.title), call.fields()
    body.require(*(name for name in kind.required if body.has(name)))
    _write(kind, call.account, row, body)
    return Reply(200, show(call.account, row))


def _write(kind: Kind, account: Account, row: Thing, body: Fields) -> None:
    fields = body.texts(kind.names)
    if fields.get("editor", "bee") != "bee":
        raise refuse("editor must be bee")
    if "shortcode" in fields:
        _take_shortcode(account, row, fields["shortcode"])
    row.fields |= fields


def _take_shortcode(account: Account, row: Thing, shortcode: str) -> None:
    """It is the key under which contacts keep their values, so these move along with it."""
    before = row.fields.get("shortcode")
    if shortcode == before:
        return
    if before in BUILT_IN:
        raise refuse(f"The shortcode {before} is built in and cannot be changed")
    if not SHORTCODE.fullmatch(shortcode):
        raise refuse("shortcode may hold letters, digits, - and _ only")
    if shortcode in account.shortcodes():
        raise taken(f"A property with the shortcode {shortcode} exists already")
    for contact in account.contacts.values() if before else ():
        if before in contact.properties:
            contact.properties[shortcode] = contact.properties.pop(before)


for _path, _kind in KINDS.items():
    routes.route("GET", f"/v1/{_path}")(partial(list_things, _kind))
    routes.route("GET", f"/v1/{_path}/{{id}}")(partial(get_thing, _kind))
    if not _kind.read_only:
        routes.route("POST", f"/v1/{_path}")(partial(create_thing, _kind))
        routes.route("PUT", f"/v1/{_path}/{{id}}")(partial(update_thing, _kind))
        routes.route("PATCH", f"/v1/{_path}/{{id}}")(partial(update_thing, _kind))
