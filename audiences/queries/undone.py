"""Whom a roll back touched, by name. What was changed of whom is kept as long as the rows are."""

from typing import NamedTuple

from django.db import connection as database

from audiences.models import Import
from audiences.queries.imports import labels_of
from audiences.sql import loaded

PAGE = 50
# Change.LEFT_AS_IS: said like that, there is an index.
_LEFT_AS_IS = "j.kept > '[]'"
# Import.undone → of a change as `j`.
_WHICH = {
    # Keys are told apart only where there are some: where hits are rare, a chunk is read whole.
    "fields": "j.changes > '{}' and (j.kept = '[]' or exists (select 1 from jsonb_object_keys(j.changes) key where not j.kept ? key))",
    "lists": "j.membership is not null and not j.kept ? 'list'",
    "off": f"{_LEFT_AS_IS} and j.kept ? 'off'",
    "kept": f"{_LEFT_AS_IS} and not j.kept ? 'off'",
}


class Undone(NamedTuple):
    # (contact, address or nothing of who was erased since, what)
    rows: list[tuple[int, str, str]]
    # The change after which the next page goes on; None at the end.
    after: int | None


def undone(mine: Import, which: str, *, after: int = 0) -> Undone:
    """A page of the people behind one number of a roll back; of those who stay as they are, what stays."""
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            select j.id, j.contact_id, coalesce(c.email, ''), j.changes, j.kept
            from audiences_importstep s
            -- No more than a page of each chunk: all of them are by the million.
            cross join lateral (
                select * from audiences_importchange j
                where j.step_id = s.id and j.id > %(after)s and j.kept is not null and {_WHICH[which]}
                order by j.id limit %(limit)s
            ) j
            left join audiences_contact c on c.id = j.contact_id and c.workspace_id = %(workspace)s
            where s.of_id = %(import)s
            order by j.id limit %(limit)s
            """,
            {"workspace": mine.workspace_id, "import": mine.pk, "after": after, "limit": PAGE + 1},
        )
        found = cursor.fetchall()
    labels = labels_of(mine)
    on_list = f"the list {mine.list_name}"

    def what(changes: dict[str, object], kept: list[str]) -> str:
        if which in ("lists", "off"):
            return on_list
        if which == "fields":
            return ", ".join(labels.get(key, key) for key in sorted(changes) if key not in kept)
        said = {"list": on_list, "person": "the person"}
        return ", ".join(said.get(key) or labels.get(key, key) for key in kept)

    rows = [
        (contact, email, what(loaded(changes), loaded(kept))) for _, contact, email, changes, kept in found
    ]
    return Undone(rows[:PAGE], found[PAGE - 1][0] if len(found) > PAGE else None)
