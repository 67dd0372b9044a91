from django.db import models
from django.utils import timezone

from accounts.models import User, Workspace


class Erasure(models.Model):
    """Somebody who had everything about them removed. Only a keyed hash of the address is left, so that it stays so."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="erasures", db_index=False
    )
    # HMAC-SHA-256 of the normalised address, in hex.
    digest = models.CharField(max_length=64)
    # What was removed, table → rows; no word about whom.
    counts = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    # A consent given anew after it, recorded by an approver.
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "digest"], name="erasure_once"),)

    def __str__(self) -> str:
        return self.digest[:12]
