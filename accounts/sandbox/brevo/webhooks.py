"""Webhooks: registering them, and exporting the history of what happened."""

import csv
import io

from accounts.sandbox.brevo import processes
from accounts.sandbox.brevo.state import JSON, Account, Process, Webhook
from accounts.sandbox.brevo.wire import (
    Call,
    Fields,
    created,
    done,
    invalid,
    missing,
    not_found,
    read_email,
    read_window,
    refuse,
    stamp,
)
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

MOST_WEBHOOKS = 40
TYPES = ("marketing", "transactional", "inbound")
EVENTS = {
    "marketing": ("spam", "opened", "uniqueOpened", "click", "hardBounce", "softBounce", "unsubscribed", "listAddition", "delivered", "contactUpdated", "contactDeleted"),
    "transactional": ("sent", "request", "delivered", "hardBounce", "softBounce", "blocked", "spam", "invalid", "deferred", "click", "opened", "uniqueOpened", "unsubscribed"),
    "inbound": ("inboundEmailProcessed", "reply"),
}  # fmt: skip
# Read back under other names than they were written with.
STORED = {
    "uniqueOpened": "opened",
    "hardBounce": "hardBounces",
    "softBounce": "softBounces",
    "listAddition": "listAdditions",
}
HISTORY = {
    "hardBounce": ("hard",), "softBounce": ("soft",), "delivered": ("delivered",), "spam": ("spam",), "request": ("sent",),
    "opened": ("open",), "click": ("click",), "invalid": (), "deferred": (), "blocked": (), "unsubscribed": ("unsubscribe",),
    "error": (), "uniqueOpened": ("open",), "loadedByProxy": ("proxy",),
    "allEvents": ("sent", "delivered", "hard", "soft", "open", "proxy", "click", "unsubscribe", "spam"),
}  # fmt: skip


def _wire(hook: Webhook) -> dict[str, JSON]:
    wire: dict[str, JSON] = {
        "id": hook.id,
        "url": hook.url,
        "description": hook.description,
        "events": list(dict.fromkeys(STORED.get(event, event) for event in hook.events)),
        "type": hook.type,
        "createdAt": stamp(hook.created_at),
        "modifiedAt": stamp(hook.modified_at),
        "batched": hook.batched,
    }
    if hook.domain:
        wire["domain"] = hook.domain
    if hook.auth:
        wire["auth"] = hook.auth
    if hook.headers:
        wire["headers"] = hook.headers
    return wire


@routes.route("GET", "/webhooks")
def get_webhooks(call: Call) -> Reply:
    """Without a type only the transactional ones."""
    kind = call.query("type", TYPES) or "transactional"
    rows = [hook for hook in call.account.webhooks.values() if hook.type == kind]
    if call.query("sort", ("asc", "desc")) != "asc":
        rows.reverse()
    return Reply(200, {"webhooks": [_wire(hook) for hook in rows]})


@routes.route("POST", "/webhooks")
def create_webhook(call: Call) -> Reply:
    account, fields = call.account, call.fields()
    fields.require("url", "events")
    if len(account.webhooks) >= MOST_WEBHOOKS:
        raise refuse("out_of_range", f"You cannot have more than {MOST_WEBHOOKS} webhooks")
    kind = fields.text("type", TYPES) or "transactional"
    hook = Webhook(0, "", "", [], kind, call.now, call.now)
    _write(hook, fields, call.now)
    if kind == "inbound" and not hook.domain:
        raise missing("domain")
    hook.id = account.next_id("webhook")
    account.webhooks[hook.id] = hook
    return created({"id": hook.id})


def _write(hook: Webhook, fields: Fields, now: float) -> None:
    events, url = fields.list_of("events", str), fields.text("url")
    if events is not None and (not events or any(event not in EVENTS[hook.type] for event in events)):
        raise invalid(f"events should be some of: {', '.join(EVENTS[hook.type])}")
    if url is not None and not url.startswith(("http://", "https://")):
        raise invalid("url is not valid")
    description, domain = fields.text("description"), fields.text("domain")
    batched, auth = fields.flag("batched", hook.batched), fields.inner("auth")
    headers = [Fields(row, "headers") for row in fields.list_of("headers", dict) or []]

    hook.events, hook.url = list(dict.fromkeys(events or hook.events)), url or hook.url
    hook.description, hook.domain = (
        hook.description if description is None else description,
        domain or hook.domain,
    )
    hook.batched, hook.modified_at = batched, now
    if auth:
        hook.auth = {"type": auth.text("type") or "", "token": auth.text("token") or ""}
    if fields.has("headers"):
        hook.headers = [{"key": row.text("key") or "", "value": row.text("value") or ""} for row in headers]


def _find(call: Call) -> Webhook:
    hook = call.account.webhooks.get(call.id("webhookId"))
    if hook is None:
        raise not_found("Webhook ID does not exist")
    return hook


@routes.route("GET", "/webhooks/{webhookId}")
def get_webhook(call: Call) -> Reply:
    return Reply(200, _wire(_find(call)))


@routes.route("PUT", "/webhooks/{webhookId}")
def update_webhook(call: Call) -> Reply:
    _write(_find(call), call.fields(), call.now)
    return done()


@routes.route("DELETE", "/webhooks/{webhookId}")
def delete_webhook(call: Call) -> Reply:
    del call.account.webhooks[_find(call).id]
    return done()


@routes.route("POST", "/webhooks/export")
def export_webhooks_history(call: Call) -> Reply:
    fields = call.fields()
    fields.require("type", "event", "notifyURL")
    kind, event = fields.text("type", ("transactional", "marketing")), fields.text("event", HISTORY)
    days = fields.number("days", 1)
    start, end = read_window(call.now, 90, fields.text("startDate"), fields.text("endDate"), days)
    arguments = {
        "type": kind,
        "event": event,
        "start": start,
        "end": end,
        "newestFirst": fields.text("sort", ("asc", "desc")) != "asc",
        "email": read_email(fields.text("email") or "") if fields.has("email") else None,
        "webhookId": fields.number("webhookId"),
    }
    process = processes.start(call, "EXPORT_WEBHOOK", "export_history", arguments, fields.text("notifyURL"))
    return Reply(202, {"processId": process.id})


@processes.work("export_history")
def export_history(account: Account, process: Process, context: processes.Context) -> None:
    wanted = process.arguments
    rows = [
        (event.at, event.kind, event.email, campaign_id, event.url)
        for campaign_id, events in account.events.items()
        for event in events
        if wanted["type"] == "marketing"
        and event.kind in HISTORY[wanted["event"]]
        and wanted["start"] <= event.at < wanted["end"]
        and wanted["email"] in (None, event.email)
    ]
    text = io.StringIO()
    table = csv.writer(text, delimiter=";", lineterminator="\n")
    table.writerow(["date", "event", "email", "campaign_id", "link"])
    for at, *rest in sorted(rows, reverse=wanted["newestFirst"]):
        table.writerow([stamp(at), *rest])
    process.export_url = processes.keep_file(account, process, "webhook-history", text.getvalue())
