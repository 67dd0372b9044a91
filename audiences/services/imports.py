"""What people do with imports: bring a file, match its columns, look, import, stop, take back."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity, days, outbox
from accounts.models import Membership, OutboxEntry, Role, User, Workspace
from accounts.providers.base import Effect
from accounts.redaction import redact
from accounts.refusals import CannotDo, CannotMove
from audiences import sets
from audiences.field_names import in_letters, label_of
from audiences.files import MAX_BYTES, values
from audiences.files.binary import refuse_binary
from audiences.files.unpacking import is_packed
from audiences.importing import bodies, new_fields, new_list
from audiences.importing.decisions import NEW_FIELD, Decisions
from audiences.importing.ending import leave_nothing
from audiences.importing.tables import Tables
from audiences.journal import forget_some
from audiences.models import ConsentBasis, Contact, Field, Import, ImportBody, List
from audiences.queries.fields import all_fields

# Transactions of one round of pruning.
PRUNED_AT_ONCE = 20
# An import nobody went on with.
OPEN_KEPT = timedelta(days=7)
# A file so small is looked at while it is uploaded.
LOOKED_AT_ONCE = 64 * 1024

State = Import.State
TASKS = {
    State.OPENING: ("audiences.open_import", Effect.READ),
    State.READING: ("audiences.read_import", Effect.READ),
    State.RUNNING: ("audiences.run_import", Effect.CONVERGE),
    State.UNDOING: ("audiences.undo_import", Effect.CONVERGE),
}
_OF_IMPORT = "j.step_id in (select id from audiences_importstep where of_id = %(import)s)"


class CannotImport(CannotDo):
    pass


@transaction.atomic
def begin_import(
    *,
    workspace: Workspace,
    by: User,
    name: str,
    blocks: Iterable[bytes],
    source: str = Import.Source.FILE,
    aim: str = Import.Aim.PEOPLE,
) -> tuple[Import, bool]:
    """Keep the file and have it opened. The same file while it is still open is the import there is: (it, False).

    Raises CannotDo for what is no table or holds no row; of larger files that is only told once they were opened.
    """
    from audiences.importing import opening

    # One of suppressions is another import than one of people, whatever the file.
    digest, size = sha256(b"" if aim == Import.Aim.PEOPLE else aim.encode()), 0
    mine = Import(
        workspace=workspace, source=source, aim=aim, name=_file_name(name), created_by=by, digest=""
    )

    def measured() -> Iterator[bytes]:
        nonlocal size
        for block in blocks:
            if not size and not is_packed(block):
                refuse_binary(block)
            size += len(block)
            if size > MAX_BYTES:
                raise CannotImport("This file is larger than 200 MB. Pack it as zip, or split it.")
            digest.update(block)
            yield block

    try:
        with transaction.atomic():
            # Stored before its digest is known: the file is read only once.
            mine.digest = f"new-{timezone.now().timestamp()}-{by.pk}"
            mine.save()
            bodies.store(mine, ImportBody.Part.ORIGINAL, measured())
            if not size:
                raise CannotImport("This file is empty. Choose another one.")
            if size < LOOKED_AT_ONCE and not is_packed(next(bodies.blocks(mine))):
                opening.look(mine, {})
            mine.digest, mine.size = digest.hexdigest(), size
            mine.save(update_fields=["digest", "size"])
    except IntegrityError as error:
        known = Import.objects.filter(
            workspace=workspace, digest=digest.hexdigest(), state__in=Import.OPEN
        ).first()
        if known is None:
            raise CannotImport(
                "This file has been imported just now. Upload it again if you want to."
            ) from error
        return known, False
    record(mine)
    return mine, True


@transaction.atomic
def open_again(
    *, mine: Import, encoding: str = "", delimiter: str = "", heading: int | None = None, sheet: str = ""
) -> None:
    """Read the file the way a person says it is written; `heading`: its line, 0 for none. Empty: guessed as before."""
    asked: dict[str, Any] = {
        name: value
        for name, value in (("encoding", encoding), ("delimiter", delimiter), ("sheet", sheet))
        if value
    }
    if heading is not None:
        asked["heading"] = heading
    lock(mine)
    if mine.state == State.READY:
        mine.move_to(State.MAPPING)
    # What was asked before stands again if nothing can be read that way.
    dialect = mine.dialect | {"asked": asked, "before": mine.dialect.get("asked", {})}
    mine.move_to(State.OPENING, dialect=dialect, version=mine.version + 1, note="")
    record(mine)


@transaction.atomic
def preview_import(*, mine: Import, by: User, version: int, decisions: Decisions) -> None:
    """Keep what was decided and work the preview out. Raises CannotImport with the field to look at."""
    lock(mine, version)
    mapping = _checked(mine, decisions)
    basis_needed = decisions.on_list is not None or bool(decisions.new_list.strip())
    consent_at = instant(decisions.consent_date)
    if decisions.resubscribes:
        _may_resubscribe(mine.workspace, by)
        if consent_at is None and not any(column["to"] == "consent_at" for column in mapping):
            raise CannotImport(
                "Say when they agreed again: whoever left after that day stays off the list.",
                fields={"consent_date": "The day they agreed again, or match a column that tells it."},
            )
    if basis_needed and not decisions.consent_source.strip():
        raise CannotImport(
            "Say where the consent comes from.",
            fields={"consent_source": "Where did these people agree to be written to?"},
        )
    mapping = new_fields.plan(mine, mapping)
    chosen, new_list_name = _list(mine.workspace, decisions)
    basis = _basis(mine, by, decisions) if basis_needed else None
    if mine.state == State.READY:
        mine.move_to(State.MAPPING)
    mine.move_to(
        State.READING, mapping=mapping, list=chosen, new_list=new_list_name, policy=decisions.policy, basis=basis,
        resubscribes=decisions.resubscribes and chosen is not None, consent_at=consent_at,
        version=mine.version + 1, checkpoint={}, preview={}, counts={}, note="",
    )  # fmt: skip
    record(mine)


@transaction.atomic
def start_import(*, mine: Import, by: User, version: int) -> None:
    """Import what the preview shows. Pressed twice, it is one import."""
    _hold_audience(mine)
    lock(mine, version)
    if mine.state in (State.RUNNING, State.DONE):
        raise CannotImport(f"It is {mine.get_state_display().lower()} already.")
    if mine.resubscribes:
        _may_resubscribe(mine.workspace, by)
    if mine.list is not None and mine.list.archived_at is not None:
        raise CannotImport(f"The list {mine.list} was archived meanwhile. Choose another one.")
    if taken := new_fields.make(mine):
        raise CannotImport(f"The field {taken[0]} was made meanwhile. Change the columns, and choose it.")
    new_list.make(mine)
    mine.move_to(State.RUNNING, started_at=timezone.now())
    activity.record(
        mine.workspace, "import.started", f"Started the import of {mine}.", actor=by, subject=mine,
        after={"list": mine.list_id, "policy": mine.policy, "resubscribes": mine.resubscribes, "preview": mine.preview},
    )  # fmt: skip
    record(mine)


def _hold_audience(mine: Import) -> None:
    """Where fields or a list come or go with it: before its row, as an erasure does. Else nobody waits for a chunk under way."""
    if mine.new_list or new_fields.planned(mine):
        sets.one_writer(mine.workspace)


@transaction.atomic
def change_columns(*, mine: Import) -> None:
    """Back from the preview to the columns."""
    lock(mine)
    mine.move_to(State.MAPPING, version=mine.version + 1)


@transaction.atomic
def cancel_import(*, mine: Import, by: User) -> None:
    """Stop after the chunk under way; what is imported stays, and can be taken back."""
    if mine.state == State.FAILED and mine.has_begun and mine.has_rows:
        _go_back_to(mine, State.RUNNING)  # to end it: the rows left out are still to be read from the file
    if mine.state in (State.READING, State.RUNNING):
        changed = Import.objects.filter(pk=mine.pk, state=mine.state).update(cancel_requested=True)
        if not changed:
            raise CannotImport("This import has already ended.")
        sentence = f"Asked the import of {mine} to stop."
    else:
        _hold_audience(mine)
        mine.move_to(State.CANCELLED, finished_at=timezone.now())
        if mine.has_begun:
            bodies.forget(mine)
        else:
            leave_nothing(mine)
        sentence = f"Cancelled the import of {mine}."
    activity.record(mine.workspace, "import.cancelled", sentence, actor=by, subject=mine)


@transaction.atomic
def undo_import(*, mine: Import, by: User) -> None:
    """Take back every field and membership that is still as the import left it."""
    lock(mine)
    if not mine.has_begun:
        raise CannotImport("Nothing was imported, so there is nothing to take back.")
    if mine.is_of_blocks:
        raise CannotImport("Blocks are not rolled back: each is lifted by a consent given after it.")
    if mine.has_lapsed or not mine.has_rows:
        raise CannotImport(
            "What was changed of whom is kept for 30 days: this import can no longer be rolled back."
        )
    mine.move_to(State.UNDOING, cancel_requested=False, undone={})
    activity.record(
        mine.workspace, "import.undo", f"Began to roll back the import of {mine}.", actor=by, subject=mine
    )
    record(mine)


@transaction.atomic
def go_on(*, mine: Import, by: User) -> None:
    """Try a stopped import again from where it stopped."""
    lock(mine)
    if mine.state != State.FAILED or mine.failed_in not in (State.READING, State.RUNNING, State.UNDOING):
        raise CannotImport("There is nothing to go on with. Upload the file again.")
    if mine.has_lapsed:
        raise CannotImport("This stopped more than 30 days ago. Upload the file again.")
    _go_back_to(mine, mine.failed_in)
    activity.record(
        mine.workspace, "import.resumed", f"Went on with the import of {mine}.", actor=by, subject=mine
    )


def _go_back_to(mine: Import, state: str) -> None:
    """Have a stopped one worked on again."""
    try:
        with transaction.atomic():
            mine.move_to(state, note="", finished_at=None, cancel_requested=False)
    except IntegrityError as error:
        raise CannotImport("The same file is being imported anew. Go on there.") from error
    record(mine)


def end_stuck_imports() -> int:
    """Imports whose work was set aside are over; say so."""
    from audiences.importing import running

    ended = 0
    for mine in Import.objects.filter(state__in=Import.MOVING).select_related("workspace"):
        entry = (
            OutboxEntry.objects.filter(subject_id=mine.pk, task=TASKS[State(mine.state)][0])
            .order_by("-id")
            .first()
        )
        if entry is not None and entry.state == OutboxEntry.State.SET_ASIDE:
            with suppress(CannotMove), transaction.atomic():
                # The next round finds it again: nobody is waited for here, else round after round would wait.
                if sets.only_writer(mine.workspace):
                    running.fail(mine, entry.note)
                    ended += 1
    return ended


def prune_imports() -> int:
    """Rows and journals are personal data: they go when nobody needs them any more. The numbers stay."""
    now = timezone.now()
    gone = 0
    idle = Q(state__in=[State.OPENING, State.MAPPING, State.READY], created_at__lt=now - OPEN_KEPT)
    stopped = Q(state=State.FAILED, counts={}, finished_at__lt=now - OPEN_KEPT)
    for mine in Import.objects.filter(idle | stopped).select_related("workspace")[:100]:
        with suppress(CannotMove), transaction.atomic():
            if sets.only_writer(mine.workspace):
                mine.move_to(State.CANCELLED, finished_at=now, note="Nobody went on with it for a week.")
                leave_nothing(mine)
                gone += 1
    # Of one that was cancelled while it was being unpacked, by a worker that was killed then.
    ImportBody.objects.filter(of__state=State.CANCELLED).delete()
    old = Import.objects.exclude(state__in=Import.MOVING).filter(
        finished_at__lt=Import.lapses_before(), has_rows=True
    )
    for _ in range(PRUNED_AT_ONCE):
        with transaction.atomic():
            ended = old.select_for_update(skip_locked=True).order_by("id").first()
            if ended is None:
                break
            if forget_some("audiences_importchange", _OF_IMPORT, {"import": ended.pk}):
                Tables(ended).drop()
                bodies.forget(ended)
                ended.steps.all().delete()
                Import.objects.filter(pk=ended.pk).update(has_rows=False)
                gone += 1
    return gone


def record(mine: Import) -> None:
    task, effect = TASKS[State(mine.state)]
    is_short = mine.state == State.OPENING
    outbox.record(
        task=task, subject=mine, effect=effect, workspace=mine.workspace, order_key=f"import:{mine.pk}",
        priority=OutboxEntry.Priority.INTERACTIVE if is_short else OutboxEntry.Priority.BULK,
    )  # fmt: skip


def lock(mine: Import, version: int | None = None) -> None:
    """Hold the row, as it is now. Raises CannotImport when somebody else decided meanwhile."""
    Import.objects.select_for_update().get(pk=mine.pk)
    mine.refresh_from_db()
    if version is not None and mine.version != version:
        raise CannotImport("Somebody changed this import while you were looking. Look again, then decide.")


def _file_name(name: str) -> str:
    """In one line, and without the address of whom the file may be about: viewers read it, and it stays."""
    cleaned = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    stem, dot, suffix = cleaned[-255:].rpartition(".")
    kept = f"{redact(stem)}{dot}{suffix}" if suffix.isalnum() and stem else redact(cleaned)
    return kept[-255:] or "Without a name"


def instant(day: date | None, *, field: str = "consent_date") -> datetime | None:
    if day is None:
        return None
    if sentence := days.refusal(day):
        raise CannotImport(sentence, fields={field: sentence})
    return datetime.combine(day, time(), UTC)


def _may_resubscribe(workspace: Workspace, by: User) -> None:
    membership = Membership.objects.filter(workspace=workspace, user=by).first()
    if membership is None or not membership.may(Role.APPROVER):
        raise CannotImport(
            "Only an approver may put people who left back on a list.",
            fields={"resubscribes": "This needs the role Approver."},
        )


def _checked(mine: Import, decisions: Decisions) -> list[dict[str, str]]:
    """The mapping, if each field is filled once, there is an address, and cells and fields are of one kind."""
    if len(decisions.mapping) != len(mine.columns):
        raise CannotImport("The columns of this file changed while you were looking. Look again.")
    kinds = dict(Field.objects.filter(workspace=mine.workspace).values_list("key", "kind"))
    mapping = [
        _fitting(column, kinds.get(column["to"], ""), of_file)
        for column, of_file in zip(decisions.mapping, mine.columns, strict=True)
    ]
    targets = [column["to"] for column in mapping]
    if "email" not in targets:
        raise CannotImport("Which column holds the addresses? Match one to “Address”.")
    errors = {}
    names = {in_letters(field.label): field.label for field in all_fields(mine.workspace)}
    for index, column in enumerate(mapping):
        target, reading = column["to"], column["as"]
        if target and target != NEW_FIELD and targets.index(target) != index:
            errors[f"to_{index}"] = "Another column fills this already."
        if target == NEW_FIELD and (known := names.get(in_letters(label_of(mine.columns[index]["name"])))):
            errors[f"to_{index}"] = (
                f"There is a field “{known}” already. Choose it, or name the column otherwise."
            )
        kind = values.READINGS[reading][1]
        if target == "consent_at" and kind != "date":
            errors[f"as_{index}"] = "Say how this column writes its dates."
        wanted = "text" if target in Contact.STANDARD_FIELDS else kinds.get(target, "")
        if wanted in ("number", "date", "boolean") and kind != wanted:
            label = Field.Kind(wanted).label.lower()
            errors[f"as_{index}"] = f"This field holds a {label}. Choose how the column writes it."
    if errors:
        raise CannotImport("Some columns do not fit yet.", fields=errors)
    # Text goes into a text field as it stands, whatever else it might be.
    return [
        column | {"as": "text"}
        if column["to"] in ("email", "consent_ip", *Contact.STANDARD_FIELDS)
        or kinds.get(column["to"]) in ("text", "choice")
        else column
        for column in mapping
    ]


def _fitting(column: dict[str, str], kind: str, of_file: Mapping[str, Any]) -> dict[str, str]:
    """With the reading that most cells allow, if the field holds another kind than is said; the few others are told."""
    best, share = of_file.get("best", {}).get(kind, ("", 0))
    return column | {"as": best} if share > 0.5 and values.READINGS[column["as"]][1] != kind else column


def _basis(mine: Import, by: User, decisions: Decisions) -> ConsentBasis:
    """The one of the preview before, if it says the same."""
    said = {
        "source": decisions.consent_source.strip(),
        "wording": decisions.consent_wording.strip(),
        "by": by,
    }
    known = ConsentBasis.objects.filter(imports=mine, **said).first()
    return known or ConsentBasis.objects.create(workspace=mine.workspace, **said)


def _list(workspace: Workspace, decisions: Decisions) -> tuple[List | None, str]:
    """The list, or the name of one that is made when the import starts. Raises CannotImport for nearly the name of one in use."""
    name = " ".join(decisions.new_list.split())
    if not name:
        return decisions.on_list, ""
    if decisions.on_list is not None:
        raise CannotImport(
            "One list, please.", fields={"new_list": "Choose a list, or name a new one; not both."}
        )
    in_use = workspace.lists.filter(archived_at=None).order_by("id").values_list("name", flat=True)
    if known := next((other for other in in_use if in_letters(other) == in_letters(name)), None):
        sentence = f"There is a list “{known}” already. Choose it above, or take another name."
        raise CannotImport(sentence, fields={"new_list": sentence})
    return None, name
