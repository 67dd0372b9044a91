"""A delivery that went out, its people, and the calls an account makes about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Connection
from audiences.models import Contact
from campaigns.models import Campaign, Delivery, Recipient
from tests.factories import ContactFactory

SENT_AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REMOTE_ID = "42"


def make_delivery(campaign: Campaign, connection: Connection, **values: Any) -> Delivery:
    return Delivery.objects.create(
        **{
            "campaign": campaign,
            "connection": connection,
            "state": Delivery.State.SENT,
            "subject": campaign.subject,
            "html": campaign.html,
            "sender_name": "News",
            "sender_email": "news@example.test",
            "fingerprint": connection.fingerprint,
            "send_at": SENT_AT,
            "zone": "Europe/Brussels",
            "content_hash": "0" * 64,
            "remote_id": REMOTE_ID,
            "frozen_at": SENT_AT,
            "started_at": SENT_AT,
            "finished_at": timezone.now(),
        }
        | values
    )


def hand_over(delivery: Delivery, count: int) -> list[Contact]:
    people = [
        ContactFactory(
            workspace=delivery.campaign.workspace,
            email=f"reader{number}@{'example.test' if number % 2 else 'mail.test'}",
            first_name=f"Reader{number}",
        )
        for number in range(count)
    ]
    Recipient.objects.bulk_create(
        Recipient(
            delivery=delivery,
            planned_on=SENT_AT.date(),
            contact=contact,
            email=contact.email,
            state=Recipient.State.HANDED_OVER,
            changed_at=SENT_AT,
        )
        for contact in people
    )
    return people


def brevo_call(
    event: str, email: str, *, after: float = 60, camp_id: str | int = REMOTE_ID, **more: Any
) -> dict[str, Any]:
    """A marketing call as Brevo writes it; `after`: seconds since the campaign went out."""
    at = SENT_AT + timedelta(seconds=after)
    return {
        "id": 7,
        "camp_id": camp_id,
        "email": email,
        "campaign name": "November news",
        "date_sent": "2026-11-21 10:00:00",
        "date_event": at.strftime("%Y-%m-%d %H:%M:%S"),
        "event": event,
        "tag": "",
        "ts_sent": int(SENT_AT.timestamp()),
        "ts_event": int(at.timestamp()),
        "ts": int(at.timestamp()),
    } | more
