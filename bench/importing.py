"""A file imported from upload to result, against its rows by COPY and one naive upsert into the same table."""

import csv
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts.models import OutboxEntry, User, Workspace
from audiences import services
from audiences.addresses import read_address
from audiences.files.unpacking import blocks_of
from audiences.importing import running
from audiences.importing.decisions import Decisions
from audiences.importing.tables import Tables
from audiences.models import Contact, Field, Import
from bench.report import Line, Memory

HEADING = ["Email", "Vorname", "Nachname", "Language", "City", "Shoe size"]
MAPPING = [
    *({"to": to, "as": "text"} for to in ("email", "first_name", "last_name", "language", "city")),
    {"to": "shoe_size", "as": "number"},
]  # fmt: skip
CITIES = ("Bern", "Basel", "Zürich", "Genève", "Lugano", "Chur", "Sion", "Thun")
LANGUAGES = ("de", "fr", "it", "en")
# The usual way is tried on fewer rows.
USUAL_ROWS = 200_000
ADDRESSES_SECONDS = 0.8


def measure(*, rows: int, rounds: int) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="campanile-bench-") as folder:
        yield from _measure(Path(folder), rows=rows, rounds=rounds)


def _measure(folder: Path, *, rows: int, rounds: int) -> Iterator[Line]:
    workspace, by = _workspace()
    naive, ours, copies = {}, {}, []
    memory = Memory()
    for number in range(rounds):
        for kind in ("new", "again", "changed"):
            body = _file(folder, rows, changed=kind == "changed", turn=number)
            if kind == "new":
                _clear(workspace)
            copies.append(_copy(body))
            naive.setdefault(kind, []).append(_naive(workspace, body))
        for kind in ("new", "again", "changed"):
            body = _file(folder, rows, changed=kind == "changed", turn=number)
            if kind == "new":
                _clear(workspace)
            mine, _ = services.begin_import(
                workspace=workspace, by=by, name=f"{kind}.csv", blocks=blocks_of(body)
            )
            if number or kind != "new":
                ours.setdefault(kind, []).append(_ours(mine, by))
            else:
                # In the first round alone: what the limit needs for itself is not the product's.
                with memory:
                    ours.setdefault(kind, []).append(_ours(mine, by))
    against = "COPY and one INSERT … ON CONFLICT DO UPDATE"
    words = {"new": "all new", "again": "the same again", "changed": "5 % changed"}
    for kind, target in (("new", 1.6), ("again", 0.6), ("changed", 0.6)):
        parts = [median(part) for part in zip(*ours[kind], strict=True)]
        yield Line(
            f"import of {rows:,} rows, {words[kind]}", sum(parts), "s", median(naive[kind]), against, target,
            note=f"read {parts[0]:.1f}, preview {parts[1]:.1f}, import {parts[2]:.1f}"
            + (f"; {memory}" if kind == "new" else ""),
        )  # fmt: skip
    yield Line(f"COPY of {rows:,} rows alone", median(copies), "s", 0, "")
    _clear(workspace)
    few = min(rows, USUAL_ROWS)
    usual = _usual(workspace, _file(folder, few, changed=False, turn=0)) / few
    whole = sum(median(part) for part in zip(*ours["new"], strict=True)) / rows
    yield Line(
        f"bulk_create(update_conflicts=True) of {few:,} rows, for a million", usual * 1_000_000, "s", whole * 1_000_000,
        "ours",
    )  # fmt: skip
    _clear(workspace)
    yield Line("reading 1,000,000 addresses", _addresses(1_000_000), "s", most=ADDRESSES_SECONDS)


def _usual(workspace: Workspace, body: Path) -> float:
    """The usual way: an object for each row, by the thousand."""
    began = time.perf_counter()
    fields = ["first_name", "last_name", "language", "city", "custom"]
    with transaction.atomic(), body.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for chunk in iter(lambda: list(islice(rows, 1_000)), []):
            Contact.objects.bulk_create(
                [
                    Contact(
                        workspace=workspace, email=email.strip().lower(), first_name=first, last_name=last,
                        language=language, city=city, custom={"shoe_size": int(size)},
                    )
                    for email, first, last, language, city, size in chunk
                ],
                update_conflicts=True, unique_fields=["workspace", "email"], update_fields=fields,
            )  # fmt: skip
    return time.perf_counter() - began


def _addresses(many: int) -> float:
    texts = [f"Reader{number}@mail{number % 50}.example" for number in range(many)]
    began = time.perf_counter()
    for text in texts:
        read_address(text)
    return time.perf_counter() - began


def _workspace() -> tuple[Workspace, User]:
    workspace, _ = Workspace.objects.get_or_create(slug="bench-import", defaults={"name": "Bench"})
    by, _ = User.objects.get_or_create(email="bench@example.test", defaults={"name": "Bench"})
    Field.objects.get_or_create(
        workspace=workspace, key="shoe_size", defaults={"label": "Shoe size", "kind": Field.Kind.NUMBER}
    )
    return workspace, by


def _file(folder: Path, rows: int, *, changed: bool, turn: int) -> Path:
    """On disk, so that it is in nobody's memory."""
    path = folder / ("changed.csv" if changed else "people.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(csv.writer(file, lineterminator="\n"), rows, changed=changed, turn=turn)
    return path


def _write(writer: Any, rows: int, *, changed: bool, turn: int) -> None:
    writer.writerow(HEADING)
    for number in range(rows):
        # Addresses come in no order, as they do.
        person = number * 7_919 % rows
        first = f"Ana{turn}" if changed and number % 20 == 0 else f"Ana{person % 997}"
        writer.writerow(
            (f"reader{person}@mail{person % 50}.example", first, f"Bell{person % 4999}", LANGUAGES[person % 4],
             CITIES[person % 8], 30 + person % 20)
        )  # fmt: skip


def _copy(body: Path) -> float:
    began = time.perf_counter()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(_RAW)
        with cursor.copy("copy raw from stdin with (format csv, header)") as copy:
            for block in blocks_of(body):
                copy.write(block)
    return time.perf_counter() - began


def _naive(workspace: Workspace, body: Path) -> float:
    began = time.perf_counter()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(_RAW)
        with cursor.copy("copy raw from stdin with (format csv, header)") as copy:
            for block in blocks_of(body):
                copy.write(block)
        cursor.execute(_UPSERT, [workspace.pk])
    return time.perf_counter() - began


def _ours(mine: Import, by: User) -> tuple[float, float, float]:
    """(read, preview, import): what a worker does, in the order it does it."""
    _work("audiences.open_import", running.open_import)
    mine.refresh_from_db()
    began = time.perf_counter()
    services.preview_import(mine=mine, by=by, version=mine.version, decisions=Decisions(MAPPING))
    read = 0.0
    real = running.outcomes.tell_apart

    def first(*args: object, **values: object) -> object:
        nonlocal read
        read = read or time.perf_counter() - began
        return real(*args, **values)  # type: ignore[arg-type]

    running.outcomes.tell_apart = first  # type: ignore[assignment]
    try:
        _work("audiences.read_import", running.read_import)
    finally:
        running.outcomes.tell_apart = real
    previewed = time.perf_counter() - began
    mine.refresh_from_db()
    assert mine.state == Import.State.READY, mine.note
    services.start_import(mine=mine, by=by, version=mine.version)
    _work("audiences.run_import", running.run_import)
    done = time.perf_counter() - began
    mine.refresh_from_db()
    assert mine.counts == mine.preview, (mine.state, mine.note, mine.counts)
    return read, previewed - read, done - previewed


def _work(task: str, work: object) -> None:
    from accounts import outbox

    while True:
        entry = OutboxEntry.objects.filter(task=task, state=OutboxEntry.State.WAITING).first()
        if entry is None:
            return
        OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now() - timedelta(seconds=5))
        outbox.deliver(entry.pk, work)  # type: ignore[arg-type]


def _clear(workspace: Workspace) -> None:
    for mine in Import.objects.filter(workspace=workspace):
        Tables(mine).drop()
    OutboxEntry.objects.filter(workspace=workspace).delete()
    Import.objects.filter(workspace=workspace).delete()
    with database.cursor() as cursor:
        cursor.execute("delete from audiences_contact where workspace_id = %s", [workspace.pk])
        cursor.execute("vacuum analyze audiences_contact")
    assert not Contact.objects.filter(workspace=workspace).exists()


_RAW = """
create temp table raw (email text, first_name text, last_name text, language text, city text, size text) on commit drop
"""
_UPSERT = """
insert into audiences_contact (workspace_id, email, first_name, last_name, language, city, country, phone, custom, version)
select %s, lower(trim(email)), first_name, last_name, language, city, '', '', jsonb_build_object('shoe_size', size::numeric), 1
from raw
on conflict (workspace_id, email) do update
set first_name = excluded.first_name, last_name = excluded.last_name, language = excluded.language, city = excluded.city,
    custom = audiences_contact.custom || excluded.custom, version = audiences_contact.version + 1, updated_at = now()
"""
