"""How a call to Especial is made: signing in, the account it acts on, and what a refusal means.

The reference of version 1.12.14 prints no paths; they are those of the published clients for 1.12.11 and 1.12.17, which
agree. JSON both ways but for the token forms; ids are integers or words, kept as text.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from accounts.providers.base import Effect
from accounts.providers.bodies import form
from accounts.providers.errors import (
    Conflict,
    Missing,
    ProviderError,
    Refused,
    Unauthorized,
    UnexpectedReply,
)
from accounts.providers.reading import obj, rows, text, whole
from accounts.providers.records import Tokens
from accounts.providers.tokens import TokenClient

READ, CONVERGE, CREATE, ONCE = Effect.READ, Effect.CONVERGE, Effect.CREATE, Effect.ONCE

Json = Any
Result = TypeVar("Result")

# An account this login may not act on: comes as 400, not as 403 (seen in a published client).
FOREIGN_ACCOUNT = 8004
# Calls that name no account in their query: about the token's own account, or public.
_WITHOUT_ACCOUNT = (
    "/token",
    "/accounts/",
    "/reports/accounts/",
    "/campaign-blueprints",
    "/brands/default/senders/confirm-email",
)

# 404 is declared nowhere: a missing object is believed to come as 400. Read from the words alone, so only what can
# mean nothing else counts.
_GONE = re.compile(r"\b(not found|(?:does|do) ?n[o']t exist|no longer exists?|no such)\b", re.IGNORECASE)
_THERE = re.compile(r"\balready (exists?|taken|in use|there)\b|\bduplicate\b", re.IGNORECASE)
# Calls whose body names other objects: one of those missing does not make the object of the call missing.
_NAMES_OTHERS: Mapping[str, re.Pattern[str]] = {
    "createList": re.compile(""),
    "createCampaign": re.compile(""),
    "createSegment": re.compile(r"attribute|field", re.IGNORECASE),
    "patchList": re.compile(r"sender", re.IGNORECASE),
    "patchCampaign": re.compile(r"sender|list|segment", re.IGNORECASE),
    "scheduleCampaign": re.compile(r"sender|list|segment", re.IGNORECASE),
    # Of an address that is not there as well: only words about the campaign count.
    "sendTestEmail": re.compile(r"^(?!.*campaign)", re.IGNORECASE | re.DOTALL),
    "importContacts": re.compile(r"attribute|field", re.IGNORECASE),
    "createContact": re.compile(r"attribute|field", re.IGNORECASE),
    "patchContact": re.compile(r"attribute|field|interest", re.IGNORECASE),
}

SECOND_FACTOR = (
    "This login asks for a second step (a code) when it signs in, which a program cannot answer. Add a user without it "
    "in Especial and connect with that."
)
CONNECT_AGAIN = (
    "Especial no longer accepts the stored access, and the password was not kept: connect the account again."
)


def an_object(payload: Json) -> Json:
    """An empty reply or a list where an object must stand is a misreading of the API."""
    if not isinstance(payload, dict):
        raise TypeError("not an object")
    return payload


def the_data(payload: Json) -> Json:
    """What a reply about one object wraps in `data`."""
    return an_object(an_object(payload)["data"])


def a_listing(payload: Json) -> Json:
    """A collection with its pagination. Without `data` it is none: an end of the list must be told, not guessed."""
    if not isinstance(an_object(payload)["data"] or [], list):
        raise TypeError("not a list")
    return payload


def the_id(payload: Json) -> str:
    found = text(an_object(payload)["id"])
    if not found:
        raise LookupError("id")
    return found


class Calls(TokenClient):
    provider = "especial"

    def __init__(self, *, username: str, password: str, base_url: str, **settings: Any) -> None:
        super().__init__(base_url=base_url, secrets=(password,), **settings)
        self.username, self._password = username, password

    # Signing in

    def first_tokens(self) -> Tokens:
        if not (self.username and self._password):
            raise Unauthorized(CONNECT_AGAIN, provider=self.provider, operation="createToken")
        return self._tokens(self.create_token(username=self.username, password=self._password), None)

    def next_tokens(self, tokens: Tokens) -> Tokens:
        """By PUT, as in this version; later ones refresh by POST and may have dropped PUT."""
        try:
            raw = self.refresh_token(tokens.refresh)
        except Refused as refusal:
            if refusal.status not in (404, 405):
                raise
            raw = self.create_token(grant_type="refresh_token", refresh_token=tokens.refresh)
        return self._tokens(raw, tokens)

    def _tokens(self, raw: Json, old: Tokens | None) -> Tokens:
        """A refresh token is taken to be spent with its use: the published clients overwrite it each time."""
        if raw.get("challenge"):
            raise Refused(SECOND_FACTOR, provider=self.provider, operation="createToken")
        access = text(raw.get("access_token"))
        if not access:
            what = "Especial's answer to signing in holds no token."
            raise UnexpectedReply(what, provider=self.provider, operation="createToken")
        seconds = whole(raw.get("expires_in"))
        tokens = Tokens(
            access,
            refresh=text(raw.get("refresh_token")) or (old.refresh if old else ""),
            expires_at=datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None,
            details=old.details if old else {},
        )
        if tokens.details.get("account_id"):
            return tokens
        account_id = text(self.get_self_account(tokens).get("id"))
        return Tokens(tokens.access, tokens.refresh, tokens.expires_at, {"account_id": account_id})

    def create_token(self, **values: str) -> Json:
        """A READ, since asking for tokens changes nothing over there that anybody sees."""
        return self.call(
            "createToken",
            READ,
            "POST",
            "/token",
            body=form(values),
            read=an_object,
            with_credentials=False,
        )

    def refresh_token(self, refresh_token: str) -> Json:
        """May be repeated when its answer is lost: without the answer the token was worth nothing any more."""
        return self.call(
            "refreshToken",
            READ,
            "PUT",
            "/token",
            body=form({"grant_type": "refresh_token", "refresh_token": refresh_token}),
            read=an_object,
            with_credentials=False,
        )

    def get_self_account(self, tokens: Tokens | None = None) -> Json:
        """With `tokens` that are not stored yet, while they are got."""
        return self.call(
            "getSelfAccount",
            READ,
            "GET",
            "/accounts/self",
            read=the_data,
            headers=self.bearer(tokens) if tokens else None,
            with_credentials=tokens is None,
        )

    # Refusals

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        if operation == "createToken" and status in (400, 422):
            return Unauthorized  # an address that is none, a password that is wrong
        found = [obj(item) for item in rows(payload.get("detail"))]
        if any(whole(item.get("code")) == FOREIGN_ACCOUNT for item in found):
            return Refused
        if status == 409:
            return Conflict
        if status in (404, 410):
            return Missing
        words = self.words(payload)
        if status == 400 and _GONE.search(words):
            others = _NAMES_OTHERS.get(operation)
            return Refused if others and others.search(words) else Missing
        return Conflict if status == 400 and _THERE.search(words) else Refused

    def words(self, payload: Mapping[str, Any]) -> str:
        """`detail` is a list of what is wrong, each with the place it was found at, or a plain text."""
        detail = payload.get("detail")
        found = [obj(item) for item in rows(detail)]
        if any(whole(item.get("code")) == FOREIGN_ACCOUNT for item in found):
            return "Especial does not let this login act on that account."
        return "; ".join(filter(None, map(_complaint, found))) or super().words(payload)

    # Calls

    def _query(self, path: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Without what is unset; with the account, which is sent always once known."""
        told = {
            name: ("true" if value else "false") if isinstance(value, bool) else value
            for name, value in values.items()
            if value is not None
        }
        if not path.startswith(_WITHOUT_ACCOUNT):
            account_id = self.tokens().details.get("account_id", "")
            if account_id.isdecimal():
                told["account_id"] = account_id
        return told

    def _one(self, operation: str, path: str, **query: Any) -> Json:
        return self.call(operation, READ, "GET", path, query=self._query(path, query), read=the_data)

    def _many(self, operation: str, path: str, **query: Any) -> Json:
        return self.call(operation, READ, "GET", path, query=self._query(path, query), read=a_listing)

    def _do(
        self,
        operation: str,
        effect: Effect,
        method: str,
        path: str,
        *,
        body: Json = None,
        query: Mapping[str, Any] | None = None,
        read: Callable[[Any], Result] = an_object,
        is_upload: bool = False,
    ) -> Result:
        return self.call(
            operation,
            effect,
            method,
            path,
            query=self._query(path, query or {}),
            body=body,
            read=read,
            is_upload=is_upload,
        )


def _complaint(item: Mapping[str, Any]) -> str:
    places = [
        place for place in rows(item.get("loc")) if isinstance(place, str) and place not in ("body", "query")
    ]
    message = text(item.get("msg"))
    return f"{message} ({places[-1]})" if message and places else message
