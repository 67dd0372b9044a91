"""The people behind a number, by keyset over the index that made them unique, and as a stream of CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from campaigns.models import Delivery, Recipient
from reporting.definitions import GROUPS, What
from reporting.models import Event, LinkFigures, Seen
from reporting.rollups import link_digest

PAGE = 50


@dataclass(frozen=True, slots=True)
class People:
    """A page of (contact id, address, name, when, reason), newest contacts first. Cursors are contact ids, or None."""

    rows: list[tuple[int, str, str, datetime, str]]
    older: int | None
    newer: int | None


def people_behind(
    delivery: Delivery,
    what: str,
    *,
    link: LinkFigures | None = None,
    after: int | None = None,
    before: int | None = None,
) -> People:
    """`after`/`before`: the last or first contact id of the page one comes from."""
    group = GROUPS[what]
    found = _seen(delivery, what, link)
    if before is not None:
        rows = _page(found.filter(contact_id__gt=before).order_by("contact_id"))
        more_newer, more_older = len(rows) > PAGE, True
        rows = rows[:PAGE][::-1]
    else:
        if after is not None:
            found = found.filter(contact_id__lt=after)
        rows = _page(found.order_by("-contact_id"))
        more_newer, more_older = after is not None, len(rows) > PAGE
        rows = rows[:PAGE]
    reasons: dict[int, str] = {}
    if group.tells_reason and rows:
        reasons = dict(
            Recipient.objects.filter(delivery=delivery, contact__in=[row[0] for row in rows]).values_list(
                "contact", "reason"
            )
        )
    return People(
        rows=[
            (contact_id, email, f"{first} {last}".strip(), at, reasons.get(contact_id, ""))
            for contact_id, email, first, last, at in rows
        ],
        older=rows[-1][0] if rows and more_older else None,
        newer=rows[0][0] if rows and more_newer else None,
    )


def _page(found: "QuerySet[Seen]") -> list[Any]:
    names = ("contact_id", "contact__email", "contact__first_name", "contact__last_name", "first_at")
    return list(found.values_list(*names)[: PAGE + 1])


def _seen(delivery: Delivery, what: str, link: LinkFigures | None) -> "QuerySet[Seen]":
    group = GROUPS[what]
    found = Seen.objects.filter(
        delivery=delivery,
        kind=group.kind,
        link_digest=link_digest(link.url) if link else b"",
        is_machine=group.is_machine,
    )
    if what == What.MACHINE:
        themselves = Seen.objects.filter(
            delivery=delivery,
            kind=Event.Kind.OPENED,
            link_digest=b"",
            is_machine=False,
            contact=OuterRef("contact"),
        )
        found = found.exclude(Exists(themselves))
    return found


def people_csv(delivery: Delivery, what: str, *, link: LinkFigures | None = None) -> Iterator[bytes]:
    """All of them from one snapshot, in blocks as PostgreSQL writes them. No cell begins like a formula."""
    group = GROUPS[what]
    values = {
        "delivery": delivery.pk,
        "kind": str(group.kind),
        "link": link_digest(link.url) if link else b"",
        "is_machine": group.is_machine,
        "machine_only": what == What.MACHINE,
        "reasons": group.tells_reason,
    }
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("set local statement_timeout = 0")  # as long as the download
        with cursor.copy(_CSV, values) as copy:
            block = bytearray()
            for part in copy:
                block += part
                if len(block) >= 131_072:
                    yield bytes(block)
                    block.clear()
            yield bytes(block)


def _cell(value: str) -> str:
    """SQL: a text that a spreadsheet does not run."""
    return rf"case when {value} ~ '^[=+\-@\t\r]' then '''' || {value} else {value} end"


_CSV = rf"""
copy (
    select {_cell("c.email")} as "Address", {_cell("c.first_name")} as "First name",
        {_cell("c.last_name")} as "Last name", to_char(s.first_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as "When (UTC)",
        {_cell("coalesce(r.reason, '')")} as "Reason"
    from reporting_seen s
    join audiences_contact c on c.id = s.contact_id
    left join campaigns_recipient r
        on %(reasons)s and r.delivery_id = s.delivery_id and r.contact_id = s.contact_id
    where s.delivery_id = %(delivery)s and s.kind = %(kind)s and s.link_digest = %(link)s
        and s.is_machine = %(is_machine)s
        and not (%(machine_only)s and exists (
            select 1 from reporting_seen o
            where o.delivery_id = s.delivery_id and o.kind = s.kind and o.link_digest = '' and not o.is_machine
                and o.contact_id = s.contact_id
        ))
    order by s.contact_id desc
) to stdout with (format csv, header)
"""
