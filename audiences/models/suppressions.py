from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, User, Workspace
from audiences.models.contacts import Contact

# Tells one account of one person's.
BLOCK_TASK = "audiences.block"
# What the evidence says where somebody left by the page that mails of ours link to.
BY_OUR_PAGE = "by our page"


def told_by(evidence: Mapping[str, Any], account: object, member: object) -> str:
    """Who told it, in words: the account or the member, as a row or by name, where there is one."""
    return "The person" if evidence.get("said") == BY_OUR_PAGE else str(account or member or "Campanile")


class Suppression(models.Model):
    """An address nobody in the workspace may write to. Lifted by a recorded consent only, deleted only with an erased person."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "Left"
        COMPLAINED = "complained", "Complained"
        BOUNCED = "bounced", "Address does not exist"
        BLOCKED = "blocked", "Blocked in an account"  # the provider does not say why
        BY_HAND = "by_hand", "Suppressed by hand"

    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="suppressions", db_index=False
    )
    # An address, or a pattern with one `*` for anything: whoever matches has a row by name as well.
    email = models.CharField(max_length=254)
    is_pattern = models.BooleanField(default=False, db_default=False)
    # Resolved on arrival; comparing addresses at sending time would double its cost.
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="suppressions"
    )
    reason = models.CharField(max_length=12, choices=Reason)
    # The account that told us; None when a person here did.
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="suppressions"
    )
    at = models.DateTimeField(default=timezone.now)
    evidence = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    lift_evidence = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "email", "connection"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="suppression_once_per_source",
            ),
        )
        indexes = (
            models.Index(fields=["contact"], condition=Q(lifted_at=None), name="suppression_of_contact"),
            models.Index(fields=["workspace", "-at", "-id"], name="suppression_by_time"),
            models.Index(fields=["workspace"], condition=Q(is_pattern=True), name="suppression_patterns"),
            # Whether a fact is older than the consent that lifted its block.
            models.Index(
                fields=["workspace", "email"], condition=Q(lifted_at__isnull=False), name="suppression_lifted"
            ),
            GinIndex(OpClass("email", name="gin_trgm_ops"), name="suppression_email_trgm"),
        )

    def __str__(self) -> str:
        return f"{self.email} ({self.reason})"

    def get_absolute_url(self) -> str:
        return reverse("audiences:suppression", args=[self.pk])

    @property
    def told_by(self) -> str:
        return told_by(self.evidence, self.connection, self.created_by)
