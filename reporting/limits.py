"""How many calls of one account are taken, and how often the inbox is rung for, over all processes by way of Redis.

A process asks Redis for places by the handful and remembers when a ring is on its way, so that most calls ask nothing.
Without Redis all calls are taken, and the inbox is looked at by the clock alone.
"""

import time
from functools import lru_cache
from typing import Any

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

# Calls come in bursts while a campaign goes out, so the rate is one over this long.
WINDOW_SECONDS = 60
# Places taken at a time; at worst so many per process are taken and not used.
HANDFUL = 20
RING_SECONDS = 1
# After Redis failed, do not make the next callers wait for it as well.
PAUSE_SECONDS = 5

# connection → (window, places left in hand, whether there are more)
_places: dict[int, tuple[int, int, bool]] = {}
_rung_until = 0.0
_away_until = 0.0


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    address = str(settings.CACHES["default"]["LOCATION"])
    return redis.Redis.from_url(address, socket_timeout=0.2, socket_connect_timeout=0.2)


def webhook_allowed(connection_id: int) -> bool:
    """Whether this call is within WEBHOOKS_PER_SECOND for its account, on average over a minute."""
    window = int(time.time()) // WINDOW_SECONDS
    known, left, more = _places.get(connection_id, (0, 0, True))
    if known != window:
        left, more = 0, True
    if not left and more:
        left, more = _take_handful(connection_id, window)
    _places[connection_id] = (window, max(0, left - 1), more)
    return left > 0


def _take_handful(connection_id: int, window: int) -> tuple[int, bool]:
    """(places, whether there may be more) in this window."""
    key = f"webhooks:{connection_id}:{window}"
    taken = _ask("incrby", key, HANDFUL)
    if taken is None:
        return 1, True
    if taken == HANDFUL:
        _ask("expire", key, 2 * WINDOW_SECONDS)
    over = int(taken) - int(settings.WEBHOOKS_PER_SECOND * WINDOW_SECONDS)
    return max(0, min(HANDFUL, HANDFUL - over)), over < 0


def may_ring(name: str) -> bool:
    """True for the first who asks in RING_SECONDS over all processes. False also while Redis is away."""
    global _rung_until
    now = time.monotonic()
    if now < _rung_until:
        return False
    is_first = bool(_ask("set", f"ring:{name}", "1", "px", 1000 * RING_SECONDS, "nx"))
    left = RING_SECONDS if is_first else max(0, int(_ask("pttl", f"ring:{name}") or 0)) / 1000
    _rung_until = now + left
    return is_first


def forget() -> None:
    """As in a new process."""
    global _rung_until, _away_until
    _places.clear()
    _rung_until = _away_until = 0.0


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
