"""How many calls of one account are taken, counted in Redis over all processes. Without Redis all are."""

import time
from functools import lru_cache
from typing import Any

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

# Calls come in bursts while a campaign goes out, so the rate is one over this long.
WINDOW_SECONDS = 60
# After Redis failed, do not make the next callers wait for it as well.
PAUSE_SECONDS = 5

_away_until = 0.0


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    address = str(settings.CACHES["default"]["LOCATION"])
    return redis.Redis.from_url(address, socket_timeout=0.2, socket_connect_timeout=0.2)


def webhook_allowed(connection_id: int) -> bool:
    """Whether this call is within WEBHOOKS_PER_SECOND for its account, on average over a minute."""
    key = f"webhooks:{connection_id}:{int(time.time()) // WINDOW_SECONDS}"
    count = _ask("incr", key)
    if count == 1:
        _ask("expire", key, 2 * WINDOW_SECONDS)
    return count is None or int(count) <= settings.WEBHOOKS_PER_SECOND * WINDOW_SECONDS


def first_this_second(name: str) -> bool:
    """True once a second over all processes. False while Redis is away."""
    return bool(_ask("set", f"once:{name}", "1", "px", 1000, "nx"))


def _ask(*command: str | int) -> Any:
    """What Redis answers; None when it does not."""
    global _away_until
    if time.monotonic() < _away_until:
        return None
    try:
        return _redis().execute_command(*command)
    except redis.RedisError as error:
        _away_until = time.monotonic() + PAUSE_SECONDS
        log.warning("webhook.unmetered", error=type(error).__name__)
        return None
