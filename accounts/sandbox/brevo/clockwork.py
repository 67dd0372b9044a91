"""Time passing in an account: which happening is done by whom."""

from accounts.sandbox.brevo import hooks, processes, sending
from accounts.sandbox.brevo.state import Account
from accounts.sandbox.store import Store

HAPPENINGS = {
    "start": sending.start,
    "wave": sending.wave,
    "winner": sending.winner,
    "event": sending.event,
    "process_runs": processes.run,
    "process_ends": processes.end,
}


def advance(account: Account, store: Store, now: float) -> None:
    """Let everything happen that is due, each thing at its own time."""
    happened = False
    while due := account.pending.next_due(now):
        at, what, details = due
        HAPPENINGS[what](account, *details, context=processes.Context(store, at))  # type: ignore[operator]
        happened = True
    if happened:
        hooks.flush(account, store, now)
        store.touch()
