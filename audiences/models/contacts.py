from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.urls import reverse
from django.utils import timezone

from accounts.models import Workspace
from accounts.names import Folded


class Field(models.Model):
    """A property contacts have in a workspace. Standard ones live in columns of their own, others in `custom`."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        BOOLEAN = "boolean", "Yes or no"
        CHOICE = "choice", "Choice"

    # Of a text in `custom`: longer ones belong into another system.
    MOST_LETTERS: ClassVar[int] = 2000

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="fields")
    key = models.CharField(max_length=60)
    label = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEXT)
    choices = models.JSONField(default=list, blank=True)
    # How values that come as text are read, where an account holds another kind; see `audiences.files.values`.
    reading = models.CharField(max_length=20, blank=True, default="", db_default="")
    # People who have a value, as last counted for all fields of the workspace at once.
    people_count = models.PositiveIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "key"], name="field_key_once"),)
        ordering = (Folded("label"), "id")

    def __str__(self) -> str:
        return self.label

    @property
    def is_standard(self) -> bool:
        return self.key in Contact.STANDARD_FIELDS

    @property
    def max_letters(self) -> int:
        """A text in this field has no more."""
        if not self.is_standard:
            return self.MOST_LETTERS
        return STANDARD_LETTERS[self.key]


class Contact(models.Model):
    """A person in a workspace, one per normalised address."""

    class Tracking(models.TextChoices):
        UNKNOWN = "unknown", "Not asked"
        GRANTED = "granted", "May be counted"
        DENIED = "denied", "Must not be counted"

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
    # Whether their opens and clicks may be counted; the newest consent for it says so.
    tracking = models.CharField(
        max_length=8, choices=Tracking, default=Tracking.UNKNOWN, db_default=Tracking.UNKNOWN
    )
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
            GinIndex(OpClass(Folded("first_name"), name="gin_trgm_ops"), name="contact_first_folded"),
            GinIndex(OpClass(Folded("last_name"), name="gin_trgm_ops"), name="contact_last_folded"),
            GinIndex(fields=["custom"], opclasses=["jsonb_path_ops"], name="contact_custom"),
            models.Index(fields=["id"], condition=models.Q(tracking="denied"), name="contact_uncounted"),
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


# Key of a field that every person has → how many letters it holds.
STANDARD_LETTERS: dict[str, int] = {
    field.name: field.max_length or 0
    for field in Contact._meta.concrete_fields
    if field.name in Contact.STANDARD_FIELDS
}


class FormerAddress(models.Model):
    """An address a person had before: what accounts tell of it is told of them. A contact that has it now goes first."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    email = models.CharField(max_length=254)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_addresses")
    created_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())

    class Meta:
        verbose_name_plural = "former addresses"
        constraints = (models.UniqueConstraint(fields=["workspace", "email"], name="former_address_once"),)
        indexes = (GinIndex(OpClass("email", name="gin_trgm_ops"), name="former_address_trgm"),)

    def __str__(self) -> str:
        return self.email


class Engagement(models.Model):
    """What one contact did over all campaigns; kept by the event roll-up, read by filters and pages."""

    contact = models.OneToOneField(
        Contact, on_delete=models.CASCADE, primary_key=True, related_name="engagement"
    )
    received = models.PositiveIntegerField(default=0, db_default=0)
    opens = models.PositiveIntegerField(default=0, db_default=0)
    clicks = models.PositiveIntegerField(default=0, db_default=0)
    # As accounts tell it of each person; None where they tell counts only.
    last_received_at = models.DateTimeField(null=True, blank=True)
    # By people; machines are left out.
    last_open_at = models.DateTimeField(null=True, blank=True)
    last_click_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["last_click_at", "contact"], name="engagement_last_click"),)

    def __str__(self) -> str:
        return f"engagement of {self.contact_id}"
