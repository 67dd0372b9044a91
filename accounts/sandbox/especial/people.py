"""Contacts of a list: how they are shown, how they join, change and leave."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from accounts.sandbox.especial import hooks
from accounts.sandbox.especial.records import Event
from accounts.sandbox.especial.shapes import JSON, TAG, Faults
from accounts.sandbox.especial.state import Account, Contact, ContactList
from accounts.sandbox.especial.wire import Call, refuse
from accounts.sandbox.store import Store

OPT_IN = ("false", "new", "not_active", "true")
COMPLAINT = "spam"  # `source` of a suppressed address whose owner complained: users cannot take it back
REVIVED = ("unsubscribed", "deleted")  # the statuses that adding somebody again undoes


def wire(row: ContactList, contact: Contact) -> dict[str, JSON]:
    """Every attribute of the list, the empty ones too; values are text whatever their type."""
    values = contact.values + ("",) * (len(row.attributes) - len(contact.values))
    return {
        "id": contact.id,
        "email": contact.email,
        "status": contact.status,
        "subscribed_on": int(contact.subscribed_on),
        "last_bounce_type": contact.last_bounce,
        "bounces_count": contact.bounces,
        "custom_attributes": [
            {"name": name, "value": value} for name, value in zip(row.attributes, values, strict=True)
        ],
        "tags": list(contact.tags),
        "interests": list(contact.interests),
    }


def find(call: Call, row: ContactList) -> Contact:
    contact = row.contacts.get(call.id("contact_id"))
    if contact is None:
        raise call.missing("Contact")
    return contact


def read_attributes(row: ContactList, given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Values by name. Raises a 400 for an attribute the list lacks and for a value that is not of its type."""
    read: dict[str, str] = {}
    for item in given:
        name, value = item["name"], item.get("value", "")
        if name not in row.attributes:
            raise refuse(f"Unknown attribute {name}", "body", "custom_attributes")
        if value and not _fits(row.attributes[name], value):
            raise refuse(f"Invalid value for {name}", "body", "custom_attributes")
        read[name] = value
    return read


def _fits(kind: str, value: str) -> bool:
    if kind in ("integer", "timestamp"):
        return re.fullmatch(r"-?[0-9]{1,18}", value) is not None
    if kind == "datetime":
        try:
            return bool(datetime.fromisoformat(value))
        except ValueError:
            return False
    return True


def set_values(row: ContactList, contact: Contact, values: Mapping[str, str]) -> None:
    if values:
        own = [*contact.values, *("" for _ in range(len(row.attributes) - len(contact.values)))]
        for place, name in enumerate(row.attributes):
            own[place] = values.get(name, own[place])
        while own and not own[-1]:
            own.pop()
        contact.values = tuple(own)
        row.chosen.clear()


def set_status(row: ContactList, contact: Contact, status: str) -> None:
    if contact.status != status:
        contact.status = status
        row.chosen.clear()


def log(account: Account, row: ContactList, contact: Contact, kind: str, now: float) -> None:
    account.record(Event(account.next_id("log"), now, kind, row.id, contact.id, contact.email))


def add(
    account: Account, store: Store, row: ContactList, email: str, values: Mapping[str, str], now: float,
    *, resubscribe: bool = True, opt_in: str = "false",
) -> Contact:  # fmt: skip
    """Add somebody, or change and perhaps revive who is known. `resubscribe` brings back those who had left.

    Who bounced or complained stays as they are. `opt_in`: who is asked first, and pending until they confirm.
    """
    email = email.lower()
    contact = row.find(email)
    known = contact is not None
    if contact is None:
        contact = Contact(row.next_contact_id(), email, "pending" if opt_in != "false" else "active", now)
        row.add(contact)
        log(account, row, contact, "subscribe", now)
    elif contact.status in REVIVED and resubscribe:
        contact.subscribed_on = now
        set_status(row, contact, "pending" if opt_in in ("not_active", "true") else "active")
        log(account, row, contact, "subscribe", now)
    set_values(row, contact, values)
    if contact.status == "pending":
        account.mails.append({"to": email, "of": "double opt-in", "list": row.id, "at": now})
    hooks.contact(account, store, "Contact.Updated" if known else "Contact.Added", row, contact, now)
    return contact


def unsubscribe(account: Account, store: Store, row: ContactList, contact: Contact, now: float) -> None:
    """Keeps the contact and its history."""
    if contact.status != "unsubscribed":
        set_status(row, contact, "unsubscribed")
        log(account, row, contact, "unsubscribe", now)
        hooks.contact(account, store, "Contact.Updated", row, contact, now)


def delete(account: Account, store: Store, row: ContactList, contact: Contact, now: float) -> None:
    row.remove(contact)
    hooks.contact(account, store, "Contact.Removed", row, contact, now)


def move(row: ContactList, contact: Contact, email: str) -> None:
    """Give a contact another address. Raises a 400 when somebody on the list has it."""
    email = email.lower()
    if email != contact.email:
        if email in row.by_email:
            raise refuse("This email is already used in the list", "body", "email")
        del row.by_email[contact.email]
        contact.email = email
        row.by_email[email] = contact.id
        row.chosen.clear()


def tag(account: Account, row: ContactList, contact: Contact, tags: Iterable[str], now: float) -> None:
    """Tags are the account's: one that nobody made before is made now."""
    contact.tags = tuple(dict.fromkeys((*contact.tags, *tags)))
    for name in contact.tags:
        account.tags.setdefault(name, now)
    row.chosen.clear()


def untag(row: ContactList, contact: Contact, tags: Iterable[str]) -> None:
    contact.tags = tuple(name for name in contact.tags if name not in set(tags))
    row.chosen.clear()


def check_interests(row: ContactList, names: Iterable[str]) -> tuple[str, ...]:
    """Interests have to be made on the list before anybody can have them."""
    names = tuple(dict.fromkeys(names))
    unknown = [name for name in names if name not in row.interests]
    if unknown:
        raise refuse(f"Unknown interest {unknown[0]}", "body", "interests")
    return names


def suppress(account: Account, store: Store, email: str, source: str, now: float) -> None:
    if account.suppressed.get(email) not in (source, COMPLAINT):
        account.suppressed[email] = source
        hooks.post(account, store, "SuppressedEmail.Added", {"email": email, "source": source}, now)


def valid_tag(name: str) -> bool:
    faults = Faults()
    TAG.read(name, (), faults)
    return not faults.items
