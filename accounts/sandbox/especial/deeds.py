"""Control acts: what a reader, a sender's owner or a domain's administrator would do, done at once."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox import readers
from accounts.sandbox.especial import people, senders, sending
from accounts.sandbox.especial.state import Account, Contact, ContactList
from accounts.sandbox.store import Store

KINDS = {
    "open": "open", "proxy_open": "proxy", "click": "click", "unsubscribe": "unsubscribe", "complain": "spam",
    "bounce": "hard", "soft_bounce": "soft", "global_unsubscribe": "global_unsubscribe",
}  # fmt: skip
OTHERS = ("leave_list", "confirm", "confirm_sender", "publish_dns", "fail_export")


def act(account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """One of KINDS with campaign and email (click: a link of your choice); or leave_list {email, list}, confirm {email,
    list} of a double opt-in, confirm_sender {email}, publish_dns, fail_export {task}."""
    now, kind = store.now(), deed["kind"]
    match kind:
        case "leave_list":
            row, contact = _member(account, deed)
            people.unsubscribe(account, store, row, contact, now)
        case "confirm":
            row, contact = _member(account, deed)
            if contact.status == "pending":
                people.set_status(row, contact, "active")
                contact.subscribed_on = now
        case "confirm_sender":
            sender = next(row for row in account.senders.values() if row.email == deed["email"].lower())
            senders.confirm(account, store, sender, now)
        case "publish_dns":
            account.dns_published = True
            for key in account.dkim.values():
                key.status = "active"
        case "fail_export":
            account.tasks[deed["task"]].status = "failed"
        case _ if kind in KINDS:
            _react(account, deed, store, now)
        case _:
            raise ValueError(f"kind is one of {', '.join((*KINDS, *OTHERS))}")
    return {"done": kind, "at": now}


def _member(account: Account, deed: Mapping[str, Any]) -> tuple[ContactList, Contact]:
    row = account.lists[int(deed["list"])]
    contact = row.find(deed["email"])
    if contact is None:
        raise LookupError(f"{deed['email']} is not on list {row.id}")
    return row, contact


def _react(account: Account, deed: Mapping[str, Any], store: Store, now: float) -> None:
    campaign, email = account.campaigns[int(deed["campaign"])], deed["email"].lower()
    events = account.by_campaign.get(campaign.id, ())
    sent = next((event for event in events if event.type == "sent" and event.email == email), None)
    if sent is None:
        raise LookupError(f"{email} was not sent campaign {campaign.id}")
    kind, url, device, browser = KINDS[deed["kind"]], "", "", ""
    if kind in ("open", "click"):
        device, browser = "desktop/Windows PC", "Chrome"
    elif kind == "proxy":
        device, browser = "unknown/Unknown", "Apple Mail Privacy Protection"
    if kind == "click":
        links = readers.links_of(campaign.content.get("html", "")) or ["https://example.com/"]
        url = deed.get("link") or links[0]
    context = sending.Context(store, now)
    sending.event(account, campaign.id, kind, sent.contact_id, email, url, device, browser, context=context)
