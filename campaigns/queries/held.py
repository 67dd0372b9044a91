"""What campaigns hold about one person, for the audience's page of privacy."""

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models.functions import Cast

from audiences.erased import pattern
from audiences.privacy import Person, Row
from campaigns.models import Delivery, Recipient, TestSend

# The rows of a delivery are what it hands over; from then on nobody is mailed by them.
OVER = tuple(state for state, moves in Delivery.MOVES.items() if not moves)


def recipients(person: Person) -> Iterator[Row]:
    rows = recipient_rows(person).select_related("delivery__campaign", "delivery__connection")
    for row in rows.order_by("pk"):
        yield {
            "campaign": row.delivery.campaign.name,
            "account": row.delivery.connection.name,
            "address": row.email,
            "state": row.get_state_display(),
            "reason": row.reason,
            "changed": row.changed_at,
            "first_open": row.first_open_at,
            "first_open_by_machine": row.first_machine_open_at,
            "first_click": row.first_click_at,
            "left": row.left_at,
            "complained": row.complained_at,
        }


def recipient_rows(person: Person) -> Any:
    """By the person, which an index finds; by address where nobody here has it."""
    mine = Recipient.objects.filter(delivery__campaign__workspace=person.workspace)
    return mine.filter(contact=person.contact) if person.contact else mine.filter(email=person.email)


def audiences(person: Person) -> Iterator[Row]:
    for row in Delivery.objects.filter(pk__in=audience_ids(person)).select_related("campaign").order_by("pk"):
        yield {"campaign": row.campaign.name, "released": row.created_at}


def audience_ids(person: Person) -> list[int]:
    """Deliveries whose frozen rule holds the address."""
    mine = Delivery.objects.filter(campaign__workspace=person.workspace)
    with_text = mine.annotate(said=Cast("audience", models.TextField()))
    return list(with_text.filter(said__iregex=pattern(person.email)).values_list("pk", flat=True))


def test_mails(person: Person) -> Iterator[Row]:
    for row in test_rows(person):
        yield {
            "campaign": row.campaign.name,
            "account": row.connection.name,
            "state": row.get_state_display(),
            "at": row.created_at,
        }


def test_rows(person: Person) -> list[TestSend]:
    """Addresses stand as they were typed."""
    near = TestSend.objects.filter(campaign__workspace=person.workspace, emails__icontains=person.email)
    rows = near.select_related("campaign", "connection").order_by("pk")
    return [row for row in rows if any(is_of(person, email) for email in row.emails)]


def is_of(person: Person, typed: str) -> bool:
    return typed.strip().lower() == person.email


def hand_over_under_way(person: Person) -> str:
    """Why they cannot be erased now: their row is what keeps a delivery from handing the wrong people over."""
    waiting = (
        recipient_rows(person)
        .filter(
            state=Recipient.State.PLANNED, delivery__frozen_at__isnull=False, delivery__handed_over_at=None
        )
        .exclude(delivery__state__in=OVER)
        .select_related("delivery__campaign")
        .first()
    )
    if waiting is not None:
        return (
            f"“{waiting.delivery.campaign}” is being handed over to its account, with this person. "
            "Come back when that is done, mostly in a few minutes, or cancel the campaign."
        )
    if not all(row.is_over for row in test_rows(person)):
        return "A test mail to this address is on its way. Come back in a quarter of an hour."
    return ""
