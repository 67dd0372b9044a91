"""Contacts: how they are written, and how they come to a list and leave it."""

from collections.abc import Mapping

from accounts.sandbox.mailmojo import hooks
from accounts.sandbox.mailmojo.state import (
    ACTIVE,
    BOUNCED,
    DAILY,
    DELETED,
    JSON,
    UNSUBSCRIBED,
    Account,
    Association,
    Contact,
)
from accounts.sandbox.mailmojo.wire import Fields, day
from accounts.sandbox.store import Store

NAMES = ("name", "first_name", "last_name", "phone")
# Whom `force_subscribe` brings back to a list. Not stated; an address that bounced stays where it is.
REVIVED_BY_FORCE = (UNSUBSCRIBED, DELETED)
# A contact on several lists in several states is, altogether, in the first of these it is in anywhere.
PRECEDENCE = (ACTIVE, BOUNCED, UNSUBSCRIBED, DELETED)


def read_values(fields: Fields) -> dict[str, JSON]:
    """What the body says about a person, apart from the address."""
    values: dict[str, JSON] = {name: fields.text(name).strip() for name in NAMES if fields.has(name)}
    if fields.has("custom"):
        values["custom"] = fields.mapping("custom")
    if fields.has("tags"):
        values["tags"] = tuple(
            dict.fromkeys(tag.strip() for tag in fields.list_of("tags", str) if tag.strip())
        )
    return values


def write(contact: Contact, values: Mapping[str, JSON]) -> None:
    """Put new values in the place of old ones. `name` wins over its two parts."""
    for name, value in values.items():
        setattr(contact, name, value)
    if values.get("name"):
        contact.first_name, _, contact.last_name = contact.name.rpartition(" ")
        if not contact.first_name:
            contact.first_name, contact.last_name = contact.name, ""
    elif "first_name" in values or "last_name" in values:
        contact.name = f"{contact.first_name} {contact.last_name}".strip()


def add_to(contact: Contact, values: Mapping[str, JSON]) -> None:
    """As `write`, but subscribing takes no tag and no custom value away, and empties no field."""
    merged = {name: value for name, value in values.items() if value}
    if "custom" in merged:
        merged["custom"] = contact.custom | merged["custom"]
    if "tags" in merged:
        merged["tags"] = tuple(dict.fromkeys((*contact.tags, *merged["tags"])))
    write(contact, merged)


def create(account: Account, email: str, now: float) -> Contact:
    contact = account.contacts[email] = Contact(email, now, status_changed=now)
    count(account, now, ACTIVE)
    return contact


def count(account: Account, at: float, status: str, number: int = 1) -> None:
    account.daily.setdefault(day(at), [0, 0, 0, 0])[DAILY[status]] += number


def subscribe(
    account: Account,
    store: Store,
    contact: Contact,
    list_id: int,
    now: float,
    *,
    force: bool,
    tell: bool = True,
) -> None:
    """Put the contact on the list. Who left it comes back by `force` alone."""
    association = contact.on(list_id)
    if association is None:
        # Who left everywhere is not brought back by the way of another list, unless by force.
        stays_away = contact.status != ACTIVE and not (force and contact.status in REVIVED_BY_FORCE)
        status = contact.status if stays_away else ACTIVE
        contact.associations += (Association(list_id, status, now, now),)
    elif association.status in REVIVED_BY_FORCE and force:
        status = ACTIVE
        _replace(contact, association._replace(status=ACTIVE, status_changed=now))
    else:
        return
    account.index(contact)
    settle(account, contact, now)
    if status == ACTIVE and tell:
        hooks.tell(account, store, hooks.SUBSCRIBED, contact, list_id, now)


def leave(account: Account, store: Store, contact: Contact, list_id: int, now: float) -> bool:
    """Unsubscribe from the list, and from all when that list says so. False when they were not on it."""
    association = contact.on(list_id)
    if association is None or association.status != ACTIVE:
        return False
    everywhere = account.lists[list_id].fields.get("unsubscribe_cascades")
    left = [a.list_id for a in contact.associations if everywhere and a.status == ACTIVE] or [list_id]
    set_status(account, contact, UNSUBSCRIBED, now, left)
    for number in left:
        hooks.tell(account, store, hooks.UNSUBSCRIBED, contact, number, now)
    return True


def set_status(
    account: Account, contact: Contact, status: str, now: float, list_ids: list[int] | None = None
) -> None:
    """On these lists, or wherever the contact is; then altogether."""
    for association in contact.associations:
        if (list_ids is None or association.list_id in list_ids) and association.status != status:
            _replace(contact, association._replace(status=status, status_changed=now))
    account.index(contact)
    settle(account, contact, now, otherwise=status)


def _replace(contact: Contact, changed: Association) -> None:
    contact.associations = tuple(changed if a.list_id == changed.list_id else a for a in contact.associations)


def settle(account: Account, contact: Contact, now: float, otherwise: str = "") -> None:
    """Bring the contact's own status in line with its lists; `otherwise` is that of a contact on none."""
    found = {a.status for a in contact.associations}
    status = next((s for s in PRECEDENCE if s in found), otherwise or contact.status)
    if status != contact.status:
        if ACTIVE in (status, contact.status):  # between two ways of being gone nobody is gained or lost
            count(account, now, status)
        contact.status, contact.status_changed = status, now
