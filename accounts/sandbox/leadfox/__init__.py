"""Leadfox's API v1, written from its public documentation. Keys beginning with `sandbox` open accounts of that name.

`sandbox-demo` comes filled. Keys beginning with `sandbox-suspended` name accounts the provider has closed.
"""

import re
from collections.abc import Mapping
from typing import Any

from accounts.sandbox.http import Reply, Request, Routes
from accounts.sandbox.leadfox import campaigns, contacts, deeds, metrics, seed, sending, things, tokens
from accounts.sandbox.leadfox.state import Account
from accounts.sandbox.leadfox.wire import Call, not_found, read_body, refuse
from accounts.sandbox.store import Store

ROUTES: Routes[Call] = Routes()
ROUTES.include(contacts.routes, campaigns.routes, metrics.routes, things.routes)

AUTH = re.compile(r"/leadfox/v1/auth/?")
APIKEY = re.compile(r"sandbox[\w.-]{0,80}")
TOKEN = re.compile(r"JWT ([\w-]+\.[\w-]+\.[\w-]+)")
WRONG_SECRET = "wrong"
METHODS = {"both": ("PUT", "PATCH"), "put": ("PUT",), "patch": ("PATCH",)}  # by the account's `updates`


class Leadfox:
    account_type = Account

    def account_name(self, request: Request) -> str:
        """By the token, expired or not; a call for a token names the account by its key."""
        if AUTH.fullmatch(request.path):
            return _key_in(request.readable_body())
        claims = _claims(request)
        return str(claims["account"]) if claims else ""

    def answer(self, request: Request, store: Store) -> Reply:
        if AUTH.fullmatch(request.path):
            return _authenticate(request, store)
        claims, now = _claims(request), store.now()
        if claims is None or now >= claims["exp"]:
            raise refuse("Unauthorized", status=401)
        account = seed.open_account(claims["account"], store)
        sending.advance(account, store, now)
        if request.method in METHODS["both"] and request.method not in METHODS[account.updates]:
            raise refuse("Method not allowed", status=405)
        try:
            found = ROUTES.find(request.method, request.path.removeprefix("/leadfox"))
        except LookupError:
            raise refuse("Method not allowed", status=405) from None
        if found is None:
            raise not_found("Path")
        handler, args = found
        if request.method != "GET":
            store.touch()
            account.changed()
        return handler(Call(account, store, request, args, now))

    def advance(self, account: Account, store: Store, now: float) -> None:
        sending.advance(account, store, now)

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return seed.fill(name, wanted, store)

    def act(self, account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return deeds.act(account, deed, store)


def _claims(request: Request) -> dict[str, Any] | None:
    match = TOKEN.fullmatch(request.headers.get("authorization", ""))
    return tokens.claims_of(match[1]) if match else None


def _key_in(body: Any) -> str:
    key = body.get("apikey") if isinstance(body, dict) else None
    return key if isinstance(key, str) and APIKEY.fullmatch(key) else ""


def _authenticate(request: Request, store: Store) -> Reply:
    """Key and secret for a token. Tokens issued before stay good for their time, a new secret or not."""
    if request.method != "POST":
        raise refuse("Method not allowed", status=405)
    body = read_body(request)
    body.require("apikey", "secret")
    name, secret = _key_in({"apikey": body.text("apikey")}), body.text("secret")
    if not name or secret == WRONG_SECRET:
        raise refuse("Invalid API key or secret", status=401)
    if name.startswith("sandbox-suspended"):
        raise refuse("This client has been suspended", status=403)
    account = seed.open_account(name, store)
    if account.secret and secret != account.secret:
        raise refuse("Invalid API key or secret", status=401)
    jwt = tokens.issue(name, account.client_id, store.now())
    return Reply(
        200, {"jwt": jwt, "mode": "apikey", "client": account.company, "clientid": account.client_id}
    )


provider = Leadfox()
