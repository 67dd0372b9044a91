"""What is posted to webhooks. Payload and signature are not public, so their shape stands here and nowhere else."""

from accounts.sandbox.mailmojo import contact_wire
from accounts.sandbox.mailmojo.state import JSON, Account, Contact
from accounts.sandbox.mailmojo.wire import stamp
from accounts.sandbox.store import Store

SUBSCRIBED, UNSUBSCRIBED = "contacts/subscribed", "contacts/unsubscribed"
TOPICS = (SUBSCRIBED, UNSUBSCRIBED)


def payload(topic: str, contact: Contact, list_id: int, now: float) -> dict[str, JSON]:
    """A guess. Receivers should take no more from it than the address, and read the contact again."""
    return {
        "topic": topic,
        "list_id": list_id,
        "created_at": stamp(now),
        "contact": contact_wire.wire(contact),
    }


def tell(account: Account, store: Store, topic: str, contact: Contact, list_id: int, now: float) -> None:
    for hook in account.webhooks.values():
        if hook.topic == topic and hook.is_enabled:
            store.outbox.add(
                "mailmojo",
                account.name,
                hook.callback_url,
                payload(topic, contact, list_id, now),
                due_at=now,
                headers={},
            )
