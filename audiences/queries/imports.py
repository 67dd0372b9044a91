"""What pages show of imports: the list, how far one is, the rows behind a number, the rejects."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from accounts import attention
from accounts.models import OutboxEntry, Workspace
from accounts.redaction import HIDDEN, mask_email, redact
from accounts.templatetags.ui import day, day_said, in_zone, number
from audiences import erased
from audiences.addresses import Problem
from audiences.files.formulas import plain, unguarded
from audiences.files.values import NO_VALUE, READINGS
from audiences.importing.tables import Tables
from audiences.models import Contact, Field, Import, List, Suppression
from audiences.models.contacts import STANDARD_LETTERS
from audiences.queries.fields import value_in_words
from audiences.sql import loaded

PAGE = 50
_CELL_PROBLEMS = {
    "not_such_a_value": "“{column}” {holds}{wanted}",
    "not_yet": "“{column}” {holds}a day that has not come yet",
    "no_such_year": "“{column}” {holds}a year that is before 1900 or after 2200",
    "no_language": "“{column}” {holds}no language such as de or German",
    "no_phone": "“{column}” {holds}no phone number such as +41 44 123 45 67",
    "no_ip": "“{column}” {holds}no IP address such as 192.0.2.7",
    "too_long": "“{column}” {holds}more than the {most} letters the field takes",
}
# Letters of a cell, or of a heading, that are told.
_TOLD = 40
_PROBLEMS = {
    Problem.EMPTY.value: "There is no address",
    Problem.MALFORMED.value: "This is no address",
    Problem.TOO_LONG.value: "The address is too long: no mail server takes it",
    Problem.FOREIGN_LETTERS.value: "There are letters before the @ that many mail servers do not take",
    Problem.SEVERAL.value: "There are several addresses in one cell: each person needs a row",
    Problem.NO_PATTERN.value: "A pattern stands for all of a domain, *@example.com, or of a name, name@*",
    "cell_too_long": "A cell is longer than 32 kB",
    "row_too_long": "The row is longer than 1 MB",
    "too_many_columns": "The row has more than 200 cells",
    "too_many_cells": "The row has more cells than the heading has names",
    "several_in_row": "There are several addresses in the row: each person needs a row",
    "too_many_breaks": "A cell has more than 50 line breaks",
    "unreadable": "Some letters cannot be read. Is the file written in another encoding?",
}


class ImportSlice(NamedTuple):
    rows: list[Import]
    before: int | None


class RowSlice(NamedTuple):
    rows: list["ImportRow"]
    # The line after which the next page goes on; None at the end.
    after: int | None


@dataclass(frozen=True, slots=True)
class ImportRow:
    line: int
    address: str
    name: str
    contact_id: int | None
    # (field, before, after) of somebody changed.
    changes: list[tuple[str, str, str]]
    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    label: str
    done: int
    total: int | None
    seconds_left: float | None
    waiting_for: str
    is_unattended: bool


def imports(workspace: Workspace, *, before: int | None = None) -> ImportSlice:
    """The newest first."""
    found = Import.objects.filter(workspace=workspace).select_related("list", "created_by")
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-id")[: PAGE + 1])
    return ImportSlice(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None)


def running_imports(workspace: Workspace) -> Iterable[attention.Item]:
    for mine in Import.objects.filter(workspace=workspace, state__in=Import.MOVING)[: attention.LIMIT]:
        yield attention.Item(
            title=f"Importing {mine}", text=mine.get_state_display(),
            url=reverse("audiences:import", args=[mine.pk]), at=mine.created_at, tone="live",
        )  # fmt: skip


def earlier_import(mine: Import) -> Import | None:
    """The same file, when it was imported before."""
    return (
        Import.objects.filter(workspace=mine.workspace_id, digest=mine.digest, state=Import.State.DONE)
        .exclude(pk=mine.pk)
        .order_by("-id")
        .first()
    )


def progress(mine: Import) -> Progress:
    """How far the work is that goes on by itself."""
    rows = mine.checkpoint.get("rows")
    label, done, total = "Opening the file", 0, None
    match mine.state:
        case Import.State.READING if not mine.checkpoint.get("staged"):
            label, done = "Reading the rows", rows or 0
        case Import.State.READING:
            with_what = "suppressions" if mine.is_of_blocks else "people"
            label, done, total = f"Comparing with the {with_what} here", mine.preview.get("read", 0), rows
        case Import.State.RUNNING:
            label, done, total = "Importing", mine.counts.get("read", 0), rows
        case Import.State.UNDOING:
            steps = mine.steps.count()
            label, done, total = "Rolling back", mine.steps.exclude(undone_at=None).count(), steps
    entry = (
        OutboxEntry.objects.filter(subject_id=mine.pk, order_key=f"import:{mine.pk}").order_by("-id").first()
    )
    left = None
    is_unattended = False
    if entry is not None:
        spent = (timezone.now() - entry.created_at).total_seconds()
        if total and done:
            left = max(0.0, spent / done * (total - done))
        is_unattended = entry.fence == 0 and spent > 10
    return Progress(label, done, total, left, entry.note if entry else "", is_unattended)


def rows_of(mine: Import, outcome: str, *, after: int = 0, shows_addresses: bool = True) -> RowSlice:
    """The rows behind a number of the preview or, once it has begun, of the result."""
    tables = Tables(mine)
    source = tables.result if mine.has_begun else tables.preview
    if not mine.has_rows or not tables.holds(source):
        return RowSlice([], None)
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select r.line, s.email, s.first_name || ' ' || s.last_name, coalesce(r.contact_id, c.id), r.changes, r.membership,
                   r.suppression_id, s.problem, s.cells, case when t.first < r.line then t.first end, m.changed_at, s.custom, s.consent_at
            from (select * from {source} where outcome = %(outcome)s and line > %(after)s order by line limit %(limit)s) r
            join {tables.stage} s on s.line = r.line
            left join {tables.twins} t on t.email = s.email
            left join audiences_contact c on c.workspace_id = %(workspace)s and c.email = s.email
            left join audiences_subscription m on m.list_id = %(list)s and m.contact_id = r.contact_id and r.outcome = 'left'
            order by r.line
            """,
            {
                "outcome": outcome, "after": after, "limit": PAGE + 1, "workspace": mine.workspace_id,
                "list": mine.list_id,
            },
        )  # fmt: skip
        found = cursor.fetchall()
    said = _Said(mine, shows_addresses=shows_addresses, suppression_ids=[row[6] for row in found if row[6]])
    rows = [said.row(outcome, *row) for row in found[:PAGE]]
    return RowSlice(rows, rows[-1].line if len(found) > PAGE else None)


def has_people(mine: Import, *outcomes: str) -> bool:
    """Whether anybody with one of these outcomes is still here, as rules find them."""
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select exists (
                select 1 from {Tables(mine).result} r join audiences_contact c on c.id = r.contact_id
                where r.outcome = any(%(outcomes)s) and r.outcome <> 'new'
            ) or 'new' = any(%(outcomes)s) and exists (
                select 1 from audiences_importstep t
                join audiences_contact c on c.id between t.first_contact and t.last_contact and c.created_at = t.at
                where t.of_id = %(import)s and c.workspace_id = %(workspace)s
            )
            """,
            {"outcomes": [*outcomes], "import": mine.pk, "workspace": mine.workspace_id},
        )
        return bool(cursor.fetchone()[0])


def labels_of(mine: Import) -> dict[str, str]:
    """Field.key → its label."""
    own = dict(Field.objects.filter(workspace=mine.workspace_id).values_list("key", "label"))
    new = {column["to"]: column["label"] for column in mine.mapping if "label" in column}
    return Contact.STANDARD_FIELDS | new | own


def kinds_of(mine: Import) -> dict[str, str]:
    """Field.key → its kind, of those with one of their own."""
    new = {column["to"]: READINGS[column["as"]][1] for column in mine.mapping if "label" in column}
    return new | dict(Field.objects.filter(workspace=mine.workspace_id).values_list("key", "kind"))


def rejects_csv(mine: Import, outcomes: Iterable[str] = Import.REJECTED) -> Iterator[str]:
    """Every row left out with one of these outcomes, with its line and the reason, under the file's own headings.

    A cell that a spreadsheet would work out is escaped.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["Line", "Reason", *(plain(column["name"]) for column in mine.columns)])
    for outcome in outcomes:
        for line, why, cells in _rejected(mine, outcome):
            writer.writerow([line, why, *map(plain, cells)])
            if buffer.tell() > 65536:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def sentence_of(mine: Import, problem: str, cells: Sequence[str] | None) -> str:
    """All that is wrong with a row, in words; without `cells` no value is told."""
    return "; ".join(_sentence_of(mine, one, cells) for one in problem.split())


def left_empty(mine: Import, *, shows_addresses: bool = True) -> list[tuple[str, int, list[str]]]:
    """(what is wrong with cells without which people are taken, rows, first values for as long as the file is there)."""
    return [
        (
            sentence_of(mine, problem, None),
            rows,
            [_short(value) for value in values] if shows_addresses else [],
        )
        for problem, (rows, values) in sorted(
            mine.checkpoint.get("without", {}).items(),
            key=lambda told: (told[0].partition(":")[2].zfill(3), told[0]),
        )
    ]


def _sentence_of(mine: Import, problem: str, cells: Sequence[str] | None) -> str:
    code, _, detail = problem.partition(":")
    if code == "open_quote":
        return f"A quotation mark opens in line {detail} and does not close"
    if not (detail and code in _CELL_PROBLEMS):
        return _PROBLEMS.get(code, code)
    index = int(detail)
    name = _short(mine.columns[index]["name"]) if index < len(mine.columns) else f"column {index + 1}"
    holds, wanted, most = "holds ", "", 0
    if cells is not None and index < len(cells):
        holds = f"holds “{_short(unguarded(cells[index]))}”, "
    if index < len(mine.mapping):
        wanted = NO_VALUE.get(mine.mapping[index]["as"], "")
        most = STANDARD_LETTERS.get(mine.mapping[index]["to"], Field.MOST_LETTERS)
    return _CELL_PROBLEMS[code].format(column=name, holds=holds, wanted=wanted, most=number(most))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:_TOLD]}…" if len(text) > _TOLD else text


# Under two addresses, one of which they had before.
_TWIN = "The same person as in a line before"


class _Said:
    """Rows in words."""

    def __init__(self, mine: Import, *, shows_addresses: bool, suppression_ids: Sequence[int]) -> None:
        self.mine, self.shows_addresses = mine, shows_addresses
        self.labels = labels_of(mine)
        self.kinds = kinds_of(mine)
        self.list: List | None = mine.list
        found = Suppression.objects.filter(pk__in=suppression_ids).select_related("connection", "created_by")
        self.suppressions = {row.pk: row for row in found}

    def row(
        self, outcome: str, line: int, email: str, name: str, contact_id: int | None, changes: Any, membership: Any,
        suppression_id: int | None, problem: str, cells: Any, first: int | None, left_at: datetime | None,
        custom: Any, blocked_at: datetime | None,
    ) -> ImportRow:  # fmt: skip
        address = email
        if outcome == Import.Outcome.INVALID:
            # What is no address may still be somebody's with a slip in it.
            text = " · ".join(cell for cell in loaded(cells) if cell)[:120]
            address = text if self.shows_addresses else HIDDEN
        elif problem == erased.PROBLEM:
            address = HIDDEN
        elif not self.shows_addresses:
            address = mask_email(email)
        return ImportRow(
            line, address, self._shown("", name.strip()), contact_id,
            self._block(loaded(custom, {}), blocked_at) if self.mine.is_of_blocks else self._changes(changes, membership),
            self.why(outcome, suppression_id, problem, first, left_at, cells),
        )  # fmt: skip

    def why(
        self,
        outcome: str,
        suppression_id: int | None,
        problem: str,
        first: int | None,
        left_at: datetime | None,
        cells: Any,
    ) -> str:
        match outcome:
            case Import.Outcome.INVALID:
                shown = loaded(cells) if self.shows_addresses else None
                sentence = sentence_of(self.mine, problem, shown)
                return sentence if self.shows_addresses else redact(sentence)
            case Import.Outcome.DUPLICATE:
                return f"The same address as in line {first}" if first else _TWIN
            case Import.Outcome.LEFT:
                return f"Left {self.list}{f' on {day(in_zone(left_at))}' if left_at else ''}"
            case Import.Outcome.SUPPRESSED | Import.Outcome.UNCHANGED if problem == erased.PROBLEM:
                return erased.SENTENCE
            case Import.Outcome.LIFTED:
                row = self.suppressions.get(suppression_id or 0)
                return f"Lifted on {day(in_zone(row.lifted_at))}" if row and row.lifted_at else "Lifted"
            case Import.Outcome.SUPPRESSED | Import.Outcome.UNCHANGED if suppression_id:
                row = self.suppressions.get(suppression_id or 0)
                if row is None:
                    return "Suppressed"
                source = row.connection or row.created_by or "Campanile"
                return f"{row.get_reason_display()} since {day_said(row.at)}, told by {source}"
        return ""

    def _block(self, told: dict[str, Any], at: datetime | None) -> list[tuple[str, str, str]]:
        """How a new one is kept."""
        reason = Suppression.Reason(told.get("kind") or self.mine.reason or Suppression.Reason.BY_HAND)
        at = at or self.mine.consent_at
        said = told.get("reason", "")
        return [
            ("Reason", "", str(reason.label)),
            ("Since", "", day_said(at) if at else "the day of the import"),
            *([("In the file", "", said if self.shows_addresses else redact(said))] if said else []),
            *([("But", "", self._odd(told))] if "odd" in told else []),
        ]

    def _odd(self, told: dict[str, Any]) -> str:
        """What is wrong with the day of a row that is taken all the same."""
        index = next(index for index, column in enumerate(self.mine.mapping) if column["to"] == "at")
        cells = [*[""] * index, told["at"]] if self.shows_addresses else None
        return _sentence_of(self.mine, f"{told['odd']}:{index}", cells)

    def _changes(self, changes: Any, membership: Any) -> list[tuple[str, str, str]]:
        found = [
            (self.labels.get(key, key), self._shown(key, before), self._shown(key, after))
            for key, (before, after) in sorted(loaded(changes, {}).items())
        ]
        if membership is not None:
            found.append(("List", "", self.mine.list_name))
        return found

    def _shown(self, key: str, value: Any) -> str:
        """An address in a field is one all the same."""
        text = value_in_words(value, self.kinds.get(key, ""))
        return text if self.shows_addresses else redact(text)


def _rejected(mine: Import, outcome: str) -> Iterator[tuple[int, str, list[str]]]:
    # They use queries themselves.
    from audiences.importing.shaping import names_erased
    from audiences.importing.staging import data_rows

    tables = Tables(mine)
    source = tables.result if mine.has_begun else tables.preview
    # Of one that stopped midway not all cells are kept yet, and the file is still there.
    file = data_rows(mine)
    gone = erased.Erased(mine.workspace)
    after = 0
    while True:
        with database.cursor() as cursor:
            cursor.execute(
                f"""
                select r.line, r.suppression_id, s.problem, s.cells, case when t.first < r.line then t.first end, m.changed_at
                from (select * from {source} where outcome = %(outcome)s and line > %(after)s order by line limit 2000) r
                join {tables.stage} s on s.line = r.line
                left join {tables.twins} t on t.email = s.email
                left join audiences_subscription m
                  on m.list_id = %(list)s and m.contact_id = r.contact_id and r.outcome = 'left'
                order by r.line
                """,
                {"outcome": outcome, "after": after, "list": mine.list_id},
            )
            found = cursor.fetchall()
        if not found:
            return
        said = _Said(mine, shows_addresses=True, suppression_ids=[row[1] for row in found if row[1]])
        for line, suppression_id, problem, cells, first, left_at in found:
            why = said.why(outcome, suppression_id, problem, first, left_at, cells)
            if problem or cells:
                yield line, why, loaded(cells)
            else:
                row = next((row for row in file if row.line == line), None)
                yield line, why, [] if row is None or names_erased(row, gone) else row.cells
        after = found[-1][0]
