"""Contacts: list, add, read, change, leave, delete, import."""

import json
from collections.abc import Iterator
from uuid import UUID

from accounts.sandbox.especial import hooks, lists, people, rules
from accounts.sandbox.especial.records import Segment
from accounts.sandbox.especial.shapes import ADDRESS, ATTRIBUTES, INTEREST, JSON, TAG, Items, Text, shape
from accounts.sandbox.especial.state import Contact, ContactList
from accounts.sandbox.especial.wire import Call, created, cut_by_cursor, done, ordered, refuse, single
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

SORT_TERMS = ("id", "email", "status", "subscribed_on", "last_bounce_type", "bounces_count")
SORTED_BY = {"last_bounce_type": "last_bounce", "bounces_count": "bounces"}
FILTER_TERMS = ("status", "email", "tags", "interests")
MOST_ROWS = 1000  # of one import
MOST_SELECTIONS = 64  # kept per list


def select(
    call: Call, row: ContactList, segment: Segment | None = None, *, order: tuple[str, bool] = ("", False)
) -> list[int]:
    """Ids of those whom the filter, one condition from the query and the segment choose; all of them without any.

    Worked out once and kept until something on the list changes: a pull reads it page after page.
    """
    wanted = call.filters(*FILTER_TERMS)
    given = {name: call.query(name) for name in ("query", "fiql", "json")}
    rule = rules.only_rule(given, "query")
    key = json.dumps([wanted, rule, segment and [segment.id, segment.rule], order])
    found = row.chosen.get(key)
    if found is None:
        chosen = _choose(row, wanted, rule, segment)
        if order[0]:
            chosen = ordered(chosen, order, lambda contact, term: getattr(contact, SORTED_BY.get(term, term)))
        if len(row.chosen) >= MOST_SELECTIONS:
            row.chosen.clear()
        found = row.chosen[key] = [contact.id for contact in chosen]
    return found


def _choose(
    row: ContactList, wanted: dict[str, str], rule: dict[str, JSON], segment: Segment | None
) -> list[Contact]:
    chosen = list(row.contacts.values())
    if "email" in wanted:
        one = row.find(wanted["email"])
        chosen = [one] if one else []
    if "status" in wanted:
        chosen = [contact for contact in chosen if contact.status == wanted["status"]]
    if "tags" in wanted:
        chosen = [contact for contact in chosen if wanted["tags"] in contact.tags]
    if "interests" in wanted:
        chosen = [contact for contact in chosen if wanted["interests"] in contact.interests]
    if rule:
        chosen = list(filter(rules.condition(row, rule, "query"), chosen))
    if segment:
        chosen = list(filter(rules.condition(row, segment.rule), chosen))
    return chosen


def listing(call: Call, row: ContactList, segment: Segment | None = None) -> Reply:
    order = call.order(*SORT_TERMS)
    chosen = select(call, row, segment, order=order)
    ids, head = cut_by_cursor(call, chosen, None if order[0] else int)
    return Reply(
        200, {"pagination": head, "data": [people.wire(row, row.contacts[number]) for number in ids]}
    )


@routes.route("GET", "/lists/{list_id}/contacts")
def list_contacts_of_list(call: Call) -> Reply:
    return listing(call, lists.find(call))


CREATE = shape(email=ADDRESS, custom_attributes=Items(ATTRIBUTES))
PATCH = shape(
    email=Text(email=True), custom_attributes=Items(ATTRIBUTES), interests=Items(INTEREST), tags=Items(TAG)
)
ROW = shape(email=ADDRESS, custom_attributes=Items(ATTRIBUTES, least=1))
IMPORT = shape(
    import_to=Text(choices=("active", "unsubscribed", "deleted")), contacts=Items(ROW, required=True, least=1)
)


def _opt_in(call: Call) -> str:
    return call.query_choice("send_double_opt_in", people.OPT_IN, "false")


@routes.route("POST", "/lists/{list_id}/contacts")
def create_contact(call: Call) -> Reply:
    """Also for somebody who is known already: their values are changed, and by default who had left is back."""
    account, row, given = call.account, lists.find(call), call.body(CREATE)
    resubscribe, opt_in = call.query_flag("resubscribe", default=True), _opt_in(call)
    values = people.read_attributes(row, given.get("custom_attributes", ()))
    contact = people.add(
        account, call.store, row, given["email"], values, call.now, resubscribe=resubscribe, opt_in=opt_in
    )
    return created("contact", id=contact.id, data=people.wire(row, contact))


@routes.route("GET", "/lists/{list_id}/contacts/{contact_id}")
def get_contact(call: Call) -> Reply:
    row = lists.find(call)
    return single(people.wire(row, people.find(call, row)))


@routes.route("PATCH", "/lists/{list_id}/contacts/{contact_id}")
def patch_contact(call: Call) -> Reply:
    """Values are changed one by one, tags and interests replaced as a whole. The status cannot be changed here."""
    account, row = call.account, lists.find(call)
    contact, given = people.find(call, row), call.body(PATCH)
    values = people.read_attributes(row, given.get("custom_attributes", ()))
    interests = people.check_interests(row, given.get("interests", contact.interests))
    people.move(row, contact, given.get("email", contact.email))
    people.set_values(row, contact, values)
    contact.interests = interests
    if "tags" in given:
        contact.tags = ()
        people.tag(account, row, contact, given["tags"], call.now)
    row.chosen.clear()
    hooks.contact(account, call.store, "Contact.Updated", row, contact, call.now)
    return done("contact", "updated", id=contact.id, data=people.wire(row, contact))


@routes.route("DELETE", "/lists/{list_id}/contacts/{contact_id}")
def delete_contact(call: Call) -> Reply:
    row = lists.find(call)
    contact = people.find(call, row)
    people.delete(call.account, call.store, row, contact, call.now)
    return done("contact", "deleted", id=contact.id)


@routes.route("POST", "/lists/{list_id}/contacts/{contact_id}/unsubscribe")
def unsubscribe_contact(call: Call) -> Reply:
    row = lists.find(call)
    contact = people.find(call, row)
    people.unsubscribe(call.account, call.store, row, contact, call.now)
    return Reply(200, {"object": "contact", "subscribed": False, "data": people.wire(row, contact)})


@routes.route("POST", "/lists/{list_id}/import-contacts")
def import_contacts(call: Call) -> Reply:
    """All rows or none. Whoever had left is not brought back: their rows are passed over, and their ids are missing."""
    account, row, given = call.account, lists.find(call), call.body(IMPORT)
    if len(given["contacts"]) > MOST_ROWS:
        raise refuse(f"At most {MOST_ROWS} contacts can be imported at once", "body", "contacts")
    opt_in = _opt_in(call)
    values = [people.read_attributes(row, item.get("custom_attributes", ())) for item in given["contacts"]]
    imported: dict[int, Contact] = {}
    for item, own in zip(given["contacts"], values, strict=True):
        for contact in _import(call, row, item["email"], own, given.get("import_to", "active"), opt_in):
            imported[contact.id] = contact
    number = UUID(secret(account.name, "import", account.next_id("import")) * 2)
    data = [people.wire(row, contact) for contact in imported.values()]
    body = {
        "import_id": str(number),
        "id": list(imported),
        "object": "contact",
        "imported": True,
        "data": data,
    }
    return Reply(201, body)


def _import(
    call: Call, row: ContactList, email: str, values: dict[str, str], to: str, opt_in: str
) -> Iterator[Contact]:
    account, store, known = call.account, call.store, row.find(email)
    if to == "deleted":
        if known:
            people.delete(account, store, row, known, call.now)
            yield known
    elif known is None or known.status in ("active", "pending") or to == "unsubscribed":
        contact = people.add(account, store, row, email, values, call.now, resubscribe=False, opt_in=opt_in)
        if to == "unsubscribed":
            people.unsubscribe(account, store, row, contact, call.now)
        yield contact
