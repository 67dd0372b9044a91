"""Tags of the account, and giving or taking tags and interests, one contact or many; suppressed addresses."""

import re
from collections.abc import Iterable

from accounts.sandbox.especial import hooks, lists, people, rules
from accounts.sandbox.especial.shapes import INTEREST, JSON, SELECTORS, TAG, Items, Shape, Text, Whole, shape
from accounts.sandbox.especial.state import Contact, ContactList
from accounts.sandbox.especial.wire import Call, created, done, invalid, refuse, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

MOST_IDS, MOST_INTERESTS = 1024, 16
TAGS = Items(TAG, required=True, least=1, most=MOST_IDS)
REQUIRED_TAG = Text(True, TAG.least, TAG.most, TAG.pattern)
MANY_TAGS = Shape({"tags": TAGS, "contact_ids": Items(Whole(least=1), least=1, most=MOST_IDS)} | SELECTORS)
MANY_INTERESTS = Shape(
    {
        "interests": Items(INTEREST, required=True, most=MOST_INTERESTS),
        "contact_ids": Items(Whole(least=1), most=MOST_IDS),
    }
    | SELECTORS
)


@routes.route("GET", "/tags")
def list_tags(call: Call) -> Reply:
    return call.collection(list(call.account.tags), _wire)


def _wire(tag: str) -> dict[str, JSON]:
    return {"tag": tag}


@routes.route("POST", "/tags")
def create_tag(call: Call) -> Reply:
    tag = call.body(shape(tag=REQUIRED_TAG))["tag"]
    if tag in call.account.tags:
        raise refuse("This tag already exists", "body", "tag")
    call.account.tags[tag] = call.now
    return created("tag", tag=tag, data=_wire(tag))


def _tag(call: Call) -> str:
    tag = call.path_text("tag", TAG)
    if tag not in call.account.tags:
        raise call.missing("Tag")
    return tag


@routes.route("GET", "/tags/{tag}")
def show_tag(call: Call) -> Reply:
    return single(_wire(_tag(call)))


@routes.route("PATCH", "/tags/{tag}")
def patch_tag(call: Call) -> Reply:
    """Everybody who had the tag has the new one."""
    account, tag, renamed = call.account, _tag(call), call.body(shape(tag=REQUIRED_TAG))["tag"]
    if renamed != tag and renamed in account.tags:
        raise refuse("This tag already exists", "body", "tag")
    account.tags = {renamed if name == tag else name: at for name, at in account.tags.items()}
    for row in account.lists.values():
        for contact in row.contacts.values():
            if tag in contact.tags:
                contact.tags = tuple(renamed if name == tag else name for name in contact.tags)
                row.chosen.clear()
    return done("tag", "updated", tag=renamed, data=_wire(renamed))


@routes.route("DELETE", "/tags/{tag}")
def delete_tag(call: Call) -> Reply:
    tag = _tag(call)
    del call.account.tags[tag]
    for row in call.account.lists.values():
        for contact in row.contacts.values():
            if tag in contact.tags:
                people.untag(row, contact, [tag])
    return done("tag", "deleted", tag=tag)


# One contact (deprecated over there) or many.


def _chosen(call: Call, row: ContactList, given: dict[str, JSON]) -> list[Contact]:
    """By ids or by one condition, never both. An unknown id fails the whole call."""
    rule = rules.only_rule(given)
    if bool(rule) == ("contact_ids" in given):
        raise refuse("Use one of contact_ids, query, fiql and json", "body")
    if rule:
        return list(filter(rules.condition(row, rule), row.contacts.values()))
    unknown = [number for number in given["contact_ids"] if number not in row.contacts]
    if unknown:
        raise refuse(f"Contact {unknown[0]} not found", "body", "contact_ids")
    return [row.contacts[number] for number in given["contact_ids"]]


def _apply(call: Call, row: ContactList, contacts: Iterable[Contact], tags: list[str], *, on: bool) -> None:
    for contact in contacts:
        if on:
            people.tag(call.account, row, contact, tags, call.now)
        else:
            people.untag(row, contact, tags)
        event = "Contact.Tagged" if on else "Contact.Untagged"
        hooks.contact(call.account, call.store, event, row, contact, call.now, tags=tags)


@routes.route("POST", "/lists/{list_id}/contacts/tag")
def tag_multiple_contacts(call: Call) -> Reply:
    row, given = lists.find(call), call.body(MANY_TAGS)
    _apply(call, row, _chosen(call, row, given), given["tags"], on=True)
    return Reply(200, {"tagged": True})


@routes.route("POST", "/lists/{list_id}/contacts/untag")
def untag_multiple_contacts(call: Call) -> Reply:
    row, given = lists.find(call), call.body(MANY_TAGS)
    _apply(call, row, _chosen(call, row, given), given["tags"], on=False)
    return Reply(200, {"untagged": True})


@routes.route("POST", "/lists/{list_id}/contacts/{contact_id}/tag")
def tag_contact(call: Call) -> Reply:
    row = lists.find(call)
    _apply(call, row, [people.find(call, row)], call.body(shape(tags=TAGS))["tags"], on=True)
    return Reply(200, {"tagged": True})


@routes.route("POST", "/lists/{list_id}/contacts/{contact_id}/untag")
def untag_contact(call: Call) -> Reply:
    row = lists.find(call)
    _apply(call, row, [people.find(call, row)], call.body(shape(tags=TAGS))["tags"], on=False)
    return Reply(200, {"untagged": True})


@routes.route("POST", "/lists/{list_id}/contacts/add-interests")
def add_interests_to_contacts(call: Call) -> Reply:
    row, given = lists.find(call), call.body(MANY_INTERESTS)
    names = people.check_interests(row, given["interests"])
    for contact in _chosen(call, row, given):
        contact.interests = tuple(dict.fromkeys((*contact.interests, *names)))
        hooks.contact(call.account, call.store, "Contact.Updated", row, contact, call.now)
    row.chosen.clear()
    return Reply(200, {"object": "interests", "added": True})


@routes.route("POST", "/lists/{list_id}/contacts/remove-interests")
def remove_interests_from_contacts(call: Call) -> Reply:
    row, given = lists.find(call), call.body(MANY_INTERESTS)
    for contact in _chosen(call, row, given):
        contact.interests = tuple(name for name in contact.interests if name not in given["interests"])
        hooks.contact(call.account, call.store, "Contact.Updated", row, contact, call.now)
    row.chosen.clear()
    return Reply(200, {"object": "interests", "removed": True})


# Suppressed: nobody in the account may write there.

# An address, a whole domain (`*@example.com`), or a local part anywhere (`name@*`).
SUPPRESSED = r"(^\*@[^@*]+\.[^@*]+$|^[^@*]+@\*$|^[^@*]+@[^@*]+\.[^@*]+$)"


@routes.route("GET", "/suppressed-emails")
def list_suppressed_emails(call: Call) -> Reply:
    wanted = call.filters("email").get("email", "").lower()
    rows = [row for row in call.account.suppressed.items() if wanted in ("", row[0])]
    return call.collection(rows, lambda row: {"email": row[0], "source": row[1]})


@routes.route("POST", "/suppressed-emails")
def create_suppressed_email(call: Call) -> Reply:
    email = call.body(shape(email=Text(required=True, least=1)))["email"].lower()
    if not re.search(SUPPRESSED, email):
        raise refuse("Invalid email or pattern", "body", "email")
    people.suppress(call.account, call.store, email, "user", call.now)
    return Reply(201, {"email": email, "created": True})


@routes.route("DELETE", "/suppressed-emails/{email}")
def delete_suppressed_email(call: Call) -> Reply:
    account, email = call.account, call.args["email"].lower()
    if not re.search(SUPPRESSED, email):
        raise invalid("path", "email", message="string does not match regex", kind="value_error.str.regex")
    if email not in account.suppressed:
        raise call.missing("Suppressed email")
    if account.suppressed[email] == people.COMPLAINT:
        raise refuse("An address that complained stays suppressed", "path", "email")
    del account.suppressed[email]
    hooks.post(account, call.store, "SuppressedEmail.Removed", {"email": email}, call.now)
    return Reply(200, {"email": email, "deleted": True})
