"""Contacts, and who is on a list."""

from collections.abc import Iterable

from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.leadfox.listing import Condition, page, show
from accounts.sandbox.leadfox.state import Account, Contact
from accounts.sandbox.leadfox.wire import Call, Fields, read_email, refuse, taken

routes: Routes[Call] = Routes()


def _find(call: Call, argument: str = "id") -> Contact:
    return call.find(call.account.contacts, "Contact", argument)


def _candidates(account: Account, conditions: list[Condition]) -> Iterable[Contact]:
    """All contacts, or those few an index finds for one of the conditions."""
    for condition in conditions:
        if (ids := condition.equal_to("_id")) is not None:
            found: Iterable[str | None] = ids
        elif (emails := condition.equal_to("email")) is not None:
            found = [account.by_email.get(email) for email in emails]
        elif (list_ids := condition.equal_to("lists", "list")) is not None:
            found = [contact_id for list_id in list_ids for contact_id in account.members.get(list_id, ())]
        else:
            continue
        return [account.contacts[n] for n in dict.fromkeys(found) if n is not None and n in account.contacts]
    return account.contacts.values()


@routes.route("GET", "/v1/contact")
def list_contacts(call: Call) -> Reply:
    return page(call, lambda conditions: _candidates(call.account, conditions))


@routes.route("POST", "/v1/contact")
def create_contact(call: Call) -> Reply:
    body = call.fields()
    if call.account.contact_by_email(_email(body)):
        raise taken("A contact with this email exists already")
    return upsert_contact(call)


@routes.route("POST", "/v1/contact/upsert")
def upsert_contact(call: Call) -> Reply:
    """Found by its address whatever its case, or made."""
    account, body = call.account, call.fields()
    email, properties = _email(body), _properties(account, body)
    contact = account.contact_by_email(email) or create(account, email, call.now)
    contact.properties |= properties
    contact.modified_at = call.now
    return Reply(200, show(account, contact))


def _email(body: Fields) -> str:
    body.require("email")
    return read_email(body.text("email"))


def _properties(account: Account, body: Fields) -> dict[str, str]:
    """Every value is text. The address stands beside the properties and is not changed through them."""
    if not body.has("properties"):
        return {}
    given, shortcodes = body.inner("properties"), account.shortcodes()
    if unknown := [name for name in given.data if name not in shortcodes]:
        raise refuse(f"properties.{unknown[0]} does not exist")
    return given.texts(name for name in given.data if name != "email")


def create(account: Account, email: str, now: float) -> Contact:
    contact = Contact(account.next_id(now), email, now, now)
    account.contacts[contact.id] = contact
    account.index(contact)
    return contact


@routes.route("GET", "/v1/contact/{id}")
def get_contact(call: Call) -> Reply:
    return Reply(200, show(call.account, _find(call)))


@routes.route("PATCH", "/v1/contact/{id}")
@routes.route("PUT", "/v1/contact/{id}")
def update_contact(call: Call) -> Reply:
    """Merges `properties`, an empty text among them, and changes nothing else whatever the body says."""
    contact = _find(call)
    contact.properties |= _properties(call.account, call.fields())
    contact.modified_at = call.now
    return Reply(200, show(call.account, contact))


@routes.route("DELETE", "/v1/contact/{id}")
def delete_contact(call: Call) -> Reply:
    contact = _find(call)
    for list_id in list(contact.lists):
        leave(call.account, contact, list_id, call.now)
    del call.account.by_email[contact.email]
    del call.account.contacts[contact.id]
    return Reply(204)


@routes.route("GET", "/v1/list/{list_id}/contact")
def list_list_contacts(call: Call) -> Reply:
    account, row = call.account, call.find(call.account.lists, "List", "list_id")
    return page(call, lambda _: [account.contacts[n] for n in account.members.get(row.id, ())])


@routes.route("POST", "/v1/list/{list_id}/contact/{contact_id}")
def add_contact_to_list(call: Call) -> Reply:
    """Nothing happens to who is on it already. The answer is empty: no body is known."""
    row, contact = call.find(call.account.lists, "List", "list_id"), _find(call, "contact_id")
    join(call.account, contact, row.id, call.now)
    return Reply(200)


@routes.route("DELETE", "/v1/list/{list_id}/contact/{contact_id}")
def remove_contact_from_list(call: Call) -> Reply:
    row, contact = call.find(call.account.lists, "List", "list_id"), _find(call, "contact_id")
    leave(call.account, contact, row.id, call.now)
    return Reply(200)


def join(account: Account, contact: Contact, list_id: str, now: float) -> None:
    if list_id not in contact.lists:
        contact.lists[list_id] = contact.modified_at = now
        account.members.setdefault(list_id, {})[contact.id] = None


def leave(account: Account, contact: Contact, list_id: str, now: float) -> None:
    if contact.lists.pop(list_id, None) is not None:
        contact.modified_at = now
        del account.members[list_id][contact.id]
