"""An erased person out of the accounts that hold them."""

from datetime import timedelta

from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry
from accounts.providers.errors import Missing
from audiences.models import ErasedThere

# Some accounts take a deletion in later than they answer.
LOOK_AGAIN_SECONDS = 60
# After that a person looks.
PATIENCE = timedelta(hours=24)

State = ErasedThere.State


def erase_there(entry: OutboxEntry) -> outbox.Later | None:
    """Delete them in one account and see that they are gone; where it deletes nobody, block them and leave it to a person."""
    there, connection = entry.subject, entry.connection
    if not isinstance(there, ErasedThere) or connection is None or there.state != State.ASKED:
        return None
    provider = connection.open()
    if not provider.capabilities.deletes_contacts:
        provider.block_contact(email=there.remote_id)
        there.end(State.HELD)
        return None
    who = {"email" if "@" in there.remote_id else "remote_id": there.remote_id}
    provider.delete_contact(**who)
    try:
        provider.contact(**who)
    except Missing:
        there.end(State.GONE)
        return None
    if timezone.now() - entry.created_at > PATIENCE:
        there.end(State.HELD)
        return None
    return outbox.Later(LOOK_AGAIN_SECONDS, "Told. The account still shows them, so it is looked at again.")
