"""Especial's e-mail API 1.12.14, written from its documentation. Users `sandbox-…@…` open accounts of that name.

`sandbox-demo` comes filled. `sandbox-suspended…` is denied a token, `sandbox-mfa…` cannot finish signing in, and a
password that begins with `wrong` is wrong; every other one is right.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from accounts.sandbox.especial import (
    account,
    campaign_life,
    campaigns,
    clockwork,
    contacts,
    deeds,
    emails,
    exports,
    forms,
    hooks,
    labels,
    lists,
    logs,
    rendering,
    reports,
    seed,
    segments,
    senders,
    sub_accounts,
    templates,
    tokens,
    users,
    workflows,
)
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call
from accounts.sandbox.http import Refusal, Reply, Request, Routes
from accounts.sandbox.store import Store

ROUTES: Routes[Call] = Routes()
ROUTES.include(  # literal paths before those that would catch them: bulk calls before `/contacts/{contact_id}`
    account.routes, labels.routes, contacts.routes, segments.routes, exports.routes, lists.routes, senders.routes,
    templates.routes, campaigns.routes, campaign_life.routes, rendering.routes, logs.routes, reports.routes, emails.routes, hooks.routes,
    forms.routes, workflows.routes, users.routes, sub_accounts.routes,
)  # fmt: skip
BLUEPRINTS = re.compile(r"/(campaign|workflow)-blueprints\b.*")  # no token, and nobody's account
# No token either: what the body holds says whose account it is about.
UNSIGNED = re.compile(
    r"/brands/default/senders/confirm-email/?"
    r"|/users/(forgot-my-password|reset-password-confirm|[^/]+/confirm)/?"
    r"|/accounts/(resend-verification-email|[^/]+/confirm)/?"
)


class Especial:
    account_type = Account

    def account_name(self, request: Request) -> str:
        if UNSIGNED.fullmatch(request.path.removeprefix("/especial")):
            return _named_in(request)
        return tokens.account_name(request)

    def answer(self, request: Request, store: Store) -> Reply:
        path = request.path.removeprefix("/especial")
        if path.startswith(("/files/", "/share/")):
            return _public(store, path)
        if path == "/token" and request.method in ("POST", "PUT"):
            return tokens.answer(request, store)
        try:
            found = ROUTES.find(request.method, path)
        except LookupError:
            raise Refusal(405, {"detail": "Method Not Allowed"}) from None
        if found is None:
            raise Refusal(404, {"detail": "Not Found"})
        handler, args = found
        acting = self._acting(path, request, store)
        now = store.now()
        clockwork.advance(acting, store, now)
        if request.method != "GET":
            store.touch()
        return handler(Call(acting, store, request, args, now))

    def _acting(self, path: str, request: Request, store: Store) -> Account:
        """Whose account the call is about: by its token, by what the body holds, or nobody's."""
        if BLUEPRINTS.fullmatch(path):
            return Account("nobody", store.now())
        if UNSIGNED.fullmatch(path):
            known: Account | None = store.accounts.get("especial", {}).get(_named_in(request))
            return known or Account("nobody", store.now())
        return tokens.acted_on(tokens.authenticate(request, store), request, store)

    def advance(self, account: Account, store: Store, now: float) -> None:
        clockwork.advance(account, store, now)

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return seed.fill(name, wanted, store)

    def act(self, account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return deeds.act(account, deed, store)


def _named_in(request: Request) -> str:
    """The account a confirmation or token begins with, or whose user has the address."""
    body = request.readable_body()
    given = body if isinstance(body, dict) else {}
    codes = [
        str(given.get(name, "")).partition("~")[0] for name in ("confirmation_id", "confirmation", "token")
    ]
    name = next(filter(None, codes), "") or tokens.name_of(str(given.get("email", "")))
    return name if tokens.NAME.fullmatch(name) else ""


def _public(store: Store, path: str) -> Reply:
    """What needs no token: an exported file, whose name nobody guesses, and the web version of a sent mail."""
    kind, name, token = (*unquote(path).strip("/").split("/", 2), "", "")[:3]
    account: Account | None = store.accounts.get("especial", {}).get(name)
    if account and kind == "files" and token in account.files:
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        return Reply(200, headers=headers, content=account.files[token].encode())
    if account and kind == "share":
        for campaign in account.campaigns.values():
            if campaigns.share_key(account, campaign) == token:
                html = rendering.render(account, campaign, None)["html"] or ""
                return Reply(200, headers={"Content-Type": "text/html; charset=utf-8"}, content=html.encode())
    raise Refusal(404, {"detail": "Not Found"})


provider = Especial()
