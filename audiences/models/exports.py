from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.moving import Moving


class Export(Moving):
    """A file of rows as they were at one moment, made in the background, to be fetched until it expires."""

    class Kind(models.TextChoices):
        PEOPLE = "people", "People"
        SUPPRESSIONS = "suppressions", "Suppressions"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"

    class State(models.TextChoices):
        MAKING = "making", "Being made"
        READY = "ready", "Ready"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Stopped"
        EXPIRED = "expired", "Expired"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        State.MAKING: frozenset({State.READY, State.CANCELLED, State.FAILED}),
        # Thrown away early by a person, by time, or because somebody in it was erased.
        State.READY: frozenset({State.EXPIRED}),
        State.FAILED: frozenset({State.MAKING}),
        State.CANCELLED: frozenset(),
        State.EXPIRED: frozenset(),
    }
    GUARDS: ClassVar[tuple[str, ...]] = ("state", "run")

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="exports")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.PEOPLE)
    format = models.CharField(max_length=4, choices=Format, default=Format.CSV)
    state = models.CharField(max_length=10, choices=State, default=State.MAKING)
    # What a person reads: the list, the segment, the filters in words.
    title = models.CharField(max_length=300)
    # Which rows: People.as_json(), with {"ids": […]} for those ticked; or the filters of suppressions.
    selection = models.JSONField(default=dict)
    # Names of columns, in order; see audiences.exporting.columns.
    columns = models.JSONField(default=list)
    total = models.PositiveIntegerField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    note = models.CharField(max_length=Moving.NOTE_LETTERS, blank=True)
    # How many times its making was begun. Who still works on an earlier one has nothing to say.
    run = models.PositiveIntegerField(default=1, db_default=1)
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["workspace", "-id"], name="export_newest"),)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("audiences:export", args=[self.pk])

    @property
    def is_moving(self) -> bool:
        return self.state == self.State.MAKING


class ExportPiece(models.Model):
    """A piece of the file, compressed: any web machine can serve it, none has to keep it."""

    of = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["of", "number"], name="export_piece_once"),)

    def __str__(self) -> str:
        return f"piece {self.number} of {self.of_id}"
