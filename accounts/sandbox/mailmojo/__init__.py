"""Mailmojo's API, written from its public documentation. A person names the account on the consent page.

`sandbox-demo` comes filled. Accounts whose name begins with `sandbox-suspended` are given tokens, and denied everything
else: every call is a 403.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from accounts.sandbox.http import Refusal, Reply, Request
from accounts.sandbox.mailmojo import (
    account,
    consent,
    contacts,
    deeds,
    extras,
    lists,
    newsletter_life,
    newsletters,
    oauth,
    seed,
    sending,
    subscribers,
    templates,
    tokens,
    webhooks,
)
from accounts.sandbox.mailmojo.state import Account
from accounts.sandbox.mailmojo.wire import Call, Guarded
from accounts.sandbox.store import Store

AUTHORIZE, TOKEN, API = "/oauth/authorize/", "/oauth/token/", "/v1"

ROUTES = Guarded()
ROUTES.include(
    account.routes, contacts.routes, lists.routes, subscribers.routes, newsletters.routes, newsletter_life.routes,
    templates.routes, webhooks.routes, extras.routes,
)  # fmt: skip


class Mailmojo:
    account_type = Account

    def account_name(self, request: Request) -> str:
        path = request.path.removeprefix("/mailmojo")
        if path == TOKEN:
            return oauth.account_name(request)
        if path == AUTHORIZE:
            return consent.account_name(request)
        token = tokens.read(request.headers.get("authorization", "").partition(" ")[2].strip())
        return token.account if token else ""

    def answer(self, request: Request, store: Store) -> Reply:
        path = request.path.removeprefix("/mailmojo")
        if path == AUTHORIZE:
            return consent.answer(request, store)
        if path == TOKEN:
            return oauth.answer(request, store)
        if path.startswith(("/view/", "/preview/")):
            return _public(store, path)
        # Every path of the API ends in a slash; without it there is nothing.
        if not path.startswith(f"{API}/") or not path.endswith("/"):
            raise Refusal(404, None)
        return self._api(request, path.removeprefix(API), store)

    def _api(self, request: Request, path: str, store: Store) -> Reply:
        token, now = oauth.authenticate(request, store), store.now()
        if token.account.startswith("sandbox-suspended"):
            raise Refusal(403, None)
        mine = seed.open_account(token.account, store)
        sending.advance(mine, store, now)
        try:
            found = ROUTES.find(request.method, path)
        except LookupError:
            raise Refusal(405, None) from None
        if found is None:
            raise Refusal(404, None)
        handler, args = found
        if request.method != "GET":
            store.touch()
        return handler(Call(mine, store, request, args, now, token))

    def advance(self, account: Account, store: Store, now: float) -> None:
        sending.advance(account, store, now)

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return seed.fill(name, wanted, store)

    def act(self, account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return deeds.act(account, deed, store)


def _public(store: Store, path: str) -> Reply:
    """What needs no token: a newsletter as the browser shows it, and a template's preview."""
    kind, name, number = (*unquote(path).strip("/").split("/", 2), "", "")[:3]
    mine: Account | None = store.accounts.get("mailmojo", {}).get(name)
    rows: Mapping[int, Any] = {} if mine is None else mine.newsletters if kind == "view" else mine.templates
    row = rows.get(int(number)) if number.isdecimal() else None
    if row is None:
        raise Refusal(404, None)
    html: str = row.html
    return Reply(200, headers={"Content-Type": "text/html; charset=utf-8"}, content=html.encode())


provider = Mailmojo()
