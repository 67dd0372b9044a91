"""Who a campaign would reach, as an equation that adds up; each term can be opened to its people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from audiences.sql import said_last
from campaigns.models import Campaign, Delivery
from campaigns.queries.chosen import Choice, choice_of, frozen_choice

# Term → what the page calls it, in the order they are taken off. Each person counts in exactly one.
TERMS: dict[str, str] = {
    "unsubscribed": "unsubscribed",
    "suppressed": "suppressed",
    "bounced": "bounced",
    "no_consent": "no consent on record",
    "duplicates": "chosen more than once",
}
RECEIVES = "receives"


@dataclass(frozen=True, slots=True)
class Equation:
    """selected − each term = receives.

    `selected` counts subscriptions and memberships of segments, so `duplicates` takes off the repeats.
    """

    selected: int
    terms: dict[str, int]
    receives: int

    def as_json(self) -> dict[str, int]:
        return {"selected": self.selected, **self.terms, RECEIVES: self.receives}

    @property
    def rows(self) -> list[tuple[str, str, int]]:
        """(term, label, people) of every term."""
        return [(key, label, self.terms[key]) for key, label in TERMS.items()]


# Someone who left one of the chosen lists is left out even if another chosen list or a segment has them: leaving wins.
_CHOSEN_BY_LISTS = """
with chosen as (
    select contact_id, count(*) as times,
           bool_or(status = 'unsubscribed') as has_left, bool_or(status = 'subscribed') as is_active
    from audiences_subscription
    where list_id = any(%(lists)s) and status <> 'removed'
    group by contact_id
), {stopped}, classified as (
    select chosen.contact_id, times,
           case when has_left then 'unsubscribed'
                when stopped.contact_id is not null and not only_bounced then 'suppressed'
                when stopped.contact_id is not null then 'bounced'
                when not is_active then 'no_consent'
                else 'receives' end as term
    from chosen left join stopped using (contact_id)
)
"""
# To be in a segment is no consent: that is a list they are on somewhere, or a recorded one while they left no list.
_CHOSEN_BY_SEGMENTS = """
with on_list as (
    select contact_id, count(*) as times,
           bool_or(status = 'unsubscribed') as has_left, bool_or(status = 'subscribed') as is_active
    from audiences_subscription
    where list_id = any(%(lists)s) and status <> 'removed'
    group by contact_id
), chosen as (
    select contact_id, coalesce(on_list.times, 0) + {memberships} as times,
           coalesce(has_left, false) as has_left, coalesce(is_active, false) as is_active,
           {memberships} > 0 as is_member
    from on_list {members}
), elsewhere as (
    -- distinct: so the planner knows that it joins one to one
    select distinct contact_id from chosen
    where is_member and not is_active and exists (
        select 1 from audiences_subscription s where s.contact_id = chosen.contact_id and s.status = 'subscribed'
    )
), agreed as (
    select distinct contact_id from chosen where is_member and not is_active and {agreed}
), {stopped}, classified as (
    select chosen.contact_id, times,
           case when has_left or is_member and not is_active and elsewhere.contact_id is null and exists (
                    select 1 from audiences_subscription s
                    where s.contact_id = chosen.contact_id and s.status = 'unsubscribed'
                ) then 'unsubscribed'
                when stopped.contact_id is not null and not only_bounced then 'suppressed'
                when stopped.contact_id is not null then 'bounced'
                when is_active or elsewhere.contact_id is not null or agreed.contact_id is not null then 'receives'
                else 'no_consent' end as term
    from chosen left join stopped using (contact_id) left join elsewhere using (contact_id)
    left join agreed using (contact_id)
)
"""
# Joined, not gathered and grouped: so the planner knows how many they are.
_MEMBERS = """full join (
        select c.id as contact_id, 1 as is_in from audiences_contact c where c.workspace_id = %(workspace)s and {fits}
    ) {name} using (contact_id)
"""
_STOPPED = """stopped as (
    select contact_id, bool_and(reason = 'bounced') as only_bounced
    from audiences_suppression
    where workspace_id = %(workspace)s and lifted_at is null and contact_id is not null
    group by contact_id
)"""


def _classified(choice: Choice, *, now: datetime | None = None) -> tuple[str, dict[str, Any]]:
    """(SQL up to the table `classified`: contact_id, times, term; its values). Raises rules.Incomplete."""
    wheres = {f"member{number}": where for number, where in enumerate(choice.wheres(now=now))}
    values: dict[str, Any] = {"workspace": choice.workspace.pk, "lists": list(choice.lists)}
    if not wheres:
        return _CHOSEN_BY_LISTS.format(stopped=_STOPPED), values
    for where in wheres.values():
        values |= where.values
    members = "".join(_MEMBERS.format(fits=where.sql, name=name) for name, where in wheres.items())
    memberships = " + ".join(f"coalesce({name}.is_in, 0)" for name in wheres)
    statement = _CHOSEN_BY_SEGMENTS.format(
        stopped=_STOPPED,
        members=members,
        memberships=f"({memberships})",
        agreed=said_last("given", "chosen.contact_id"),
    )
    return statement, values


def equation_of(campaign: Campaign, choice: Choice | None = None) -> Equation:
    """The equation as of now, in one statement. Nobody counts for a segment that cannot be worked out."""
    statement, values = _classified((choice or choice_of(campaign)).complete())
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} select term, count(*), sum(times) from classified group by term", values)
        rows = {term: (people, int(times)) for term, people, times in cursor.fetchall()}
    people = {term: count for term, (count, _) in rows.items()}
    selected = sum(times for _, times in rows.values())
    terms = {term: people.get(term, 0) for term in TERMS}
    terms["duplicates"] = selected - sum(people.values())
    return Equation(selected=selected, terms=terms, receives=people.get(RECEIVES, 0))


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """People of one term: (contact id, email, name, what there is to say). `after` continues, None at the end."""

    people: Sequence[tuple[int, str, str, str]]
    after: int | None


def people_of(campaign: Campaign, term: str, *, after: int = 0, size: int = 50) -> AudiencePage:
    """The people behind one number, by contact id. Raises KeyError for a term that does not exist."""
    if term != RECEIVES and term not in TERMS:
        raise KeyError(term)
    where = "times > 1" if term == "duplicates" else "term = %(term)s"
    statement, values = _classified(choice_of(campaign).complete())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""{statement}
            select c.id, c.email, trim(c.first_name || ' ' || c.last_name),
                   coalesce((
                       select s.reason || '|' || to_char(s.at at time zone 'UTC', 'YYYY-MM-DD') || '|' ||
                              coalesce(a.name, '')
                       from audiences_suppression s left join accounts_connection a on a.id = s.connection_id
                       where s.contact_id = c.id and s.workspace_id = %(workspace)s and s.lifted_at is null
                       order by s.reason = 'blocked', s.at limit 1), '')
            from classified join audiences_contact c on c.id = classified.contact_id
            where {where} and c.id > %(after)s
            order by c.id limit %(limit)s
            """,
            {**values, "term": term, "after": after, "limit": size + 1},
        )
        rows = cursor.fetchall()
    return AudiencePage(people=rows[:size], after=rows[size - 1][0] if len(rows) > size else None)


def freeze(delivery: Delivery, *, planned_on: date) -> dict[str, int]:
    """Write the ledger of a delivery: everyone who receives as planned, everyone else as left out with the reason.

    Segments are worked out by their rules as they were released; the last days of a rule end now. Belongs in the
    transaction that marks the delivery frozen. Answers the counts per term. Raises rules.Incomplete.
    """
    workspace = delivery.campaign.workspace_id
    statement, values = _classified(frozen_choice(delivery), now=delivery.frozen_at)
    with connection.cursor() as cursor:
        cursor.execute("set local work_mem = '64MB'; set local jit = off")
        # An address suppressed before its person was known belongs to them from now on.
        cursor.execute(
            """
            update audiences_suppression s set contact_id = c.id from audiences_contact c
            where s.workspace_id = %(workspace)s and s.contact_id is null
              and c.workspace_id = s.workspace_id and c.email = s.email
            """,
            {"workspace": workspace},
        )
        cursor.execute(
            f"""{statement}
            insert into campaigns_recipient (delivery_id, planned_on, contact_id, email, state, reason, changed_at)
            select %(delivery)s, %(planned_on)s, c.id, c.email,
                   case when term = 'receives' then 'planned' else 'excluded' end,
                   case when term = 'receives' then '' else term end, now()
            from classified join audiences_contact c on c.id = classified.contact_id
            order by c.id
            """,
            {**values, "delivery": delivery.pk, "planned_on": planned_on},
        )
        cursor.execute(
            "select case when state = 'planned' then 'receives' else reason end, count(*) "
            "from campaigns_recipient where delivery_id = %s group by 1",
            [delivery.pk],
        )
        return dict(cursor.fetchall())
