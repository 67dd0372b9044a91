"""An export from its record to its last stored piece, against COPY of the same columns into a file."""

import csv
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from django.db import connection as database
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry, User, Workspace
from audiences import services
from audiences.exporting import making
from audiences.files.formulas import plain
from audiences.models import Contact, Export
from audiences.queries.contacts import People
from audiences.services.exports import EXPORT_TASK
from bench.people import seeded
from bench.report import Line, Memory

COLUMNS = ("email", "first_name", "last_name", "language", "city", "country", "phone")
# From the person's wish to the first byte of a file that is ready.
FIRST_BYTE_MS = 100
# How much longer the usual way must take, at least.
USUAL = 2


def measure(*, people: int, rounds: int) -> Iterator[Line]:
    workspace = seeded(people)
    by, _ = User.objects.get_or_create(email="bench@example.test", defaults={"name": "Bench"})
    limits, times, firsts, usual = [], [], [], []
    memory = Memory()
    for _ in range(rounds):
        limits.append(_copy(workspace))
        usual.append(_usual(workspace))
        with memory:
            export, seconds = _export(workspace, by)
        times.append(seconds)
        assert (export.state, export.rows) == (Export.State.READY, people), export.note
        began = time.perf_counter()
        next(iter(making.pieces(export)))
        firsts.append((time.perf_counter() - began) * 1000)
        _clear(workspace)
    yield Line(
        f"export of {people:,} people", median(times), "s", median(limits), "COPY TO of the same columns", 1.7,
        note=str(memory),
    )  # fmt: skip
    yield Line(
        f"values_list().iterator() of {people:,} people",
        median(usual),
        "s",
        median(times),
        "ours",
        USUAL,
        is_rate=True,
    )
    yield Line("the file's first piece", median(firsts), "ms", most=FIRST_BYTE_MS)


def _copy(workspace: Workspace) -> float:
    began = time.perf_counter()
    statement = (
        f"copy (select {', '.join(COLUMNS)} from audiences_contact where workspace_id = %s order by id)"
        " to stdout with (format csv)"
    )
    with (
        tempfile.TemporaryFile() as file,
        database.cursor() as cursor,
        cursor.copy(statement, [workspace.pk]) as copy,
    ):
        for block in copy:
            file.write(block)
    return time.perf_counter() - began


def _usual(workspace: Workspace) -> float:
    """The usual way: each row through Python, with the guard that a file for spreadsheets needs."""
    began = time.perf_counter()
    rows = Contact.objects.filter(workspace=workspace).order_by("pk").values_list(*COLUMNS)
    with tempfile.TemporaryFile("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([plain(cell) for cell in row] for row in rows.iterator())
    return time.perf_counter() - began


def _export(workspace: Workspace, by: User) -> tuple[Export, float]:
    """What the page records, and what a worker does with it."""
    export = services.begin_export(
        workspace=workspace, by=by, kind=Export.Kind.PEOPLE, title="Everybody",
        selection=People(workspace).as_json(), columns=COLUMNS, written_as=Export.Format.CSV, total=None,
    )  # fmt: skip
    entry = OutboxEntry.objects.get(task=EXPORT_TASK, subject_id=export.pk)
    OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now() - timedelta(seconds=5))
    began = time.perf_counter()
    outbox.deliver(entry.pk, making.make_export)
    seconds = time.perf_counter() - began
    export.refresh_from_db()
    return export, seconds


def _clear(workspace: Workspace) -> None:
    OutboxEntry.objects.filter(workspace=workspace).delete()
    Export.objects.filter(workspace=workspace).delete()
