"""Control acts: what a reader or the postman would do, done at once."""

from collections.abc import Mapping
from typing import Any

from accounts.sandbox.emailcampaigns.choices import DISPOSITIONS
from accounts.sandbox.emailcampaigns.state import Account
from accounts.sandbox.store import Store

UNTRACKED = ("open", "proxy_open", "click")
BOUNCES = {"bounce": "hard", "soft_bounce": "soft"}
LEAVES = ("unsubscribe", "complain")


def act(account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """One of the above with campaign and email, or leave_list with email and list (a group)."""
    now, kind, email = store.now(), deed["kind"], deed["email"].lower()
    done = {"done": kind, "at": now}
    if kind == "leave_list":
        # A group knows no one who has left it: whoever leaves is off it. Only the opt-out list remembers.
        group = account.groups[account.number_of(deed["list"])]
        del group.contacts[email]
        group.modified_at = now
    elif kind in UNTRACKED or kind in LEAVES or kind in BOUNCES:
        results = account.campaigns[account.number_of(deed["campaign"])].results
        place = next((n for n, row in enumerate(results) if row.email == email), None)
        if place is None:
            raise LookupError(f"{email} was not sent campaign {deed['campaign']}")
        if kind in UNTRACKED:
            done["tracked"] = False  # the provider knows of no opens and clicks
        elif kind in LEAVES:
            account.opt_out([email], now)
        else:
            results[place] = results[place]._replace(ends_at=now, disposition=DISPOSITIONS[BOUNCES[kind]])
    else:
        raise ValueError(f"kind is one of {', '.join((*UNTRACKED, *LEAVES, *BOUNCES, 'leave_list'))}")
    return done
