"""Addresses, domains and patterns suppressed at a member's word."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.models import User, Workspace
from accounts.redaction import redact
from audiences.entries import Entry
from audiences.models import Suppression
from audiences.queries.patterns import known_by_hand
from audiences.services.suppressions import CannotSuppress, Fact, suppress_all, suppress_patterns
from audiences.sets import one_writer


@transaction.atomic
def suppress_entries(*, workspace: Workspace, by: User, entries: Sequence[Entry], reason: str) -> int:
    """At a member's word, who says why. Returns how many are news. Raises CannotSuppress when none is."""
    one_writer(workspace)
    known = known_by_hand(workspace, [entry.email for entry in entries])
    fresh = [entry for entry in entries if entry.email not in known]
    if not fresh:
        raise CannotSuppress("All of this has been suppressed by hand before.")
    now = timezone.now()

    def facts(*, of_patterns: bool) -> list[Fact]:
        chosen = [entry.email for entry in fresh if entry.is_pattern == of_patterns]
        return [Fact(email, Suppression.Reason.BY_HAND, now, {"reason": reason}) for email in chosen]

    addresses, patterns = facts(of_patterns=False), facts(of_patterns=True)
    suppress_all(workspace=workspace, connection=None, facts=addresses, by=by)
    suppress_patterns(workspace=workspace, connection=None, facts=patterns, by=by)
    _log(workspace, by, fresh, reason)
    return len(fresh)


def _log(workspace: Workspace, by: User, fresh: Sequence[Entry], reason: str) -> None:
    """With what it leads to: one person, one block or pattern, or several patterns by their ids."""
    blocks = Suppression.objects.filter(
        workspace=workspace, email__in=[entry.email for entry in fresh], connection=None, lifted_at=None
    )
    only = blocks.select_related("contact").first() if len(fresh) == 1 else None
    person = only.contact if only else None
    patterns = list(blocks.filter(is_pattern=True).order_by("email").values_list("pk", flat=True))
    counts = (
        (len(fresh) - len(patterns), "address", "addresses"),
        (len(patterns), "pattern", "patterns"),
    )
    said = ", ".join(_counted(*count) for count in counts if count[0])
    activity.record(
        workspace, "suppressions.added", f"Suppressed by hand: {said}.", actor=by, subject=person or only,
        # Of one person, why stands with the block: it may name them, and this log outlives them.
        after={"reason": "" if person else redact(reason), "patterns": [] if only else patterns},
    )  # fmt: skip


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
