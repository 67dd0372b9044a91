"""What happened to whom, and the counts drawn from it with the definition they follow."""

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import Connection, Workspace
from audiences.models import Contact
from campaigns.models import Campaign, Delivery


class InboxCall(models.Model):
    """A webhook call as it came: bytes first, meaning later. A repeated call has the same digest."""

    class State(models.TextChoices):
        NEW = "new", "New"
        APPLIED = "applied", "Applied"
        SET_ASIDE = "set_aside", "Not understood"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="inbox")
    body = models.BinaryField()
    digest = models.BinaryField(max_length=32)
    received_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())
    state = models.CharField(max_length=10, choices=State, default=State.NEW, db_default="new")
    note = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "digest"], name="inbox_call_once"),)
        indexes = (models.Index(fields=["connection", "id"], condition=Q(state="new"), name="inbox_new"),)

    def __str__(self) -> str:
        return f"call {self.pk} from {self.connection_id}"


class Event(models.Model):
    """A fact with its own time, partitioned by month of `at`. Unique by (key, at): a late repeat counts once."""

    class Kind(models.TextChoices):
        ACCEPTED = "accepted", "Handed over"
        DELIVERED = "delivered", "Delivered"
        DEFERRED = "deferred", "Delayed"
        SOFT_BOUNCED = "soft_bounced", "Bounced for now"
        HARD_BOUNCED = "hard_bounced", "Bounced for good"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        UNSUBSCRIBED = "unsubscribed", "Left"
        COMPLAINED = "complained", "Complained"
        BLOCKED = "blocked", "Blocked"

    workspace = models.ForeignKey(
        Workspace, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.DO_NOTHING, null=True, related_name="events", db_constraint=False
    )
    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, null=True, related_name="events", db_constraint=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, null=True, related_name="events", db_constraint=False
    )
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    is_machine = models.BooleanField(default=False)
    # False: found by reading back; it happened, at the latest, at `at`. Such events count people, never totals.
    is_exact = models.BooleanField(default=True, db_default=True)
    link = models.TextField(blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    key = models.BinaryField(max_length=16)
    received_at = models.DateTimeField(default=timezone.now, db_default=models.functions.Now())

    class Meta:
        # None by delivery: pages read figures, and each index costs the roll-up a quarter.
        indexes = (models.Index(fields=["contact", "at"], name="event_of_contact"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.contact_id} {self.at:%Y-%m-%d %H:%M}"


class Figures(models.Model):
    """Counts of one delivery from one source, at the moment they were read."""

    class Source(models.TextChoices):
        EVENTS = "events", "Campanile"  # counted here, person by person
        PROVIDER = "provider", "The account"  # as the provider counts

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="figures")
    source = models.CharField(max_length=10, choices=Source)
    read_at = models.DateTimeField()
    # Names of FiguresRecord → count; a name that is absent is not told by the source.
    counts = models.JSONField(default=dict)
    # The same where the source gives a share (0–1) and no count.
    rates = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta:
        verbose_name_plural = "figures"
        constraints = (
            models.UniqueConstraint(fields=["delivery", "source"], name="figures_once_per_source"),
        )

    def __str__(self) -> str:
        return f"{self.source} figures of {self.delivery_id}"


class LinkFigures(models.Model):
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="link_figures")
    source = models.CharField(max_length=10, choices=Figures.Source)
    url = models.TextField()
    clicks = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name_plural = "link figures"
        constraints = (
            models.UniqueConstraint(
                models.F("delivery"),
                models.F("source"),
                models.functions.MD5("url"),
                name="link_figures_once",
            ),
        )

    def __str__(self) -> str:
        return self.url


class DomainFigures(models.Model):
    """Counts per mailbox domain of the recipients."""

    # What the largest are found by; the index below holds it.
    DELIVERED = Cast(KT("counts__delivered"), models.IntegerField())

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="domain_figures")
    source = models.CharField(max_length=10, choices=Figures.Source)
    domain = models.CharField(max_length=254)
    counts = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "domain figures"
        constraints = (
            models.UniqueConstraint(fields=["delivery", "source", "domain"], name="domain_figures_once"),
        )
        indexes = (
            models.Index(
                models.F("delivery"),
                models.F("source"),
                Cast(KT("counts__delivered"), models.IntegerField()).desc(),
                name="domain_figures_largest",
            ),
        )

    def __str__(self) -> str:
        return self.domain


class SpanFigures(models.Model):
    """The time line: what happened to one delivery in five minutes, from events. Sparse: quiet spans have no row."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="span_figures")
    start_at = models.DateTimeField()
    delivered = models.PositiveIntegerField(default=0)
    opens = models.PositiveIntegerField(default=0)
    machine_opens = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "span figures"
        constraints = (models.UniqueConstraint(fields=["delivery", "start_at"], name="span_figures_once"),)

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.start_at:%Y-%m-%d %H:%M}"


class Seen(models.Model):
    """Who did what for the first time, per delivery and link: unique people are counted from rows that were new."""

    # Written a hundred thousand at a time: no check by the database, no index that the unique one makes needless.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=20)
    # A digest of the link, so that the index stays narrow; empty for all but clicks.
    link_digest = models.BinaryField(max_length=16, default=b"")
    is_machine = models.BooleanField(default=False)
    first_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "seen"
        constraints = (
            models.UniqueConstraint(
                fields=["delivery", "kind", "link_digest", "is_machine", "contact"], name="seen_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.contact_id} {self.kind} {self.delivery_id}"
