"""The Email Campaigns API, written from its notes and contract. Tokens beginning with `sandbox` open accounts of that name.

`sandbox-demo` comes filled. `sandbox-suspended…` names users the provider has switched off: their token is refused.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from accounts.sandbox.emailcampaigns import campaigns, clockwork, deeds, records, results, seed, uploads
from accounts.sandbox.emailcampaigns.state import Account
from accounts.sandbox.emailcampaigns.wire import Call, missing, not_found, refuse
from accounts.sandbox.http import Refusal, Reply, Request, Routes
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import secret

ROUTES: Routes[Call] = Routes()
ROUTES.include(records.routes, uploads.routes, campaigns.routes, results.routes)

TOKEN_PATH = "/emailcampaigns/auth/api-token-auth/"
USER = re.compile(r"(sandbox[\w.-]{0,80})(?:@example\.test)?")
TOKEN = re.compile(r"(sandbox[\w.-]{0,80})(?:~([0-9a-f]{16}))?")


def token_of(name: str) -> str:
    """The token a user is given, always the same one and without an end: nothing says that it expires."""
    return f"{name}~{secret('token', name)}"


def is_suspended(name: str) -> bool:
    return name.startswith("sandbox-suspended")


class EmailCampaigns:
    account_type = Account

    def account_name(self, request: Request) -> str:
        """By the token (an account's bare name will do); by the user name when a token is asked for."""
        if request.path == TOKEN_PATH:
            user = USER.fullmatch(_posted(request, "username"))
            return user[1] if user else ""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        match = TOKEN.fullmatch(token) if scheme.lower() == "token" else None
        if match is None or match[2] not in (None, secret("token", match[1])):
            return ""
        return match[1]

    def answer(self, request: Request, store: Store) -> Reply:
        if request.path == TOKEN_PATH:
            return self._give_token(request, store)
        account, now = self._authenticate(request, store), store.now()
        path = request.path.removeprefix("/emailcampaigns")
        try:
            found = ROUTES.find(request.method, path)
        except LookupError:
            raise _wrong_method(request) from None
        if found is None or not path.endswith("/"):
            raise not_found()
        clockwork.advance(account, store, now)
        if request.method != "GET":
            store.touch()
        handler, _ = found
        reply = handler(Call(account, store, request, now))
        clockwork.advance(account, store, now)  # an upload that is to take effect at once has done so
        return reply

    def _authenticate(self, request: Request, store: Store) -> Account:
        name = self.account_name(request)
        if not name:
            given = request.headers.get("authorization", "").lower().startswith("token ")
            raise _denied("Invalid token." if given else "Authentication credentials were not provided.")
        if is_suspended(name):
            raise _denied("User inactive or deleted.")
        return seed.open_account(name, store)

    def _give_token(self, request: Request, store: Store) -> Reply:
        if request.method != "POST":
            raise _wrong_method(request)
        for field in ("username", "password"):
            if not _posted(request, field):
                raise missing(field)
        name = self.account_name(request)
        if not name or is_suspended(name) or _posted(request, "password") == "wrong":
            raise Refusal(400, {"non_field_errors": ["Unable to log in with provided credentials."]})
        return Reply(200, {"token": token_of(name), "client_id": seed.open_account(name, store).id_of(0)})

    def advance(self, account: Account, store: Store, now: float) -> None:
        clockwork.advance(account, store, now)

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return seed.fill(name, wanted, store)

    def act(self, account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return deeds.act(account, deed, store)


def _posted(request: Request, name: str) -> str:
    """A field of a URL-encoded form."""
    if not request.headers["content-type"].lower().startswith("application/x-www-form-urlencoded"):
        return ""
    return parse_qs(request.body.decode("utf-8", "replace")).get(name, [""])[-1]


def _wrong_method(request: Request) -> Refusal:
    return refuse(405, f'Method "{request.method}" not allowed.')


def _denied(detail: str) -> Refusal:
    denied = refuse(401, detail)
    denied.reply.headers["WWW-Authenticate"] = "Token"
    return denied


provider = EmailCampaigns()
