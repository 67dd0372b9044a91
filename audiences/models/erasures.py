from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Connection, User, Workspace


class Erasure(models.Model):
    """Somebody who had everything about them removed. Only a keyed hash of the address is left, so that it stays so."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="erasures", db_index=False
    )
    # HMAC-SHA-256 of the normalised address under the workspace's own key, in hex; see audiences.erased.
    digest = models.CharField(max_length=64)
    # What was removed, table → rows; no word about whom.
    counts = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    # Of another address of the same person, erased with this one.
    part_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="parts")
    # A consent given anew after it, recorded by an approver.
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "digest"], name="erasure_once"),)

    def __str__(self) -> str:
        return self.digest[:12]


class ErasedThere(models.Model):
    """What became of somebody erased in one account that held them. Says nothing before the account has."""

    class State(models.TextChoices):
        ASKED = "asked", "Asked to delete them"
        GONE = "gone", "Deleted there"
        HELD = "held", "Still holds them"  # a person must delete them there
        SETTLED = "settled", "Deleted there by hand"
        RETURNED = "returned", "Came back before"  # whom the account holds now, it may hold

    # States in which somebody may say that it was done by hand: work that was set aside leaves one in ASKED.
    OPEN: ClassVar[tuple[str, ...]] = (State.ASKED, State.HELD)

    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="accounts")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    # Their id over there, or their address where an account knows them by it; emptied when they are gone.
    remote_id = models.CharField(max_length=254, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    state_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = (
            models.Index(fields=["-id"], condition=Q(state__in=["asked", "held"]), name="erased_there_open"),
        )

    def __str__(self) -> str:
        return f"{self.erasure} in {self.connection_id} ({self.state})"

    def end(self, state: str, *, by: User | None = None) -> bool:
        """Whether they still stood there. HELD keeps what a person finds them by."""
        values: dict[str, Any] = {"state": state, "state_at": timezone.now(), "by": by}
        if state != self.State.HELD:
            values["remote_id"] = ""
        if not ErasedThere.objects.filter(pk=self.pk, state=self.state).update(**values):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        return True
