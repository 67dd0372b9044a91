from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.changes import Change, Changing
from audiences.models.consents import ConsentBasis


class BulkAction(Changing):
    """One thing done to many people, in the background, in chunks by id."""

    class Action(models.TextChoices):
        ADD_TO_LIST = "add_to_list", "Add to a list"
        REMOVE_FROM_LIST = "remove_from_list", "Take off a list"
        TAG = "tag", "Tag"
        UNTAG = "untag", "Take a tag off"
        SET_FIELD = "set_field", "Set a field"
        SUPPRESS = "suppress", "Suppress"

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Stopped"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        State.RUNNING: frozenset({State.DONE, State.CANCELLED, State.FAILED}),
        # Tried again from where it stopped, left at that, or taken back.
        State.FAILED: frozenset({State.RUNNING, State.CANCELLED, State.UNDOING, State.UNDONE}),
        State.DONE: frozenset({State.UNDOING}),
        State.CANCELLED: frozenset({State.UNDOING}),
        State.UNDOING: frozenset({State.UNDONE, State.FAILED}),
        State.UNDONE: frozenset(),
    }
    MOVING: ClassVar[tuple[str, ...]] = (State.RUNNING, State.UNDOING)
    # The outcome of those of whom something was changed.
    WRITTEN: ClassVar[dict[str, str]] = {
        Action.ADD_TO_LIST: "added", Action.REMOVE_FROM_LIST: "removed", Action.TAG: "tagged", Action.UNTAG: "untagged",
        Action.SET_FIELD: "changed", Action.SUPPRESS: "suppressed",
    }  # fmt: skip

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="bulk_actions")
    action = models.CharField(max_length=20, choices=Action)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    # Whom: People.as_json(), and {"ids": […]} for rows that were ticked.
    people = models.JSONField()
    # With what: {"list": id} {"tag": id} {"field": key, "value": …} {"reason": text}
    arguments = models.JSONField(default=dict)
    # Where the consent of those put on a list comes from.
    basis = models.ForeignKey(
        ConsentBasis, on_delete=models.PROTECT, null=True, blank=True, related_name="bulk_actions"
    )
    # People meant when it began; those whose turn is over; and outcome → people, which adds up to `done`.
    total = models.PositiveIntegerField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    # The last contact done, or undone, and the last one there was when it began: who comes later is not meant.
    checkpoint = models.BigIntegerField(default=0)
    until = models.BigIntegerField()
    cancel_requested = models.BooleanField(default=False)
    # Whether what it changed is still written down, so that it can be undone and its people be found.
    has_journal = models.BooleanField(default=False, db_default=False)
    # "back": people who have what they had before; "kept": those of whom it had changed since.
    undone = models.JSONField(default=dict, db_default={}, blank=True)
    # What a stopped one was doing, and why it stopped.
    failed_in = models.CharField(max_length=10, blank=True, default="", db_default="")
    note = models.CharField(max_length=Changing.NOTE_LETTERS, blank=True)
    # One for each form that was shown: pressed twice, it is one action.
    nonce = models.CharField(max_length=40, blank=True, default="", db_default="")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["workspace", "-id"], name="bulk_newest"),)
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "nonce"], condition=~models.Q(nonce=""), name="bulk_once"
            ),
        )

    def __str__(self) -> str:
        return self.get_action_display()

    def get_absolute_url(self) -> str:
        return reverse("audiences:bulk_action", args=[self.pk])

    @property
    def is_moving(self) -> bool:
        return self.state in self.MOVING

    @property
    def is_being_undone(self) -> bool:
        return self.state == self.State.UNDOING

    @property
    def knows_whom(self) -> bool:
        """Whether those it changed can be found. Not while that is taken back, or goes on."""
        was_undoing = self.state == self.State.FAILED and self.failed_in == self.State.UNDOING
        return (
            self.has_journal
            and not self.has_lapsed
            and self.done > 0
            and self.State.UNDOING in self.MOVES[self.state]
            and not was_undoing
        )

    @property
    def can_be_undone(self) -> bool:
        """Not twice: one that stopped while it was undone goes on instead. A block is lifted person by person."""
        return self.changed > 0 and self.knows_whom and self.action != self.Action.SUPPRESS

    @property
    def changed(self) -> int:
        """How many people it changed something of."""
        return int(self.counts.get(self.WRITTEN[self.action], 0))


class BulkChange(Change):
    """What a bulk action changed of one person; of a tag, that it was put on or taken off."""

    of = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="changes", db_index=False)
    # The database's clock in that transaction: what carries it was made by it.
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["of", "contact_id"], name="bulk_change_once"),)
        indexes = (models.Index(fields=["of", "id"], condition=Change.LEFT_AS_IS, name="bulk_change_kept"),)

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.of_id}"


class BulkOutcome(models.Model):
    """Those of one chunk of whom a bulk action changed nothing, by why. Kept as long as its journal."""

    of = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    outcome = models.CharField(max_length=20)
    contact_ids = ArrayField(models.BigIntegerField())
    # Between which ids they are: a page asks of one after the other, and unpacks no chunk but theirs.
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    # How many they were: some may be erased or merged since.
    many = models.PositiveIntegerField()

    class Meta:
        indexes = (models.Index(fields=["of", "outcome", "last"], name="bulk_outcome_of"),)

    def __str__(self) -> str:
        return f"{self.outcome} in {self.of_id}"
