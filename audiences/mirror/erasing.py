"""An erased person out of the accounts that hold them."""

from accounts.models import OutboxEntry
from audiences.models import ErasedThere


def erase_there(entry: OutboxEntry) -> None:
    """Delete them in one account; where it deletes nobody, block them and leave the rest to a person."""
    there, connection = entry.subject, entry.connection
    if not isinstance(there, ErasedThere) or connection is None or there.state != ErasedThere.State.ASKED:
        return
    provider = connection.open()
    if not provider.capabilities.deletes_contacts:
        provider.block_contact(email=there.remote_id)
        there.end(ErasedThere.State.HELD)
        return
    if "@" in there.remote_id:
        provider.delete_contact(email=there.remote_id)
    else:
        provider.delete_contact(remote_id=there.remote_id)
    there.end(ErasedThere.State.GONE)
