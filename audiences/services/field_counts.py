"""How many people have a value of each field: stored with its time, for pages never wait for a million people."""

from datetime import timedelta

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry, Workspace
from accounts.providers.base import Effect
from audiences.models import Contact, Field

COUNT_TASK = "audiences.count_fields"
COUNTS_KEPT = timedelta(hours=6)


def ask_for_counts(*, workspace: Workspace) -> None:
    """Have all fields counted soon; asked twice, it is done once."""
    waiting = OutboxEntry.objects.filter(
        workspace=workspace, task=COUNT_TASK, state=OutboxEntry.State.WAITING
    )
    if not waiting.exists():
        outbox.record(
            task=COUNT_TASK, subject=workspace, workspace=workspace, effect=Effect.READ,
            order_key=f"count_fields:{workspace.pk}", priority=OutboxEntry.Priority.BULK,
        )  # fmt: skip


def count_stale_fields() -> int:
    """Ask for counts where there are none, or old ones. Returns in how many workspaces."""
    old = Q(counted_at=None) | Q(counted_at__lt=timezone.now() - COUNTS_KEPT)
    stale = list(Workspace.objects.filter(pk__in=Field.objects.filter(old).values("workspace"))[:20])
    for workspace in stale:
        ask_for_counts(workspace=workspace)
    return len(stale)


def count_fields(*, workspace: Workspace) -> None:
    """How many people have a value of each field: one reading of everybody, whatever the number of fields."""
    with transaction.atomic():
        for key, label in Contact.STANDARD_FIELDS.items():
            Field.objects.get_or_create(workspace=workspace, key=key, defaults={"label": label})
        with database.cursor() as cursor:
            cursor.execute(_COUNT, {"workspace": workspace.pk})


_COUNT = f"""
with counted as (
    select key, count(*) as people
    from audiences_contact c, jsonb_each(c.custom)
    where c.workspace_id = %(workspace)s and value not in ('null', '""')
    group by key
    union all
    select columns.key, columns.people from (
        select {", ".join(f"count(*) filter (where {key} <> '') as {key}" for key in Contact.STANDARD_FIELDS)}
        from audiences_contact where workspace_id = %(workspace)s
    ) everybody, lateral (values {", ".join(f"('{key}', {key})" for key in Contact.STANDARD_FIELDS)}) columns(key, people)
)
update audiences_field f set people_count = coalesce(counted.people, 0), counted_at = now()
from audiences_field mine left join counted on counted.key = mine.key
where mine.id = f.id and f.workspace_id = %(workspace)s
"""
