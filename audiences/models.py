"""People and what groups them. Shaped for millions of rows: narrow, typed columns, counters elsewhere."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, Pull, User, Workspace


class Field(models.Model):
    """A property contacts have in a workspace. Standard ones live in columns of their own, others in `custom`."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        BOOLEAN = "boolean", "Yes or no"
        CHOICE = "choice", "Choice"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="fields")
    key = models.CharField(max_length=60)
    label = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEXT)
    choices = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "key"], name="field_key_once"),)
        ordering = ("label",)

    def __str__(self) -> str:
        return self.label

    @property
    def is_standard(self) -> bool:
        return self.key in Contact.STANDARD_FIELDS


class Contact(models.Model):
    """A person in a workspace, one per normalised address."""

    # Fields with a column of their own: key → label.
    STANDARD_FIELDS: ClassVar[dict[str, str]] = {
        "first_name": "First name",
        "last_name": "Last name",
        "language": "Language",
        "city": "City",
        "country": "Country",
        "phone": "Phone",
    }

    # No index of its own: those below begin with it, and each one more is written with every row.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="contacts", db_index=False
    )
    email = models.CharField(max_length=254)
    first_name = models.CharField(max_length=200, blank=True, default="")
    last_name = models.CharField(max_length=200, blank=True, default="")
    language = models.CharField(max_length=35, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    country = models.CharField(max_length=80, blank=True, default="")
    phone = models.CharField(max_length=40, blank=True, default="")
    # Field.key → value: text, number, "YYYY-MM-DD", true/false.
    custom = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    updated_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "email"], name="contact_address_once"),)
        indexes = (
            models.Index(fields=["workspace", "-id"], name="contact_newest"),
            # For the filter, and for naming the languages there are without reading everybody.
            models.Index(fields=["workspace", "language", "-id"], name="contact_by_language"),
            GinIndex(OpClass("email", name="gin_trgm_ops"), name="contact_email_trgm"),
            GinIndex(OpClass(models.F("first_name"), name="gin_trgm_ops"), name="contact_first_trgm"),
            GinIndex(OpClass(models.F("last_name"), name="gin_trgm_ops"), name="contact_last_trgm"),
            GinIndex(fields=["custom"], opclasses=["jsonb_path_ops"], name="contact_custom"),
        )

    def __str__(self) -> str:
        return self.email

    def get_absolute_url(self) -> str:
        return reverse("audiences:contact", args=[self.pk])

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def value(self, key: str) -> Any:
        """The value of a field by its key, standard or not; None when there is none."""
        if key in self.STANDARD_FIELDS:
            return getattr(self, key) or None
        return self.custom.get(key)


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


class Suppression(models.Model):
    """An address nobody in the workspace may write to. Lifted by a recorded consent only, never deleted."""

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
            models.Index(fields=["workspace", "-id"], name="suppression_newest"),
            models.Index(fields=["workspace"], condition=Q(is_pattern=True), name="suppression_patterns"),
            GinIndex(OpClass("email", name="gin_trgm_ops"), name="suppression_email_trgm"),
        )

    def __str__(self) -> str:
        return f"{self.email} ({self.reason})"


class Gathered(models.Model):
    """A membership read from an account in which each list has people of its own, until the walk is over."""

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="+", db_index=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    remote_id = models.CharField(max_length=500)
    email = models.CharField(max_length=1000)
    list_id = models.CharField(max_length=200)
    # on, left, pending, or nothing of these.
    status = models.CharField(max_length=10)
    blocked = models.BooleanField()
    fields = models.JSONField()
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["pull", "remote_id"], name="gathered_once"),)
        indexes = (models.Index(fields=["pull", "email"], name="gathered_by_email"),)

    def __str__(self) -> str:
        return f"{self.remote_id} in pull {self.pull_id}"


class Engagement(models.Model):
    """What one contact did over all campaigns; kept by the event roll-up, read by filters and pages."""

    contact = models.OneToOneField(
        Contact, on_delete=models.CASCADE, primary_key=True, related_name="engagement"
    )
    received = models.PositiveIntegerField(default=0, db_default=0)
    opens = models.PositiveIntegerField(default=0, db_default=0)
    clicks = models.PositiveIntegerField(default=0, db_default=0)
    # By people; machines are left out.
    last_open_at = models.DateTimeField(null=True, blank=True)
    last_click_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["last_click_at", "contact"], name="engagement_last_click"),)

    def __str__(self) -> str:
        return f"engagement of {self.contact_id}"
