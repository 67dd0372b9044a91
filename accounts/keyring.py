"""The tokens of a connection, one for all workers: renewed under a lock of their own, stored before it is given back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts.models import Connection
from accounts.models.tokens import ConnectionTokens
from accounts.providers.errors import Unauthorized
from accounts.providers.records import Tokens


class Disconnected(Unauthorized):
    """While new tokens were fetched, or before."""


class ConnectionKeyring:
    """The Keyring of one connection. Reads once, then remembers: threads that fetch pages stay off the database."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        row = ConnectionTokens.objects.select_related("connection").filter(pk=connection.pk).first()
        self._tokens = row.read() if row else None

    def tokens(self) -> Tokens | None:
        return self._tokens

    def renew(self, stale: Tokens | None, ask: Callable[[Tokens | None], Tokens]) -> Tokens:
        """The lock is held over the call: whoever waits for it finds new tokens and asks for none."""
        with _database_of_this_thread(), self._forgotten_where_disconnected():
            self._require_connected()
            ConnectionTokens.objects.get_or_create(connection=self.connection)
            with transaction.atomic():
                row = (
                    ConnectionTokens.objects.select_for_update(of=("self",))
                    .select_related("connection")
                    .get(pk=self.connection.pk)
                )
                tokens = row.read()
                if tokens is None or tokens == stale:
                    tokens = ask(tokens)
                    self._require_connected()  # while the account was asked it may have been disconnected
                    row.set(tokens)
                    row.renewed_at = timezone.now()
                    row.save(update_fields=["sealed", "renewed_at"])
                    self._forget_what_got_them()
        self._tokens = tokens
        return tokens

    def _require_connected(self) -> None:
        """Raises Disconnected where nobody wants this account's tokens any more; what was got is then not kept."""
        status = Connection.objects.filter(pk=self.connection.pk).values_list("status", flat=True).first()
        if status is None or status == Connection.Status.DISCONNECTED:
            raise Disconnected("This account was disconnected.")

    @contextmanager
    def _forgotten_where_disconnected(self) -> Iterator[None]:
        try:
            yield
        except Disconnected:
            ConnectionTokens.objects.filter(pk=self.connection.pk).delete()
            raise

    def _forget_what_got_them(self) -> None:
        connection = Connection.objects.get(pk=self.connection.pk)
        kept = dict(connection.provider_class.kept_credentials(connection.credentials))
        if kept != connection.credentials:
            connection.set_credentials(kept)
            self.connection.sealed_credentials = connection.sealed_credentials
            connection.save(update_fields=["sealed_credentials"])


@contextmanager
def _database_of_this_thread() -> Iterator[None]:
    """A thread that had no database connection leaves none behind."""
    had_one = database.connection is not None
    try:
        yield
    finally:
        if not had_one:
            database.close()
