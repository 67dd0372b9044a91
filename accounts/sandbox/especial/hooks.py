"""Webhooks: each hears of one kind of event, in a body signed with its own key."""

import base64
import hashlib
import hmac
import json

from accounts.sandbox.especial.records import Webhook
from accounts.sandbox.especial.shapes import JSON, LINK, Text, Whole, shape
from accounts.sandbox.especial.state import Account, Contact, ContactList
from accounts.sandbox.especial.wire import Call, Page, seconds
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

EVENTS = (
    "Account.Created", "Account.Updated", "Account.Confirmed", "Account.Deleted", "Contact.Added", "Contact.Updated",
    "Contact.Removed", "Contact.Tagged", "Contact.Untagged", "ContactsExport.Created", "ContactsExport.Deleted",
    "Campaign.Canceled", "Campaign.Created", "Campaign.Unscheduled", "Campaign.Updated", "Campaign.Resumed",
    "Campaign.Scheduled", "Campaign.Suspended", "CampaignLogExport.Created", "Email.Sent", "Email.Opened",
    "Email.Clicked", "Email.Bounced", "Email.ReportedAsSpam", "User.Created", "User.Deleted", "User.LoggedIn",
    "User.Updated", "List.Created", "List.Updated", "List.Deleted", "Segment.Created", "Segment.Updated",
    "Segment.Deleted", "Sender.Created", "Sender.Updated", "Sender.Deleted", "Sender.Confirmed",
    "Sender.ConfirmationEmailSent", "SuppressedEmail.Added", "SuppressedEmail.Removed",
)  # fmt: skip
PERIODS = {"second": 1.0, "minute": 60.0}
PERIOD = Text(choices=tuple(PERIODS))
IP = "203.0.113.7"  # of whoever acted


def post(account: Account, store: Store, event: str, data: JSON, at: float) -> None:
    """Tell the webhooks of this event. What `data` holds is published for one event only: it is a hint to come and read."""
    for hook in account.webhooks.values():
        if hook.event == event and hook.archived_on is None:
            body = {
                "event": event,
                "account_id": account.number,
                "ip": IP,
                "user": {"id": account.number + 1, "email": account.login, "account_id": account.number},
                "created_on": int(at),
                "data": data,
            }
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            headers = {"x-signature": sign(hook.key, text.encode())}
            store.outbox.add(
                "especial", account.name, hook.url, text, due_at=_slot(hook, at), headers=headers
            )


def sign(key: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def _slot(hook: Webhook, at: float) -> float:
    """When the call may leave: no more of them in one period than the webhook allows."""
    length = PERIODS[hook.period]
    window = at - at % length
    if window > hook.window:
        hook.window, hook.in_window = window, 0
    elif hook.in_window >= hook.rate_limit:
        hook.window, hook.in_window = hook.window + length, 0
    hook.in_window += 1
    return max(at, hook.window)


def contact(
    account: Account, store: Store, event: str, of: ContactList, person: Contact, at: float, **more: JSON
) -> None:
    if account.webhooks:
        data = {"id": person.id, "list_id": of.id, "email": person.email, "status": person.status} | more
        post(account, store, event, data, at)


def _wire(hook: Webhook) -> dict[str, JSON]:
    return {
        "id": hook.id,
        "status": "active" if hook.archived_on is None else "archived",
        "event": hook.event,
        "url": hook.url,
        "archived_at": seconds(hook.archived_on),
        "rate_limit": hook.rate_limit,
        "rate_limit_period": hook.period,
    }


def _find(call: Call) -> Webhook:
    hook = call.account.webhooks.get(call.args["webhook_id"])
    if hook is None:
        raise call.missing("Webhook")
    return hook


@routes.route("GET", "/webhooks")
def list_webhooks(call: Call) -> Reply:
    rows = list(call.account.webhooks.values())
    if not call.query_flag("with_archived"):
        rows = [hook for hook in rows if hook.archived_on is None]
    page = call.page()
    return call.collection(rows, _wire, Page(page.number, page.size, counted=False))


CREATE = shape(
    event=Text(required=True, choices=EVENTS),
    url=Text(required=True, uri=True, most=2083),
    rate_limit=Whole(),
    rate_limit_period=PERIOD,
)


@routes.route("POST", "/webhooks")
def create_webhook(call: Call) -> Reply:
    account, given = call.account, call.body(CREATE)
    name = account.new_name("webhook")
    hook = Webhook(
        name,
        given["event"],
        given["url"],
        secret(account.name, "key", name) + secret(name, "key", account.name),
        max(1, given.get("rate_limit", 80)),
        given.get("rate_limit_period", "second"),
    )
    account.webhooks[name] = hook
    return Reply(201, {"id": hook.id, "data": _wire(hook)})


@routes.route("GET", "/webhooks/{webhook_id}")
def get_webhook(call: Call) -> Reply:
    hook = _find(call)
    return Reply(
        200, {"id": hook.id, "signature": {"key": hook.key, "hash_function": "sha256"}, "data": _wire(hook)}
    )


@routes.route("PATCH", "/webhooks/{webhook_id}")
def patch_webhook(call: Call) -> Reply:
    hook, given = _find(call), call.body(shape(url=LINK, rate_limit=Whole(), rate_limit_period=PERIOD))
    hook.url = given.get("url", hook.url)
    hook.rate_limit = max(1, given.get("rate_limit", hook.rate_limit))
    hook.period = given.get("rate_limit_period", hook.period)
    return _changed(hook, patched=True)


@routes.route("POST", "/webhooks/{webhook_id}/archive")
def archive_webhook(call: Call) -> Reply:
    hook = _find(call)
    hook.archived_on = hook.archived_on or call.now
    return _changed(hook, archived=True)


@routes.route("POST", "/webhooks/{webhook_id}/unarchive")
def unarchive_webhook(call: Call) -> Reply:
    hook = _find(call)
    hook.archived_on = None
    return _changed(hook, archived=False)


def _changed(hook: Webhook, **flag: bool) -> Reply:
    return Reply(200, {"id": hook.id, "object": "Webhook", "data": _wire(hook)} | flag)
