"""What was reported about one person, for the audience's page of privacy."""

from collections.abc import Iterator
from typing import Any

from django.db import connection as database

from accounts.models import Connection
from audiences.erased import likes, pattern
from audiences.privacy import Person, Row
from reporting.models import Event, InboxCall, LinkFigures, Seen


def events(person: Person) -> Iterator[Row]:
    if person.contact is None:
        return
    for row in event_rows(person).select_related("campaign", "connection").order_by("at", "pk"):
        yield {
            "at": row.at,
            "what": row.kind,
            "campaign": row.campaign.name if row.campaign else None,
            "account": row.connection.name,
            "link": row.link,
            "reason": row.reason,
            "by_a_machine": row.is_machine,
            "time_is_exact": row.is_exact,
        }


def event_rows(person: Person) -> Any:
    return Event.objects.filter(workspace=person.workspace, contact=person.contact_id or 0)


def firsts(person: Person) -> Iterator[Row]:
    """What they did for the first time in each mail: people are counted by it."""
    rows = Seen.objects.filter(contact=person.contact_id or 0).select_related("delivery__campaign")
    for row in rows.order_by("first_at", "pk"):
        yield {"campaign": row.delivery.campaign.name, "what": row.kind, "first": row.first_at}


def calls(person: Person) -> Iterator[Row]:
    """Calls of accounts as they came. Others may stand in them as well, so they are named and not shown."""
    for pk, account, received_at, state in _calls(person):
        yield {
            "number": pk,
            "account": account,
            "received": received_at,
            "state": InboxCall.State(state).label,
        }


def call_ids(person: Person) -> list[int]:
    """Those that have done their work; one that has not is deleted when it has."""
    return [pk for pk, _, _, state in _calls(person) if state != InboxCall.State.NEW]


def _calls(person: Person) -> list[tuple[int, str, Any, str]]:
    """A call about somebody whose address ends like theirs is found too, and will not be missed.

    Bytes are compared as text, a letter for each; a zero, which no text has, takes another way.
    """
    with database.cursor() as cursor:
        cursor.execute(
            r"""
            select i.id, c.name, i.received_at, i.state
            from reporting_inboxcall i join accounts_connection c on c.id = i.connection_id
            where c.workspace_id = %s
              and lower(case when position('\x00'::bytea in i.body) = 0 then convert_from(i.body, 'LATIN1')
                             else encode(i.body, 'escape') end) like any(%s)
            order by i.id
            """,
            [person.workspace.pk, likes(person.email)],
        )
        return list(cursor.fetchall())


def links(person: Person) -> Iterator[Row]:
    for row in LinkFigures.objects.filter(pk__in=link_ids(person)).order_by("pk"):
        yield {"link": row.url, "clicks": row.clicks}


def link_ids(person: Person) -> list[int]:
    """Links that were made for one person, and name them."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            select l.id from reporting_linkfigures l
            join campaigns_delivery d on d.id = l.delivery_id
            where d.connection_id = any(%s) and lower(l.url) like any(%s) and l.url ~* %s order by l.id
            """,
            [
                list(Connection.objects.filter(workspace=person.workspace).values_list("pk", flat=True)),
                likes(person.email),
                pattern(person.email),
            ],
        )
        return [pk for (pk,) in cursor.fetchall()]
