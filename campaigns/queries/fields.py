"""What of this app names fields of people: merge tags of templates, and of campaigns that have not gone out."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection as database
from django.urls import reverse

from accounts.models import Workspace
from audiences.uses import Use
from campaigns.models import Campaign

OVER = (Campaign.Status.SENT, Campaign.Status.STOPPED, Campaign.Status.CANCELLED)


def merge_tags(workspace: Workspace, keys: Collection[Any]) -> Iterable[tuple[Any, Use]]:
    """The texts stay in the database, which tells the keys alone."""
    with database.cursor() as cursor:
        cursor.execute(_NAMED, {"workspace": workspace.pk, "over": list(OVER)})
        return [
            (
                key,
                Use(
                    what,
                    name,
                    reverse(f"campaigns:{what.lower()}", args=[row_id]),
                    Campaign.Status(status).label if status else "",
                ),
            )
            for what, row_id, name, key, status in cursor.fetchall()
            if key in keys
        ]


_TAGS = r"""
lateral (
    select distinct found[1] as key
    from regexp_matches(
        concat_ws(' ', c.subject, c.preview_text, c.html, c.mjml, c.blocks::text),
        '\{\{\s{0,20}contact\.([a-z0-9_]{1,60})', 'g'
    ) as found
) tags
"""
_NAMED = f"""
select 'Campaign', c.id, c.name, tags.key, c.status from campaigns_campaign c, {_TAGS}
where c.workspace_id = %(workspace)s and c.status <> all(%(over)s) and not c.is_imported
union all
select 'Template', c.id, c.name, tags.key, '' from campaigns_template c, {_TAGS}
where c.workspace_id = %(workspace)s
order by 1, 3, 2
"""
