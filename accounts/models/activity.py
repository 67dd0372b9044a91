from django.conf import settings
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.utils import timezone

from accounts.models.workspaces import Workspace


class ActivityEntry(models.Model):
    """Who did what to what, and when. Append-only (a trigger refuses changes), chained by hashes per workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="activity")
    at = models.DateTimeField(default=timezone.now)
    # None: the program itself, or a provider.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
    )
    actor_name = models.CharField(max_length=200)
    # "campaign.scheduled": the kind of object, then what happened to it.
    verb = models.CharField(max_length=60)
    sentence = models.CharField(max_length=500)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "activity entries"
        indexes = (
            models.Index(fields=["workspace", "-id"], name="activity_newest"),
            models.Index(fields=["object_type", "object_id", "-id"], name="activity_of_object"),
            # Into whom a contact was merged.
            models.Index(
                models.F("workspace"),
                KeyTransform("other", "before"),
                name="activity_merged",
                condition=models.Q(verb="contact.merged"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name}: {self.sentence}"
