from collections.abc import Collection
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Pull, Workspace
from audiences.models import Contact, PeopleCount
from audiences.sets import one_writer

# A count of everybody is no older than this, whoever else writes people.
COUNTED_EVERY = timedelta(minutes=5)
# Workspaces counted in one round.
COUNTED_AT_ONCE = 20


@transaction.atomic
def refresh_counts(*, workspace: Workspace, list_ids: Collection[int] | None = None) -> None:
    """Count who is subscribed, in one statement over all lists of the workspace, or over those named."""
    one_writer(workspace)
    values = {"workspace": workspace.pk, "lists": list(list_ids) if list_ids else None}
    with connection.cursor() as cursor:
        # Whoever holds several lists takes them by id: the count alone would in the planner's order.
        cursor.execute(
            f"select 1 from audiences_list l where {_COUNTED} order by id for no key update", values
        )
        cursor.execute(_COUNT, values)


def count_people_soon(workspace: Workspace) -> None:
    """Many came or went: the next round counts them anew."""
    PeopleCount.objects.filter(workspace=workspace, is_stale=False).update(is_stale=True)


def count_people_after(pull: Pull) -> None:
    count_people_soon(pull.connection.workspace)


def count_people() -> int:
    """Count everybody of the workspaces whose turn it is; answers how many workspaces."""
    old = Q(people_count=None) | Q(people_count__is_stale=True)
    old |= Q(people_count__counted_at__lt=timezone.now() - COUNTED_EVERY)
    due = Workspace.objects.filter(old).order_by("people_count__counted_at", "id")[:COUNTED_AT_ONCE]
    for workspace in due:
        # Before the count: who comes while it runs makes it stale again.
        PeopleCount.objects.filter(workspace=workspace).update(is_stale=False)
        values = {"counted_at": timezone.now(), "people": Contact.objects.filter(workspace=workspace).count()}
        PeopleCount.objects.update_or_create(workspace=workspace, defaults=values)
    return len(due)


_COUNTED = """
l.workspace_id = %(workspace)s and (%(lists)s::bigint[] is null or l.id = any(%(lists)s::bigint[]))
"""

# In membership alone: joining the contact costs ten times as much.
_COUNT = f"""
update audiences_list l set subscribed_count = coalesce(counted.people, 0), counted_at = now()
from audiences_list mine
left join (
    select s.list_id, count(*) as people
    from audiences_subscription s
    where s.status = 'subscribed'
      and s.list_id in (select id from audiences_list where workspace_id = %(workspace)s)
      and (%(lists)s::bigint[] is null or s.list_id = any(%(lists)s::bigint[]))
    group by s.list_id
) counted on counted.list_id = mine.id
where mine.id = l.id and {_COUNTED}
"""
