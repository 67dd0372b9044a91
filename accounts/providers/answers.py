"""What verbs make of what came back."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from accounts.providers.errors import Missing, UnexpectedReply

Record = TypeVar("Record")


def understood(
    provider: str, record: Callable[..., Record], raw: Any, operation: str, *more: Any, **named: Any
) -> Record:
    """`record(raw, …)`; an object that lacks what it cannot be without is a misreading of the API."""
    try:
        return record(raw, *more, **named)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        what = f"An object could not be read ({type(error).__name__})."
        raise UnexpectedReply(what, provider=provider, operation=operation) from None


def gone_is_done(delete: Callable[..., Any], *args: Any, **named: Any) -> None:
    """What is not there need not be deleted."""
    with suppress(Missing):
        delete(*args, **named)
