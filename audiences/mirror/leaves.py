"""Whom an account mails no more, where it tells so apart from its people → suppressions and left lists."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox, pulls
from accounts.models import Connection, OutboxEntry, Pull
from accounts.providers.base import Provider
from accounts.providers.records import LeaveRecord
from audiences import queries, services
from audiences.addresses import NotAnAddress, normalise
from audiences.mirror.walk import batches, pages
from audiences.models import Suppression

# Apps above this one make lists over there for their own work; leaving one of those is leaving altogether. Each tells
# which of the records, of lists that nobody knows here, are such leaves.
WORKING_LEAVES: list[Callable[[Connection, Sequence[LeaveRecord]], Sequence[LeaveRecord]]] = []

# A leave over there must hold here and everywhere within a quarter of an hour.
EVERY = timedelta(minutes=5)
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


def follow_leaves(entry: OutboxEntry, connection: Connection, *, every_seconds: float) -> outbox.Later:
    """For accounts that cannot be asked what changed: read everybody they mail no more, for ever."""
    pause = max(every_seconds, EVERY.total_seconds()) if every_seconds >= 30 else every_seconds
    if connection.pulled_at is None:
        return outbox.Later(every_seconds, "Waits for the first pull.")
    began = timezone.now()
    provider = connection.open()
    for batch in batches(pages(lambda cursor: provider.leaves(cursor=cursor), entry.payload.get("cursor"))):
        records = [record for page in batch for record in page.items]
        cursor = batch[-1].cursor
        with transaction.atomic():
            counts = take_leaves(connection, records)
            payload = {"cursor": cursor} if cursor is not None else {}
            OutboxEntry.objects.filter(pk=entry.pk, fence=entry.fence).update(payload=payload)
            entry.payload = payload
            if counts["suppressed"] or counts["changed"]:
                services.refresh_counts(workspace=connection.workspace)
        outbox.renew(entry)
        if cursor is not None and timezone.now() - began > SLICE:
            return outbox.Later(0)
    Connection.objects.filter(pk=connection.pk).update(followed_to_at=began)
    return outbox.Later(pause)


def take_leaves(connection: Connection, records: Sequence[LeaveRecord]) -> Counter[str]:
    """Every record is read once and is suppressed (news), changed (left a list, news), unchanged or rejected."""
    now = timezone.now()
    counts = Counter({"read": len(records), "suppressed": 0, "changed": 0, "unchanged": 0, "rejected": 0})
    facts, patterns, left = [], [], []
    lists = queries.mirrored_lists(connection)
    strange = [record for record in records if record.list_id and record.list_id not in lists]
    through_mails = [
        record for known in WORKING_LEAVES for record in (known(connection, strange) if strange else ())
    ]
    for record in (*records, *through_mails):
        reason = REASONS.get(record.reason, Suppression.Reason.BLOCKED)
        at = min(record.at or now, now)
        fact = services.Fact(record.email, reason, at, {"told": "leaves"})
        if record.list_id:
            if mine := lists.get(record.list_id):
                left.append((mine, record.email, at))
        elif "*" in record.email:
            patterns.append(fact)
        elif _is_address(record.email):
            facts.append(fact)
        else:
            counts["rejected"] += 1
    counts["suppressed"] = services.suppress_all(
        workspace=connection.workspace, connection=connection, facts=facts
    )
    counts["suppressed"] += services.suppress_patterns(
        workspace=connection.workspace, connection=connection, facts=patterns
    )
    counts["changed"] = _leave_lists(connection, left)
    counts["unchanged"] = counts["read"] - counts["suppressed"] - counts["changed"] - counts["rejected"]
    return counts


def _is_address(text: str) -> bool:
    try:
        normalise(text)
    except NotAnAddress:
        return False
    return True


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
                "emails": [email.strip().lower() for _, email, _ in left],
                "ats": [at for _, _, at in left],
            },
        )
        return cursor.rowcount


_LEAVE = """
insert into audiences_subscription as mine (list_id, contact_id, status, evidence, changed_at)
select distinct on (told.list_id, c.id) told.list_id, c.id, 'unsubscribed',
       jsonb_build_object('connection', %(connection)s, 'at', to_jsonb(told.at)), told.at
from unnest(%(lists)s::bigint[], %(emails)s::text[], %(ats)s::timestamptz[]) as told(list_id, email, at)
join audiences_contact c on c.workspace_id = %(workspace)s and c.email = told.email
order by told.list_id, c.id, told.at
on conflict (list_id, contact_id) do update
set status = 'unsubscribed', evidence = excluded.evidence, changed_at = excluded.changed_at
where mine.status <> 'unsubscribed' and mine.changed_at <= excluded.changed_at
"""
