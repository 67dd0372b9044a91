from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.changes import Change, Changing
from audiences.models.consents import ConsentBasis
from audiences.models.lists import List

FRESH = timedelta(seconds=15)


def rows_in(counts: Mapping[str, int]) -> int:
    """The rows that have one of the outcomes."""
    return sum(counts.get(name, 0) for name in Import.Outcome.values)


class Import(Changing):
    """People, or suppressions, from a file, from pasted rows or typed in: matched, shown, imported; people also taken back."""

    class Source(models.TextChoices):
        FILE = "file", "File"
        PASTED = "pasted", "Pasted rows"
        BY_HAND = "by_hand", "Added by hand"

    class Aim(models.TextChoices):
        PEOPLE = "people", "People"
        SUPPRESSIONS = "suppressions", "Suppressions"  # cannot be rolled back: a consent lifts a block

    class State(models.TextChoices):
        OPENING = "opening", "Being opened"
        MAPPING = "mapping", "Columns to match"
        READING = "reading", "Being read"
        READY = "ready", "Ready to import"
        RUNNING = "running", "Being imported"
        DONE = "done", "Imported"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Stopped"
        UNDOING = "undoing", "Being rolled back"
        UNDONE = "undone", "Rolled back"

    class Policy(models.TextChoices):
        """What becomes of the fields of people who are here already. An empty cell never empties a field."""

        TAKE = "take", "Take the file’s values over"
        FILL = "fill", "Fill empty fields only"
        LEAVE = "leave", "Leave them as they are"

    class Outcome(models.TextChoices):
        """What becomes of a row: exactly one of these, so that they add up to the rows read."""

        NEW = "new", "New"
        CHANGED = "changed", "Changed"
        UNCHANGED = "unchanged", "Unchanged"
        DUPLICATE = "duplicate", "Twice in the file"
        INVALID = "invalid", "Invalid"
        LEFT = "left", "Left before"
        SUPPRESSED = "suppressed", "Suppressed"
        LIFTED = "lifted", "Lifted since"

    OUTCOMES: ClassVar[dict[str, dict[str, str]]] = {
        Aim.PEOPLE: {name: label for name, label in Outcome.choices if name != "lifted"},
        Aim.SUPPRESSIONS: {
            Outcome.NEW: "New",
            Outcome.UNCHANGED: "Known already",
            Outcome.DUPLICATE: "Twice in the file",
            Outcome.INVALID: "Invalid",
            Outcome.LIFTED: "Lifted since",
        },
    }
    # What a rejects file tells of, worst first.
    REJECTED: ClassVar[list[str]] = [Outcome.INVALID, Outcome.SUPPRESSED, Outcome.LIFTED]
    # Those have a file of their own: imported again, a row whose first one counts would write over that one, and of who
    # left the fields are imported.
    APART: ClassVar[list[str]] = [Outcome.LEFT, Outcome.DUPLICATE]
    LEFT_OUT: ClassVar[list[str]] = [*REJECTED, *APART]
    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        State.OPENING: frozenset({State.MAPPING, State.CANCELLED, State.FAILED}),
        # Opened again: in another encoding, or another sheet.
        State.MAPPING: frozenset({State.OPENING, State.READING, State.CANCELLED}),
        State.READING: frozenset({State.READY, State.CANCELLED, State.FAILED}),
        # Back to the columns, or on.
        State.READY: frozenset({State.MAPPING, State.READING, State.RUNNING, State.CANCELLED}),
        State.RUNNING: frozenset({State.DONE, State.CANCELLED, State.FAILED}),
        State.DONE: frozenset({State.UNDOING}),
        # What was imported until then can be taken back as well.
        State.CANCELLED: frozenset({State.UNDOING}),
        # Tried again from where it stopped.
        State.FAILED: frozenset(
            {State.OPENING, State.READING, State.RUNNING, State.UNDOING, State.CANCELLED}
        ),
        State.UNDOING: frozenset({State.UNDONE, State.FAILED}),
        State.UNDONE: frozenset(),
    }
    # The file is still wanted.
    OPEN: ClassVar[tuple[str, ...]] = (
        State.OPENING, State.MAPPING, State.READING, State.READY, State.RUNNING,
    )  # fmt: skip
    MOVING: ClassVar[tuple[str, ...]] = (State.OPENING, State.READING, State.RUNNING, State.UNDOING)

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="imports")
    aim = models.CharField(max_length=12, choices=Aim, default=Aim.PEOPLE, db_default=Aim.PEOPLE)
    source = models.CharField(max_length=10, choices=Source, default=Source.FILE)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.OPENING)
    # What a stopped one was doing, and why it stopped.
    failed_in = models.CharField(max_length=10, blank=True)
    note = models.CharField(max_length=Changing.NOTE_LETTERS, blank=True)
    # Grows with each decision; a button belongs to the version it was drawn from.
    version = models.PositiveIntegerField(default=1)

    # files.dialects.Dialect, plus
    # "sheets": the one that is read first;
    # "asked": what a person chose;
    # "before": what they had chosen before, while it is opened again;
    # "first", until the file goes: [line, beginning] of the rows one of which may be the heading.
    dialect = models.JSONField(default=dict, blank=True)
    # A column: {"name", "samples" (until the file goes), "as": the reading guessed, "best": Field.kind → [the reading of it
    # that most cells allow, the share that any of it allows], "addresses": the share of them}.
    columns = models.JSONField(default=list, blank=True)
    # Whether the same headings come again: then the mapping is remembered.
    header_digest = models.CharField(max_length=64, blank=True)
    # A column: {"to": "email", a field's key, "consent_at", "consent_ip" or "", "as": reading}; of suppressions
    # "to" is "email", "reason", "at" or "". "label": the field is made by this import.
    mapping = models.JSONField(default=list, blank=True)

    list = models.ForeignKey(List, on_delete=models.SET_NULL, null=True, blank=True, related_name="imports")
    # Of a list that this import makes when it starts.
    new_list = models.CharField(max_length=200, blank=True, default="", db_default="")
    policy = models.CharField(max_length=5, choices=Policy, default=Policy.TAKE)
    resubscribes = models.BooleanField(default=False)
    # When people agreed, or were blocked, where a row does not say.
    consent_at = models.DateTimeField(null=True, blank=True)
    # Why they were blocked, where a row does not say: Suppression.Reason.
    reason = models.CharField(max_length=12, blank=True, default="", db_default="")
    basis = models.ForeignKey(
        ConsentBasis, on_delete=models.PROTECT, null=True, blank=True, related_name="imports"
    )

    # "stage": the last line staged; "preview", "apply": the last line looked at; "undo": the last
    # person of a chunk that is taken back in parts.
    checkpoint = models.JSONField(default=dict, blank=True)
    # Outcome → rows, and "read"; of suppressions "people" too: who would be suppressed, and "odd_days": rows whose day
    # does not read. "left_changed": of those who
    # left, whose fields change.
    preview = models.JSONField(default=dict, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    # People: "people" gone again, "fields" and "lists" that are as before, "off" the list though they stay, "kept": changed
    # since. Labels of fields that came with it: "fields_gone", "fields_left".
    undone = models.JSONField(default=dict, blank=True)
    previewed_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Until then the rows can be looked at; after that the numbers stay.
    has_rows = models.BooleanField(default=False)

    class Meta:
        constraints = (
            # The same file twice at once is one import.
            models.UniqueConstraint(
                fields=["workspace", "digest"],
                condition=Q(state__in=["opening", "mapping", "reading", "ready", "running"]),
                name="import_same_file_once",
            ),
        )
        indexes = (
            models.Index(fields=["workspace", "-id"], name="import_newest"),
            models.Index(fields=["workspace", "header_digest", "-id"], name="import_by_header"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("audiences:import", args=[self.pk])

    @property
    def list_name(self) -> str:
        return str(self.list or self.new_list)

    @property
    def is_of_blocks(self) -> bool:
        return self.aim == self.Aim.SUPPRESSIONS

    @property
    def is_moving(self) -> bool:
        return self.state in self.MOVING

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def has_begun(self) -> bool:
        """Whether rows were imported."""
        return bool(self.counts)

    @property
    def is_fresh(self) -> bool:
        """Whether it has just come to where it stands: whoever waits for it wants to be led there."""
        moments = (self.created_at, self.previewed_at, self.finished_at)
        return timezone.now() - max(filter(None, moments)) < FRESH

    @property
    def state_label(self) -> str:
        if self.state == self.State.READY and not self.to_write:
            return "Nothing to import"
        return self.get_state_display()

    @property
    def to_write(self) -> int:
        """Rows of the preview, or of the result, that write something."""
        counts = self.counts or self.preview
        return sum(counts.get(name, 0) for name in ("new", "changed", "left_changed"))

    @property
    def rows_read(self) -> int | None:
        return (self.counts or self.preview).get("read")

    @property
    def people_made(self) -> int | None:
        return self.counts.get("new", 0) if self.counts else None

    @property
    def people_changed(self) -> int | None:
        return self.counts.get("changed", 0) if self.counts else None


class ImportBody(models.Model):
    """A piece of an uploaded file, compressed. Deleted as soon as its rows are imported; never served."""

    class Part(models.TextChoices):
        ORIGINAL = "original", "As uploaded"
        TEXT = "text", "Unpacked"

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="bodies", db_index=False)
    part = models.CharField(max_length=10, choices=Part)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["of", "part", "number"], name="import_body_once"),)

    def __str__(self) -> str:
        return f"{self.of_id}/{self.part}/{self.number}"


class ImportStep(models.Model):
    """One chunk that was imported, in one transaction."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="steps", db_index=False)
    last_line = models.BigIntegerField()
    # The database's clock in that transaction: who was made then, between these ids, was made by it.
    at = models.DateTimeField()
    first_contact = models.BigIntegerField(null=True)
    last_contact = models.BigIntegerField(null=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["of", "last_line"], name="import_step_once"),)

    def __str__(self) -> str:
        return f"{self.of_id} up to line {self.last_line}"


class ImportChange(Change):
    """What an import changed of somebody who was here already."""

    step = models.ForeignKey(ImportStep, on_delete=models.CASCADE, related_name="changes", db_index=False)
    # Not changed by it: values, a membership or, in a row that tells of neither, the person are of an earlier one that was
    # rolled back and became the word of this one.
    is_handed = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = (
            models.Index(fields=["step", "id"], name="import_change_in_order"),
            models.Index(fields=["contact_id"], name="import_change_of"),
            models.Index(fields=["step", "id"], condition=Change.LEFT_AS_IS, name="import_change_kept"),
        )

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.step_id}"
