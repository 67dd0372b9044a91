"""Recipients when two contacts become one. A delivery keeps a row for each mail it sent: its sum stays what it was."""

from django.db import connection as database

from audiences.models import Contact
from audiences.services.merging import Mover
from campaigns.models import Delivery, Recipient


def refuses(kept: Contact, other: Contact) -> str:
    """Both in one delivery that is under way: one of the two rows would lose its person in the middle."""
    over = [state for state, moves in Delivery.MOVES.items() if not moves]
    mine = Recipient.objects.filter(contact=kept).values("delivery")
    delivery = (
        Delivery.objects.filter(pk__in=mine)
        .filter(pk__in=Recipient.objects.filter(contact=other).values("delivery"))
        .exclude(state__in=over)
        .select_related("campaign")
        .first()
    )
    if delivery is None:
        return ""
    return f"“{delivery.campaign}” goes to both addresses and is under way. Merge once it has ended."


def told(other: Contact) -> list[tuple[str, int]]:
    return [("Deliveries", Recipient.objects.filter(contact=other).count())]


def moves(kept: Contact, other: Contact) -> None:
    """Where the kept one got the same mail, the other's row stays with its address and without a person."""
    with database.cursor() as cursor:
        cursor.execute(_MOVE, {"kept": kept.pk, "other": other.pk})


RECIPIENTS = Mover(refuses, told, moves)

_MOVE = """
update campaigns_recipient r
set contact_id = case when exists (
    select 1 from campaigns_recipient k where k.delivery_id = r.delivery_id and k.contact_id = %(kept)s
) then null else %(kept)s end
where r.contact_id = %(other)s
"""
