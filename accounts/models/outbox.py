from typing import Any, ClassVar

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.connections import Connection
from accounts.models.workspaces import Workspace
from accounts.providers.base import Effect


class OutboxEntry(models.Model):
    """One thing that must leave, or be read: durable, claimed, retried by verdict, never lost."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"  # until not_before
        CLAIMED = "claimed", "Under way"  # by one worker, until leased_until
        DONE = "done", "Done"
        SET_ASIDE = "set_aside", "Set aside"  # needs a person; the note says why
        CANCELLED = "cancelled", "Cancelled"  # no longer wanted

    OPEN: ClassVar[tuple[str, ...]] = (State.WAITING, State.CLAIMED)

    class Priority(models.IntegerChoices):
        """Smaller goes first."""

        SUPPRESS = 0
        SEND = 10
        INTERACTIVE = 20
        BULK = 30

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox"
    )
    task = models.CharField(max_length=80)
    effect = models.CharField(max_length=10, choices=[(effect.value, effect.value) for effect in Effect])
    subject_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    subject_id = models.BigIntegerField()
    subject = GenericForeignKey("subject_type", "subject_id")
    # Further ids the work needs; never addresses or secrets.
    payload = models.JSONField(default=dict, blank=True)
    order_key = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.INTERACTIVE)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    not_before = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    # Raised by every claim; what was learned under an older fence is dropped.
    fence = models.PositiveBigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    # The last run may have done its work unseen: read back before repeating.
    must_look = models.BooleanField(default=False)
    failing_since_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "outbox entries"
        constraints = (
            # One row per order key in flight, whoever claims it.
            models.UniqueConstraint(
                fields=["order_key"], condition=Q(state="claimed"), name="outbox_in_order"
            ),
        )
        indexes = (
            models.Index(
                fields=["priority", "not_before", "id"], condition=Q(state="waiting"), name="outbox_due"
            ),
            models.Index(fields=["leased_until"], condition=Q(state="claimed"), name="outbox_leases"),
            models.Index(fields=["order_key", "id"], condition=Q(state="waiting"), name="outbox_order"),
            models.Index(fields=["subject_type", "subject_id"], name="outbox_subject"),
            models.Index(
                fields=["workspace", "-id"], condition=Q(state="set_aside"), name="outbox_set_aside"
            ),
        )

    def __str__(self) -> str:
        return f"{self.task} #{self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class OutboxAttempt(models.Model):
    """One run of an entry and how it ended. An attempt without an end was cut off."""

    entry = models.ForeignKey(OutboxEntry, on_delete=models.CASCADE, related_name="attempt_rows")
    fence = models.PositiveBigIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["entry", "fence"], name="attempt_once_per_fence"),)

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.fence} {self.outcome or 'cut off'}"

    def end(self, outcome: str, detail: str = "") -> None:
        values: dict[str, Any] = {"ended_at": timezone.now(), "outcome": outcome, "detail": detail[:500]}
        OutboxAttempt.objects.filter(pk=self.pk).update(**values)
