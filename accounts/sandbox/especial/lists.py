"""Lists, with the attributes and interests that belong to each."""

from collections import Counter

from accounts.sandbox.especial import hooks, senders
from accounts.sandbox.especial.shapes import (
    INTEREST,
    JSON,
    LANGUAGE,
    LINK,
    NAME,
    REDIRECTIONS,
    RENAME,
    SENDER,
    Items,
    Shape,
    Text,
    shape,
)  # fmt: skip
from accounts.sandbox.especial.state import Account, ContactList
from accounts.sandbox.especial.wire import Call, attribute, created, done, ordered, refuse, seconds, single
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

WEBHOOK_ACTIONS = (
    "all", "subscribe", "unsubscribe", "update", "delete", "spam", "bounce", "bounce_ac", "bounce_cr", "bounce_df",
    "bounce_fm", "bounce_hb", "bounce_mb", "bounce_sb", "bounce_tr", "bounce_ar",
)  # fmt: skip
WEBHOOK = shape(url=LINK, actions=Items(Text(choices=WEBHOOK_ACTIONS), least=1))
CREATE = shape(
    name=NAME,
    default_sender=Shape(SENDER.fields, required=True),
    language=LANGUAGE,
    redirections=REDIRECTIONS,
    webhook=WEBHOOK,
)
PATCH = shape(
    name=RENAME, default_sender=SENDER, language=LANGUAGE, redirections=REDIRECTIONS, webhook=WEBHOOK
)


def add(account: Account, name: str, sender_id: str, now: float, *, accepted: bool = False) -> ContactList:
    row = ContactList(account.next_id("list"), name, now, sender_id, policy_accepted=accepted)
    account.lists[row.id] = row
    return row


def find(call: Call, name: str = "list_id") -> ContactList:
    """The list in the path."""
    row = call.account.lists.get(call.id(name))
    if row is None:
        raise call.missing("List")
    return row


def _summary(account: Account, row: ContactList) -> dict[str, JSON]:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "language": row.language,
        "created_on": seconds(row.created_on),
        "default_sender": senders.as_shown(account, row.sender_id),
    }


def wire(account: Account, row: ContactList) -> dict[str, JSON]:
    page = f"https://pages.especial.example/{secret(account.name, 'list', row.id)}"
    redirections = {name: row.redirections.get(name) for name in REDIRECTIONS.fields}
    return _summary(account, row) | {
        "policy_accepted": row.policy_accepted,
        "redirections": redirections,
        "pages": {name: f"{page}/{name}" for name in ("opt_in", "opt_out", "subscribe", "unsubscribe")},
        "webhook": {"url": row.webhook.get("url"), "actions": row.webhook.get("actions")},
    }


def _tell(call: Call, event: str, row: ContactList) -> None:
    hooks.post(call.account, call.store, event, _summary(call.account, row), call.now)


@routes.route("GET", "/lists")
def list_lists(call: Call) -> Reply:
    wanted = call.filters("status", "name")
    rows = [
        row
        for row in call.account.lists.values()
        if all(getattr(row, term) == value for term, value in wanted.items())
    ]
    rows = ordered(rows, call.order("name", "created_on"), attribute)
    return call.collection(rows, lambda row: _summary(call.account, row))


@routes.route("POST", "/lists")
def create_list(call: Call) -> Reply:
    """Unusable until the policy is accepted. Unlike everywhere else the answer has no `object`."""
    account, given = call.account, call.body(CREATE)
    sender = senders.find(account, given["default_sender"]["id"], "default_sender", "id")
    row = add(account, given["name"], sender.id, call.now)
    _write(row, given)
    _tell(call, "List.Created", row)
    return Reply(201, {"id": row.id, "created": True, "data": wire(account, row)})


def _write(row: ContactList, given: dict[str, JSON]) -> None:
    row.name, row.language = given.get("name", row.name), given.get("language", row.language)
    row.redirections |= given.get("redirections", {})
    row.webhook |= given.get("webhook", {})


@routes.route("GET", "/lists/{list_id}")
def get_list(call: Call) -> Reply:
    return single(wire(call.account, find(call)))


@routes.route("PATCH", "/lists/{list_id}")
def patch_list(call: Call) -> Reply:
    account, row, given = call.account, find(call), call.body(PATCH)
    if "default_sender" in given:
        row.sender_id = senders.find(account, given["default_sender"]["id"], "default_sender", "id").id
    _write(row, given)
    _tell(call, "List.Updated", row)
    return Reply(200, {"id": row.id, "updated": True, "data": wire(account, row)})


@routes.route("DELETE", "/lists/{list_id}")
def delete_list(call: Call) -> Reply:
    """For good, and what was built on the list goes with it: segments, forms, workflows and its campaigns."""
    account, row = call.account, find(call)
    del account.lists[row.id]
    for number in [
        n for n, campaign in account.campaigns.items() if campaign.audience.get("list_id") == row.id
    ]:
        del account.campaigns[number]
    for number in [n for n, segment in account.segments.items() if segment.list_id == row.id]:
        del account.segments[number]
    for name in [name for name, form in account.forms.items() if form["list_id"] == row.id]:
        del account.forms[name]
    for name in [name for name, flow in account.workflows.items() if flow["audience"]["list_id"] == row.id]:
        del account.workflows[name]
    account.forget_events([row.id])
    _tell(call, "List.Deleted", row)
    return done("list", "deleted", id=row.id)


@routes.route("POST", "/lists/{list_id}/accept-policy")
def accept_list_policy(call: Call) -> Reply:
    row = find(call)
    row.policy_accepted = True
    return done("list", "policy_accepted", id=row.id)


@routes.route("POST", "/lists/{list_id}/archive")
def archive_list(call: Call) -> Reply:
    row = find(call)
    if row.status == "archived":
        raise refuse("This list is already archived")
    row.status = "archived"
    return done("list", "archived", id=row.id)


@routes.route("POST", "/lists/{list_id}/unarchive")
def unarchive_list(call: Call) -> Reply:
    row = find(call)
    if row.status != "archived":
        raise refuse("This list is not archived")
    row.status = "active"
    return Reply(200, {"id": row.id, "object": "list", "archived": False})


# Attributes.

TYPES = ("text", "mediumtext", "integer", "timestamp", "datetime")
RESERVED = ("id", "email", "status", "registered", "bounce_type", "bounce_count", "tags", "_tags")


@routes.route("GET", "/lists/{list_id}/custom-attributes")
def list_custom_attributes(call: Call) -> Reply:
    rows = list(find(call).attributes.items())
    return call.collection(rows, lambda row: {"name": row[0], "type": row[1]})


@routes.route("POST", "/lists/{list_id}/custom-attributes")
def create_custom_attribute(call: Call) -> Reply:
    row = find(call)
    given = call.body(
        shape(name=Text(required=True, pattern=r"^[A-Za-z0-9\-_]+$"), type=Text(required=True, choices=TYPES))
    )
    name = given["name"]
    if name.lower() in RESERVED:
        raise refuse(f"{name} is a reserved name", "body", "name")
    if name in row.attributes:
        raise refuse(f"Attribute {name} already exists", "body", "name")
    row.attributes[name] = given["type"]
    return created("attribute", name=name, data=given)


def _attribute(call: Call) -> tuple[ContactList, str]:
    row, name = find(call), call.args["name"]
    if name not in row.attributes:
        raise call.missing("Attribute")
    return row, name


@routes.route("GET", "/lists/{list_id}/custom-attributes/{name}")
def get_custom_attribute(call: Call) -> Reply:
    row, name = _attribute(call)
    return single({"name": name, "type": row.attributes[name]})


@routes.route("DELETE", "/lists/{list_id}/custom-attributes/{name}")
def delete_custom_attribute(call: Call) -> Reply:
    """Its values go too: making it anew does not bring them back."""
    row, name = _attribute(call)
    place = list(row.attributes).index(name)
    del row.attributes[name]
    for contact in row.contacts.values():
        contact.values = contact.values[:place] + contact.values[place + 1 :]
    row.chosen.clear()
    return done("attribute", "deleted", name=name)


# Interests.


def _usage(row: ContactList) -> Counter[str]:
    return Counter(name for contact in row.contacts.values() for name in contact.interests)


def _interest(call: Call) -> tuple[ContactList, str]:
    row, name = find(call), call.path_text("interest_name", INTEREST)
    if name not in row.interests:
        raise call.missing("Interest")
    return row, name


def _shown(row: ContactList, name: str, usage: Counter[str] | None = None) -> dict[str, JSON]:
    return {"name": name, "alias": row.interests[name], "usage": (usage or _usage(row))[name]}


@routes.route("GET", "/lists/{list_id}/interests")
def list_interests(call: Call) -> Reply:
    row = find(call)
    usage = _usage(row)
    return call.collection(list(row.interests), lambda name: _shown(row, name, usage))


@routes.route("POST", "/lists/{list_id}/interests")
def create_interest(call: Call) -> Reply:
    row = find(call)
    given = call.body(shape(name=Text(True, INTEREST.least, INTEREST.most, INTEREST.pattern), alias=Text()))
    if given["name"] in row.interests:
        raise refuse("This interest already exists", "body", "name")
    row.interests[given["name"]] = given.get("alias")
    return created("interest", data=_shown(row, given["name"]))


@routes.route("GET", "/lists/{list_id}/interests/{interest_name}")
def get_interest(call: Call) -> Reply:
    return single(_shown(*_interest(call)))


@routes.route("PATCH", "/lists/{list_id}/interests/{interest_name}")
def patch_interest(call: Call) -> Reply:
    row, name = _interest(call)
    given = call.body(shape(name=INTEREST, alias=Text()))
    renamed = given.get("name", name)
    if renamed != name and renamed in row.interests:
        raise refuse("This interest already exists", "body", "name")
    row.interests = {
        renamed if key == name else key: given.get("alias", alias) if key == name else alias
        for key, alias in row.interests.items()
    }
    replace_interest(row, name, renamed)
    return done("interest", "patched", data=_shown(row, renamed))


@routes.route("DELETE", "/lists/{list_id}/interests/{interest_name}")
def delete_interest(call: Call) -> Reply:
    row, name = _interest(call)
    shown = _shown(row, name)
    del row.interests[name]
    replace_interest(row, name)
    return done("interest", "deleted", data=shown)


def replace_interest(row: ContactList, name: str, by: str = "") -> None:
    for contact in row.contacts.values():
        if name in contact.interests and name != by:
            contact.interests = tuple(
                by if item == name else item for item in contact.interests if item != name or by
            )
            row.chosen.clear()
