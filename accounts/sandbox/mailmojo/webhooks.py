"""Webhooks are made and deleted, never read: who forgets the id cannot delete it, who forgets the secret has none."""

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo.hooks import TOPICS
from accounts.sandbox.mailmojo.state import Webhook
from accounts.sandbox.mailmojo.wire import Call, Guarded, not_found, stamp
from accounts.sandbox.timeline import secret

routes = Guarded()


@routes.on("POST", "/webhooks/", "webhooks")
def create_webhook(call: Call) -> Reply:
    """An equal one is no obstacle: made twice it is called twice."""
    account, fields = call.account, call.fields("callback_url", "topic")
    url, topic = fields.url("callback_url"), fields.text("topic")
    is_enabled = fields.flag("is_enabled", default=True)
    if topic and topic not in TOPICS:
        fields.wrong("topic", f"Must be one of {', '.join(TOPICS)}.")
    fields.check()
    number = account.next_id("webhook")
    hidden = secret("webhook", account.name, number)
    hook = Webhook(number, topic, url, is_enabled, hidden, call.token.client, call.now)
    account.webhooks[number] = hook
    body = {
        "id": hook.id,
        "topic": hook.topic,
        "callback_url": hook.callback_url,
        "is_enabled": hook.is_enabled,
        "secret": hook.secret,
        "integration_id": hook.integration_id,
        "created_at": stamp(hook.created),
    }
    return Reply(201, body)


@routes.on("DELETE", "/webhooks/{id}/", "webhooks")
def delete_webhook(call: Call) -> Reply:
    if call.account.webhooks.pop(call.id("id"), None) is None:
        raise not_found()
    return Reply(204)
