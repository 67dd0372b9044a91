from django.db import models
from django.utils import timezone

from accounts.models.connections import Connection


class MirrorKind(models.IntegerChoices):
    """What a mirror row mirrors. Numbers are stored: never reuse one."""

    FIELD = 1
    FOLDER = 2
    LIST = 3
    CONTACT = 4
    SENDER = 5
    DOMAIN = 6
    TEMPLATE = 7
    CAMPAIGN = 8


class MirrorRow(models.Model):
    """Ours ⇄ theirs for one object in one connection, as both were when they last agreed.

    `object_id` is the id of our row of that kind; `digest` is of their record; `theirs` keeps the record where
    a page needs it (not for contacts: there are millions).
    """

    # No index of its own: both constraints begin with it, and each one more is written with every person.
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="mirror_rows", db_index=False
    )
    kind = models.PositiveSmallIntegerField(choices=MirrorKind)
    object_id = models.BigIntegerField()
    remote_id = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    digest = models.BinaryField(max_length=16, null=True)
    theirs = models.JSONField(null=True, blank=True)
    # The pull that saw it last; absence counts only after complete walks.
    seen_pull_id = models.BigIntegerField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="mirror_theirs_once"),
            models.UniqueConstraint(fields=["connection", "kind", "object_id"], name="mirror_ours_once"),
        )
        indexes = (models.Index(fields=["kind", "object_id"], name="mirror_of_object"),)

    def __str__(self) -> str:
        return f"{MirrorKind(self.kind).name.lower()} {self.object_id} ⇄ {self.remote_id}"
