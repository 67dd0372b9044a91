"""Addresses, domains and patterns suppressed at a member's word."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import User, Workspace
from audiences.entries import Entry
from audiences.models import Suppression
from audiences.services.suppressions import CannotSuppress, Fact, suppress_all, suppress_patterns


@transaction.atomic
def suppress_entries(*, workspace: Workspace, by: User, entries: Sequence[Entry], reason: str) -> int:
    """At a member's word, who says why. Returns how many are news. Raises CannotSuppress when none is."""
    now = timezone.now()
    facts = [Fact(entry.email, Suppression.Reason.BY_HAND, now, {"reason": reason}) for entry in entries]
    patterns = {entry.email for entry in entries if entry.is_pattern}
    new_addresses = suppress_all(
        workspace=workspace, connection=None, facts=[fact for fact in facts if fact.email not in patterns], by=by
    )  # fmt: skip
    new_patterns = suppress_patterns(
        workspace=workspace, connection=None, facts=[fact for fact in facts if fact.email in patterns], by=by
    )  # fmt: skip
    if not new_addresses and not new_patterns:
        raise CannotSuppress("All of this has been suppressed by hand before.")
    activity.record(
        workspace, "suppressions.added",
        f"Suppressed by hand: {_counted(new_addresses, 'address', 'addresses')}, {_counted(new_patterns, 'pattern', 'patterns')}.",
        actor=by, after={"reason": reason, "addresses": new_addresses, "patterns": new_patterns},
    )  # fmt: skip
    return new_addresses + new_patterns


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
