"""People of several lists, read from memberships alone: a rule over people would look at everybody of the workspace."""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.db import transaction

from accounts.models import Workspace
from audiences.models import List
from audiences.queries.contacts import PAGE


def count_combined(workspace: Workspace, lists: Sequence[List], how: str) -> tuple[int, int]:
    """(all of them, those of them who may be written to)."""
    source, values = _source(lists, how)
    statement = f"""
        select count(*), count(*) - count(b.contact_id) from ({source}) people
        left join (
            select distinct contact_id from audiences_suppression
            where workspace_id = %(workspace)s and lifted_at is null and contact_id is not null
        ) b using (contact_id)
    """
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute("set local work_mem = '64MB'")
        cursor.execute(statement, values | {"workspace": workspace.pk})
        found: tuple[int, int] = cursor.fetchone()
    return found


def some_combined(lists: Sequence[List], how: str, *, before: int | None) -> tuple[list[int], int | None]:
    """(ids of the newest 50 of them, or the 50 before an id; where the next page begins, None at the end)."""
    source, values = _source(lists, how)
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("set local jit = off")
        cursor.execute(
            f"""
            select contact_id from ({source}) people
            where %(before)s::bigint is null or contact_id < %(before)s
            order by contact_id desc limit %(limit)s
            """,
            values | {"before": before, "limit": PAGE + 1},
        )
        ids = [contact_id for (contact_id,) in cursor.fetchall()]
    return ids[:PAGE], ids[PAGE - 1] if len(ids) > PAGE else None


def _source(lists: Sequence[List], how: str) -> tuple[str, dict[str, Any]]:
    """SQL over `contact_id`, each once, and its values. `how`: any, all, or but: on the first and on none of the others."""
    places = range(len(lists))
    on = "exists (select 1 from audiences_subscription o where o.list_id = %(list{})s and o.status = 'subscribed' and o.contact_id = s.contact_id)"
    parts = {
        # Each list without those before it: together everybody once.
        "any": [(place, [f"not {on.format(earlier)}" for earlier in range(place)]) for place in places],
        "all": [(0, [on.format(place) for place in places[1:]])],
        "but": [(0, [f"not {on.format(place)}" for place in places[1:]])],
    }[how]
    sql = " union all ".join(
        " and ".join(
            [
                f"select s.contact_id from audiences_subscription s where s.list_id = %(list{place})s and s.status = 'subscribed'",
                *conditions,
            ]
        )
        for place, conditions in parts
    )
    return sql, {f"list{place}": mine.pk for place, mine in enumerate(lists)}
