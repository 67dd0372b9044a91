"""Who may not be written to. Blocks arise here and travel to every account; only a recorded consent lifts one."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import activity, outbox
from accounts.models import Connection, MirrorKind, OutboxEntry, User, Workspace
from accounts.providers.base import Effect
from accounts.refusals import CannotDo
from audiences.addresses import NotAnAddress, Problem, normalise, pattern_of
from audiences.erased import Erased
from audiences.models import Contact, Suppression
from audiences.models.suppressions import BLOCK_TASK
from audiences.queries.patterns import known_by_hand
from audiences.sets import one_writer
from audiences.sql import HOW_BAD, SAYS_MORE, STRICTER_HOLDS

# Blocks for accounts that are written at once, beyond which they wait behind other work.
CROWD = 500
RESOLVE_TASK = "audiences.resolve_patterns"
# People whom patterns catch, suppressed by name in one transaction.
RESOLVED_AT_ONCE = 5_000
SLICE_SECONDS = 20

# Apps above this one hand people over to accounts, whose mirror shows them only after the next pull: each tells
# (connection id, contact id) of those it handed over, among some contacts.
HOLDERS: list[Callable[[Workspace, Collection[int]], Iterable[tuple[int, int]]]] = []


class CannotSuppress(CannotDo):
    pass


@dataclass(frozen=True, slots=True)
class Fact:
    """Somebody left, complained or bounced, at a time of its own. `evidence` is what a person can be shown."""

    email: str
    reason: str
    at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
    # False: the account tells no time, and `at` is when we read it.
    is_dated: bool = True


def suppress(
    *,
    workspace: Workspace,
    email: str,
    reason: str,
    connection: Connection | None,
    at: datetime,
    evidence: Mapping[str, Any],
    by: User | None = None,
) -> bool:
    """Nobody writes to this address any more. Whether that is news; telling it twice changes nothing."""
    fact = Fact(email, reason, at, evidence)
    return bool(suppress_all(workspace=workspace, connection=connection, facts=[fact], by=by))


@transaction.atomic
def suppress_all(
    *, workspace: Workspace, connection: Connection | None, facts: Iterable[Fact], by: User | None = None
) -> int:
    """The same for many at once; returns how many are news.

    One active row per address and source, of the worst reason and the newest no; a fact of one's own replaces that one
    was caught by a pattern. A fact older than the consent that lifted its block is history, and so is one without a
    time that the account has told ever since. Texts that are no address, and who was erased, are passed over.
    """
    written = _write(workspace, connection, _rows(facts, normalise), by=by)
    propagate(workspace=workspace, contact_ids=[contact for contact, _ in written if contact])
    return sum(is_new for _, is_new in written)


@transaction.atomic
def suppress_patterns(
    *, workspace: Workspace, connection: Connection | None, facts: Iterable[Fact], by: User | None = None
) -> int:
    """Nobody writes to addresses that match, now or later. Returns how many patterns are news; what is none is passed over.

    Whoever matches is suppressed by name too, so that sending compares no patterns; beyond the first thousands that
    goes on in the background.
    """
    written = _write(workspace, connection, _rows(facts, _pattern), by=by, is_pattern=True)
    if written and resolve_patterns(workspace=workspace, most=RESOLVED_AT_ONCE) == RESOLVED_AT_ONCE:
        resolve_later(workspace=workspace)
    return sum(is_new for _, is_new in written)


def resolve_patterns(*, workspace: Workspace, most: int | None = None) -> int:
    """Suppress by name everybody who matches a pattern and is not yet, or `most` of them. Returns how many."""
    if not Suppression.objects.filter(workspace=workspace, is_pattern=True, lifted_at=None).exists():
        return 0
    one_writer(workspace)
    with database.cursor() as cursor:
        cursor.execute(_RESOLVE_PATTERNS, {"workspace": workspace.pk, "most": most})
        contacts = [contact for (contact,) in cursor.fetchall()]
    propagate(workspace=workspace, contact_ids=contacts)
    return len(contacts)


def resolve_later(*, workspace: Workspace) -> None:
    """Have the rest of those who match suppressed by name in the background."""
    outbox.record(
        task=RESOLVE_TASK,
        subject=workspace,
        workspace=workspace,
        effect=Effect.CONVERGE,
        order_key=f"patterns:{workspace.pk}",
        priority=OutboxEntry.Priority.SUPPRESS,
    )


def go_on_resolving(entry: OutboxEntry) -> outbox.Later | None:
    """Some thousands at a time, so that nobody waits long for the audience."""
    began = time.monotonic()
    while True:
        with transaction.atomic():
            found = resolve_patterns(workspace=entry.workspace, most=RESOLVED_AT_ONCE)
        if found < RESOLVED_AT_ONCE:
            return None
        outbox.renew(entry)
        if time.monotonic() - began > SLICE_SECONDS:
            return outbox.Later(0)


@transaction.atomic
def suppress_by_hand(*, contact: Contact, by: User, reason: str) -> None:
    """At a member's word, who says why. Raises CannotSuppress when that has been done before."""
    one_writer(contact.workspace)
    if known_by_hand(contact.workspace, [contact.email]):
        raise CannotSuppress("This person has already been suppressed by hand.")
    suppress(
        workspace=contact.workspace,
        email=contact.email,
        reason=Suppression.Reason.BY_HAND,
        connection=None,
        at=timezone.now(),
        evidence={"reason": reason},
        by=by,
    )
    activity.record(
        contact.workspace,
        "contact.suppressed",
        "Suppressed a contact by hand.",
        actor=by,
        # Why stands with the block: it may name the person, and this log outlives them.
        subject=contact,
    )


def propagate(*, workspace: Workspace, contact_ids: Collection[int]) -> int:
    """Ask every account that holds one of these people, and does not know yet, to refuse them.

    An account that told us of the block needs no telling, nor does one that has confirmed it or has been asked.
    """
    if not contact_ids:
        return 0
    contact_type = ContentType.objects.get_for_model(Contact)
    with database.cursor() as cursor:
        cursor.execute(
            _UNTOLD,
            {
                "workspace": workspace.pk,
                "contacts": list(contact_ids),
                "kind": MirrorKind.CONTACT.value,
                "task": BLOCK_TASK,
                "contact_type": contact_type.pk,
                "held": json.dumps(
                    sorted({pair for holders in HOLDERS for pair in holders(workspace, contact_ids)})
                ),
            },
        )
        pairs = cursor.fetchall()
    connections = Connection.objects.in_bulk({pair[0] for pair in pairs})
    # It cannot be told; nothing made here reaches them there.
    pairs = [pair for pair in pairs if connections[pair[0]].capabilities.blocks_contacts]
    # A crowd that somebody suppressed goes behind the mails and the single leaves.
    is_crowd = len(pairs) > CROWD
    outbox.record_all(
        [
            OutboxEntry(
                workspace=workspace,
                connection=connections[connection_id],
                task=BLOCK_TASK,
                effect=Effect.CONVERGE,
                subject_type=contact_type,
                subject_id=contact_id,
                order_key=f"block:{connection_id}:{contact_id}",
                priority=OutboxEntry.Priority.BULK if is_crowd else OutboxEntry.Priority.SUPPRESS,
                not_before=timezone.now(),
            )
            for connection_id, contact_id in pairs
        ]
    )
    return len(pairs)


def _rows(facts: Iterable[Fact], normal: Callable[[str], str]) -> list[dict[str, Any]]:
    rows = []
    for fact in facts:
        try:
            email = normal(fact.email)
        except NotAnAddress:
            continue
        rows.append(
            {
                "email": email, "reason": fact.reason, "at": fact.at.isoformat(), "evidence": dict(fact.evidence),
                "is_dated": fact.is_dated,
            }
        )  # fmt: skip
    return rows


def _pattern(text: str) -> str:
    if pattern := pattern_of(text):
        return pattern
    raise NotAnAddress(Problem.MALFORMED)


def _write(
    workspace: Workspace,
    connection: Connection | None,
    rows: list[dict[str, Any]],
    *,
    by: User | None,
    is_pattern: bool = False,
) -> list[tuple[int | None, bool]]:
    """(contact, whether it is news) of each row that was written."""
    if not rows:
        return []
    one_writer(workspace)
    if erased := Erased(workspace):
        # Nobody writes to them as it is, and the block would hold their address. Who has it again may leave like anybody.
        gone = erased.among(row["email"] for row in rows)
        gone -= set(
            Contact.objects.filter(workspace=workspace, email__in=gone).values_list("email", flat=True)
        )
        rows = [row for row in rows if row["email"] not in gone]
    values = {
        "workspace": workspace.pk,
        "connection": connection.pk if connection else None,
        # Since when whoever is told without a time would have been told again.
        "since": connection.followed_to_at if connection else None,
        "by": by.pk if by else None,
        "is_pattern": is_pattern,
        "rows": json.dumps(rows),
        "undated": [row["email"] for row in rows if not row["is_dated"]],
    }
    with database.cursor() as cursor:
        cursor.execute(_SUPPRESS, values)
        written = cursor.fetchall()
        if values["undated"]:
            cursor.execute(_STILL_TOLD, values)
    return written


# Either side of an address is compared whole, so that a million people cost one reading of them. A block that a
# person's consent has lifted since stays lifted.
_RESOLVE_PATTERNS = """
insert into audiences_suppression (workspace_id, email, contact_id, reason, connection_id, at, evidence)
select %(workspace)s, found.email, found.contact_id, p.reason, p.connection_id, p.at,
       jsonb_build_object('pattern', p.email)
from (
    select p.id, c.id as contact_id, c.email from audiences_suppression p
    join audiences_contact c on split_part(c.email, '@', 2) = split_part(p.email, '@', 2)
    where c.workspace_id = %(workspace)s and p.workspace_id = %(workspace)s and p.is_pattern and p.lifted_at is null
      and split_part(p.email, '@', 1) = '*'
    union all
    select p.id, c.id, c.email from audiences_suppression p
    join audiences_contact c on split_part(c.email, '@', 1) = split_part(p.email, '@', 1)
    where c.workspace_id = %(workspace)s and p.workspace_id = %(workspace)s and p.is_pattern and p.lifted_at is null
      and split_part(p.email, '@', 2) = '*'
) found join audiences_suppression p on p.id = found.id
where not exists (
    select 1 from audiences_suppression old
    where old.workspace_id = %(workspace)s and old.email = found.email
      and old.connection_id is not distinct from p.connection_id
      and (old.lifted_at is null or old.lifted_at >= p.at)
)
order by found.email
limit %(most)s
on conflict (workspace_id, email, connection_id) where lifted_at is null do nothing
returning contact_id
"""

# History: the person agreed after it; or it comes from where it was lifted, and is older than that, or has been told
# without a time in every look since. A consent is compared by its own time: who left after agreeing has left. Where we
# had the account refuse somebody, what it tells of the time until then may be our own word.
# Without a time of its own a fact is no newer than the one that is there. What is told of an address that a person had
# before blocks that address, and the person unless they agreed after it.
_SUPPRESS = f"""
with told as (
    select distinct on (email) email, reason, evidence, coalesce(newest, at) as at,
           is_dated or newest is not null as is_dated
    from (
        select *, max(at) filter (where is_dated and reason <> 'blocked') over (partition by email) as newest
        from jsonb_to_recordset(%(rows)s::jsonb)
          as t(email text, reason text, at timestamptz, evidence jsonb, is_dated boolean)
    ) t
    order by email, {HOW_BAD.format("t")}, is_dated desc, at desc
)
insert into audiences_suppression as mine
    (workspace_id, email, contact_id, reason, connection_id, at, evidence, created_by_id, is_pattern)
select %(workspace)s, told.email, coalesce(c.id, f.contact_id), told.reason, %(connection)s,
       case when told.is_dated then told.at else coalesce(known.at, told.at) end, told.evidence, %(by)s, %(is_pattern)s
from told
left join audiences_suppression known on known.workspace_id = %(workspace)s and known.email = told.email
 and known.connection_id is not distinct from %(connection)s and known.lifted_at is null
left join audiences_contact c on c.workspace_id = %(workspace)s and c.email = told.email and not %(is_pattern)s
left join audiences_formeraddress f on f.workspace_id = %(workspace)s and f.email = told.email and not %(is_pattern)s
 and not (told.is_dated and exists (
     select 1 from audiences_suppression old join audiences_contact p on p.id = old.contact_id and p.email = old.email
     where old.contact_id = f.contact_id and old.lifted_at is not null
       and (old.lift_evidence ->> 'agreed_at')::timestamptz >= told.at
 ))
where not exists (
    select 1 from audiences_suppression old
    where old.workspace_id = %(workspace)s and old.email = told.email and old.lifted_at is not null
      and case
          when told.is_dated and old.evidence ->> 'told' = 'at our word'
          then old.connection_id = %(connection)s and told.at <= case
              when told.reason = 'blocked' then old.lifted_at
              else greatest(old.at, (old.lift_evidence ->> 'agreed_at')::timestamptz) end
          when told.is_dated and old.lift_evidence ? 'agreed_at'
          then (old.lift_evidence ->> 'agreed_at')::timestamptz >= told.at
          when old.connection_id is distinct from %(connection)s then false
          when told.is_dated then old.lifted_at >= told.at
          else %(since)s::timestamptz is null
               or greatest(old.lifted_at, (old.lift_evidence ->> 'told_at')::timestamptz) >= %(since)s
          end
)
order by told.email
{STRICTER_HOLDS} where {SAYS_MORE}
returning contact_id, xmax = 0
"""

_STILL_TOLD = """
update audiences_suppression
set lift_evidence = coalesce(lift_evidence, '{}') || jsonb_build_object('told_at', clock_timestamp())
where workspace_id = %(workspace)s and email = any(%(undated)s) and lifted_at is not null
  and connection_id is not distinct from %(connection)s
"""

_UNTOLD = """
select m.connection_id, m.object_id
from (
    select connection_id, object_id, coalesce(theirs ->> 'blocked', '') = 'true' as is_told
    from accounts_mirrorrow
    where kind = %(kind)s and gone_at is null and object_id = any(%(contacts)s)
    union all
    select (pair ->> 0)::bigint, (pair ->> 1)::bigint, exists (
        select 1 from accounts_outboxentry o
        where o.subject_type_id = %(contact_type)s and o.subject_id = (pair ->> 1)::bigint and o.task = %(task)s
          and o.connection_id = (pair ->> 0)::bigint and o.state = 'done'
          and not exists (
              select 1 from audiences_suppression old
              where old.contact_id = o.subject_id and old.lifted_at >= o.ended_at
          )
    )
    from jsonb_array_elements(%(held)s::jsonb) as pair
    where not exists (
        select 1 from accounts_mirrorrow known
        where known.connection_id = (pair ->> 0)::bigint and known.kind = %(kind)s and known.gone_at is null
          and known.object_id = (pair ->> 1)::bigint
    )
) m
join accounts_connection c on c.id = m.connection_id
where c.workspace_id = %(workspace)s and c.status not in ('checking', 'disconnected')
  and not m.is_told
  and exists (
      select 1 from audiences_suppression s where s.contact_id = m.object_id and s.lifted_at is null
  )
  and not exists (
      select 1 from audiences_suppression s
      where s.contact_id = m.object_id and s.lifted_at is null and s.connection_id = m.connection_id
  )
  and not exists (
      select 1 from accounts_outboxentry o
      where o.subject_type_id = %(contact_type)s and o.subject_id = m.object_id and o.task = %(task)s
        and o.connection_id = m.connection_id and o.state in ('waiting', 'claimed', 'set_aside')
  )
order by m.object_id, m.connection_id
"""
