from typing import NamedTuple

from accounts.models import Connection, Workspace
from audiences.models import Contact, Suppression

PAGE = 50


class SuppressionSlice(NamedTuple):
    rows: list[Suppression]
    before: int | None


def is_suppressed(contact: Contact) -> bool:
    return Suppression.objects.filter(contact=contact, lifted_at=None).exists()


def suppressions(
    workspace: Workspace,
    *,
    words: str = "",
    reason: str = "",
    connection: Connection | None = None,
    is_by_hand: bool = False,
    before: int | None = None,
    shows_addresses: bool = True,
) -> SuppressionSlice:
    """Those in force, the newest first. Who may not see addresses finds one by the whole of it only."""
    found = Suppression.objects.filter(workspace=workspace, lifted_at=None)
    if words:
        found = found.filter(email__icontains=words) if shows_addresses else found.filter(email=words.lower())
    if reason:
        found = found.filter(reason=reason)
    if connection:
        found = found.filter(connection=connection)
    if is_by_hand:
        found = found.filter(connection=None)
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found.select_related("connection", "created_by").order_by("-id")[: PAGE + 1])
    return SuppressionSlice(rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None)
