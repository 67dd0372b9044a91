"""Time passing in an account: which happening is done by whom."""

from accounts.sandbox.especial import emails, exports, sending
from accounts.sandbox.especial.state import Account
from accounts.sandbox.store import Store

HAPPENINGS = {
    "start": sending.start,
    "wave": sending.wave,
    "event": sending.event,
    "email": emails.happen,
    "export": exports.finish,
    "export_expires": exports.expire,
}


def advance(account: Account, store: Store, now: float) -> None:
    """Let everything happen that is due, each thing at its own time."""
    happened = False
    while due := account.pending.next_due(now):
        at, what, details = due
        HAPPENINGS[what](account, *details, context=sending.Context(store, at))  # type: ignore[operator]
        happened = True
    if happened:
        store.touch()
