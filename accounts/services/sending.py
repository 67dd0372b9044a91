"""The lock on sending: set after a restore, when the database does not know what went out since; lifted by a person."""

from django.db import transaction

from accounts import activity
from accounts.models import User, Workspace


@transaction.atomic
def lock(*, workspace: Workspace, note: str, by: User | None = None) -> None:
    """Nothing more is told to go out until somebody unlocks it. Twice does no harm."""
    changed = Workspace.objects.filter(pk=workspace.pk, sending_locked=False).update(
        sending_locked=True, sending_locked_note=note[:300]
    )
    if changed:
        activity.record(workspace, "sending.locked", f"Locked sending. {note}", actor=by, subject=workspace)


@transaction.atomic
def unlock(*, workspace: Workspace, by: User) -> None:
    """Work that waited goes on; each campaign is read in its account before it is told anything."""
    changed = Workspace.objects.filter(pk=workspace.pk, sending_locked=True).update(
        sending_locked=False, sending_locked_note=""
    )
    if changed:
        activity.record(workspace, "sending.unlocked", "Unlocked sending.", actor=by, subject=workspace)
