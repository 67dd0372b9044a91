"""What erasing a person does to what was reported: it goes on counting, and names nobody."""

from accounts.models import Workspace
from audiences.erased import GONE
from audiences.privacy import Person
from audiences.services.forgetting import replace
from reporting import rollups
from reporting.models import Event, InboxCall, LinkFigures
from reporting.queries import held


def hold(workspace: Workspace) -> None:
    """No facts are rolled up meanwhile: they would be of somebody who is gone when they are stored."""
    for connection in workspace.connections.order_by("pk"):
        rollups.lock(connection)


def events(person: Person) -> None:
    """An event without a person stays countable."""
    if person.contact is None:
        return
    rows = held.event_rows(person)
    named = list(rows.exclude(link="").values_list("pk", flat=True))
    rows.update(reason="")
    if named:
        for email in (person.email, *person.others):
            replace(Event._meta.db_table, ("link",), named, email)
    rows.update(contact=None)


def calls(person: Person) -> None:
    InboxCall.objects.filter(pk__in=held.call_ids(person)).delete()


def links(person: Person) -> None:
    """Each keeps a name of its own: two that were of two people are two links."""
    for pk in held.link_ids(person):
        replace(LinkFigures._meta.db_table, ("url",), [pk], person.email, f"{GONE}{pk}")
