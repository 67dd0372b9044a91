"""What an account no longer shows. Believed after two complete walks, and never for many at once."""

from django.db.models import Q
from django.utils import timezone

from accounts import activity
from accounts.models import MirrorKind, MirrorRow, Pull

# More than this is rather a mistake, ours or theirs, than a tidying.
MOST, MOST_SHARE = 500, 0.10
# A share says little of a handful.
FEW = 10


def mark_gone(pull: Pull, kind: MirrorKind) -> int:
    """At the end of a complete walk: mark what neither this pull nor the last complete one saw. Returns how many.

    Only the mirror says so; nothing of ours is deleted.
    """
    previous = (
        Pull.objects.filter(connection=pull.connection, state=Pull.State.DONE, pk__lt=pull.pk)
        .order_by("-id")
        .first()
    )
    if previous is None:
        return 0
    rows = MirrorRow.objects.filter(connection=pull.connection, kind=kind, gone_at=None)
    unseen = rows.filter(
        Q(seen_pull_id=None) | Q(seen_pull_id__lt=previous.pk), seen_at__lt=previous.created_at
    )
    missing = unseen.count()
    if not missing:
        return 0
    total = rows.count()
    if missing > MOST or missing > max(FEW, total * MOST_SHARE):
        activity.record(
            pull.connection.workspace,
            "pull.removals_held",
            f"{pull.connection} no longer shows {missing} of {total} {kind.label.lower()}s. "
            "That is too many to believe, so nothing was marked as gone.",
            subject=pull.connection,
            after={"kind": kind.name.lower(), "missing": missing, "total": total},
        )
        return 0
    return unseen.update(gone_at=timezone.now())
