"""Segments: a saved condition on the contacts of one list."""

from accounts.sandbox.especial import hooks, lists, rules
from accounts.sandbox.especial.contacts import listing
from accounts.sandbox.especial.records import Segment
from accounts.sandbox.especial.shapes import JSON, NAME, OBJECT, RENAME, Kind, Shape, Text
from accounts.sandbox.especial.state import Account, ContactList
from accounts.sandbox.especial.wire import Call, attribute, created, done, ordered, refuse, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

RULES: dict[str, Kind] = {"query": RENAME, "fiql": RENAME, "json": OBJECT}
CREATE = Shape(RULES | {"name": NAME})
PATCH = Shape(RULES | {"name": Text()})


def add(account: Account, row: ContactList, name: str, rule: dict[str, JSON], now: float) -> Segment:
    """Raises a 400 for a rule the server does not know."""
    rules.condition(row, rule)
    segment = Segment(account.next_id("segment"), row.id, name, rule, now)
    account.segments[segment.id] = segment
    return segment


def wire(segment: Segment) -> dict[str, JSON]:
    return {
        "id": segment.id,
        "name": segment.name,
        "query": segment.rule.get("query"),
        "fiql": segment.rule.get("fiql"),
        "json": segment.rule.get("json"),
        "campaigns_count": segment.campaigns,
        "last_used": int(segment.last_used),
        "created_on": int(segment.created_on),
    }


def find(call: Call, row: ContactList) -> Segment:
    segment = call.account.segments.get(call.id("segment_id"))
    if segment is None or segment.list_id != row.id:
        raise call.missing("Segment")
    return segment


@routes.route("GET", "/lists/{list_id}/segments")
def list_segments(call: Call) -> Reply:
    row = lists.find(call)
    rows = [segment for segment in call.account.segments.values() if segment.list_id == row.id]
    return call.collection(ordered(rows, call.order("id", "name", "created_on"), attribute), wire)


@routes.route("POST", "/lists/{list_id}/segments")
def create_segment(call: Call) -> Reply:
    row, given = lists.find(call), call.body(CREATE)
    rule = rules.only_rule(given)
    if not rule:
        raise refuse("Use one of query, fiql and json", "body")
    segment = add(call.account, row, given["name"], rule, call.now)
    hooks.post(call.account, call.store, "Segment.Created", wire(segment) | {"list_id": row.id}, call.now)
    return created("segment", id=segment.id, data=wire(segment))


@routes.route("GET", "/lists/{list_id}/segments/{segment_id}")
def get_segment(call: Call) -> Reply:
    return single(wire(find(call, lists.find(call))))


@routes.route("PATCH", "/lists/{list_id}/segments/{segment_id}")
def patch_segment(call: Call) -> Reply:
    row = lists.find(call)
    segment, given = find(call, row), call.body(PATCH)
    if rule := rules.only_rule(given):
        rules.condition(row, rule)
        segment.rule = rule
    segment.name = given.get("name") or segment.name
    hooks.post(call.account, call.store, "Segment.Updated", wire(segment) | {"list_id": row.id}, call.now)
    return done("segment", "updated", id=segment.id, data=wire(segment))


@routes.route("DELETE", "/lists/{list_id}/segments/{segment_id}")
def delete_segment(call: Call) -> Reply:
    row = lists.find(call)
    segment = find(call, row)
    del call.account.segments[segment.id]
    hooks.post(call.account, call.store, "Segment.Deleted", {"id": segment.id, "list_id": row.id}, call.now)
    return done("segment", "deleted", id=segment.id)


@routes.route("GET", "/lists/{list_id}/segments/{segment_id}/contacts")
def list_contacts_of_segment(call: Call) -> Reply:
    row = lists.find(call)
    return listing(call, row, find(call, row))
