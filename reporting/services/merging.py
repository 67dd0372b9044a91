"""Events and who was seen doing what, when two contacts become one. Counts were taken before and stay."""

from django.db import connection as database

from audiences.models import Contact
from audiences.services.merging import Mover
from reporting.models import Event


def refuses(kept: Contact, other: Contact) -> str:
    return ""


def told(other: Contact) -> list[tuple[str, int]]:
    return [("Events", Event.objects.filter(contact=other).count())]


def moves(kept: Contact, other: Contact) -> None:
    """Where both did the same, the kept one did it first; the other's row stays, for it was counted."""
    with database.cursor() as cursor:
        for statement in (_EVENTS, _FIRST, _SEEN):
            cursor.execute(statement, {"kept": kept.pk, "other": other.pk})


EVENTS = Mover(refuses, told, moves)

_EVENTS = "update reporting_event set contact_id = %(kept)s where contact_id = %(other)s"
_SAME = """
k.contact_id = %(kept)s and k.delivery_id = o.delivery_id and k.kind = o.kind and k.link_digest = o.link_digest
and k.is_machine = o.is_machine
"""
_FIRST = f"""
update reporting_seen k set first_at = o.first_at from reporting_seen o
where o.contact_id = %(other)s and {_SAME} and o.first_at < k.first_at
"""
_SEEN = f"""
update reporting_seen o set contact_id = %(kept)s
where o.contact_id = %(other)s and not exists (select 1 from reporting_seen k where {_SAME})
"""
