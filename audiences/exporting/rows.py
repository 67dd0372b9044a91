"""One statement for all rows of an export: one snapshot, and no cell a spreadsheet would run."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from accounts.models import Workspace
from audiences.exporting.columns import Column, columns_of
from audiences.models import Export, Suppression
from audiences.queries.contacts import People, source_of
from audiences.rules.fields import like

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CODES = ", ".join(str(ord(letter)) for letter in _FORMULA)


class Rows(NamedTuple):
    head: list[str]
    # A select of as many columns, in the order rows were added.
    sql: str
    values: dict[str, Any]


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
    )


def guarded(sql: str) -> str:
    """A cell that is only text for every spreadsheet. The code of its first letter tells; a regex costs ten times."""
    return f"case when ascii({sql}) in ({_CODES}) then '''' || {sql} else {sql} end"


def plain(text: str) -> str:
    """The same for a heading."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _suppressions(workspace: Workspace, selection: dict[str, Any]) -> Rows:
    """Those in force that fit: `reason`, `connection_id`, `words`, each optional."""
    where = ["s.workspace_id = %(workspace)s", "s.lifted_at is null"]
    values = {"workspace": workspace.pk, **selection}
    if selection.get("reason"):
        where.append("s.reason = %(reason)s")
    if selection.get("connection_id"):
        where.append("s.connection_id = %(connection_id)s")
    if selection.get("words"):
        values["words"] = f"%{like(selection['words'])}%"
        where.append("s.email ilike %(words)s")
    labels = " ".join(f"when '{reason.value}' then '{reason.label}'" for reason in Suppression.Reason)
    return Rows(
        ["Address", "Reason", "Since", "Told by", "Evidence"],
        f"""
        select {guarded("s.email")}, case s.reason {labels} else s.reason end,
               to_char(s.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), {guarded("a.name")}, {guarded("e.told")}
        from audiences_suppression s
        left join accounts_connection a on a.id = s.connection_id
        cross join lateral (select coalesce(s.evidence ->> 'reason', s.evidence ->> 'said', '') as told) e
        where {" and ".join(where)} order by s.id
        """,
        values,
    )
