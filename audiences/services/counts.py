from collections.abc import Collection

from django.db import connection, transaction

from accounts.models import Workspace
from audiences.sets import one_writer


@transaction.atomic
def refresh_counts(*, workspace: Workspace, list_ids: Collection[int] | None = None) -> None:
    """Count who is subscribed, in one statement over all lists of the workspace, or over those named."""
    one_writer(workspace)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"workspace": workspace.pk, "lists": list(list_ids) if list_ids else None})


# In membership alone: joining the contact costs ten times as much.
_COUNT = """
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
where mine.id = l.id and l.workspace_id = %(workspace)s
  and (%(lists)s::bigint[] is null or l.id = any(%(lists)s::bigint[]))
"""
