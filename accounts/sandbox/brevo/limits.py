"""Rate limits as published for a general plan: a class of endpoints, its windows, and the headers that tell.

It is not stated whether "everything else" is one bucket or one per endpoint; here it is one, the stricter reading.
"""

from accounts.sandbox.brevo.state import Account
from accounts.sandbox.http import Refusal, Reply

SECOND, HOUR = 1, 3600
CONTACTS = ((SECOND, 10), (HOUR, 36_000))
EVERYTHING_ELSE = ((HOUR, 100),)


def count(account: Account, path: str, now: float) -> dict[str, str]:
    """Count one request to `path` (below /v3) and return its headers. Raises a 429 with the same ones."""
    name, windows = ("contacts", CONTACTS) if path.startswith("/contacts") else ("else", EVERYTHING_ELSE)
    tightest: tuple[int, int, int] | None = None  # remaining, limit, seconds left
    for length, limit in windows:
        start, used = account.windows.get((name, length), (now, 0))
        if now >= start + length:
            start, used = now, 0
        left = max(1, round(start + length - now))
        if used >= limit:
            raise _too_many(limit, left)
        account.windows[name, length] = (start, used + 1)
        if tightest is None or limit - used - 1 < tightest[0]:
            tightest = (limit - used - 1, limit, left)
    assert tightest is not None
    return _headers(*tightest)


def _headers(remaining: int, limit: int, left: int) -> dict[str, str]:
    return {
        "x-sib-ratelimit-limit": str(limit),
        "x-sib-ratelimit-remaining": str(remaining),
        "x-sib-ratelimit-reset": str(left),
    }


def _too_many(limit: int, left: int) -> Refusal:
    """Without `Retry-After`: the provider gives none."""
    refusal = Refusal(
        429, {"code": "too_many_requests", "message": "The request rate limit has been exceeded"}
    )
    refusal.reply = Reply(429, refusal.reply.body, headers=_headers(0, limit, left))
    return refusal
