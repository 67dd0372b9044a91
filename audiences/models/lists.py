from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, Pull, Workspace
from audiences.models.contacts import Contact


class Folder(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "name"], name="folder_name_once"),)

    def __str__(self) -> str:
        return self.name


class List(models.Model):
    """A named set of contacts, the workspace's own; an account may hold a mirror of it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="lists")
    folder = models.ForeignKey(Folder, on_delete=models.SET_NULL, null=True, blank=True, related_name="lists")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=1000)
    # Stored counts, worked out set-wise after each pull or change, with their time.
    subscribed_count = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["workspace", "name"], name="list_by_name"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("audiences:list", args=[self.pk])


class Subscription(models.Model):
    """One contact on one list."""

    class Status(models.TextChoices):
        SUBSCRIBED = "subscribed", "Subscribed"
        PENDING = "pending", "Not confirmed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"  # left this list; may be on others
        REMOVED = "removed", "Removed"  # taken off the list by somebody; not a leave

    list = models.ForeignKey(List, on_delete=models.CASCADE, related_name="subscriptions", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=12, choices=Status, default=Status.SUBSCRIBED)
    # Where it comes from: connection, event, time as told there. What a person can be shown as proof.
    evidence = models.JSONField(default=dict, db_default={}, blank=True)
    changed_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    created_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["list", "contact"], name="subscription_once"),)
        indexes = (
            models.Index(
                fields=["list", "contact"], condition=Q(status="subscribed"), name="subscription_active"
            ),
        )

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.list_id}: {self.status}"


class Gathered(models.Model):
    """A membership read from an account in which each list has people of its own, until the walk is over."""

    # Without checks by the database: rows live as long as one walk, and to check each costs as much as to write it.
    pull = models.ForeignKey(
        Pull, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    remote_id = models.CharField(max_length=500)
    # In its normal form; empty for whoever is turned away.
    email = models.CharField(max_length=1000)
    list_id = models.CharField(max_length=200)
    # on, left, pending, or nothing of these.
    status = models.CharField(max_length=10)
    blocked = models.BooleanField()
    # Field.key → value.
    fields = models.JSONField()
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["pull", "remote_id"], name="gathered_once"),)
        indexes = (models.Index(fields=["pull", "email"], name="gathered_by_email"),)

    def __str__(self) -> str:
        return f"{self.remote_id} in pull {self.pull_id}"
