"""Control acts: what a reader, a person at the provider's own pages, or the postman would do, done at once."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox import readers
from accounts.sandbox.mailmojo import oauth, people, sending
from accounts.sandbox.mailmojo.state import DELETED, Account, Contact, Event
from accounts.sandbox.store import Store

KINDS = {
    "open": "open", "proxy_open": "proxy", "click": "click", "unsubscribe": "unsubscribe", "complain": "spam",
    "bounce": "hard", "soft_bounce": "soft",
}  # fmt: skip
OTHERS = ("leave_list", "join_list", "delete_contact", "share", "publish_dns", "revoke")


def act(account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """One of KINDS with campaign and email (click: a link of your choice), or one of OTHERS.

    `leave_list` and `join_list` (email, list): by the links and forms people have. `delete_contact` (email) and `share`
    (campaign). `publish_dns` (domain). `revoke`: somebody takes from all clients what they were allowed.
    """
    now, kind = store.now(), deed["kind"]
    match kind:
        case "leave_list":
            people.leave(account, store, _contact(account, deed), int(deed["list"]), now)
        case "join_list":
            email = deed["email"].lower()
            contact = account.contacts.get(email) or people.create(account, email, now)
            people.subscribe(account, store, contact, account.lists[int(deed["list"])].id, now, force=True)
        case "delete_contact":
            people.set_status(account, _contact(account, deed), DELETED, now)
        case "share":
            account.newsletters[int(deed["campaign"])].shares += 1
        case "publish_dns":
            domain = next(d for d in account.domains.values() if d.name == deed["domain"])
            domain.authenticated = True
        case "revoke":
            oauth.revoke(account)
        case _ if kind in KINDS:
            _react(account, deed, store, now)
        case _:
            raise ValueError(f"kind is one of {', '.join((*KINDS, *OTHERS))}")
    return {"done": kind, "at": now}


def _contact(account: Account, deed: Mapping[str, Any]) -> Contact:
    return account.contacts[deed["email"].lower()]


def _react(account: Account, deed: Mapping[str, Any], store: Store, now: float) -> None:
    newsletter, email = account.newsletters[int(deed["campaign"])], deed["email"].lower()
    if not any(e.kind == "sent" and e.email == email for e in account.events.get(newsletter.id, ())):
        raise LookupError(f"{email} was not sent newsletter {newsletter.id}")
    url = ""
    if deed["kind"] == "click":
        url = deed.get("link") or (readers.links_of(newsletter.html) or ["https://example.com/"])[0]
    sending.happen(account, store, newsletter, Event(now, KINDS[deed["kind"]], email, url))
