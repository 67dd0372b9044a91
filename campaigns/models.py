"""What is written, to whom, from whom and when; and the machine that lets it leave once."""

import secrets
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, User, Workspace
from accounts.refusals import CannotMove
from audiences.models import Contact, List, Segment
from campaigns import merge_tags

MARKER_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_marker() -> str:
    """12 of [a-z0-9]: how an object of ours is found again in an account, at the end of its name there."""
    return "".join(secrets.choice(MARKER_ALPHABET) for _ in range(12))


class Sender(models.Model):
    """A From name and address. Whether an account may use it stands in its mirror row (`theirs.is_active`)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="senders")
    name = models.CharField(max_length=120)
    email = models.CharField(max_length=254)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["workspace", "email", "name"], name="sender_once"),)
        ordering = ("name", "email")

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class SendingDomain(models.Model):
    """A domain as one account sees it: owned, signed, and the DNS records it wants."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="sending_domains")
    name = models.CharField(max_length=253)
    is_verified = models.BooleanField(default=False)
    is_authenticated = models.BooleanField(default=False)
    dns = models.JSONField(default=list, blank=True)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "name"], name="sending_domain_once"),)

    def __str__(self) -> str:
        return self.name


class Content(models.Model):
    """What a mail says. Merge tags are Campanile's own: {{ contact.first_name|default:"friend" }}."""

    class Form(models.TextChoices):
        BLOCKS = "blocks", "Blocks"
        HTML = "html", "HTML"

    subject = models.CharField(max_length=250, blank=True)
    preview_text = models.CharField(max_length=250, blank=True)
    form = models.CharField(max_length=10, choices=Form, default=Form.BLOCKS)
    # Blocks as the form edits them; see campaigns.content for their shape. MJML is made from them and stored.
    blocks = models.JSONField(default=list, blank=True)
    mjml = models.TextField(blank=True)
    html = models.TextField(blank=True)

    class Meta:
        abstract = True

    CONTENT_FIELDS: ClassVar[tuple[str, ...]] = ("subject", "preview_text", "form", "blocks", "mjml", "html")

    def content(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.CONTENT_FIELDS}


class Template(Content):
    """Reusable content."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["workspace", "name"], name="template_by_name"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaigns:template", args=[self.pk])


class Campaign(Content):
    """What, to whom, from whom, when. Its status follows its latest delivery."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        ATTENTION = "attention", "Needs attention"
        SENT = "sent", "Sent"
        STOPPED = "stopped", "Stopped"  # ended before everybody got it
        CANCELLED = "cancelled", "Cancelled"  # nobody got it

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    lists = models.ManyToManyField(List, blank=True, related_name="campaigns")
    segments = models.ManyToManyField(Segment, blank=True, related_name="campaigns")
    sender = models.ForeignKey(
        Sender, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    reply_to = models.CharField(max_length=254, blank=True)
    # An instant plus the zone it was meant in; both empty: not decided.
    send_at = models.DateTimeField(null=True, blank=True)
    zone = models.CharField(max_length=64, blank=True)
    # Written over there, not here: read-only, with its results.
    is_imported = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (
            models.Index(fields=["workspace", "-updated_at", "-id"], name="campaign_newest"),
            models.Index(fields=["workspace", "status"], name="campaign_by_status"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("campaigns:campaign", args=[self.pk])

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT

    @property
    def is_editable(self) -> bool:
        """Imported drafts are the account's: shown here, written there."""
        return self.is_draft and not self.is_imported

    @property
    def is_moving(self) -> bool:
        """Whether the page should look again by itself."""
        return self.status in (
            self.Status.SCHEDULED,
            self.Status.SENDING,
            self.Status.PAUSED,
            self.Status.ATTENTION,
        )

    def latest_delivery(self) -> "Delivery | None":
        return self.deliveries.order_by("-generation", "-id").first()


class CampaignVersion(models.Model):
    """A saved state of a campaign: content, audience and sender as they were."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "number"], name="campaign_version_once"),)

    def __str__(self) -> str:
        return f"{self.campaign_id} v{self.number}"


class Delivery(models.Model):
    """The part of a campaign that goes through one connection, frozen when it was released.

    One per (campaign, connection, generation), for ever: one decision mails at most once.
    """

    class State(models.TextChoices):
        HELD = "held", "Held"  # a minute in which the release can be taken back without a trace over there
        PREPARING = "preparing", "Preparing"  # audience and draft are being made and read back
        READY = "ready", "Ready"  # the remote draft equals ours
        ARMED = "armed", "Arming"  # the call may have left: unknown until proven
        ACCEPTED = "accepted", "Accepted"  # the provider holds it with our instant
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        SENT = "sent", "Sent"
        UNKNOWN = "unknown", "Not known yet"  # looked up before anything is repeated
        ATTENTION = "attention", "Needs attention"  # waits for a person
        REFUSED = "refused", "Refused"  # the provider's no before anybody was mailed
        CANCELLED = "cancelled", "Cancelled"  # taken back before anybody was mailed
        STOPPED = "stopped", "Stopped"  # ended on the way: some got it

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        State.HELD: frozenset({State.PREPARING, State.CANCELLED, State.ATTENTION}),
        State.PREPARING: frozenset({State.READY, State.REFUSED, State.CANCELLED, State.ATTENTION}),
        # UNKNOWN: the account shows it beyond a draft, though we never told it; so it is after a restore.
        State.READY: frozenset(
            {State.ARMED, State.UNKNOWN, State.REFUSED, State.CANCELLED, State.ATTENTION}
        ),
        # READY: the provider said no to the arming call, provably.
        # ATTENTION: it was made otherwise than meant, and could not be taken back.
        State.ARMED: frozenset({State.ACCEPTED, State.UNKNOWN, State.READY, State.REFUSED, State.ATTENTION}),
        State.UNKNOWN: frozenset({State.READY, State.ACCEPTED, State.SENDING, State.SENT, State.ATTENTION}),
        State.ACCEPTED: frozenset({State.SENDING, State.SENT, State.CANCELLED, State.PAUSED, State.ATTENTION}),
        State.SENDING: frozenset({State.SENT, State.PAUSED, State.STOPPED, State.ATTENTION}),
        State.PAUSED: frozenset({State.SENDING, State.ACCEPTED, State.SENT, State.STOPPED, State.CANCELLED, State.ATTENTION}),
        # A person settled it: it went out, it did not, give up, or look again.
        State.ATTENTION: frozenset(
            {State.UNKNOWN, State.READY, State.PREPARING, State.ACCEPTED, State.SENDING, State.SENT, State.STOPPED, State.CANCELLED}
        ),
        State.SENT: frozenset(),
        State.REFUSED: frozenset(),
        State.CANCELLED: frozenset(),
        State.STOPPED: frozenset(),
    }  # fmt: skip

    # What a campaign's list entry says while its delivery is in a state.
    CAMPAIGN_STATUS: ClassVar[dict[str, str]] = {
        State.HELD: Campaign.Status.SCHEDULED,
        State.PREPARING: Campaign.Status.SCHEDULED,
        State.READY: Campaign.Status.SCHEDULED,
        State.ARMED: Campaign.Status.SCHEDULED,
        State.ACCEPTED: Campaign.Status.SCHEDULED,
        State.SENDING: Campaign.Status.SENDING,
        State.PAUSED: Campaign.Status.PAUSED,
        State.SENT: Campaign.Status.SENT,
        State.UNKNOWN: Campaign.Status.ATTENTION,
        State.ATTENTION: Campaign.Status.ATTENTION,
        State.REFUSED: Campaign.Status.DRAFT,
        State.CANCELLED: Campaign.Status.DRAFT,
        State.STOPPED: Campaign.Status.STOPPED,
    }

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="deliveries")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="deliveries")
    generation = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    state_at = models.DateTimeField(default=timezone.now)
    # Grows with every move; a worker that read an older one has lost.
    fence = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=500, blank=True)
    # The intent: random, made when the release was pressed, never again.
    marker = models.CharField(max_length=12, unique=True, default=new_marker, editable=False)

    # Frozen at release. HTML and text in Campanile's own merge tags, as approved.
    subject = models.CharField(max_length=250)
    preview_text = models.CharField(max_length=250, blank=True)
    html = models.TextField()
    text = models.TextField(blank=True)
    sender_name = models.CharField(max_length=120)
    sender_email = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True)
    fingerprint = models.CharField(max_length=200)
    audience = models.JSONField(default=dict)
    # Values of the workspace's own merge tags, so that a later change of address does not change this mail.
    literals = models.JSONField(default=dict)
    # Term → number of people, as the review page showed them at release, and as they were when frozen.
    equation = models.JSONField(default=dict)
    send_at = models.DateTimeField()
    zone = models.CharField(max_length=64)
    released_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    # What was made over there, each stored before the next step.
    frozen_at = models.DateTimeField(null=True, blank=True)
    remote_list_id = models.CharField(max_length=100, blank=True)
    # Recipients up to this id were handed over; the references are the provider's processes that take them in.
    handed_over_to_id = models.BigIntegerField(default=0)
    handing_references = models.JSONField(default=list, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    remote_id = models.CharField(max_length=100, blank=True)
    # The first instant at which a remote campaign of ours can exist: how far back a look must go.
    creating_at = models.DateTimeField(null=True, blank=True)
    armed_at = models.DateTimeField(null=True, blank=True)
    # The instant given to the provider: send_at, or a little later when preparing took long.
    armed_for_at = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)
    next_look_at = models.DateTimeField(null=True, blank=True)
    # The provider's last word and when it was read.
    remote_status = models.CharField(max_length=40, blank=True)
    remote_read_at = models.DateTimeField(null=True, blank=True)
    # How many it says were mailed so far, where it tells of no person.
    sent_there = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # A person let this go in spite of the lateness limit.
    late_release_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=["campaign", "connection", "generation"], name="delivery_once"),
        )
        indexes = (
            models.Index(fields=["connection", "remote_id"], name="delivery_by_remote_id"),
            models.Index(
                fields=["state", "state_at"],
                condition=~Q(state__in=["sent", "refused", "cancelled", "stopped"]),
                name="delivery_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.campaign} through {self.connection} ({self.state})"

    def move_to(self, new: str, *, note: str = "", **values: Any) -> None:
        """Change the state if nobody moved the row since we read it. Raises CannotMove; then make no call."""
        old = self.state
        values |= {"state": new, "state_at": timezone.now(), "fence": self.fence + 1, "note": note[:500]}
        rows = Delivery.objects.filter(pk=self.pk, state=old, fence=self.fence)
        if new not in self.MOVES[old] or not rows.update(**values):
            raise CannotMove(old, new)
        for name, value in values.items():
            setattr(self, name, value)
        Campaign.objects.filter(pk=self.campaign_id).update(
            status=self.CAMPAIGN_STATUS[new], updated_at=timezone.now()
        )

    def store(self, **values: Any) -> None:
        """Remember a step within a state. Raises CannotMove when the row has moved since."""
        if not Delivery.objects.filter(pk=self.pk, state=self.state, fence=self.fence).update(**values):
            raise CannotMove(self.state, self.state)
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def shown_subject(self) -> str:
        """As somebody reads it of whom nothing is known."""
        return merge_tags.render(self.subject, {}, html=False)

    @property
    def remote_name(self) -> str:
        """The name of what we make over there; the marker at its end finds it again."""
        return f"{self.campaign.name[:90]} · {self.marker}"

    @property
    def order_key(self) -> str:
        """All work of one campaign in one account goes one after the other, over generations."""
        return f"delivery:{self.campaign_id}:{self.connection_id}"

    @property
    def planned_on(self) -> date:
        """The partition its recipients are in."""
        return (self.frozen_at or timezone.now()).date()

    def ledger(self) -> "models.QuerySet[Recipient]":
        """Its recipients, read from one partition."""
        return Recipient.objects.filter(delivery=self, planned_on=self.planned_on)

    @property
    def is_over(self) -> bool:
        return not self.MOVES[self.state]

    @property
    def is_late(self) -> bool:
        limit = timedelta(seconds=settings.LATENESS_LIMIT_SECONDS)
        return self.late_release_at is None and timezone.now() > self.send_at + limit

    @property
    def held_until_at(self) -> datetime:
        return self.created_at + timedelta(seconds=settings.HOLD_SECONDS)


class Recipient(models.Model):
    """One contact in one delivery: the ledger row. Partitioned by month of `planned_on`."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        EXCLUDED = "excluded", "Left out"  # the reason says which term of the equation
        HANDED_OVER = "handed_over", "Handed over"
        DELIVERED = "delivered", "Delivered"
        BOUNCED = "bounced", "Bounced"
        REFUSED = "refused", "Refused"
        UNKNOWN = "unknown", "Not known"

    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, related_name="recipients", db_constraint=False
    )
    # The month the delivery was frozen in; the same for all rows of a delivery.
    planned_on = models.DateField()
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, null=True, related_name="receptions", db_constraint=False
    )
    email = models.CharField(max_length=254)
    state = models.CharField(max_length=12, choices=State, default=State.PLANNED)
    reason = models.CharField(max_length=200, blank=True, default="")
    changed_at = models.DateTimeField(default=timezone.now)
    first_open_at = models.DateTimeField(null=True, blank=True)
    first_machine_open_at = models.DateTimeField(null=True, blank=True)
    first_click_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["delivery", "state", "id"], name="recipient_by_state"),
            models.Index(fields=["contact", "-id"], name="recipient_of_contact"),
        )

    def __str__(self) -> str:
        return f"{self.email}: {self.state}"


class TestSend(models.Model):
    """One click on *Send test*: mailed at most once, shown on the compose page, counted in no report."""

    __test__ = False  # not for pytest

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"  # the draft over there is being made
        SENDING = "sending", "Sending"  # the call may have left: never repeated
        SENT = "sent", "Sent"
        REFUSED = "refused", "Refused"  # the provider's no, address by address or as a whole
        UNKNOWN = "unknown", "Not known"  # no usable answer came

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="test_sends")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    emails = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # The draft over there is kept and used again by the next test of the campaign in this account.
    marker = models.CharField(max_length=12, default=new_marker, editable=False)
    remote_id = models.CharField(max_length=100, blank=True)
    # A list over there of just the testers, or of nobody where a draft needs one.
    remote_list_id = models.CharField(max_length=100, blank=True)
    # The first instant at which the draft can exist: how far back a look must go.
    creating_at = models.DateTimeField(null=True, blank=True)
    # Address → why the provider turned it away.
    refused = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["campaign", "-id"], name="test_send_newest"),
            models.Index(fields=["connection", "marker"], name="test_send_by_marker"),
        )

    def __str__(self) -> str:
        return f"Test of {self.campaign} ({self.state})"

    @property
    def is_over(self) -> bool:
        return self.state not in (self.State.WAITING, self.State.SENDING)

    @property
    def remote_name(self) -> str:
        return f"Test · {self.campaign.name[:80]} · {self.marker}"

    def store(self, *, only_from: str | None = None, **values: Any) -> bool:
        """Whether the row still was in `only_from` (any state by default) and took the values."""
        rows = TestSend.objects.filter(pk=self.pk, **({"state": only_from} if only_from else {}))
        if not rows.update(**values):
            return False
        for name, value in values.items():
            setattr(self, name, value)
        return True
