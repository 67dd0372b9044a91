import secrets
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts import vault
from accounts.models.workspaces import Workspace
from accounts.providers import PROVIDERS, open_provider, provider_class
from accounts.providers.base import Gate, Provider
from accounts.providers.capabilities import Capabilities


def provider_choices() -> list[tuple[str, str]]:
    """A function, so that one more provider changes no table."""
    return [(slug, slug) for slug in PROVIDERS]


def _webhook_token() -> str:
    return secrets.token_urlsafe(32)


def app_credentials(provider: str, base_url: str) -> dict[str, str]:
    """What this installation is known by at an address; empty values where it is not.

    Its secret is told to the provider alone, never to an address that somebody typed. The sandbox knows everybody.
    """
    cls = provider_class(provider)
    if base_url.startswith(f"{settings.SANDBOX_URL}/"):
        return dict.fromkeys(cls.app_credentials, "sandbox")
    is_theirs = base_url.rstrip("/") in ("", cls.default_base_url)
    given = settings.PROVIDER_APPS.get(provider, {}) if is_theirs else {}
    return {name: given.get(name, "") for name in cls.app_credentials}


class Connection(models.Model):
    """One account at one provider. Credentials and webhook secrets are sealed and never shown again."""

    class Status(models.TextChoices):
        CHECKING = "checking", "Checking"  # typed in, not saved yet; swept away after a day
        READY = "ready", "Connected"
        PAUSED = "paused", "Paused"  # by a person: work waits in order
        RECONNECT = "reconnect", "Needs reconnecting"  # credentials refused: work waits in order
        DISCONNECTED = "disconnected", "Disconnected"  # key forgotten; mirror and results stay

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="connections")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=30, choices=provider_choices)
    name = models.CharField(max_length=120)
    base_url = models.URLField(max_length=300, blank=True)
    sealed_credentials = models.TextField(editable=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.CHECKING)
    status_note = models.CharField(max_length=500, blank=True)
    status_at = models.DateTimeField(default=timezone.now)
    # The account behind the credentials, so that a new key of another account is noticed.
    fingerprint = models.CharField(max_length=200, blank=True)
    # AccountRecord, senders and rights as last read by a check.
    account = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    pulled_at = models.DateTimeField(null=True, blank=True)
    # Contacts changed over there have been followed up to this instant.
    followed_to_at = models.DateTimeField(null=True, blank=True)
    webhook_token = models.CharField(max_length=64, unique=True, default=_webhook_token, editable=False)
    sealed_webhook_secrets = models.TextField(blank=True, editable=False)
    # All that make up ours, joined by commas where the provider needs one for each kind of event.
    webhook_remote_id = models.CharField(max_length=1000, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "provider", "fingerprint"],
                condition=~Q(status="checking") & ~Q(fingerprint=""),
                name="connection_account_once",
            ),
        )
        indexes = (models.Index(fields=["workspace", "status"], name="connection_by_status"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("accounts:connection", args=[self.pk])

    # Secrets

    @property
    def credentials(self) -> dict[str, str]:
        """Raises vault.Locked without the key that sealed them."""
        return vault.unseal(self.sealed_credentials, place=f"connection:{self.uuid}:credentials")

    def set_credentials(self, values: Mapping[str, str]) -> None:
        self.sealed_credentials = vault.seal(dict(values), place=f"connection:{self.uuid}:credentials")

    @property
    def app_credentials(self) -> dict[str, str]:
        """What the installation adds, such as the client id of an OAuth app."""
        return app_credentials(self.provider, self.base_url)

    @property
    def webhook_secrets(self) -> list[str]:
        """Newest first. Of those we choose two are live, so that a change loses no call; a provider may choose more."""
        if not self.sealed_webhook_secrets:
            return []
        return vault.unseal(self.sealed_webhook_secrets, place=f"connection:{self.uuid}:webhook")

    def set_webhook_secrets(self, secrets_: list[str]) -> None:
        self.sealed_webhook_secrets = vault.seal(secrets_, place=f"connection:{self.uuid}:webhook")

    # What it is and may do

    @property
    def provider_class(self) -> type[Provider]:
        return provider_class(self.provider)

    @property
    def provider_name(self) -> str:
        return self.provider_class.name

    @property
    def capabilities(self) -> Capabilities:
        return self.provider_class.capabilities

    @property
    def is_working(self) -> bool:
        return self.status == self.Status.READY

    @property
    def is_saved(self) -> bool:
        return self.status != self.Status.CHECKING

    def open(self, *, gate: Gate | None = None) -> Provider:
        """The provider with this account's credentials. Raises vault.Locked."""
        from accounts.keyring import ConnectionKeyring
        from accounts.limits import ConnectionGate

        return open_provider(
            self.provider,
            base_url=self.base_url,
            credentials=self.app_credentials | self.credentials,
            gate=gate or ConnectionGate(self),
            keyring=ConnectionKeyring(self),
            private_addresses=settings.PRIVATE_ADDRESSES,
        )

    def adopt_tokens(self, other: "Connection") -> None:
        """Take the tokens that `other` got for the same account; its row goes with it."""
        from accounts.models.tokens import ConnectionTokens

        theirs = ConnectionTokens.objects.select_related("connection").filter(pk=other.pk).first()
        tokens = theirs.read() if theirs else None
        self.forget_tokens()
        if tokens:
            row = ConnectionTokens(connection=self)
            row.set(tokens)
            row.save(force_insert=True)

    def forget_tokens(self, *, wait: bool = True) -> None:
        """`wait`: for a worker that fetches new ones at this moment. Otherwise it forgets them itself, once disconnected."""
        from accounts.models.tokens import ConnectionTokens

        rows = ConnectionTokens.objects.filter(pk=self.pk)
        if not wait:
            rows = ConnectionTokens.objects.filter(pk__in=list(rows.select_for_update(skip_locked=True)))
        rows.delete()

    def set_status(self, status: "Connection.Status", note: str = "") -> bool:
        """Whether the status changed; writes it with its note and time."""
        now = timezone.now()
        changed = (
            Connection.objects.filter(pk=self.pk)
            .exclude(status=status)
            .update(status=status, status_note=note[:500], status_at=now)
        )
        if changed:
            self.status, self.status_note, self.status_at = status, note[:500], now
        return bool(changed)


class Pull(models.Model):
    """One walk over everything an account holds, resumable at the last page. Writes nothing over there."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Stopped"

    # Task names in order. Each lives in the app that owns the rows, so this list is the only thing joining them.
    STEPS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("audiences.pull_fields", "Fields"),
        ("audiences.pull_lists", "Folders and lists"),
        ("audiences.pull_leaves", "Leaves and blocks"),
        ("audiences.pull_contacts", "Contacts"),
        ("campaigns.pull_senders", "Senders and domains"),
        ("campaigns.pull_templates", "Templates"),
        ("campaigns.pull_campaigns", "Campaigns"),
        ("reporting.pull_figures", "Statistics"),
    )
    COUNTS: ClassVar[tuple[str, ...]] = (
        "read",
        "created",
        "changed",
        "unchanged",
        "rejected",
        "suppressed",
        "gathered",
    )

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="pulls")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    note = models.CharField(max_length=500, blank=True)
    # Index into STEPS of the step under way.
    step = models.PositiveSmallIntegerField(default=0)
    # Where the step under way goes on: whatever its mirror function stored.
    checkpoint = models.JSONField(default=dict, blank=True)
    # task → {"read": …, "created": …, …, "total": what the provider says there is, or null}
    counts = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="running"), name="pull_one_at_a_time"
            ),
        )
        indexes = (models.Index(fields=["connection", "-created_at"], name="pull_newest"),)

    def __str__(self) -> str:
        return f"Pull {self.pk} of {self.connection}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    def progress(self) -> list[dict[str, Any]]:
        """A row per step: task, label, state (done, running, waiting, stopped), counts and total."""
        rows = []
        for index, (task, label) in enumerate(self.STEPS):
            if index < self.step or self.state == self.State.DONE:
                state = "done"
            elif index == self.step:
                state = "running" if self.is_running else "stopped"
            else:
                state = "waiting"
            counts = self.counts.get(task, {})
            rows.append(
                {
                    "task": task,
                    "label": label,
                    "state": state,
                    "total": counts.get("total"),
                    **{name: counts.get(name, 0) for name in self.COUNTS},
                }
            )
        return rows
