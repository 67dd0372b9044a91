from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.contacts import Contact


class DuplicateSearch(models.Model):
    """The last look over all of a workspace for people who are here twice."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, related_name="duplicate_search", primary_key=True
    )
    # How often somebody has looked; pairs carry the number of the look that found them last.
    run = models.PositiveIntegerField(default=0)
    # Rules that are done of this run.
    step = models.PositiveSmallIntegerField(default=0)
    found = models.PositiveIntegerField(null=True, blank=True)
    # A rule found more pairs than are kept.
    is_capped = models.BooleanField(default=False)
    begun_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    begun_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"search {self.run} of {self.workspace_id}"


class DuplicatePair(models.Model):
    """Two contacts who are likely one person, the older one first."""

    # The surest first.
    class Reason(models.TextChoices):
        MAILBOX = "mailbox", "The same mailbox: only dots or what follows a + differ"
        NAME_AND_LOCAL = "name_local", "The same name, and the same part before the @"
        PHONE = "phone", "The same phone number"
        NAME_AND_CITY = "name_city", "The same name in the same city"
        NAME_AND_BIRTHDAY = "name_birthday", "The same name and birthday"

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="duplicate_pairs", db_index=False
    )
    contact_a = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact_b = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    reasons = ArrayField(models.CharField(max_length=20, choices=Reason))
    # The place of the strongest of them among the rules: what is surest comes first.
    rank = models.PositiveSmallIntegerField()
    run = models.PositiveIntegerField()
    # Somebody said that they are two people: kept, so that no later look brings them up again.
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["contact_a", "contact_b"], name="duplicate_pair_once"),
        )
        indexes = (
            models.Index(
                fields=["workspace", "rank", "id"], condition=Q(dismissed_at=None), name="duplicate_surest"
            ),
            models.Index(
                fields=["workspace", "rank", "id"],
                condition=Q(dismissed_at__isnull=False),
                name="duplicate_dismissed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.contact_a_id} and {self.contact_b_id}"
