import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from accounts import vault


class Role(models.TextChoices):
    """What a member may do; each role may do what the ones before it may."""

    VIEWER = "viewer", "Viewer"  # reads, addresses masked
    EDITOR = "editor", "Editor"  # keeps lists, writes campaigns, sends tests
    APPROVER = "approver", "Approver"  # releases, schedules, cancels, settles
    ADMIN = "admin", "Admin"  # connects accounts, sets rules, invites people

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        return self.rank >= needed.rank


class Workspace(models.Model):
    """A brand or a client. Every row of work belongs to one, and no query crosses it."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    # Printed in the footer of every campaign; the law asks for it.
    postal_address = models.TextField(blank=True, max_length=500)
    # Where test mails go; one address a line.
    test_addresses = models.TextField(blank=True, max_length=2000)
    # Set after a database restore: sends wait until a person has looked.
    sending_locked = models.BooleanField(default=False)
    sending_locked_note = models.CharField(max_length=300, blank=True)
    # What addresses are hashed with that may be known again but not kept. Random, made when it is first needed; it
    # stays when the vault's keys change, for hashes cannot be made anew.
    sealed_hash_key = models.TextField(blank=True, editable=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

    def hash_key(self) -> bytes:
        """Raises vault.Locked without the vault's key."""
        place = f"workspace:{self.pk}:hash_key"
        with transaction.atomic():
            row = Workspace.objects.only("sealed_hash_key").get(pk=self.pk)
            if not row.sealed_hash_key:
                row = Workspace.objects.select_for_update().only("sealed_hash_key").get(pk=self.pk)
            if not row.sealed_hash_key:
                row.sealed_hash_key = vault.seal(secrets.token_hex(32), place=place)
                row.save(update_fields=["sealed_hash_key"])
        return bytes.fromhex(vault.unseal(row.sealed_hash_key, place=place))

    @property
    def test_recipients(self) -> list[str]:
        return [line.strip() for line in self.test_addresses.splitlines() if line.strip()]


class Membership(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "workspace"], name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} as {self.role}"

    def may(self, needed: Role) -> bool:
        return Role(self.role).covers(needed)


def _in_a_week() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """A way in for one address, good for a week and for one use. Only a digest of the token is kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=_in_a_week)
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at=None),
                name="invitation_open_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace} as {self.role}"

    @staticmethod
    def new_token() -> tuple[str, str]:
        """(token for the link, digest for the row)."""
        token = secrets.token_urlsafe(32)
        return token, Invitation.digest(token)

    @staticmethod
    def digest(token: str) -> str:
        return sha256(token.encode()).hexdigest()

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.expires_at > timezone.now()
