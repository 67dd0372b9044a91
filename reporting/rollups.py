"""Facts → events, and from those that are new every count and date a page shows; set-wise, in one transaction.

Each number is a function of the set of facts and of nothing else: counts grow by rows that were new, dates keep the
earliest or the latest. So facts may come repeated, late and in any order, and end in the same tables.

    with transaction.atomic():
        lock(connection)
        begin()
        stage(records, connection=connection)  # as often as wanted; memory stays bounded
        left = roll_up(connection)
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b, md5

from django.db import connection as database

from accounts.models import Connection
from accounts.providers.records import EventRecord
from accounts.redaction import redact
from audiences.addresses import NotAnAddress, normalise
from audiences.erased import Erased
from reporting.models import Event

Kind = Event.Kind

# A mail that was opened, clicked, left or complained about has arrived, whether we were told or not.
ARRIVED = (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED, Kind.COMPLAINED)
RETURNED = (Kind.SOFT_BOUNCED, Kind.HARD_BOUNCED)
# After these the address is written to no more.
LEAVING = (Kind.UNSUBSCRIBED, Kind.COMPLAINED, Kind.HARD_BOUNCED, Kind.BLOCKED)
# Kinds whose people are listed; "handed over" stands in the ledger alone.
SEEN = tuple(kind for kind in Kind if kind != Kind.ACCEPTED)

# figure → which new rows of `report_seen` (people) or `report_new` (totals) it counts.
PEOPLE = {
    "delivered": "kind = 'delivered'",
    "opened": "kind = 'opened' and not other_seen",
    "opened_by_human": "kind = 'opened' and not is_machine",
    "clicked": "kind = 'clicked' and not is_machine",
    "unsubscribed": "kind = 'unsubscribed'",
    "complained": "kind = 'complained'",
    "hard_bounced": "kind = 'hard_bounced'",
    "soft_bounced": "kind = 'soft_bounced'",
    "deferred": "kind = 'deferred'",
    "blocked": "kind = 'blocked'",
}
TOTALS = {
    "opens": "kind = 'opened' and is_exact",
    "clicks": "kind = 'clicked' and not is_machine and is_exact",
}
DOMAIN_PEOPLE = {name: PEOPLE[name] for name in PEOPLE if name not in ("deferred", "blocked")}

MAX_LINK, MAX_REASON, MAX_KIND = 2000, 300, 20


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody the new facts say must not be written to any more."""

    kind: str
    email: str
    at: datetime
    reason: str
    campaign_id: int | None


def lock(connection: Connection, *, wait: bool = True) -> bool:
    """Be the only one who rolls up facts of this account until the transaction ends. Without `wait`: whether we are."""
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with database.cursor() as cursor:
        cursor.execute(f"select {function}(hashtext('reporting.roll_up'), %s)", [connection.pk])
        return wait or bool(cursor.fetchone()[0])


def begin() -> None:
    """Make the transaction's empty stage."""
    with database.cursor() as cursor:
        cursor.execute(_TABLES)


def stage(records: Iterable[EventRecord], *, connection: Connection, is_exact: bool = True) -> int:
    """Add facts of one account; answers how many."""
    count = 0
    erased = Erased(connection.workspace)
    with database.cursor() as cursor, cursor.copy(_COPY) as copy:
        for record in records:
            email = address(record.email)
            if erased and email in erased:  # it happened, to nobody we know
                email, record = "", replace(record, link=redact(record.link), reason="")
            copy.write_row(
                (
                    event_key(connection, record.key),
                    clean(record.kind, MAX_KIND),
                    email,
                    record.at.isoformat(),  # many times faster than psycopg's own writing of it
                    clean(record.campaign_remote_id, 100),
                    record.is_machine and record.kind in (Kind.OPENED, Kind.CLICKED),
                    is_exact,
                    clean(record.link, MAX_LINK),
                    clean(record.reason, MAX_REASON),
                )
            )
            count += 1
    return count


def roll_up(connection: Connection) -> list[Leave]:
    """Store what is new of the stage and bring every count up to date. Returns who left by it, oldest first."""
    values = {"connection": connection.pk, "workspace": connection.workspace_id}
    with database.cursor() as cursor:
        cursor.execute(
            "set local work_mem = '64MB'; set local jit = off; set local default_statistics_target = 10; analyze report_stage"
        )
        cursor.execute(_NEW_EVENTS, values)
        cursor.execute("analyze report_new")
        cursor.execute(_LEDGER)
        cursor.execute(_SEEN)
        cursor.execute("analyze report_seen")
        for statement in (_FIGURES, _LINKS, _DOMAINS, _TIME_LINE, _ENGAGEMENT):
            cursor.execute(statement)
        cursor.execute(_LEAVES)
        return [Leave(*row) for row in cursor.fetchall()]


def event_key(connection: Connection, key: str) -> bytes:
    """The 16 bytes by which an account's report of one fact is known again."""
    return blake2b(f"{connection.pk}:{key}".encode(errors="replace"), digest_size=16).digest()


def link_digest(url: str) -> bytes:
    """As `Seen.link_digest` holds it; the statement below makes the same of the stored link."""
    return md5(url.encode(), usedforsecurity=False).digest()


def address(text: str) -> str:
    """The normal form; empty for what no contact can have."""
    try:
        return normalise(text)
    except NotAnAddress:
        return ""


def clean(text: str, limit: int) -> str:
    """Text as PostgreSQL takes it: no NUL, no half of a character, no more than the column holds."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text.replace("\0", "")[:limit]


def _words(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{Kind(kind).value}'" for kind in kinds)


def _counted(figures: dict[str, str]) -> str:
    """SQL: a jsonb object of figures over the rows of a group."""
    return ", ".join(f"'{name}', count(*) filter (where {which})" for name, which in figures.items())


def _nothing(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}', 0" for name in names)


def _added(names: Iterable[str]) -> str:
    """SQL: the stored counts plus the new ones."""
    return ", ".join(
        f"'{name}', coalesce((old.counts->>'{name}')::bigint, 0) + coalesce((excluded.counts->>'{name}')::bigint, 0)"
        for name in names
    )


_TABLES = """
create temporary table if not exists report_stage (
    key bytea, kind text, email text, at timestamptz, remote_id text, is_machine boolean, is_exact boolean,
    link text, reason text
) on commit drop;
create temporary table if not exists report_new (
    key bytea, delivery_id bigint, campaign_id bigint, contact_id bigint, kind text, at timestamptz,
    is_machine boolean, is_exact boolean, link text
) on commit drop;
create temporary table if not exists report_seen (
    delivery_id bigint, kind text, link_digest bytea, is_machine boolean, contact_id bigint, other_seen boolean
) on commit drop;
truncate report_stage, report_new, report_seen;
"""

_COPY = """
copy report_stage (key, kind, email, at, remote_id, is_machine, is_exact, link, reason) from stdin
"""

# Smallest key first, so that the unique index is walked and not jumped about in.
_NEW_EVENTS = """
with stored as (
    insert into reporting_event (
        workspace_id, connection_id, campaign_id, delivery_id, contact_id,
        kind, at, is_machine, is_exact, link, reason, key, received_at
    )
    select distinct on (s.key, s.at)
        %(workspace)s, %(connection)s, d.campaign_id, d.id, c.id,
        s.kind, s.at, s.is_machine, s.is_exact, s.link, s.reason, s.key, now()
    from report_stage s
    left join (
        select distinct on (remote_id) remote_id, id, campaign_id
        from campaigns_delivery
        where connection_id = %(connection)s and remote_id <> ''
        order by remote_id, id desc
    ) d on d.remote_id = s.remote_id
    -- `limit` keeps the order of the joins: statistics do not know a workspace that was just filled
    left join lateral (
        (select id, tracking from audiences_contact where workspace_id = %(workspace)s and email = s.email and s.email <> '')
        union all
        -- mailed before they got another address
        (select k.id, k.tracking
         from audiences_formeraddress f join audiences_contact k on k.id = f.contact_id
         where f.workspace_id = %(workspace)s and f.email = s.email and s.email <> '')
        limit 1
    ) c on true
    -- opens and clicks of people who must not be counted are dropped unread
    where not (s.kind in ('opened', 'clicked') and c.tracking is not distinct from 'denied')
    order by s.key, s.at
    on conflict (key, at) do nothing
    returning key, delivery_id, campaign_id, contact_id, kind, at, is_machine, is_exact, link
)
insert into report_new select * from stored
"""  # fmt: skip

# A mail that arrived stays arrived; one that came back shows the newest reason. Who was left out stays left out.
_LEDGER = f"""
with facts as (
    select delivery_id, contact_id,
        bool_or(kind in ({_words(ARRIVED)})) as arrived,
        bool_or(kind in ({_words(RETURNED)})) as returned,
        bool_or(kind = 'blocked') as blocked,
        bool_or(kind = 'accepted') as accepted,
        min(at) filter (where kind = 'opened' and not is_machine) as open_at,
        min(at) filter (where kind = 'opened' and is_machine) as machine_open_at,
        min(at) filter (where kind = 'clicked' and not is_machine) as click_at,
        min(at) filter (where kind = 'unsubscribed') as left_at,
        min(at) filter (where kind = 'complained') as complained_at,
        max(at) as newest_at
    from report_new
    where delivery_id is not null and contact_id is not null
    group by delivery_id, contact_id
), months as materialized (
    select found.delivery_id,
        (select r.planned_on from campaigns_recipient r where r.delivery_id = found.delivery_id limit 1) as planned_on
    from (select distinct delivery_id from facts) found
), ends as (
    select r.id, r.planned_on, f.*,
        case
            when r.state in ('excluded', 'delivered') then r.state
            when f.arrived then 'delivered'
            when f.returned or r.state = 'bounced' then 'bounced'
            when f.blocked and r.state in ('planned', 'handed_over', 'unknown') then 'refused'
            when f.accepted and r.state in ('planned', 'unknown') then 'handed_over'
            else r.state
        end as state
    from facts f
    join months m on m.delivery_id = f.delivery_id
    -- as above: a delivery that was just frozen stands in no statistics
    cross join lateral (
        select id, planned_on, state from campaigns_recipient
        where delivery_id = f.delivery_id and contact_id = f.contact_id and planned_on = m.planned_on
        limit 1
    ) r
)
update campaigns_recipient r
set state = ends.state,
    reason = case
        when ends.state = 'bounced' and ends.returned then coalesce((
            select left(e.reason, 200) from reporting_event e
            where e.contact_id = r.contact_id and e.delivery_id = r.delivery_id
                and e.kind in ({_words(RETURNED)})
            order by e.at desc, e.key desc limit 1
        ), '')
        when ends.state = 'refused' and ends.blocked and r.state <> 'refused' then 'Blocked in the account.'
        when ends.state <> r.state then ''
        else r.reason
    end,
    changed_at = greatest(r.changed_at, ends.newest_at),
    first_open_at = least(r.first_open_at, ends.open_at),
    first_machine_open_at = least(r.first_machine_open_at, ends.machine_open_at),
    first_click_at = least(r.first_click_at, ends.click_at),
    left_at = least(r.left_at, ends.left_at),
    complained_at = least(r.complained_at, ends.complained_at)
from ends
where r.id = ends.id and r.planned_on = ends.planned_on
"""

# `other_seen`: whoever opened is counted once, even if a machine had fetched the mail in an earlier batch. The
# subselect reads the table as it was before this statement.
_SEEN = f"""
with firsts as (
    select delivery_id, kind, ''::bytea as link_digest, is_machine, contact_id, at
    from report_new where kind in ({_words(SEEN)})
    union all
    select delivery_id, 'delivered', '', false, contact_id, at
    from report_new where kind in ({_words(kind for kind in ARRIVED if kind != Kind.DELIVERED)})
    union all
    select delivery_id, kind, decode(md5(link), 'hex'), is_machine, contact_id, at
    from report_new where kind = 'clicked' and link <> ''
), stored as (
    insert into reporting_seen as old (delivery_id, kind, link_digest, is_machine, contact_id, first_at)
    select delivery_id, kind, link_digest, is_machine, contact_id, min(at)
    from firsts
    where delivery_id is not null and contact_id is not null
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
    on conflict (delivery_id, kind, link_digest, is_machine, contact_id)
    do update set first_at = excluded.first_at where excluded.first_at < old.first_at
    returning delivery_id, kind, link_digest, is_machine, contact_id, xmax = 0 as is_new
)
insert into report_seen
select s.delivery_id, s.kind, s.link_digest, s.is_machine, s.contact_id,
    s.kind = 'opened' and (
        exists (
            select 1 from reporting_seen o
            where o.delivery_id = s.delivery_id and o.kind = 'opened' and o.link_digest = ''
                and o.is_machine = not s.is_machine and o.contact_id = s.contact_id
        )
        -- both in one batch: the person's own opening is the one that counts
        or s.is_machine and exists (
            select 1 from report_new n
            where n.delivery_id = s.delivery_id and n.kind = 'opened' and not n.is_machine
                and n.contact_id = s.contact_id
        )
    )
from stored s
where s.is_new
"""

_FIGURES = f"""
insert into reporting_figures as old (delivery_id, source, read_at, counts)
select delivery_id, 'events', now(), jsonb_build_object({_nothing([*PEOPLE, *TOTALS])}) || jsonb_object_agg(name, amount)
from (
    select delivery_id, name, sum(amount) as amount
    from (
        select delivery_id, jsonb_build_object({_counted(PEOPLE)}) as counts
        from report_seen where link_digest = '' group by delivery_id
        union all
        select delivery_id, jsonb_build_object({_counted(TOTALS)})
        from report_new where delivery_id is not null group by delivery_id
    ) parts, lateral (select key as name, value::bigint as amount from jsonb_each_text(parts.counts)) each
    group by delivery_id, name
) summed
group by delivery_id
order by delivery_id
on conflict (delivery_id, source) do update
set read_at = excluded.read_at, counts = jsonb_build_object({_added([*PEOPLE, *TOTALS])})
"""

_LINKS = """
with total as (
    select delivery_id, link, decode(md5(link), 'hex') as link_digest, count(*) filter (where is_exact) as clicks
    from report_new
    where kind = 'clicked' and not is_machine and link <> '' and delivery_id is not null
    group by delivery_id, link
), people as (
    select delivery_id, link_digest, count(*) as people
    from report_seen
    where kind = 'clicked' and not is_machine and link_digest <> ''
    group by delivery_id, link_digest
)
insert into reporting_linkfigures as old (delivery_id, source, url, clicks, people)
select t.delivery_id, 'events', t.link, t.clicks, coalesce(p.people, 0)
from total t left join people p using (delivery_id, link_digest)
order by t.delivery_id, t.link
on conflict (delivery_id, source, md5(url)) do update
set clicks = old.clicks + excluded.clicks, people = coalesce(old.people, 0) + excluded.people
"""

_DOMAINS = f"""
insert into reporting_domainfigures as old (delivery_id, source, domain, counts)
select s.delivery_id, 'events', split_part(c.email, '@', 2), jsonb_build_object({_counted(DOMAIN_PEOPLE)})
from report_seen s join audiences_contact c on c.id = s.contact_id
where s.link_digest = ''
group by s.delivery_id, split_part(c.email, '@', 2)
order by 1, 3
on conflict (delivery_id, source, domain) do update
set counts = jsonb_build_object({_added(DOMAIN_PEOPLE)})
"""

_TIME_LINE = """
insert into reporting_spanfigures as old (delivery_id, start_at, delivered, opens, machine_opens, clicks)
select delivery_id, date_bin('5 minutes', at, 'epoch'),
    count(*) filter (where kind = 'delivered'),
    count(*) filter (where kind = 'opened' and not is_machine),
    count(*) filter (where kind = 'opened' and is_machine),
    count(*) filter (where kind = 'clicked' and not is_machine)
from report_new
where delivery_id is not null and is_exact and kind in ('delivered', 'opened', 'clicked')
group by 1, 2
order by 1, 2
on conflict (delivery_id, start_at) do update set
    delivered = old.delivered + excluded.delivered,
    opens = old.opens + excluded.opens,
    machine_opens = old.machine_opens + excluded.machine_opens,
    clicks = old.clicks + excluded.clicks
"""

_ENGAGEMENT = """
insert into audiences_engagement as old (
    contact_id, received, opens, clicks, last_received_at, last_open_at, last_click_at
)
select contact_id, sum(received), sum(opens), sum(clicks), max(last_received_at), max(last_open_at), max(last_click_at)
from (
    select contact_id, 0 as received,
        count(*) filter (where kind = 'opened' and is_exact) as opens,
        count(*) filter (where kind = 'clicked' and is_exact) as clicks,
        max(at) filter (where kind = 'delivered') as last_received_at,
        max(at) filter (where kind = 'opened') as last_open_at,
        max(at) filter (where kind = 'clicked') as last_click_at
    from report_new
    where contact_id is not null and (kind = 'delivered' or kind in ('opened', 'clicked') and not is_machine)
    group by contact_id
    union all
    select contact_id, count(*), 0, 0, null, null, null
    from report_seen where kind = 'delivered' group by contact_id
) parts
group by contact_id
order by contact_id
on conflict (contact_id) do update set
    received = old.received + excluded.received,
    opens = old.opens + excluded.opens,
    clicks = old.clicks + excluded.clicks,
    last_received_at = greatest(old.last_received_at, excluded.last_received_at),
    last_open_at = greatest(old.last_open_at, excluded.last_open_at),
    last_click_at = greatest(old.last_click_at, excluded.last_click_at)
"""

_LEAVES = f"""
select distinct on (s.email, n.kind) n.kind, s.email, n.at, s.reason, n.campaign_id
from report_new n join report_stage s on s.key = n.key and s.at = n.at
where n.kind in ({_words(LEAVING)}) and s.email <> ''
order by s.email, n.kind, n.at desc
"""
