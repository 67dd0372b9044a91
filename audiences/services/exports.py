"""What people do with exports: have one made, stop it, fetch it, throw it away."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.redaction import redact
from accounts.refusals import CannotDo, CannotMove
from accounts.templatetags.ui import number
from audiences.exporting.columns import columns_of
from audiences.models import Export, ExportPiece

EXPORT_TASK = "audiences.export"
A_DAY = 10
# A workbook is written cell by cell; more than this takes longer than a worker may.
MOST_CELLS = 3_000_000
MOST_ROWS = 1_048_575


class CannotExport(CannotDo):
    pass


@transaction.atomic
def begin_export(
    *,
    workspace: Workspace,
    by: User,
    kind: str,
    title: str,
    selection: Mapping[str, Any],
    columns: Sequence[str],
    written_as: str,
    total: int | None,
) -> Export:
    """Have a file made of what `selection` means at the moment it is read; pressed twice, it is one.

    Raises CannotExport.
    """
    if kind == Export.Kind.PEOPLE:
        columns = [key for key in columns_of(workspace) if key in set(columns)]
        if not columns:
            raise CannotExport(
                "Choose at least one column.", fields={"columns": "Choose at least one column."}
            )
    if written_as == Export.Format.XLSX and total is not None:
        width = len(columns) or 5
        most = min(MOST_ROWS, MOST_CELLS // width)
        if total > most:
            raise CannotExport(
                "This is too much for an Excel file.",
                fields={
                    "written_as": f"With these columns an Excel file holds {number(most)} rows. Take CSV."
                },
            )
    same = Export.objects.filter(
        workspace=workspace, created_by=by, state=Export.State.MAKING, kind=kind, selection=dict(selection),
        columns=list(columns), format=written_as,
    ).first()  # fmt: skip
    if same is not None:  # pressed twice
        return same
    recent = Export.objects.filter(created_by=by, created_at__gt=timezone.now() - timedelta(days=1))
    if recent.count() >= A_DAY:
        raise CannotExport(
            f"You have had {A_DAY} exports made within a day. Fetch one of those, or wait until tomorrow."
        )
    export = Export.objects.create(
        workspace=workspace, kind=kind, title=title[:300], selection=dict(selection), columns=list(columns),
        format=written_as, total=total, created_by=by,
    )  # fmt: skip
    activity.record(
        workspace, "export.started", f"Had “{redact(export.title)}” exported.", actor=by, subject=export,
        after={"kind": kind, "columns": list(columns), "rows": total},
    )  # fmt: skip
    _record(export)
    return export


@transaction.atomic
def cancel_export(*, export: Export, by: User) -> None:
    if not Export.objects.filter(pk=export.pk, state=Export.State.MAKING).update(cancel_requested=True):
        raise CannotExport("This export is no longer being made.")
    waiting = OutboxEntry.objects.filter(
        task=EXPORT_TASK, subject_id=export.pk, state=OutboxEntry.State.WAITING
    ).exists()
    if waiting:
        export.move_to(Export.State.CANCELLED, finished_at=timezone.now())
        ExportPiece.objects.filter(of=export).delete()
    activity.record(
        export.workspace,
        "export.cancelled",
        f"Cancelled the export “{redact(export.title)}”.",
        actor=by,
        subject=export,
    )


@transaction.atomic
def make_again(*, export: Export, by: User) -> None:
    """Try one that has stopped once more."""
    export.move_to(Export.State.MAKING, note="", finished_at=None, cancel_requested=False, run=export.run + 1)
    activity.record(
        export.workspace,
        "export.started",
        f"Had “{redact(export.title)}” exported again.",
        actor=by,
        subject=export,
    )
    _record(export)


@transaction.atomic
def throw_away(*, export: Export, by: User) -> None:
    """The file goes; that there was one stays on record."""
    export.move_to(Export.State.EXPIRED, expires_at=timezone.now(), note=f"{by} threw the file away.")
    ExportPiece.objects.filter(of=export).delete()
    activity.record(
        export.workspace,
        "export.thrown_away",
        f"Threw the export “{redact(export.title)}” away.",
        actor=by,
        subject=export,
    )


@transaction.atomic
def fetch_export(*, export: Export, by: User) -> None:
    """Note who takes the file with them. Raises CannotExport when it is no longer there."""
    if export.state != Export.State.READY or (export.expires_at and export.expires_at <= timezone.now()):
        raise CannotExport("This file is no longer kept. Export it again.")
    if not ExportPiece.objects.filter(of=export, number=0).exists():
        # The pieces are unlogged: a crash of the database empties them.
        raise CannotExport("This file was lost when the database stopped. Export it again.")
    activity.record(
        export.workspace,
        "export.fetched",
        f"Downloaded the export “{redact(export.title)}”.",
        actor=by,
        subject=export,
    )


def sweep_exports() -> None:
    """Files whose time is over go; those whose work was set aside have stopped, and say so."""
    now = timezone.now()
    for export in Export.objects.filter(state=Export.State.READY, expires_at__lte=now)[:100]:
        try:
            with transaction.atomic():
                export.move_to(Export.State.EXPIRED)
                ExportPiece.objects.filter(of=export).delete()
        except CannotMove:
            continue
    for export in Export.objects.filter(state=Export.State.MAKING):
        entry = OutboxEntry.objects.filter(task=EXPORT_TASK, subject_id=export.pk).order_by("-id").first()
        if entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
            try:
                with transaction.atomic():
                    export.move_to(Export.State.FAILED, note=entry.note, finished_at=now)
                    ExportPiece.objects.filter(of=export).delete()
            except CannotMove:
                continue


def _record(export: Export) -> None:
    outbox.record(
        task=EXPORT_TASK, subject=export, effect=Effect.READ, workspace=export.workspace,
        order_key=f"export:{export.pk}", priority=OutboxEntry.Priority.BULK, payload={"run": export.run},
    )  # fmt: skip
