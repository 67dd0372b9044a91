from datetime import datetime

from django.db import models

from accounts import vault
from accounts.models.connections import Connection
from accounts.providers.records import Tokens


class ConnectionTokens(models.Model):
    """What an account gave for its credentials, sealed. A row of its own: its lock is held while new ones are fetched."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="stored_tokens"
    )
    sealed = models.TextField(blank=True, editable=False)
    renewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "connection tokens"

    def __str__(self) -> str:
        return f"tokens of {self.connection_id}"

    @property
    def place(self) -> str:
        return f"connection:{self.connection.uuid}:tokens"

    def read(self) -> Tokens | None:
        """Raises vault.Locked without the key that sealed them."""
        if not self.sealed:
            return None
        told = vault.unseal(self.sealed, place=self.place)
        expires_at = datetime.fromisoformat(told["expires_at"]) if told["expires_at"] else None
        return Tokens(told["access"], told["refresh"], expires_at, told["details"])

    def set(self, tokens: Tokens) -> None:
        told = {
            "access": tokens.access,
            "refresh": tokens.refresh,
            "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else None,
            "details": dict(tokens.details),
        }
        self.sealed = vault.seal(told, place=self.place)
