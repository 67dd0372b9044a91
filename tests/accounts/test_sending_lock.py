from collections.abc import Callable
from io import StringIO

from django.core.management import call_command
from django.test import Client

from accounts.models import ActivityEntry, Workspace


def test_a_restore_locks_sending_until_an_admin_unlocks_it(
    workspace: Workspace, browse: Callable[..., Client]
) -> None:
    call_command("lock_sending", "--note", "Restored.", stdout=StringIO())
    workspace.refresh_from_db()
    assert (workspace.sending_locked, workspace.sending_locked_note) == (True, "Restored.")

    assert browse("approver").post("/w/acme/settings/unlock-sending/").status_code == 403
    admin = browse("admin")
    assert "Sending is locked" in admin.get("/w/acme/settings/").content.decode()
    admin.post("/w/acme/settings/unlock-sending/")
    workspace.refresh_from_db()

    assert (workspace.sending_locked, workspace.sending_locked_note) == (False, "")
    assert list(ActivityEntry.objects.order_by("id").values_list("verb", "sentence")) == [
        ("sending.locked", "Locked sending. Restored."),
        ("sending.unlocked", "Unlocked sending."),
    ]
