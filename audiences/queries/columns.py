"""Columns of the table of all people: what each reads, so that fifty rows with all of them are one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accounts.models import Membership, Workspace
from audiences.models import Contact, ContactColumns, Field

MOST = 12
DEFAULT = ("language", "city", "state", "added")
# What a person has beside fields: key → (label, kind, SQL over `c`).
_OWN = {
    "state": ("State", "state", "null"),
    "added": ("Added", "instant", "c.created_at"),
    "tags": (
        "Tags",
        "texts",
        "(select array_agg(t.name order by t.name) from audiences_tagging x join audiences_tag t on t.id = x.tag_id"
        " where x.contact_id = c.id)",
    ),
    "lists": (
        "Lists",
        "number",
        "(select count(*) from audiences_subscription x join audiences_list g on g.id = x.list_id"
        " where x.contact_id = c.id and x.status = 'subscribed' and g.archived_at is null)",
    ),
    "last_open": (
        "Last opened",
        "instant",
        "(select last_open_at from audiences_engagement x where x.contact_id = c.id)",
    ),
    "last_click": (
        "Last clicked",
        "instant",
        "(select last_click_at from audiences_engagement x where x.contact_id = c.id)",
    ),
}


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: str
    # state, instant, texts, or the kind of a field.
    kind: str
    sql: str
    # Of the placeholders in it.
    values: Mapping[str, str] = field(default_factory=dict)


def columns_there_are(workspace: Workspace) -> list[Column]:
    """All that can be chosen: the fields of every person, those of the workspace, and what else is known."""
    rows = {row.key: row for row in Field.objects.filter(workspace=workspace)}
    standard = [
        Column(key, rows.pop(key).label if key in rows else label, Field.Kind.TEXT, f"c.{key}")
        for key, label in Contact.STANDARD_FIELDS.items()
        if key not in ("first_name", "last_name")
    ]
    own = [Column(key, label, kind, sql) for key, (label, kind, sql) in _OWN.items()]
    custom = [
        # Fields may be called as what we have ourselves.
        Column(
            f"field:{row.key}",
            row.label,
            row.kind,
            f"c.custom ->> %(column{number})s",
            {f"column{number}": row.key},
        )
        for number, row in enumerate(row for row in rows.values() if row.key not in Contact.STANDARD_FIELDS)
    ]
    return [*standard, *own, *custom]


def columns_of(membership: Membership, there: Sequence[Column]) -> list[Column]:
    """Those the member wants, in the order they are offered."""
    kept = ContactColumns.objects.filter(membership=membership).values_list("columns", flat=True).first()
    wanted = DEFAULT if kept is None else kept
    return [column for column in there if column.key in wanted][:MOST]
