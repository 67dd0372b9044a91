"""What one contact did with our campaigns, from the same events the campaign statistics count."""

from collections import defaultdict
from typing import Any

from accounts.sandbox.brevo.state import JSON, Account, Contact, Event
from accounts.sandbox.brevo.wire import stamp

IP = "203.0.113.24"
PLAIN = {
    "sent": "messagesSent",
    "delivered": "delivered",
    "hard": "hardBounces",
    "soft": "softBounces",
    "spam": "complaints",
}


def contact_statistics(account: Account, contact: Contact, start: float, end: float) -> dict[str, JSON]:
    """Events of [start, end), by kind and campaign."""
    by_kind: dict[str, dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for campaign_id, event in account.events_by_contact.get(contact.id, ()):
        if start <= event.at < end:
            by_kind["open" if event.kind == "proxy" else event.kind][campaign_id].append(event)
    statistics: dict[str, Any] = {
        name: [{"campaignId": n, "eventTime": stamp(events[-1].at)} for n, events in by_kind[kind].items()]
        for kind, name in PLAIN.items()
    }
    statistics["opened"] = [{"campaignId": n} | _count(events) for n, events in by_kind["open"].items()]
    statistics["clicked"] = [
        {"campaignId": n, "links": _links(events)} for n, events in by_kind["click"].items()
    ]
    statistics["unsubscriptions"] = {
        "userUnsubscription": [
            {"campaignId": n, "eventTime": stamp(events[-1].at), "ip": IP}
            for n, events in by_kind["unsubscribe"].items()
        ],
        "adminUnsubscription": [],
    }
    statistics["transacAttributes"] = []
    return statistics


def _count(events: list[Event]) -> dict[str, JSON]:
    return {"count": len(events), "eventTime": stamp(events[-1].at), "ip": IP}


def _links(events: list[Event]) -> list[dict[str, JSON]]:
    by_url: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_url[event.url].append(event)
    return [{"url": url} | _count(clicks) for url, clicks in by_url.items()]
