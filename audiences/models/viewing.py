"""What the page of all people is drawn with: how many there are, and which columns each member wants."""

from django.db import models
from django.utils import timezone

from accounts.models import Membership, Workspace


class PeopleCount(models.Model):
    """How many people a workspace has, counted in the background: no page waits for it."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="people_count"
    )
    people = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(default=timezone.now)
    # Many came or went since.
    is_stale = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.people} at {self.counted_at}"


class ContactColumns(models.Model):
    """Which columns a member looks at; see `audiences.queries.columns`."""

    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, primary_key=True, related_name="contact_columns"
    )
    columns = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "contact columns"

    def __str__(self) -> str:
        return f"columns of {self.membership_id}"
