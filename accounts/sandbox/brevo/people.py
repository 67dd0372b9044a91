"""Finding and changing contacts: the rules every way of writing them shares."""

from collections.abc import Iterable, Mapping

from accounts.sandbox.brevo import hooks
from accounts.sandbox.brevo.attributes import read_phone, read_value, show_value
from accounts.sandbox.brevo.state import JSON, Account, Contact
from accounts.sandbox.brevo.wire import Fields, as_id, invalid, read_email, refuse, stamp
from accounts.sandbox.store import Store

IDENTIFIER_TYPES = ("email_id", "phone_id", "contact_id", "ext_id", "whatsapp_id", "landline_number_id")


def find(account: Account, identifier: str, kind: str | None = None) -> Contact | None:
    """By address, id or phone number as it looks, or by the kind that is named."""
    if kind is None:
        kind = "email_id" if "@" in identifier else "contact_id"
        if kind == "contact_id" and as_id(identifier) not in account.contacts:
            kind = "phone_id"
    found: int | None = None
    match kind:
        case "email_id":
            found = account.by_email.get(identifier.lower())
        case "contact_id":
            found = as_id(identifier)
        case "ext_id":
            found = account.by_ext_id.get(identifier)
        case "phone_id":
            found = account.by_sms.get(read_phone(identifier) or "")
    return account.contacts.get(found) if found is not None else None


def wire(account: Account, contact: Contact) -> dict[str, JSON]:
    """A contact as every read shows it. One known by phone alone gets an address made of its number."""
    known = account.attributes
    attributes = {k: show_value(known[k], v) if k in known else v for k, v in contact.attributes.items()}
    email = contact.email or (f"{contact.sms}@mailin-sms.com" if contact.sms else "")
    shown: dict[str, JSON] = {"email": email} if email else {}
    if contact.ext_id:
        attributes["EXT_ID"] = contact.ext_id
    return shown | {
        "id": contact.id,
        "emailBlacklisted": contact.email_blacklisted,
        "smsBlacklisted": contact.sms_blacklisted,
        "createdAt": stamp(contact.created_at),
        "modifiedAt": stamp(contact.modified_at),
        "listIds": list(contact.list_ids),
        "listUnsubscribed": list(contact.unsubscribed_ids) or None,
        "attributes": attributes,
    }


def read_attributes(account: Account, given: Mapping[str, JSON]) -> dict[str, JSON]:
    """Known attributes with a fitting value; None for those to be cleared. The rest is dropped without a word."""
    read: dict[str, JSON] = {}
    for name, value in given.items():
        attribute = account.attributes.get(name.upper())
        if attribute is None or attribute.category not in ("normal", "category"):
            continue
        if value in (None, ""):
            read[attribute.name] = None
        elif (kept := read_value(attribute, value)) is not None:
            read[attribute.name] = kept
    return read


def check_lists(account: Account, ids: Iterable[int] | None) -> tuple[int, ...]:
    ids = tuple(dict.fromkeys(ids or ()))
    unknown = [list_id for list_id in ids if list_id not in account.lists]
    if unknown:
        raise invalid(f"List with id {unknown[0]} does not exist")
    return ids


def duplicate(*identifiers: str) -> Exception:
    names = ", ".join(identifiers)
    message = f"Unable to create contact, {names} is already associated with another Contact"
    return refuse("duplicate_parameter", message, metadata={"duplicate_identifiers": list(identifiers)})


def taken(
    account: Account, contact_id: int | None, *, email: str = "", sms: str = "", ext_id: str = ""
) -> list[str]:
    """Which identifiers already belong to somebody else."""
    owners = {
        "email": account.by_email.get(email),
        "SMS": account.by_sms.get(sms),
        "ext_id": account.by_ext_id.get(ext_id),
    }
    return [name for name, owner in owners.items() if owner is not None and owner != contact_id]


def create(account: Account, now: float, *, email: str = "", sms: str = "", ext_id: str = "") -> Contact:
    contact = Contact(account.next_id("contact"), email, now, now, {"SMS": sms} if sms else {}, ext_id=ext_id)
    account.contacts[contact.id] = contact
    account.index(contact)
    return contact


def phone_of(fields: Fields) -> str:
    """The number in `attributes.SMS`, empty without one."""
    attributes = fields.inner("attributes")
    if attributes is None or not attributes.data.get("SMS"):
        return ""
    number = read_phone(attributes.data["SMS"])
    if number is None:
        raise invalid("Invalid phone number")
    return number


def apply(
    account: Account, store: Store, contact: Contact, fields: Fields, now: float, *, new: bool = False
) -> None:
    """Change a contact as create, update and batch do: all of it, or a refusal and nothing."""
    attributes = fields.inner("attributes")
    given = attributes.data if attributes else {}
    wanted = read_attributes(account, given)
    email, ext_id = contact.email, fields.text("ext_id") or contact.ext_id
    sms = phone_of(fields) or contact.sms
    if given.get("EMAIL"):
        email = read_email(str(given["EMAIL"]))
        if email == contact.email:
            raise duplicate("email")
    joined = check_lists(account, fields.list_of("listIds", int))
    left = check_lists(account, fields.list_of("unlinkListIds", int))
    blocked = tuple(
        read_email(address, "smtpBlacklistSender")
        for address in fields.list_of("smtpBlacklistSender", str) or ()
    )
    conflicts = taken(account, contact.id, email=email, sms=sms, ext_id=ext_id)
    if conflicts and fields.flag("forceMerge"):
        absorb(account, contact, email=email, sms=sms, ext_id=ext_id)
    elif conflicts:
        raise duplicate(*conflicts)
    # A new address has refused nothing yet: its blocklisting is lifted unless this very call says otherwise.
    blocked_before = contact.email_blacklisted and email == contact.email
    email_flag = fields.flag("emailBlacklisted", blocked_before)
    sms_flag = fields.flag("smsBlacklisted", contact.sms_blacklisted)

    account.unindex(contact)
    contact.email, contact.ext_id = email, ext_id
    contact.email_blacklisted, contact.sms_blacklisted = email_flag, sms_flag
    contact.smtp_blocked_senders = blocked or contact.smtp_blocked_senders
    set_attributes(contact, wanted | ({"SMS": sms} if sms else {}))
    if "SMS" in given and not given["SMS"]:
        contact.attributes.pop("SMS", None)
    added = [list_id for list_id in joined if list_id not in contact.list_ids]
    for list_id in left:
        account.lists[list_id].members.pop(contact.id, None)
    contact.list_ids = tuple(n for n in (*contact.list_ids, *added) if n not in left)
    contact.unsubscribed_ids = tuple(n for n in contact.unsubscribed_ids if n not in added)
    contact.modified_at = now
    account.index(contact)
    if not new:
        hooks.contact_updated(account, store, contact, now)
    if added:
        hooks.list_addition(account, store, contact, added, now)


def set_attributes(contact: Contact, values: Mapping[str, JSON]) -> None:
    for name, value in values.items():
        if value is None:
            contact.attributes.pop(name, None)
        else:
            contact.attributes[name] = value


def absorb(account: Account, contact: Contact, **identifiers: str) -> None:
    """Merge whoever holds one of the identifiers into `contact`, which keeps its own values."""
    owners = {
        account.by_email.get(identifiers["email"]),
        account.by_sms.get(identifiers["sms"]),
        account.by_ext_id.get(identifiers["ext_id"]),
    }
    for owner in owners - {None, contact.id}:
        other = account.contacts[owner]  # type: ignore[index]
        remove(account, other)
        account.unindex(contact)
        contact.attributes = other.attributes | contact.attributes
        contact.list_ids = tuple(dict.fromkeys(contact.list_ids + other.list_ids))
        account.index(contact)


def remove(account: Account, contact: Contact) -> None:
    account.unindex(contact)
    for list_id in contact.list_ids:
        account.lists[list_id].members.pop(contact.id, None)
    del account.contacts[contact.id]


def join(account: Account, store: Store, contact: Contact, list_id: int, now: float) -> None:
    contact.list_ids += (list_id,)
    contact.unsubscribed_ids = tuple(n for n in contact.unsubscribed_ids if n != list_id)
    contact.modified_at = now
    account.lists[list_id].members[contact.id] = None
    hooks.list_addition(account, store, contact, [list_id], now)


def leave(account: Account, contact: Contact, list_id: int, now: float) -> None:
    contact.list_ids = tuple(n for n in contact.list_ids if n != list_id)
    contact.modified_at = now
    account.lists[list_id].members.pop(contact.id, None)
