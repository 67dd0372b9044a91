"""What is stored of the opens and clicks of people who must not be counted goes; totals name nobody and stay."""

from collections.abc import Collection

from accounts.models import Connection
from audiences.models import Contact
from campaigns.models import Recipient
from reporting import rollups
from reporting.models import Event, Seen

COUNTED = (Event.Kind.OPENED, Event.Kind.CLICKED)


def forget(contact_ids: Collection[int]) -> None:
    """Belongs in the transaction that says so. Waits for facts being rolled up: they are forgotten with the others."""
    workspaces = Contact.objects.filter(pk__in=contact_ids).values("workspace")
    for connection in Connection.objects.filter(workspace__in=workspaces).order_by("pk"):
        rollups.lock(connection)
    Event.objects.filter(contact__in=contact_ids, kind__in=COUNTED).delete()
    Seen.objects.filter(contact__in=contact_ids, kind__in=COUNTED).delete()
    Recipient.objects.filter(contact__in=contact_ids).update(
        first_open_at=None, first_machine_open_at=None, first_click_at=None
    )
