"""Control acts: what a reader, the postman or somebody in the web application would do, done at once."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox.leadfox import contacts, sending
from accounts.sandbox.leadfox.state import Account, Contact
from accounts.sandbox.store import Store

KINDS = {
    "open": "open", "proxy_open": "proxy", "click": "click", "unsubscribe": "unsubscribe", "complain": "spam",
    "bounce": "hard", "soft_bounce": "soft",
}  # fmt: skip


def act(account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """One of KINDS with campaign and email, or one of those below. Links are not told apart by this provider."""
    now, kind = store.now(), deed["kind"]
    match kind:
        case "leave_list":
            contacts.leave(account, _contact(account, deed), account.lists[deed["list"]].id, now)
        case "subscribe":
            sending.subscribe(account, _contact(account, deed), True, now)
        case "consent":
            consent(account, _contact(account, deed), deed["mailinglist"], deed["status"], now)
        case "new_secret":
            account.secret = deed["secret"]
        case _ if kind in KINDS:
            contact, campaign_id = _contact(account, deed), deed["campaign"]
            if contact.id not in account.seen(campaign_id, "sent"):
                raise LookupError(f"{contact.email} was not sent campaign {campaign_id}")
            sending.react(account, now, campaign_id, sending.COUNTED_AS[KINDS[kind]], contact.id)
        case _:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, leave_list, subscribe, consent, new_secret")
    account.changed()
    return {"done": kind, "at": now}


def _contact(account: Account, deed: Mapping[str, Any]) -> Contact:
    contact = account.contact_by_email(deed["email"])
    if contact is None:
        raise LookupError(deed["email"])
    return contact


def consent(account: Account, contact: Contact, name: str, status: str, now: float) -> None:
    contact.mailinglists[mailinglist_id(account, name)] = [status, now]
    contact.modified_at = now


def mailinglist_id(account: Account, name: str) -> str:
    """By its name or its id, whichever the caller knows."""
    for number, row in account.mailinglists.items():
        if name in (number, row.fields["name"]):
            return number
    raise LookupError(name)
