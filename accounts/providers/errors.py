"""What a provider's answer means for the work that asked for it.

Each error carries a verdict, so whoever runs the work asks the error what to do and knows no provider:

- RETRY: nothing happened, or the call may be repeated; try again after a while.
- LOOK: the request left and no usable answer came; read the state back before anything is repeated.
- RECONNECT: the credentials no longer work; the connection pauses until someone replaces them.
- TELL: the provider's no, in words for the person who asked; repeating changes nothing.
- REPORT: we misread the API; logged with the reply, never retried blindly.
"""

# ruff: noqa: N818 - each is named for what happened
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    RETRY = "retry"
    LOOK = "look"
    RECONNECT = "reconnect"
    TELL = "tell"
    REPORT = "report"


class ProviderError(Exception):
    """A call that did not end well. `detail` is safe to store and to show: secrets and addresses are hidden."""

    verdict = Verdict.REPORT

    def __init__(
        self,
        detail: str,
        *,
        provider: str = "",
        operation: str = "",
        status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(detail)
        self.detail = detail.replace("\x00", "\ufffd")  # PostgreSQL keeps no NUL
        self.provider = provider
        self.operation = operation
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        where = " ".join(str(part) for part in (self.provider, self.operation, self.status) if part)
        return f"{where}: {self.detail}" if where else self.detail


class Unavailable(ProviderError):
    """No byte left us (refused, DNS, TLS, connect time-out), or a 5xx to a call that may be repeated."""

    verdict = Verdict.RETRY


class RateLimited(Unavailable):
    """The account's limit is reached. `retry_after` in seconds; waiting is not an attempt."""

    def __init__(self, detail: str, *, retry_after: float, **context: object) -> None:
        super().__init__(detail, **context)  # type: ignore[arg-type]
        self.retry_after = retry_after


class OutcomeUnknown(ProviderError):
    """The request left and no usable answer came: time-out, reset, or 5xx to a create or a send."""

    verdict = Verdict.LOOK


class Unauthorized(ProviderError):
    """The credentials are refused."""

    verdict = Verdict.RECONNECT


class Refused(ProviderError):
    """The provider's no. `fields` maps our field names to its complaint.

    `reply` is its error body as it came, for the provider's own code: unmasked, never for a page or a log.
    """

    verdict = Verdict.TELL

    def __init__(self, detail: str, *, fields: dict[str, str] | None = None, **context: object) -> None:
        super().__init__(detail, **context)  # type: ignore[arg-type]
        self.fields = fields or {}
        self.reply: Mapping[str, Any] = {}


class Missing(Refused):
    """The object is gone over there."""


class Conflict(Refused):
    """Already there, or in a state that forbids this."""


class Unsupported(ProviderError):
    """The provider cannot do this; raised from the capability flag before any HTTP."""

    verdict = Verdict.TELL


class UnexpectedReply(ProviderError):
    """We misread the API: HTML instead of JSON, an id missing. Logged with the reply."""

    verdict = Verdict.REPORT
