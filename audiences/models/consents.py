from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User, Workspace
from audiences.models.contacts import Contact
from audiences.models.lists import List


class ConsentBasis(models.Model):
    """What people were told and where they agreed: said once for everybody it holds for. Never changed."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="consent_bases")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    # The sentence they agreed to, if it is known.
    wording = models.TextField(blank=True, max_length=2000)
    source = models.CharField(max_length=300)
    # Who says so here; None when a program heard it itself.
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "consent bases"

    def __str__(self) -> str:
        return self.source


class ConsentQuerySet(models.QuerySet["Consent"]):
    def standing(self) -> Self:
        """What people said, without what an import or a bulk action said for them that was taken back."""
        undone = Consent.objects.filter(
            contact=OuterRef("contact"),
            basis=OuterRef("basis"),
            kind=Consent.Kind.UNDONE,
            pk__gt=OuterRef("pk"),
        )
        return self.exclude(kind=Consent.Kind.UNDONE).exclude(Exists(undone), kind=Consent.Kind.GIVEN)


class Consent(models.Model):
    """One person's yes, or the end of it. Rows are only added; they go when the person is erased."""

    class Kind(models.TextChoices):
        GIVEN = "given", "Given"
        WITHDRAWN = "withdrawn", "Taken back"
        # Nobody's word: what was given on the same basis counts no more.
        UNDONE = "undone", "Rolled back"

    class Purpose(models.TextChoices):
        MAIL = "mail", "To be written to"
        TRACKING = "tracking", "To have opens and clicks counted"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    basis = models.ForeignKey(ConsentBasis, on_delete=models.PROTECT, related_name="consents", db_index=False)
    # None: to be written to at all, whatever the list.
    list = models.ForeignKey(
        List, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.MAIL, db_default=Purpose.MAIL)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.GIVEN, db_default=Kind.GIVEN)
    # When the person said so, not when it was written down.
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())

    objects = ConsentQuerySet.as_manager()

    class Meta:
        # A list that goes again is looked for among all of them.
        indexes = (
            models.Index(fields=["list"], condition=models.Q(list__isnull=False), name="consent_of_list"),
        )

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.kind}"
