"""Tokens that say for themselves what they are, signed; an account remembers only which of them have ended.

So a token outlives a restart of the sandbox, and a call names its account before anything is looked up.
"""

import re
from typing import NamedTuple

from accounts.sandbox.timeline import secret

SCOPES = (
    "account", "account_creation", "account_creation.trial_30", "account_settings", "automations", "automations:read",
    "contacts", "contacts:read", "embed", "events", "forms", "forms:read", "lists", "lists:read", "newsletters",
    "newsletters:read", "pages", "pages:read", "subscribe", "templates", "templates:read", "webhooks",
)  # fmt: skip
ACCOUNT = re.compile(r"sandbox[\w.-]{0,80}", re.ASCII)

# What a token is for: the letter it carries.
USER, CLIENT, REFRESH, CODE = "u", "c", "r", "k"
LASTS = {USER: 3600, CLIENT: 90 * 86400, REFRESH: 10 * 365 * 86400, CODE: 600}  # seconds; of REFRESH unknown


class Token(NamedTuple):
    kind: str
    account: str
    client: str
    scopes: frozenset[str]
    family: str  # all tokens that came from one consent
    serial: int  # grows with each refresh
    expires: int
    bound_to: str = ""  # a code: digests of the redirect address and of the PKCE challenge

    def __str__(self) -> str:
        mask = sum(1 << n for n, scope in enumerate(SCOPES) if scope in self.scopes)
        parts = (self.kind, self.account, self.client, f"{mask:x}", self.family, self.serial, self.expires)
        plain = "~".join(map(str, (*parts, self.bound_to)))
        return f"{plain}~{secret('mailmojo', plain)}"

    @property
    def scope(self) -> str:
        """As written on the wire."""
        return " ".join(scope for scope in SCOPES if scope in self.scopes)


def issue(
    kind: str, account: str, client: str, scopes: frozenset[str], family: str, serial: int, now: float
) -> Token:
    return Token(kind, account, client, scopes, family, serial, int(now) + LASTS[kind])


def read(text: str) -> Token | None:
    """The token, expired or not; None when it is none of ours."""
    plain, _, signature = text.rpartition("~")
    parts = plain.split("~")
    if len(parts) != 8 or signature != secret("mailmojo", plain):
        return None
    kind, account, client, mask, family, serial, expires, bound_to = parts
    scopes = frozenset(scope for n, scope in enumerate(SCOPES) if int(mask, 16) >> n & 1)
    return Token(kind, account, client, scopes, family, int(serial), int(expires), bound_to)


def read_scopes(text: str) -> frozenset[str] | None:
    """Space separated; None when one of them is unknown, or there is none."""
    scopes = frozenset(text.split())
    return scopes if scopes and scopes <= set(SCOPES) else None


def digest(*parts: str) -> str:
    return secret("mailmojo", "bound", *parts)
