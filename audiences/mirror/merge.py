"""The stage into the tables: a few statements over all rows of a batch, in one transaction.

Rows that say what they said the last time are dropped first; nothing of them is written but the mark in the mirror.
A block is never lifted here, a leave never undone: the stricter side wins.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, MirrorKind, MirrorRow, Pull
from audiences import queries, services, sets
from audiences.erased import Erased
from audiences.mirror.carrying import CARRYING
from audiences.models import Contact
from audiences.sql import HAS_LEFT_SINCE, STRICTER_HOLDS

STANDARD = tuple(Contact.STANDARD_FIELDS)
STAGE = (
    ("remote_id", "text"),
    ("email", "text"),
    *((column, "text") for column in STANDARD),
    ("custom", "jsonb"),
    ("lists", "bigint[]"),
    ("left_lists", "bigint[]"),
    ("pending_lists", "bigint[]"),
    ("blocked", "boolean"),
    ("at", "timestamptz"),
    ("digest", "bytea"),
)


def merge_contacts(
    connection: Connection, rows: Sequence[Sequence[Any]], *, pull: Pull | None
) -> Counter[str]:
    """Take the rows over and count them: every row is read once and is one of the other counts.

    created, changed, unchanged: what became of the person here. suppressed: newly blocked by this, whatever else
    became of them. rejected: another person of this pull has the same address, or they were erased.
    """
    if not rows:
        return Counter()
    sets.one_writer(connection.workspace)
    sets.stage("stage", STAGE, rows, keys=("remote_id", "email"))
    return merge_staged(connection, pull=pull)


def merge_staged(connection: Connection, *, pull: Pull | None) -> Counter[str]:
    """The same for rows that stand in the stage already; the audience of the workspace is held."""
    turned_away = _turn_away_erased(connection)
    values: dict[str, Any] = {
        "workspace": connection.workspace_id,
        "connection": connection.pk,
        "pull": pull.pk if pull else None,
        "contact": MirrorKind.CONTACT.value,
        "keys": list(queries.remote_fields(connection)),
        "mirrored": list(queries.mirrored_lists(connection).values()),
    }
    with database.cursor() as cursor:
        # In one go: between two statements this thread would queue up behind those that fetch.
        cursor.execute(";".join(STATEMENTS), values)
        cursor.execute(COUNT, values)
        names = [column.name for column in cursor.description or ()]
        counts = Counter(dict(zip(names, cursor.fetchone() or (), strict=True)))
        cursor.execute(SUPPRESSED)
        suppressed = [contact_id for (contact_id,) in cursor.fetchall()]
    counts["rejected_twin"] = counts["rejected"]
    services.propagate(workspace=connection.workspace, contact_ids=suppressed)
    return +(counts + turned_away)


def _turn_away_erased(connection: Connection) -> Counter[str]:
    """Whoever was erased does not come back by an account that holds them yet, nor by a page read before."""
    erased = Erased(connection.workspace)
    if not erased:
        return Counter()
    with database.cursor() as cursor:
        cursor.execute("select email from stage")
        found = erased.among(email for (email,) in cursor.fetchall())
        if found:
            cursor.execute("delete from stage where email = any(%s)", [sorted(found)])
    return Counter(read=len(found), rejected=len(found), rejected_erased=len(found))


def note_blocked(connection: Connection, contact: Contact, *, at: datetime | None = None) -> None:
    """The account confirmed that it refuses this person, at our word."""
    MirrorRow.objects.filter(connection=connection, kind=MirrorKind.CONTACT, object_id=contact.pk).update(
        theirs={"blocked": True, "by_us": True, "blocked_at": (at or timezone.now()).isoformat()}
    )


def _target(column: str) -> str:
    """What a column becomes: theirs where only theirs changed, else ours with its gaps filled."""
    return (
        f"case when c.id is null then coalesce(m.{column}, '') when m.takes_over then coalesce(m.{column}, c.{column})"
        f" when c.{column} = '' then coalesce(m.{column}, '') else c.{column} end as {column}"
    )


_COLUMNS = ", ".join(STANDARD)

# One look-up a row by the unique index: `limit` keeps the planner from hashing whole tables for each batch.
_OURS = """
select c.id, c.version from audiences_contact c
where c.workspace_id = %(workspace)s and c.email = s.email limit 1
"""
_THEIRS = """
select m.* from accounts_mirrorrow m
where m.connection_id = %(connection)s and m.kind = %(contact)s and m.remote_id = s.remote_id limit 1
"""

# The people that differ from what this account said of them before. `same` rows keep nothing but their mark.
_MOVED = f"""
create temp table moved on commit drop as
select s.*, c.id as contact_id, m.object_id as mirrored_id, m.version as mirror_version, m.digest as mirror_digest, m.theirs,
       m.object_id = c.id and m.version = c.version as takes_over,
       m.object_id = c.id and m.version <> c.version as both_changed,
       coalesce(m.seen_pull_id = %(pull)s, false) as again,
       false as is_new, false as is_changed, false as is_suppressed
from stage s
left join lateral ({_OURS}) c on true
left join lateral ({_THEIRS}) m on true
where (m.digest = s.digest and m.object_id = c.id and m.gone_at is null) is not true
"""

# Who got another address here, or went into another person, is still known over there by the old one.
_FORMER = """
update moved set contact_id = c.id, email = c.email, takes_over = false,
       both_changed = coalesce(moved.mirrored_id = c.id, false)
from audiences_formeraddress f join audiences_contact c on c.id = f.contact_id
where f.workspace_id = %(workspace)s and f.email = moved.email and moved.contact_id is null
"""

# Pages overlap: who has been counted in this pull already is not counted again.
_AGAIN = f"""
create temp table tally on commit drop as
select count(*) as staged, count(*) filter (where m.seen_pull_id = %(pull)s) as again
from stage s
left join lateral ({_THEIRS}) m on true
"""

# A second person with the address of one this pull has seen; the first stays.
_TWINS = """
create temp table twins on commit drop as
select moved.remote_id, moved.again
from moved
join accounts_mirrorrow other on other.connection_id = %(connection)s and other.kind = %(contact)s
 and other.object_id = moved.contact_id and other.remote_id <> moved.remote_id and other.seen_pull_id = %(pull)s
"""

_DROP_TWINS = "delete from moved using twins where twins.remote_id = moved.remote_id"

_MARK_SEEN = """
update accounts_mirrorrow m set seen_pull_id = %(pull)s, seen_at = now()
from stage s
where m.connection_id = %(connection)s and m.kind = %(contact)s and m.remote_id = s.remote_id
  and m.seen_pull_id is distinct from %(pull)s and %(pull)s is not null
  and not exists (select 1 from moved where moved.remote_id = s.remote_id)
  and not exists (select 1 from twins where twins.remote_id = s.remote_id)
"""

_CONTACTS = f"""
with target as (
    select m.email, c.id, {", ".join(_target(column) for column in STANDARD)},
           case when c.id is null then m.custom
                when m.takes_over then (c.custom - %(keys)s::text[]) || m.custom
                else m.custom || c.custom end as custom
    from moved m
    left join lateral (select * from audiences_contact c where c.id = m.contact_id limit 1) c on true
), written as (
    insert into audiences_contact as mine
        (workspace_id, email, {_COLUMNS}, custom, version, created_at, updated_at)
    select %(workspace)s, t.email, {", ".join(f"t.{column}" for column in STANDARD)}, t.custom, 1, now(), now()
    from target t left join lateral (select * from audiences_contact c where c.id = t.id limit 1) c on true
    where c.id is null or ({", ".join(f"t.{column}" for column in STANDARD)}, t.custom)
          is distinct from ({", ".join(f"c.{column}" for column in STANDARD)}, c.custom)
    order by t.email
    on conflict (workspace_id, email) do update
    set ({_COLUMNS}, custom, version, updated_at)
      = ({", ".join(f"excluded.{column}" for column in STANDARD)}, excluded.custom, mine.version + 1, now())
    returning id, email, xmax = 0 as is_new
)
update moved set contact_id = written.id, is_new = written.is_new, is_changed = not written.is_new
from written where written.email = moved.email
"""

# An address may be suppressed before its person is known.
_RESOLVE = """
update audiences_suppression s set contact_id = moved.contact_id
from moved
where moved.is_new and s.workspace_id = %(workspace)s and s.email = moved.email and s.contact_id is null
"""

# Nor need it be a whole address: all of a domain or of a name may be suppressed.
_PATTERNS = """
insert into audiences_suppression (workspace_id, email, contact_id, reason, connection_id, at, evidence)
select %(workspace)s, moved.email, moved.contact_id, p.reason, p.connection_id, p.at,
       jsonb_build_object('pattern', p.email)
from moved
join audiences_suppression p on p.workspace_id = %(workspace)s and p.is_pattern and p.lifted_at is null
 and p.email in ('*@' || split_part(moved.email, '@', 2), split_part(moved.email, '@', 1) || '@*')
where moved.is_new
on conflict (workspace_id, email, connection_id) where lifted_at is null do nothing
"""

_EVIDENCE = "jsonb_build_object('connection', %(connection)s, 'at', to_jsonb(m.at))"
# Whom somebody here took off a list, or a roll-back, the account does not put back on it by still having them there.
_TAKEN_OFF_THERE = "mine.evidence ? 'connection'"

_JOINED = f"""
with written as (
    insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
    select list_id, m.contact_id, 'subscribed', {_EVIDENCE}, m.at
    from moved m, unnest(m.lists) as list_id
    order by list_id, m.contact_id
    on conflict (list_id, contact_id) do update
    set status = 'subscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
    where (mine.status = 'pending' or mine.status = 'removed' and {_TAKEN_OFF_THERE})
      and mine.changed_at <= excluded.changed_at
    returning contact_id
)
update moved set is_changed = true from (select distinct contact_id from written) w
where w.contact_id = moved.contact_id and not moved.is_new
"""

# Who has not confirmed yet is told so; somebody confirmed elsewhere stays so.
_PENDING = f"""
with written as (
    insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
    select list_id, m.contact_id, 'pending', {_EVIDENCE}, m.at
    from moved m, unnest(m.pending_lists) as list_id
    order by list_id, m.contact_id
    on conflict (list_id, contact_id) do update
    set status = 'pending', evidence = excluded.evidence, changed_at = excluded.changed_at
    where mine.status = 'removed' and {_TAKEN_OFF_THERE} and mine.changed_at <= excluded.changed_at
    returning contact_id
)
update moved set is_changed = true from (select distinct contact_id from written) w
where w.contact_id = moved.contact_id and not moved.is_new
"""

_LEFT = f"""
with written as (
    insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
    select list_id, m.contact_id, 'unsubscribed', {_EVIDENCE}, m.at
    from moved m, unnest(m.left_lists) as list_id
    order by list_id, m.contact_id
    on conflict (list_id, contact_id) do update
    set status = 'unsubscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
    where {HAS_LEFT_SINCE}
    returning contact_id
)
update moved set is_changed = true from (select distinct contact_id from written) w
where w.contact_id = moved.contact_id and not moved.is_new
"""

# A membership this account told us of ends by its word; one from elsewhere does not.
_REMOVED = """
with written as (
    update audiences_subscription mine set status = 'removed', changed_at = m.at
    from moved m
    where mine.contact_id = m.contact_id and not m.is_new and mine.status in ('subscribed', 'pending')
      and mine.list_id = any(%(mirrored)s::bigint[]) and mine.list_id <> all(m.lists || m.left_lists || m.pending_lists)
      and mine.evidence @> jsonb_build_object('connection', %(connection)s) and mine.changed_at <= m.at
    returning mine.contact_id
)
update moved set is_changed = true from (select distinct contact_id from written) w
where w.contact_id = moved.contact_id
"""

# A block we asked for ourselves is no news. Nor is one that was lifted here with a consent: it is older than that, or
# the account has told it ever since, whatever else of the person changed there. Blocked anew, it is news.
_BLOCKED = f"""
with written as (
    insert into audiences_suppression as mine
        (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id)
    select %(workspace)s, m.email, m.contact_id, 'blocked', %(connection)s, m.at,
           jsonb_build_object('told', 'pull', 'remote_id', m.remote_id), null
    from moved m
    where m.blocked and coalesce(m.theirs ->> 'by_us', '') <> 'true'
      and not exists (
          select 1 from audiences_suppression old
          where old.workspace_id = %(workspace)s and old.email = m.email and old.lifted_at is not null
            and case
                when old.connection_id = %(connection)s and m.theirs ->> 'blocked' = 'true' then true
                when old.evidence ->> 'told' = 'at our word'
                then old.connection_id = %(connection)s and old.lifted_at >= m.at
                when old.lift_evidence ? 'agreed_at'
                then (old.lift_evidence ->> 'agreed_at')::timestamptz >= m.at
                else old.connection_id = %(connection)s and old.lifted_at >= m.at
                end
      )
    order by m.email
    {STRICTER_HOLDS} where mine.evidence ? 'pattern'
    returning contact_id, xmax = 0 as is_news
)
update moved set is_suppressed = true from written where written.contact_id = moved.contact_id and is_news
"""

# A person deleted and made anew over there has a new id; one whose address changed is another contact here.
_FREE_MIRROR = """
delete from accounts_mirrorrow row using moved
where row.connection_id = %(connection)s and row.kind = %(contact)s
  and row.object_id = moved.contact_id and row.remote_id <> moved.remote_id
"""

# Where both sides changed the row keeps what both last agreed on: the difference stays visible.
_MIRROR = """
insert into accounts_mirrorrow as mine
    (connection_id, kind, object_id, remote_id, version, digest, theirs, seen_pull_id, seen_at)
select %(connection)s, %(contact)s, m.contact_id, m.remote_id,
       case when m.both_changed then m.mirror_version else c.version end,
       case when m.both_changed then m.mirror_digest else m.digest end,
       case when m.blocked then coalesce(m.theirs, '{}') || '{"blocked": true}'
            when m.theirs ->> 'blocked' = 'true'
            then jsonb_build_object('blocked', false, 'unblocked_at', to_jsonb(m.at))
            else m.theirs end,
       %(pull)s, now()
from moved m join audiences_contact c on c.id = m.contact_id
on conflict (connection_id, kind, remote_id) do update
set object_id = excluded.object_id, theirs = excluded.theirs, seen_at = excluded.seen_at, gone_at = null,
    seen_pull_id = coalesce(excluded.seen_pull_id, mine.seen_pull_id),
    version = excluded.version, digest = excluded.digest
"""

STATEMENTS = (
    "set local jit = off",
    "drop table if exists pg_temp.moved, pg_temp.tally, pg_temp.twins",
    _AGAIN,
    _MOVED,
    _FORMER,
    _TWINS,
    _DROP_TWINS,
    "analyze moved (remote_id, email, contact_id)",
    _MARK_SEEN,
    _CONTACTS,
    _RESOLVE,
    *CARRYING,
    _PATTERNS,
    _JOINED,
    _PENDING,
    _LEFT,
    _REMOVED,
    _BLOCKED,
    _FREE_MIRROR,
    _MIRROR,
)

COUNT = """
with fresh as (select * from moved where not again),
     found as (
         select count(*) filter (where is_suppressed) as suppressed,
                count(*) filter (where is_new and not is_suppressed) as created,
                count(*) filter (where is_changed and not is_new and not is_suppressed) as changed
         from fresh
     ),
     turned as (select count(*) filter (where not again) as rejected from twins)
select staged - again as read, created, changed, suppressed, rejected,
       staged - again - created - changed - suppressed - rejected as unchanged
from tally, found, turned
"""

SUPPRESSED = """
select m.contact_id from moved m
where exists (select 1 from audiences_suppression s where s.contact_id = m.contact_id and s.lifted_at is null)
"""
