from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from accounts.models import Workspace
from audiences.models.contacts import Contact


class Tag(models.Model):
    """A word people are marked with."""

    MOST_LETTERS: ClassVar[int] = 60

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=MOST_LETTERS)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint("workspace", Lower("name"), name="tag_name_once"),)
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Tagging(models.Model):
    """One tag on one contact. A table: an array on the contact would rewrite the row and all its index entries."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="taggings")
    created_at = models.DateTimeField(default=timezone.now, db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["tag", "contact"], name="tagging_once"),)

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.contact_id}"
