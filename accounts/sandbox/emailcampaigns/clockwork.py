"""Time passing in an account: which happening is done by whom."""

from accounts.sandbox.emailcampaigns import sending, uploads
from accounts.sandbox.emailcampaigns.state import Account
from accounts.sandbox.store import Store

HAPPENINGS = {
    "start": sending.start,
    "wave": sending.wave,
    "replace": uploads.replace,
    "update": uploads.update,
    "remove": uploads.remove,
    "opt_out": uploads.opt_out,
    "opt_in": uploads.opt_in,
}


def advance(account: Account, store: Store, now: float) -> None:
    """Let everything happen that is due, each thing at its own time."""
    while due := account.pending.next_due(now):
        at, what, details = due
        HAPPENINGS[what](account, at, *details)  # type: ignore[operator]
        store.touch()
