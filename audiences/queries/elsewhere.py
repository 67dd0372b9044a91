"""What this app tells the search, and the list of what needs attention."""

from collections.abc import Iterable

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts import attention, search
from accounts.http import WorkspaceRequest
from accounts.models import OutboxEntry, Role, Workspace
from accounts.names import by_name
from accounts.redaction import mask_email
from audiences.models import Contact, FieldChange, List
from audiences.models.suppressions import BLOCK_TASK
from audiences.queries.contacts import SEARCH_LETTERS, People, contacts
from audiences.queries.person import CONFIRM_WITHIN


def search_contacts(request: WorkspaceRequest, words: str) -> Iterable[search.Hit]:
    if len(words) < SEARCH_LETTERS:
        return []
    people = People(request.workspace, words=words, shows_addresses=request.membership.may(Role.EDITOR))
    return [
        search.Hit(
            row.name or row.email,
            reverse("audiences:contact", args=[row.id]),
            ", ".join([row.email] * bool(row.name) + [f"formerly {row.formerly}"] * bool(row.formerly)),
        )
        for row in contacts(people).rows[: search.LIMIT]
    ]


def search_lists(request: WorkspaceRequest, words: str) -> Iterable[search.Hit]:
    found = List.objects.filter(workspace=request.workspace, archived_at=None, name__holds=words)
    return [
        search.Hit(row.name, row.get_absolute_url()) for row in found.order_by(*by_name())[: search.LIMIT]
    ]


def running_changes(workspace: Workspace) -> Iterable[attention.Item]:
    """Fields whose values are being rewritten for everybody."""
    return _changes(workspace, FieldChange.State.RUNNING, "Everybody's values are being changed.", "busy")


def stopped_changes(workspace: Workspace) -> Iterable[attention.Item]:
    return _changes(workspace, FieldChange.State.FAILED, "The change of everybody's values stopped.", "bad")


def _changes(workspace: Workspace, state: str, text: str, tone: str) -> list[attention.Item]:
    changes = FieldChange.objects.filter(workspace=workspace, state=state).order_by("-id")[: attention.LIMIT]
    return [
        attention.Item(
            title=str(change),
            text=text,
            url=reverse("audiences:field", args=[change.arguments["key"]]),
            at=change.created_at,
            tone=tone,
        )
        for change in changes
    ]


def unconfirmed_blocks(workspace: Workspace) -> Iterable[attention.Item]:
    """Leaves that an account has not confirmed in time. Nobody here writes to them all the same."""
    open_ = Q(state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED, OutboxEntry.State.SET_ASIDE])
    entries = list(
        OutboxEntry.objects.filter(
            open_, workspace=workspace, task=BLOCK_TASK, created_at__lt=timezone.now() - CONFIRM_WITHIN
        )
        .select_related("connection")
        .order_by("-id")[: attention.LIMIT]
    )
    addresses = dict(
        Contact.objects.filter(pk__in=[entry.subject_id for entry in entries]).values_list("pk", "email")
    )
    return [
        attention.Item(
            title=f"Block of {mask_email(addresses.get(entry.subject_id, ''))}",
            text=f"{entry.connection} has not confirmed it. Campanile writes to nobody who left, wherever it sends.",
            url=reverse("audiences:contact", args=[entry.subject_id]),
            at=entry.created_at,
            tone="bad",
        )
        for entry in entries
    ]
