"""Lists and their segments. A list brings the sender; it can be made and changed, never deleted."""

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo.state import JSON, Account, ContactList, Segment
from accounts.sandbox.mailmojo.wire import Call, Fields, Guarded, not_found, stamp

routes = Guarded()

REQUIRED = ("name", "from_name", "from_email")
FLAGS = {
    "enable_link_proxy": True,
    "enable_recaptcha": False,
    "enable_stats_filter": False,
    "unsubscribe_cascades": False,
}
LINKS = ("facebook", "linkedin", "subscribe_redirect_url", "unsubscribe_redirect_url", "website")
TEXTS = ("description", "instagram", "pinterest", "twitter", "youtube")
THANKS = {"subscribe_redirect_url": "subscribed", "unsubscribe_redirect_url": "unsubscribed"}
PREDICATES = ("has_tag", "not_has_tag")


def wire(call: Call, row: ContactList) -> dict[str, JSON]:
    fields = row.fields
    return {
        "id": row.id,
        "name": row.name,
        "from_name": row.from_name,
        "from_email": row.from_email,
        "created": stamp(row.created),
        "description": fields.get("description") or "",
        "data_retention": fields.get("data_retention"),
        "is_primary": bool(fields.get("is_primary")),
        "is_sms_sender_approved": False,
        "sms_sender": "",
        "subscribe_url": call.public_url("subscribe", row.id),
        "unsubscribe_url": call.public_url("unsubscribe", row.id),
        **{name: fields.get(name, default) for name, default in FLAGS.items()},
        **{name: fields.get(name) for name in (*LINKS, *TEXTS) if name != "description"},
        # Null is allowed here too, but the published client cannot read it: without an own page it is the provider's.
        **{name: fields.get(name) or call.public_url(page, row.id) for name, page in THANKS.items()},
    }


def detail(call: Call, row: ContactList) -> dict[str, JSON]:
    segments = [
        segment_wire(call.account, segment)
        for segment in call.account.segments.values()
        if segment.list_id == row.id
    ]
    return wire(call, row) | {"segments": segments}


def segment_wire(account: Account, segment: Segment) -> dict[str, JSON]:
    return {
        "id": segment.id,
        "name": segment.name,
        "created": stamp(segment.created),
        "num_contacts": len(segment_members(account, [segment.id])),
        "type": "tags",
    }


def segment_members(account: Account, segment_ids: list[int]) -> list[str]:
    """Addresses that are active on the list and in any one of these segments, which all belong to that list."""
    segments = [account.segments[number] for number in segment_ids]
    if not segments:
        return []
    return [
        email
        for email in account.lists[segments[0].list_id].active
        if any(segment.holds(account.contacts[email]) for segment in segments)
    ]


def find(call: Call) -> ContactList:
    row = call.account.lists.get(call.id("list_id"))
    if row is None:
        raise not_found()
    return row


def add_list(account: Account, name: str, from_name: str, from_email: str, now: float) -> ContactList:
    """The first list is the primary one."""
    number = account.next_id("list")
    row = account.lists[number] = ContactList(number, name, from_name, from_email, now)
    if number == 1:
        row.fields["is_primary"] = True
    return row


def write(account: Account, row: ContactList, fields: Fields) -> None:
    """Take over what the body says; read-only fields count as unknown ones. Raises a 400 before anything is changed."""
    texts = {name: fields.text(name) for name in ("name", "from_name") if fields.has(name)}
    if fields.has("from_email"):
        texts["from_email"] = fields.email("from_email")
    for name, value in texts.items():
        if not value.strip():
            fields.wrong(name, "This field may not be empty.")
    rest: dict[str, JSON] = {
        name: fields.flag(name, default) for name, default in FLAGS.items() if fields.has(name)
    }
    rest |= {name: fields.url(name) or None for name in LINKS if fields.has(name)}
    rest |= {name: fields.text(name) or None for name in TEXTS if fields.has(name)}
    if fields.has("data_retention"):
        rest["data_retention"] = fields.number("data_retention")
    primary = fields.flag("is_primary", default=False)
    fields.check()
    for name, value in texts.items():
        setattr(row, name, value)
    row.fields |= rest
    if primary:
        for other in account.lists.values():
            other.fields["is_primary"] = other is row


@routes.on("GET", "/lists/", "lists:read", "lists")
def get_lists(call: Call) -> Reply:
    return Reply(200, [wire(call, row) for row in call.account.lists.values()])


@routes.on("POST", "/lists/", "lists")
def create_list(call: Call) -> Reply:
    """An equal name is no obstacle."""
    fields = call.fields(*REQUIRED)
    row = ContactList(0, "", "", "", call.now)
    write(call.account, row, fields)
    made = add_list(call.account, row.name, row.from_name, row.from_email, call.now)
    write(call.account, made, fields)
    return Reply(201, wire(call, made))


@routes.on("GET", "/lists/{list_id}/", "lists:read", "lists")
def get_list_by_id(call: Call) -> Reply:
    return Reply(200, detail(call, find(call)))


@routes.on("PATCH", "/lists/{list_id}/", "lists")
def update_list(call: Call) -> Reply:
    row = find(call)
    write(call.account, row, call.fields())
    return Reply(200, detail(call, row))


@routes.on("POST", "/lists/{list_id}/segments/", "lists")
def create_segment(call: Call) -> Reply:
    row, fields = find(call), call.fields("list_id", "name", "predicates")
    if fields.number("list_id") not in (None, row.id):
        fields.wrong("list_id", "Must be the list of the address.")
    predicates = []
    for given in fields.list_of("predicates", dict):
        kind, tag = given.get("type"), given.get("tag_name")
        if kind not in PREDICATES or not isinstance(tag, str) or not tag:
            fields.wrong("predicates", "Each needs a tag_name and as type has_tag or not_has_tag.")
        predicates.append((str(kind), str(tag)))
    if not predicates:
        fields.wrong("predicates", "At least one is needed.")
    name = fields.text("name")
    fields.check()
    segment = add_segment(call.account, row.id, name, predicates, call.now)
    return Reply(201, segment_wire(call.account, segment))


def add_segment(
    account: Account, list_id: int, name: str, predicates: list[tuple[str, str]], now: float
) -> Segment:
    number = account.next_id("segment")
    segment = account.segments[number] = Segment(number, list_id, name, now, predicates)
    return segment
