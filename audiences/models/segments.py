from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, Workspace


class Segment(models.Model):
    """A saved rule over people; who is in it is worked out when it is asked."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="segments", db_index=False
    )
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=1000)
    # As `audiences.rules` reads it.
    rule = models.JSONField()
    # People in it who may be written to, as last counted.
    mailable_count = models.PositiveIntegerField(null=True, blank=True)
    # Of these, those a campaign to it may go to: on a list, or with a consent on record and no list left.
    agreed_count = models.PositiveIntegerField(null=True, blank=True)
    # Of the others, those who left a list and are on none now.
    left_count = models.PositiveIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "workspace", Lower("name"), condition=Q(archived_at=None), name="segment_name_once"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("audiences:segment", args=[self.pk])
