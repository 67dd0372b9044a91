"""Control acts: what a reader, a domain's owner or the postman would do, done at once."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox import readers
from accounts.sandbox.brevo import hooks, people, sending
from accounts.sandbox.brevo.contacts import confirm_opt_in
from accounts.sandbox.brevo.processes import Context
from accounts.sandbox.brevo.state import Account, Event
from accounts.sandbox.brevo.wire import Call
from accounts.sandbox.http import Request
from accounts.sandbox.store import Store

KINDS = {
    "open": "open", "proxy_open": "proxy", "click": "click", "unsubscribe": "unsubscribe", "complain": "spam",
    "bounce": "hard", "soft_bounce": "soft",
}  # fmt: skip


def act(account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """One of KINDS with campaign and email (click: a link of your choice), or leave_list, confirm, publish_dns."""
    now, kind = store.now(), deed["kind"]
    match kind:
        case "publish_dns":
            account.domains[deed["domain"]].published_at = now
        case "confirm":
            call = Call(account, store, Request("POST", "", {}, {}, b"", ""), {}, now)
            confirm_opt_in(call, deed["email"].lower())
        case "leave_list":
            contact = account.contacts[account.by_email[deed["email"].lower()]]
            contact.unsubscribed_ids = tuple(dict.fromkeys((*contact.unsubscribed_ids, int(deed["list"]))))
            contact.modified_at = now
        case _ if kind in KINDS:
            _react(account, deed, store, now)
        case _:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, leave_list, confirm, publish_dns")
    hooks.flush(account, store, now)
    return {"done": kind, "at": now}


def _react(account: Account, deed: Mapping[str, Any], store: Store, now: float) -> None:
    campaign, email = account.campaigns[int(deed["campaign"])], deed["email"].lower()
    contact = people.find(account, email, "email_id")
    sent = next(
        (e for e in account.events.get(campaign.id, ()) if e.kind == "sent" and e.email == email), None
    )
    if sent is None or contact is None:
        raise LookupError(f"{email} was not sent campaign {campaign.id}")
    kind = KINDS[deed["kind"]]
    event = Event(now, kind, contact.id, email, sent.list_id, sent.version)
    if kind in ("open", "click"):
        event = event._replace(device="desktop/Windows PC", browser="Chrome")
    if kind == "click":
        links = readers.links_of(campaign.fields.get("htmlContent", "")) or ["https://example.com/"]
        event = event._replace(url=deed.get("link") or links[0])
    sending.happen(account, campaign, event, Context(store, now))
