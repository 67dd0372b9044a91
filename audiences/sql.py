"""Pieces that many statements share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, transaction
from django.db import connection as database
from psycopg.errors import QueryCanceled

# Of the contacts as `c`.
SUPPRESSED = (
    "exists (select 1 from audiences_suppression s where s.contact_id = c.id and s.lifted_at is null)"
)


def said_last(answer: str, contact: str) -> str:
    """Whether the last word of a person on being written to is this `answer` ("given", "withdrawn"): one such, and no other after it.

    Two joins, of which the second is small; to look for the last one of each person takes several times as long.
    """
    later = "(o.at, o.id) > (k.at, k.id)"
    ends = {
        # The kinds first: of most people there is neither.
        "given": f"o.kind in ('withdrawn', 'undone') and (o.kind = 'withdrawn' and {later} or {_UNDOES.format('o', 'k')})",
        "withdrawn": f"o.kind = 'given' and {later} and {stands('o')}",
    }
    return f"""exists (
        select 1 from audiences_consent k
        where k.contact_id = {contact} and k.purpose = 'mail' and k.kind = '{answer}' and not exists (
            select 1 from audiences_consent o
            where o.contact_id = k.contact_id and o.purpose = 'mail' and {ends[answer]}
        )
    )"""


_UNDOES = "{0}.kind = 'undone' and {0}.basis_id = {1}.basis_id and {0}.id > {1}.id"


def stands(consent: str) -> str:
    """Whether this consent, by its alias, came by no import or bulk action that was taken back."""
    return f"""not exists (
        select 1 from audiences_consent u where u.contact_id = {consent}.contact_id and {_UNDOES.format("u", consent)}
    )"""


# Of an insert of leaves into subscriptions as `mine`: whoever was only taken off has left, and so has whoever joined
# before, by the time of the consent that put them on the list, however late that was written down.
HAS_LEFT_SINCE = """
mine.status <> 'unsubscribed' and (mine.status = 'removed' or excluded.changed_at >= least(mine.changed_at, (
    select max(k.at) from audiences_consent k
    where k.contact_id = mine.contact_id and k.list_id = mine.list_id and k.purpose = 'mail' and k.kind = 'given'
)))
"""

# Of a suppression, by its alias: the lower, the worse is what it is for.
HOW_BAD = (
    "array_position(array['complained', 'unsubscribed', 'bounced', 'by_hand', 'blocked'], {0}.reason::text)"
)
# Of an insert into suppressions as `mine`. Where an address has one of the same source already, the worse reason and the
# newest no hold, which a consent must be younger than; what stands for itself on either side outlives a pattern.
STRICTER_HOLDS = f"""
on conflict (workspace_id, email, connection_id) where lifted_at is null do update
set reason = case when {HOW_BAD.format("excluded")} < {HOW_BAD.format("mine")} then excluded.reason else mine.reason end,
    at = greatest(mine.at, excluded.at),
    evidence = case when mine.evidence -> 'pattern' = excluded.evidence -> 'pattern'
                    then mine.evidence || excluded.evidence
                    else (mine.evidence || excluded.evidence) - 'pattern' end
        -- What was said first stays, beside what is said now.
        || case when strpos(mine.evidence ->> 'reason', excluded.evidence ->> 'reason') > 0
                then jsonb_build_object('reason', mine.evidence ->> 'reason')
                when strpos(excluded.evidence ->> 'reason', mine.evidence ->> 'reason') > 0
                then jsonb_build_object('reason', excluded.evidence ->> 'reason')
                when mine.evidence ? 'reason' and excluded.evidence ? 'reason' then jsonb_build_object(
                    'reason', left(concat(mine.evidence ->> 'reason', '; ', excluded.evidence ->> 'reason'), 1000))
                else '{{}}' end,
    created_by_id = coalesce(mine.created_by_id, excluded.created_by_id),
    contact_id = coalesce(mine.contact_id, excluded.contact_id)
"""
# When it says more than the one that is there. Blocked without a reason is no more than an echo of a reason that is known.
SAYS_MORE = f"""
(excluded.reason <> 'blocked' and ({HOW_BAD.format("excluded")} < {HOW_BAD.format("mine")} or excluded.at > mine.at)
 or mine.evidence ? 'pattern' and not mine.is_pattern and not excluded.evidence ? 'pattern'
 -- an address that went into another person: now it is of them
 or mine.contact_id is null and excluded.contact_id is not null)
"""


def like(text: str) -> str:
    """Itself, as a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@contextmanager
def within(seconds: float) -> Iterator[list[Any]]:
    """Statements inside end after so long; what they put on the list stays away then."""
    done: list[Any] = []
    try:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [f"{int(seconds * 1000)}ms"])
            yield done
            cursor.execute("set local statement_timeout to default")
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        done.clear()


def loaded(value: Any, default: Any = ()) -> Any:
    """jsonb comes as text from a bare cursor."""
    if value is None:
        return default
    return json.loads(value) if isinstance(value, str) else value
