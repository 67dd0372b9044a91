"""Whom a pattern would catch, and whom it has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.db.models import Count

from accounts.models import Workspace
from audiences.entries import Entry
from audiences.models import Suppression
from audiences.queries.counting import PATIENT_SECONDS
from audiences.sql import SUPPRESSED, like, within

# A person `b` suppressed by name, for the pattern alone.
CAUGHT = """
b.workspace_id = %(workspace)s and b.lifted_at is null and not b.is_pattern
and b.evidence @> jsonb_build_object('pattern', %(pattern)s::text)
and b.connection_id is not distinct from %(connection)s::bigint
"""

OTHER = """
select q.email from audiences_suppression q
where q.workspace_id = %(workspace)s and q.is_pattern and q.lifted_at is null and q.id <> %(id)s
  and q.email in ('*@' || split_part(b.email, '@', 2), split_part(b.email, '@', 1) || '@*')
"""

# By another pattern. Those are read once, for all of whom they catch.
_OTHERS = """(
    select q.email from audiences_suppression q
    where q.workspace_id = %(workspace)s and q.is_pattern and q.lifted_at is null and q.id <> %(id)s
)"""
CAUGHT_AGAIN = f"""(
    '*@' || split_part(b.email, '@', 2) in {_OTHERS} or split_part(b.email, '@', 1) || '@*' in {_OTHERS}
)"""


@dataclass(frozen=True, slots=True)
class Caught:
    """What suppressing some entries would do: each with its people here, and all of them together."""

    # (entry, people who match, those of them suppressed already, whether the entry itself is)
    rows: list[tuple[Entry, int, int, bool]]
    people: int
    new: int


def caught(workspace: Workspace, entries: Sequence[Entry]) -> Caught:
    """In two queries; each side of an address is compared whole, so that a million people are read once."""
    values: dict[str, Any] = {"workspace": workspace.pk, "email": [], "domain": [], "name": []}
    for entry in entries:
        values[entry.side[0]].append(entry.side[1])
    with database.cursor() as cursor:
        cursor.execute(_MATCHED, values)
        found = {(side, value): (people, known) for side, value, people, known in cursor.fetchall()}
    known_entries = known_by_hand(workspace, [entry.email for entry in entries])
    rows = [(entry, *found.get(entry.side, (0, 0)), entry.email in known_entries) for entry in entries]
    people, known = found.get(("", ""), (0, 0))
    return Caught(rows, people, people - known)


def known_by_hand(workspace: Workspace, emails: Collection[str]) -> set[str]:
    """Those of some addresses and patterns that somebody here has suppressed; to be caught by a pattern is less."""
    found = Suppression.objects.filter(
        workspace=workspace, email__in=emails, connection=None, lifted_at=None
    ).exclude(is_pattern=False, evidence__has_key="pattern")
    return set(found.values_list("email", flat=True))


def newest_no(pattern: Suppression) -> tuple[datetime, bool]:
    """When the newest of a pattern and of the blocks of people it caught was told; whether one of them is a complaint."""
    with database.cursor() as cursor:
        cursor.execute(
            f"select max(b.at), bool_or(b.reason = 'complained') from audiences_suppression b where {CAUGHT}",
            {
                "workspace": pattern.workspace_id, "pattern": pattern.email, "connection": pattern.connection_id,
            },
        )  # fmt: skip
        at, complained = cursor.fetchone()
    is_complaint = pattern.reason == Suppression.Reason.COMPLAINED
    return max(pattern.at, at or pattern.at), is_complaint or bool(complained)


@dataclass(frozen=True, slots=True)
class Alike:
    """People who have addresses like a pattern in force, or are suppressed by name for it under another one."""

    # Who have such an address.
    people: int
    # Suppressed, and not for this pattern alone: they stay so without it.
    otherwise: int
    # Not suppressed: they agreed since.
    free: int
    # Who have another address now.
    elsewhere: int = 0

    @property
    def suppressed(self) -> int:
        return self.people + self.elsewhere - self.free

    @property
    def alone(self) -> int:
        return self.suppressed - self.otherwise


def alike(pattern: Suppression) -> Alike | None:
    """Whom the preview of the pattern told and the page of people finds by it, and who else goes free with it; None where they are too many to count."""
    side = like(pattern.email.replace("*", ""))
    with within(PATIENT_SECONDS) as done, database.cursor() as cursor:
        cursor.execute(
            _ALIKE,
            {
                "workspace": pattern.workspace_id, "id": pattern.pk, "pattern": pattern.email,
                "connection": pattern.connection_id, "like": f"%{side}" if side.startswith("@") else f"{side}%",
            },
        )  # fmt: skip
        done.append(Alike(*cursor.fetchone()))
    return done[0] if done else None


def held(pattern: Suppression) -> tuple[int, int]:
    """Of a lifted pattern: (people suppressed by name for it still, people who were freed with it)."""
    blocks = Suppression.objects.filter(
        workspace=pattern.workspace_id, is_pattern=False, connection=pattern.connection_id,
        evidence__pattern=pattern.email,
    )  # fmt: skip
    still, freed = (
        blocks.filter(lifted_at=at).aggregate(people=Count("contact", distinct=True))["people"]
        for at in (None, pattern.lifted_at)
    )
    return still, freed


_ALIKE = f"""
with found as (
    select id from audiences_contact where workspace_id = %(workspace)s and email like %(like)s
    union
    select b.contact_id from audiences_suppression b where b.contact_id is not null and {CAUGHT}
)
select count(*) filter (where is_like), count(*) filter (where is_otherwise), count(*) filter (where is_free),
       count(*) filter (where not is_like)
from (
    select c.email like %(like)s as is_like, count(b.id) = 0 as is_free,
           bool_or(not ({CAUGHT}) or {CAUGHT_AGAIN}) as is_otherwise
    from found
    join audiences_contact c on c.id = found.id
    left join audiences_suppression b on b.contact_id = c.id and b.lifted_at is null
    group by c.id
) people
"""

# Only an address alone is of a person by one they had before: a pattern catches nobody by those.
_MATCHED = f"""
with matched as materialized (
    select c.id, c.email, split_part(c.email, '@', 2) as domain, split_part(c.email, '@', 1) as name,
           {SUPPRESSED} as is_known
    from audiences_contact c
    where c.workspace_id = %(workspace)s and (
        c.email = any(%(email)s::text[]) or split_part(c.email, '@', 2) = any(%(domain)s::text[])
        or split_part(c.email, '@', 1) = any(%(name)s::text[])
    )
), former as materialized (
    select c.id, f.email, {SUPPRESSED} as is_known
    from audiences_formeraddress f join audiences_contact c on c.id = f.contact_id
    where f.workspace_id = %(workspace)s and f.email = any(%(email)s::text[])
      and not exists (select 1 from matched where matched.email = f.email)
)
select side, value, count(*), count(*) filter (where is_known)
from (
    select 'email' as side, email as value, is_known from matched where email = any(%(email)s::text[])
    union all
    select 'email', email, is_known from former
    union all
    select 'domain', domain, is_known from matched where domain = any(%(domain)s::text[])
    union all
    select 'name', name, is_known from matched where name = any(%(name)s::text[])
    union all
    select '', '', is_known from (select id, is_known from matched union select id, is_known from former) people
) sides
group by side, value
"""
