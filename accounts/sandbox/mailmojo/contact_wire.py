"""Contacts as replies and webhooks show them."""

from collections.abc import Iterable
from json import JSONEncoder
from json.encoder import encode_basestring_ascii as quoted

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo.state import JSON, Contact
from accounts.sandbox.mailmojo.wire import stamp


def base_wire(contact: Contact) -> dict[str, JSON]:
    return {
        "email": contact.email,
        "name": contact.name,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "phone": contact.phone,
        "custom": contact.custom,
        "tags": list(contact.tags),
    }


def wire(contact: Contact) -> dict[str, JSON]:
    return base_wire(contact) | {
        "status": contact.status,
        "added": stamp(contact.added),
        "status_changed": stamp(contact.status_changed),
        "list_associations": [
            {
                "list_id": list_id,
                "email": contact.email,
                "status": status,
                "added": stamp(added),
                "status_changed": stamp(changed),
            }
            for list_id, status, added, changed in contact.associations
        ],
    }


def subscriber_wire(contact: Contact, list_id: int) -> dict[str, JSON]:
    """A contact as its list shows it: without a status, for who is not active is not shown at all."""
    association = contact.on(list_id)
    assert association
    return base_wire(contact) | {"subscribed": stamp(association.added)}


_encode = JSONEncoder(separators=(",", ":")).encode


def encoded(contact: Contact) -> bytes:
    """`wire(contact)` as JSON, put together by hand: four times as fast, which counts where everyone is asked for at once."""
    email = quoted(contact.email)
    lists = ",".join(
        [
            f'{{"list_id":{list_id},"email":{email},"status":"{status}","added":"{stamp(added)}",'
            f'"status_changed":"{stamp(changed)}"}}'
            for list_id, status, added, changed in contact.associations
        ]
    )
    return (
        f'{{"email":{email},"name":{quoted(contact.name)},"first_name":{quoted(contact.first_name)},'
        f'"last_name":{quoted(contact.last_name)},"phone":{quoted(contact.phone)},"custom":{_encode(contact.custom)},'
        f'"tags":{_encode(contact.tags) if contact.tags else "[]"},"status":"{contact.status}","added":"{stamp(contact.added)}",'
        f'"status_changed":"{stamp(contact.status_changed)}","list_associations":[{lists}]}}'
    ).encode("ascii")


def encoded_subscriber(contact: Contact, list_id: int) -> bytes:
    return _encode(subscriber_wire(contact, list_id)).encode("ascii")


def array(rows: Iterable[bytes]) -> Reply:
    """Rows encoded one by one, a line each: there may be hundreds of thousands, and as one tree they would fill the memory."""
    content = b"[%b]" % b",\n".join(rows)
    return Reply(200, headers={"Content-Type": "application/json; charset=utf-8"}, content=content)
