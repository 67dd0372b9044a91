"""Webhook calls: which registered webhook hears of what, in which words."""

from collections.abc import Iterable

from accounts.sandbox.brevo.state import JSON, Account, Campaign, Contact, Event, Webhook
from accounts.sandbox.brevo.wire import local_time
from accounts.sandbox.store import Store

# Kind of event → (registered as, `event` in the call, `event` for the first time it happens to this person).
CALLS = {
    "delivered": (("delivered", "delivered", ""),),
    "open": (("opened", "opened", ""), ("uniqueOpened", "", "unique_opened")),
    "proxy": (("opened", "proxy_open", ""), ("uniqueOpened", "", "unique_proxy_open")),
    "click": (("click", "click", ""),),
    "hard": (("hardBounce", "hard_bounce", ""),),
    "soft": (("softBounce", "soft_bounce", ""),),
    "unsubscribe": (("unsubscribed", "unsubscribe", ""),),
    "spam": (("spam", "spam", ""),),
}
REASONS = {
    "hard": "550 5.1.1 The email account that you tried to reach does not exist",
    "soft": "452 4.2.2 The email account that you tried to reach is over quota",
    "spam": "Complaint received from the mailbox provider",
}


def listening(account: Account, event: str) -> list[Webhook]:
    return [hook for hook in account.webhooks.values() if hook.type == "marketing" and event in hook.events]


def campaign_event(account: Account, store: Store, campaign: Campaign, event: Event, *, first: bool) -> None:
    for registered, name, first_name in CALLS.get(event.kind, ()):
        called = name or (first_name if first else "")
        for hook in listening(account, registered) if called else ():
            send(account, store, hook, _campaign_call(account, campaign, event, hook, called), event.at)


def _campaign_call(
    account: Account, campaign: Campaign, event: Event, hook: Webhook, name: str
) -> dict[str, JSON]:
    sent_at = campaign.started_at or event.at
    call: dict[str, JSON] = {
        "id": hook.id,
        "camp_id": campaign.id,
        "email": event.email,
        "campaign name": campaign.name,
        "date_sent": local_time(sent_at, account),
        "date_event": local_time(event.at, account),
        "event": name,
        "tag": campaign.fields.get("tag", ""),
        "ts_sent": int(sent_at),
        "ts_event": int(event.at),
        "ts": int(event.at),
    }
    if event.kind in REASONS:
        call["reason"] = REASONS[event.kind]
    if event.url:
        call["URL"] = event.url
    if event.kind == "unsubscribe":
        call["list_id"] = [event.list_id] if event.list_id else []
    return call


def contact_updated(account: Account, store: Store, contact: Contact, now: float) -> None:
    """Not as documented: what changed stands in a `content` array."""
    for hook in listening(account, "contactUpdated"):
        content = {
            "email": contact.email,
            "attributes": dict(contact.attributes),
            "list": list(contact.list_ids),
            "emailBlacklist": contact.email_blacklisted,
        }
        send(
            account,
            store,
            hook,
            _contact_call(account, hook, contact, "contact_updated", now) | {"content": [content]},
            now,
        )


def contact_deleted(account: Account, store: Store, contact: Contact, now: float) -> None:
    for hook in listening(account, "contactDeleted"):
        send(account, store, hook, _contact_call(account, hook, contact, "contact_deleted", now), now)


def list_addition(
    account: Account, store: Store, contact: Contact, list_ids: Iterable[int], now: float
) -> None:
    for hook in listening(account, "listAddition"):
        call = _contact_call(account, hook, contact, "list_addition", now) | {"list_id": list(list_ids)}
        send(account, store, hook, call, now)


def _contact_call(
    account: Account, hook: Webhook, contact: Contact, name: str, now: float
) -> dict[str, JSON]:
    return {
        "id": hook.id,
        "event": name,
        "email": contact.email,
        "date": local_time(now, account),
        "ts": int(now),
    }


def send(account: Account, store: Store, hook: Webhook, call: dict[str, JSON], at: float) -> None:
    if hook.batched:
        account.batches.setdefault(hook.id, []).append(call)
    else:
        _post(account, store, hook, call, at)


def flush(account: Account, store: Store, now: float) -> None:
    """Send what the batched webhooks gathered, a hundred events a call."""
    for hook_id, calls in account.batches.items():
        if hook := account.webhooks.get(hook_id):
            for n in range(0, len(calls), 100):
                _post(account, store, hook, calls[n : n + 100], now)
    account.batches.clear()


def _post(account: Account, store: Store, hook: Webhook, payload: JSON, at: float) -> None:
    headers = {header["key"]: header["value"] for header in hook.headers}
    if hook.auth.get("type", "").lower() == "bearer":
        headers["Authorization"] = f"Bearer {hook.auth.get('token', '')}"
    store.outbox.add("brevo", account.name, hook.url, payload, due_at=at, headers=headers)
