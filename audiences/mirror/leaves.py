"""Whom an account mails no more, where it tells so apart from its people → suppressions and left lists."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import Connection, OutboxEntry, Pull
from accounts.providers.base import Provider
from accounts.providers.records import LeaveRecord
from audiences import queries, services, sets
from audiences.addresses import NotAnAddress, normalise
from audiences.mirror.walk import batches, pages
from audiences.models import Suppression
from audiences.sql import HAS_LEFT_SINCE

# Apps above this one make lists over there for their own work; leaving one of those is leaving altogether. Each tells
# which of the records, of lists that nobody knows here, are such leaves.
WORKING_LEAVES: list[Callable[[Connection, Sequence[LeaveRecord]], Sequence[LeaveRecord]]] = []

SLICE = timedelta(seconds=20)
REASONS = {
    "unsubscribed": Suppression.Reason.UNSUBSCRIBED,
    "complained": Suppression.Reason.COMPLAINED,
    "bounced": Suppression.Reason.BOUNCED,
}


def pull_leaves(pull: Pull, provider: Provider) -> Iterator[None]:
    """Before the people, so that nobody is mailable for a moment who is not."""
    if pull.checkpoint.get("done") or not provider.capabilities.lists_leaves:
        return
    walk = pages(lambda cursor: provider.leaves(cursor=cursor), pull.checkpoint.get("cursor"))
    for batch in batches(walk):
        records = [record for page in batch for record in page.items]
        cursor = batch[-1].cursor
        with transaction.atomic():
            counts = take_leaves(pull.connection, records)
            checkpoint = {"done": True} if cursor is None else {"cursor": cursor}
            pulls.store_page(pull, checkpoint=checkpoint, total=batch[-1].total, **counts)
        yield


def follow_leaves(entry: OutboxEntry, connection: Connection) -> outbox.Later:
    """For accounts that cannot be asked what changed: read everybody they mail no more, for ever."""
    if connection.pulled_at is None:
        return outbox.Later(settings.POLL_SECONDS, "Waits for the first pull.")
    now = timezone.now()
    # A walk cut off by the end of its slice began when its first page was read: whom it does not tell was not there.
    began = datetime.fromisoformat(entry.payload.get("began") or now.isoformat())
    provider = connection.open()
    for batch in batches(pages(lambda cursor: provider.leaves(cursor=cursor), entry.payload.get("cursor"))):
        records = [record for page in batch for record in page.items]
        cursor = batch[-1].cursor
        with transaction.atomic():
            counts = take_leaves(connection, records)
            payload = {"cursor": cursor, "began": began.isoformat()} if cursor is not None else {}
            OutboxEntry.objects.filter(pk=entry.pk, fence=entry.fence).update(payload=payload)
            entry.payload = payload
            if counts["changed"]:
                known = queries.mirrored_lists(connection)
                touched = {known[record.list_id] for record in records if record.list_id in known}
                services.refresh_counts(workspace=connection.workspace, list_ids=sorted(touched))
        outbox.renew(entry)
        if cursor is not None and timezone.now() - now > SLICE:
            return outbox.Later(0)
    Connection.objects.filter(pk=connection.pk).update(followed_to_at=began)
    return outbox.Later(settings.LEAVES_SECONDS)


def take_leaves(connection: Connection, records: Sequence[LeaveRecord]) -> Counter[str]:
    """Every record is read once and is suppressed (news), changed (left a list, news), unchanged or rejected."""
    # Whoever tells people apart and then writes what it found must not miss a leave in between.
    sets.one_writer(connection.workspace)
    now = timezone.now()
    counts = Counter({"read": len(records), "suppressed": 0, "changed": 0, "unchanged": 0, "rejected": 0})
    facts, patterns, left, strange = [], [], [], []
    lists = queries.mirrored_lists(connection)
    ours = queries.refused_by_us(connection, [_address(record.email) for record in records])
    for record in records:
        at = min(record.at or now, now)
        email = _address(record.email)
        if record.list_id and not email:
            counts["rejected"] += 1
        elif record.list_id in lists and email in ours:
            continue  # taken off by us
        elif record.list_id in lists:
            left.append((lists[record.list_id], email, at))
        elif record.list_id:
            strange.append(record)
        elif services.pattern_of(record.email):
            patterns.append(_fact(record, at))
        elif not email:
            counts["rejected"] += 1
        elif email not in ours or record.reason in ("complained", "bounced"):
            facts.append(_fact(record, at))
    workspace = connection.workspace
    counts["suppressed"] = services.suppress_all(workspace=workspace, connection=connection, facts=facts)
    counts["suppressed"] += services.suppress_patterns(
        workspace=workspace, connection=connection, facts=patterns
    )
    counts["suppressed"] += _take_working_leaves(connection, strange)
    counts["changed"] = _leave_lists(connection, left)
    counts["unchanged"] = counts["read"] - counts["suppressed"] - counts["changed"] - counts["rejected"]
    return counts


def _take_working_leaves(connection: Connection, records: Sequence[LeaveRecord]) -> int:
    """Of leaves of lists that nobody knows here, take over those that are leaves altogether. Returns how many are news."""
    if not records:
        return 0
    now = timezone.now()
    told = [record for known in WORKING_LEAVES for record in known(connection, records)]
    facts = [_fact(record, min(record.at or now, now)) for record in told]
    return services.suppress_all(workspace=connection.workspace, connection=connection, facts=facts)


def _fact(record: LeaveRecord, at: datetime) -> services.Fact:
    reason = REASONS.get(record.reason, Suppression.Reason.BLOCKED)
    return services.Fact(record.email, reason, at, {"told": "leaves"}, is_dated=record.at is not None)


def _address(text: str) -> str:
    """Its normal form; empty for what is none."""
    try:
        return normalise(text)
    except NotAnAddress:
        return ""


def _leave_lists(connection: Connection, left: Sequence[tuple[int, str, object]]) -> int:
    """Who left one list, among the people we know; strangers come with the contacts."""
    if not left:
        return 0
    with database.cursor() as cursor:
        cursor.execute(
            _LEAVE,
            {
                "workspace": connection.workspace_id,
                "connection": connection.pk,
                "lists": [list_id for list_id, _, _ in left],
                "emails": [email for _, email, _ in left],
                "ats": [at for _, _, at in left],
            },
        )
        return cursor.rowcount


_LEAVE = f"""
insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
select distinct on (told.list_id, c.id) told.list_id, c.id, 'unsubscribed',
       jsonb_build_object('connection', %(connection)s, 'at', to_jsonb(told.at)), told.at
from unnest(%(lists)s::bigint[], %(emails)s::text[], %(ats)s::timestamptz[]) as told(list_id, email, at)
cross join lateral (
    select coalesce(
        (select id from audiences_contact where workspace_id = %(workspace)s and email = told.email),
        (select contact_id from audiences_formeraddress where workspace_id = %(workspace)s and email = told.email)
    ) as id
) c
where c.id is not null
order by told.list_id, c.id, told.at desc
on conflict (list_id, contact_id) do update
set status = 'unsubscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
where {HAS_LEFT_SINCE}
"""
