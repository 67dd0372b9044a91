"""What an export of people can tell of each, as SQL over `audiences_contact c`."""

import json
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Workspace
from audiences.files.formulas import FORMULA
from audiences.list_names import told_apart
from audiences.models import Contact, Field
from audiences.sql import SUPPRESSED, stands

_CODES = ", ".join(str(ord(letter)) for letter in FORMULA)
PERSON, FIELDS, GROUPS, DID = "Person", "Fields", "Lists and tags", "What they did"


@dataclass(frozen=True, slots=True)
class Column:
    # Stands in `Export.columns`.
    key: str
    label: str
    group: str
    sql: str
    values: dict[str, Any] = field(default_factory=dict)
    # A number or a time: nothing a spreadsheet could take for a formula.
    is_plain: bool = False
    is_ticked: bool = False
    # What a workbook should hold it as, where it reads as one.
    is_number: bool = False
    is_date: bool = False


_OF_SUPPRESSION = "(select {} from audiences_suppression s where s.contact_id = c.id and s.lifted_at is null order by s.reason = 'blocked', s.at limit 1)"
_OF_ENGAGEMENT = "(select {} from audiences_engagement e where e.contact_id = c.id)"
# Those of one name as menus tell them apart.
_LISTS = (
    "(select string_agg(l.name || coalesce(' · ' || (%(apart)s::jsonb ->> l.id::text), ''), '; ' order by folded(l.name), l.id)"
    " from audiences_subscription s join audiences_list l on l.id = s.list_id"
    " where s.contact_id = c.id and s.status = '{}')"
)


def time_of(column: str) -> str:
    return f"to_char({column} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"')"


def guarded(sql: str) -> str:
    """A cell that is only text for every spreadsheet. The code of its first letter tells; a regex costs ten times."""
    return f"case when ascii({sql}) in ({_CODES}) then '''' || {sql} else {sql} end"


def _custom(number: int, key: str, label: str, kind: str) -> Column:
    value = f"c.custom ->> %(field{number})s"
    if kind == Field.Kind.DATE:
        # However an account writes it, the day is what a field of days holds.
        value = f"case when {value} ~ '^\\d{{4}}-\\d\\d-\\d\\d' then left({value}, 10) else {value} end"
    is_number = kind == Field.Kind.NUMBER
    if is_number:
        # The minus of a number is no formula.
        known = f"jsonb_typeof(c.custom -> %(field{number})s) = 'number'"
        value = f"case when {known} then {value} else {guarded(f'({value})')} end"
    return Column(
        f"custom:{key}", label, FIELDS, value, {f"field{number}": key}, is_plain=is_number, is_ticked=True,
        is_number=is_number, is_date=kind == Field.Kind.DATE,
    )  # fmt: skip


def columns_of(workspace: Workspace) -> dict[str, Column]:
    """Key → column, in the order they are offered."""
    standard = Contact.STANDARD_FIELDS
    fields = Field.objects.filter(workspace=workspace)
    known = {key: (label, kind) for key, label, kind in fields.values_list("key", "label", "kind")}
    apart = {"apart": json.dumps(told_apart(workspace))}
    found = [
        Column("email", "Address", PERSON, "c.email", is_ticked=True),
        *(Column(key, known.get(key, (label, ""))[0], PERSON, f"c.{key}", is_ticked=True) for key, label in standard.items()),
        *(
            _custom(number, key, label, kind)
            for number, (key, (label, kind)) in enumerate(known.items())
            if key not in standard
        ),
        Column("lists", "On lists", GROUPS, _LISTS.format("subscribed"), apart, is_ticked=True),
        Column("left", "Left lists", GROUPS, _LISTS.format("unsubscribed"), apart),
        Column(
            "tags", "Tags", GROUPS,
            "(select string_agg(g.name, '; ' order by folded(g.name)) from audiences_tagging t join audiences_tag g"
            " on g.id = t.tag_id where t.contact_id = c.id)", is_ticked=True,
        ),
        Column(
            "mailable", "May be written to", GROUPS, f"case when {SUPPRESSED} then 'no' else 'yes' end",
            is_plain=True, is_ticked=True,
        ),
        Column("reason", "Suppressed because", GROUPS, _OF_SUPPRESSION.format("s.reason"), is_plain=True),
        Column("suppressed_at", "Suppressed since", GROUPS, _OF_SUPPRESSION.format(time_of("s.at")), is_plain=True),
        Column(
            "consent", "Consent source", GROUPS,
            "(select b.source from audiences_consent k join audiences_consentbasis b on b.id = k.basis_id"
            f" where k.contact_id = c.id and k.purpose = 'mail' and k.kind = 'given' and {stands('k')}"
            " order by k.at desc, k.id desc limit 1)",
        ),
        Column(
            "consent_at", "Consent date", GROUPS,
            f"(select {time_of('k.at')} from audiences_consent k where k.contact_id = c.id and k.purpose = 'mail'"
            f" and k.kind = 'given' and {stands('k')} order by k.at desc, k.id desc limit 1)", is_plain=True,
        ),
        Column("tracking", "Opens and clicks counted", GROUPS, "c.tracking", is_plain=True),
        Column("received", "Campaigns received", DID, _OF_ENGAGEMENT.format("e.received"), is_plain=True, is_number=True),
        Column("opens", "Opens", DID, _OF_ENGAGEMENT.format("e.opens"), is_plain=True, is_number=True),
        Column("clicks", "Clicks", DID, _OF_ENGAGEMENT.format("e.clicks"), is_plain=True, is_number=True),
        Column("last_open_at", "Last open", DID, _OF_ENGAGEMENT.format(time_of("e.last_open_at")), is_plain=True),
        Column("last_click_at", "Last click", DID, _OF_ENGAGEMENT.format(time_of("e.last_click_at")), is_plain=True),
        Column("added_at", "Added", DID, time_of("c.created_at"), is_plain=True),
    ]  # fmt: skip
    return {column.key: column for column in found}
