"""What must be looked after, again and again. Twice at once does no harm; it calls no provider."""

from datetime import timedelta

import redis
import structlog
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts import outbox, partitions, pulls
from accounts.models import Connection, OutboxEntry
from accounts.services.connections import FOLLOW, record_following

log = structlog.get_logger(__name__)

HOUR = 3600
CHECKS_KEPT = timedelta(days=1)


def sweep() -> None:
    """Every few seconds: the outbox and the pulls; once an hour the rest."""
    outbox.sweep()
    pulls.end_stuck()
    follow_again()
    if _first_this_hour():
        partitions.ensure_months()
        outbox.prune()
        drop_old_checks()


def _first_this_hour() -> bool:
    try:
        return bool(cache.add("accounts.upkeep", 1, timeout=HOUR))
    except redis.RedisError:
        return False  # it can wait until the cache is back


def follow_again() -> int:
    """Give every saved connection its standing entry back, should it have lost it. A set-aside one waits for a person."""
    standing = OutboxEntry.objects.filter(task=FOLLOW).exclude(
        state__in=[OutboxEntry.State.DONE, OutboxEntry.State.CANCELLED]
    )
    missing = Connection.objects.exclude(
        status__in=[Connection.Status.CHECKING, Connection.Status.DISCONNECTED]
    ).exclude(pk__in=standing.values("connection_id"))
    for connection in missing:
        with transaction.atomic():
            record_following(connection)
        log.info("upkeep.following_again", connection_id=connection.pk)
    return len(missing)


def drop_old_checks() -> int:
    """Keys that were typed in and never saved are not kept."""
    old = Connection.objects.filter(
        status=Connection.Status.CHECKING, created_at__lt=timezone.now() - CHECKS_KEPT
    )
    return old.delete()[0]
