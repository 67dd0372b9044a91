"""One statement for all rows of an export: one snapshot, and no cell a spreadsheet would run."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Case, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf, Trim

from accounts.days import HAIR, is_day
from accounts.models import Workspace
from audiences.exporting.columns import Column, columns_of, guarded
from audiences.models import Export, FormerAddress, Suppression
from audiences.models.suppressions import told_by
from audiences.queries.contacts import People, source_of
from audiences.queries.evidence import in_words
from audiences.queries.suppressions import LAST_FIRST, Wanted, matching


class Rows(NamedTuple):
    head: list[str]
    # A select of as many columns: people in the order they were added, suppressions those told last first.
    sql: str
    values: Mapping[str, Any] | Sequence[Any]
    # Places of the columns that a workbook holds as numbers, and as days.
    numbers: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()
    # What SQL cannot say: cells as they come → the row. Each is made text for every spreadsheet afterwards.
    said: Callable[[tuple[str | None, ...]], list[str]] | None = None


def rows_of(export: Export) -> Rows:
    """Raises rules.Incomplete and rules.BadRule where the selection can no longer be worked out."""
    if export.kind == Export.Kind.SUPPRESSIONS:
        zone = ZoneInfo(export.created_by.time_zone if export.created_by else export.workspace.time_zone)
        return _suppressions(export.workspace, export.selection, zone)
    known = columns_of(export.workspace)
    # A field may be gone since.
    chosen = [known[key] for key in export.columns if key in known]
    return people_rows(People.from_json(export.workspace, export.selection), chosen)


def people_rows(people: People, columns: Sequence[Column]) -> Rows:
    source, where, values = source_of(people)
    for column in columns:
        values |= column.values
    # Worked out once, inside: a sorted subselect is not taken apart by the planner.
    inner = ", ".join(f"{column.sql} as x{number}" for number, column in enumerate(columns))
    cells = [
        f"x{number}" if column.is_plain else guarded(f"x{number}") for number, column in enumerate(columns)
    ]
    return Rows(
        [column.label for column in columns],
        f"select {', '.join(cells)} from (select {inner} from {source} where {where} order by c.id) x",
        values,
        frozenset(place for place, column in enumerate(columns) if column.is_number),
        frozenset(place for place, column in enumerate(columns) if column.is_date),
    )


def _suppressions(workspace: Workspace, selection: Mapping[str, Any], zone: tzinfo) -> Rows:
    """In the order and the words of the page: those of the evidence are no matter of SQL."""
    found = matching(workspace, Wanted.from_json(workspace, selection)).order_by(*LAST_FIRST)
    former = FormerAddress.objects.filter(workspace=workspace, email=OuterRef("email")).order_by()
    name = Trim(Concat("contact__first_name", Value(" "), "contact__last_name"))
    whom = Coalesce(NullIf(name, Value("")), "contact__email", output_field=TextField())
    found = found.annotate(
        into=Case(When(evidence__has_key="merged", then=Subquery(former.values_list(whom)[:1])))
    )
    inner, values = found.values_list(
        "email",
        "reason",
        "at",
        "lifted_at",
        "connection__name",
        "created_by__name",
        "created_by__email",
        "evidence",
        "into",
    ).query.sql_with_params()
    reasons = dict(Suppression.Reason.choices)
    campaigns = dict(workspace.campaigns.values_list("pk", "name"))

    def said(cells: tuple[str | None, ...]) -> list[str]:
        email, reason, at, lifted_at, account, member, told, into = (cell or "" for cell in cells)
        evidence = json.loads(told)
        why = in_words(evidence, campaigns)
        return [
            email, reasons.get(reason, reason), told_by(evidence, account, member), _moment(at, zone),
            f"{why} ({into})" if into else why, _moment(lifted_at, zone),
        ]  # fmt: skip

    return Rows(
        ["Address or pattern", "Reason", "Told by", "When", "Evidence", "Lifted"],
        f"""
        select email, reason, at::text, lifted_at::text, account, coalesce(nullif(name, ''), member), evidence::text, into_whom
        from ({inner}) s (email, reason, at, lifted_at, account, name, member, evidence, into_whom)
        """,
        values,
        said=said,
    )


def _moment(text: str, zone: tzinfo) -> str:
    """As pages say it: a day where one was given, else the time with its distance from UTC."""
    if not text:
        return ""
    at = datetime.fromisoformat(text)
    if is_day(at):
        return f"{at.astimezone(UTC):%Y-%m-%d}"
    at = at + HAIR if is_day(at + HAIR) else at
    return at.astimezone(zone).isoformat(" ", "seconds")
