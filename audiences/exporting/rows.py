"""One statement for all rows of an export: one snapshot, and no cell a spreadsheet would run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from accounts.models import Workspace
from audiences.exporting.columns import Column, columns_of, guarded, time_of
from audiences.models import Export, Suppression
from audiences.queries.contacts import People, source_of
from audiences.queries.suppressions import Wanted, matching


class Rows(NamedTuple):
    head: list[str]
    # A select of as many columns, in the order rows were added.
    sql: str
    values: Mapping[str, Any] | Sequence[Any]
    # Places of the columns that a workbook holds as numbers, and as days.
    numbers: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()


def rows_of(export: Export) -> Rows:
    """Raises rules.Incomplete and rules.BadRule where the selection can no longer be worked out."""
    if export.kind == Export.Kind.SUPPRESSIONS:
        return _suppressions(export.workspace, export.selection)
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


def _suppressions(workspace: Workspace, selection: Mapping[str, Any]) -> Rows:
    found = matching(workspace, Wanted.from_json(workspace, selection)).order_by("pk")
    inner, values = found.values_list(
        "email", "reason", "at", "lifted_at", "connection__name", "evidence"
    ).query.sql_with_params()
    labels = " ".join(f"when '{reason.value}' then '{reason.label}'" for reason in Suppression.Reason)
    told = "coalesce(evidence ->> 'reason', evidence ->> 'said', '')"
    return Rows(
        ["Address", "Reason", "Since", "Lifted", "Told by", "Evidence"],
        f"""
        select {guarded("email")}, case reason {labels} else reason end, {time_of("at")}, {time_of("lifted_at")},
               {guarded("account")}, {guarded("told")}
        from (
            select *, {told} as told from ({inner}) s (email, reason, at, lifted_at, account, evidence)
        ) s
        """,
        values,
    )
