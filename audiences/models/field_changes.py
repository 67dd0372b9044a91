from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.contacts import Field
from audiences.models.moving import Moving


class FieldChange(Moving):
    """The values of one field rewritten for everybody, in chunks by id. The field itself has changed before."""

    class Action(models.TextChoices):
        CONVERT = "convert", "Change the kind"
        CLEAR = "clear", "Take choices away"
        MERGE = "merge", "Merge into another field"
        DELETE = "delete", "Delete"

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        State.RUNNING: frozenset({State.DONE, State.FAILED}),
        # Tried again from where it stopped.
        State.FAILED: frozenset({State.RUNNING}),
        State.DONE: frozenset(),
    }

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="field_changes")
    # None: it is gone, by this.
    field = models.ForeignKey(
        Field, on_delete=models.SET_NULL, null=True, related_name="changes", db_index=False
    )
    action = models.CharField(max_length=10, choices=Action)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    # {"key", "label"} always; convert {"kind", "reading", "choices", "empties"}; clear {"choices"}; merge {"into"}.
    arguments = models.JSONField(default=dict)
    # The last contact done.
    checkpoint = models.BigIntegerField(default=0)
    # "changed", "emptied", "kept" (does not convert and came in meanwhile, or loses against the kept field).
    counts = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=Moving.NOTE_LETTERS, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["field"], condition=Q(state__in=["running", "failed"]), name="field_changed_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.arguments.get('label', '')}"
