"""For providers that give tokens for credentials: get them, renew them once when they are refused, and no more."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from accounts.providers.base import Keyring, OwnKeyring
from accounts.providers.errors import OutcomeUnknown, RateLimited, Refused, Unauthorized, Unavailable
from accounts.providers.http import Client
from accounts.providers.records import Tokens

# Renewed so long before they end: no call begins with a token that ends on its way.
EARLY = timedelta(seconds=60)

Result = TypeVar("Result")


class TokenClient(Client):
    """A client whose calls carry an access token. A subclass says how to ask for one and how to show it.

    Calls that ask for tokens pass `with_credentials=False`. What means a refused token must be `Unauthorized`: 401
    always is, others by `refusal`.
    """

    def __init__(self, *, keyring: Keyring | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.keyring = keyring or OwnKeyring()

    # What a provider's client overrides

    def first_tokens(self) -> Tokens:
        """Ask with the credentials. Raises Unauthorized when there are none that get tokens."""
        raise NotImplementedError

    def next_tokens(self, tokens: Tokens) -> Tokens:
        """Ask with `tokens.refresh`. Raises Refused or Unauthorized when it is spent."""
        raise NotImplementedError

    def bearer(self, tokens: Tokens) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {tokens.access}"}

    # How calls use them

    def credentials(self) -> Mapping[str, str]:
        return self.bearer(self.tokens())

    def tokens(self) -> Tokens:
        """Those stored while they last, else new ones. One worker renews, the others wait for it and use its."""
        tokens = self.keyring.tokens()
        if tokens is None or (tokens.expires_at and tokens.expires_at <= datetime.now(UTC) + EARLY):
            tokens = self.keyring.renew(tokens, self._ask)
        self._hide(tokens)
        return tokens

    def renewing(self, attempt: Callable[[], Result]) -> Result:
        """Refused tokens are renewed once and the call made again: a refusal did nothing over there."""
        tokens = self.tokens()
        try:
            return attempt()
        except Unauthorized:
            self.keyring.renew(tokens, self._ask)
            return attempt()

    def _hide(self, tokens: Tokens) -> None:
        """No answer that repeats them shows them."""
        for token in (tokens.access, tokens.refresh):
            if token and token not in self.secrets:
                self.secrets = (*self.secrets, token)

    def _ask(self, tokens: Tokens | None) -> Tokens:
        """New tokens: by the refresh token, whose answer may be lost once, else by the credentials."""
        if tokens is None or not tokens.refresh:
            return self.first_tokens()
        self._hide(tokens)
        try:
            return self._next(tokens)
        except (Refused, Unauthorized):
            return self.first_tokens()

    def _next(self, tokens: Tokens) -> Tokens:
        try:
            return self.next_tokens(tokens)
        except RateLimited:
            raise
        except (OutcomeUnknown, Unavailable):
            return self.next_tokens(tokens)
