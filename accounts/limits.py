"""One token bucket per connection and rate class, and one breaker per connection, shared by all workers in Redis.

Redis may be wiped or away: then calls go on unmetered and the provider's own 429 is the brake. Nothing is lost.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.providers.base import Rate
from accounts.providers.errors import RateLimited, Unavailable
from accounts.providers.records import Quota

if TYPE_CHECKING:
    from accounts.models import Connection

log = structlog.get_logger(__name__)

BREAKER_FAILURES = 5
BREAKER_SECONDS = 30
NEXT_PLACE_SECONDS = 1
PATIENCE_SECONDS = 20

# KEYS: a bucket per rate. ARGV: now (s), then calls and seconds per rate. Takes one token of each or of none;
# answers the seconds to wait as text ("0" when taken).
_TAKE = """
local now, wait = tonumber(ARGV[1]), 0
local levels = {}
for i, key in ipairs(KEYS) do
  local calls, seconds = tonumber(ARGV[2*i]), tonumber(ARGV[2*i+1])
  local saved = redis.call('hmget', key, 'level', 'at')
  local level = tonumber(saved[1]) or calls
  level = math.min(calls, level + (now - (tonumber(saved[2]) or now)) * calls / seconds)
  levels[i] = level
  if level < 1 then wait = math.max(wait, (1 - level) * seconds / calls) end
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  redis.call('hset', key, 'level', levels[i] - 1, 'at', now)
  redis.call('expire', key, math.ceil(tonumber(ARGV[2*i+1])) + 60)
end
return '0'
"""


@lru_cache(maxsize=1)
def _redis() -> Any:
    return connect(settings.CACHES["default"]["LOCATION"])


def connect(url: str) -> Any:
    """A client that gives up after half a second; its own retries would hold a page for many."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )


class ConnectionGate:
    """The Gate of one connection. Waits for a place that comes within a second, else tells when to come back."""

    def __init__(self, connection: "Connection") -> None:
        self.key = f"gate:{connection.uuid}"
        self.rates = connection.provider_class.rates

    def enter(self, rate_class: str) -> None:
        try:
            self._check_breaker()
            self._take(rate_class)
        except redis.RedisError as error:
            log.warning("gate.unmetered", error=type(error).__name__)

    def saw(self, quota: Quota) -> None:
        values: dict[str, Any] = {
            "limit": "" if quota.limit is None else quota.limit,
            "remaining": "" if quota.remaining is None else quota.remaining,
            "reset_at": quota.reset_at.timestamp() if quota.reset_at else "",
            "seen_at": time.time(),
        }
        try:
            _redis().hset(f"{self.key}:quota:{quota.name}", mapping=values)
            _redis().expire(f"{self.key}:quota:{quota.name}", 7200)
        except redis.RedisError:
            pass  # the next reply tells again

    def ended(self, *, healthy: bool) -> None:
        key = f"{self.key}:breaker"
        try:
            if healthy:
                _redis().delete(key)
            else:
                _redis().incr(key)
                _redis().expire(key, BREAKER_SECONDS)
        except redis.RedisError:
            pass  # without a memory of failures the outbox still backs off

    def quotas(self) -> list[dict[str, Any]]:
        """What the provider last said of each limit: name, limit, remaining, reset_at, seen_at."""
        rows = []
        try:
            for name in self.rates:
                saved = _redis().hgetall(f"{self.key}:quota:{name}")
                if saved:
                    rows.append(
                        {
                            "name": name,
                            "limit": int(saved["limit"]) if saved["limit"] else None,
                            "remaining": int(saved["remaining"]) if saved["remaining"] else None,
                            "reset_at": _instant(saved["reset_at"]),
                            "seen_at": _instant(saved["seen_at"]),
                        }
                    )
        except redis.RedisError:
            return []
        return rows

    def _check_breaker(self) -> None:
        failures = int(_redis().get(f"{self.key}:breaker") or 0)
        if failures >= BREAKER_FAILURES:
            # One caller a few seconds finds out whether the account answers again.
            if _redis().set(f"{self.key}:probe", "1", nx=True, ex=5):
                return
            raise Unavailable(
                "The account has not answered several times in a row; the next try follows shortly."
            )

    def _take(self, rate_class: str) -> None:
        rates = self.rates.get(rate_class, ())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while rates:
            wait = self._wait(rate_class, rates)
            if wait <= 0:
                return
            # A place that comes soon is waited for, however many threads of a pull want it too.
            if wait > NEXT_PLACE_SECONDS or time.monotonic() + wait > deadline:
                raise RateLimited("The account's limit is used up for the moment.", retry_after=wait)
            time.sleep(wait)

    def _wait(self, rate_class: str, rates: tuple[Rate, ...]) -> float:
        keys = [f"{self.key}:{rate_class}:{rate.seconds}" for rate in rates]
        numbers = [value for rate in rates for value in (rate.calls, rate.seconds)]
        return float(_redis().eval(_TAKE, len(keys), *keys, time.time(), *numbers))


def _instant(text: str) -> datetime | None:
    return datetime.fromtimestamp(float(text), UTC) if text else None
