"""Brevo's API v3, written from its public documentation. Keys beginning with `sandbox` open accounts of that name.

`sandbox-demo` comes filled. Keys beginning with `sandbox-suspended` name accounts the provider has closed: every call
is a 403 `permission_denied`.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from accounts.sandbox.brevo import (
    account as account_routes,
)  # fmt: skip
from accounts.sandbox.brevo import (
    attributes,
    campaign_life,
    campaigns,
    clockwork,
    contact_files,
    contacts,
    deeds,
    hooks,
    images,
    limits,
    lists,
    processes,
    reports,
    seed,
    segments,
    senders,
    templates,
    webhooks,
)
from accounts.sandbox.brevo.state import Account
from accounts.sandbox.brevo.wire import Call, as_id, not_found, refuse
from accounts.sandbox.http import Refusal, Reply, Request, Routes
from accounts.sandbox.store import Store

ROUTES: Routes[Call] = Routes()
ROUTES.include(  # `/contacts/{identifier}` would catch its siblings, so `contacts` stands last
    account_routes.routes, processes.routes, lists.routes, segments.routes, attributes.routes, contact_files.routes,
    senders.routes, images.routes, campaigns.routes, campaign_life.routes, templates.routes, reports.routes,
    webhooks.routes, contacts.routes,
)  # fmt: skip

KEY = re.compile(r"sandbox[\w.-]{0,80}")


class Brevo:
    account_type = Account

    def account_name(self, request: Request) -> str:
        key = request.headers.get("api-key", "")
        return key if KEY.fullmatch(key) else ""

    def answer(self, request: Request, store: Store) -> Reply:
        reply_headers = {"sib-request-id": str(uuid4())}
        try:
            reply = self._answer(request, store, reply_headers)
        except Refusal as refusal:
            reply = refusal.reply
        reply.headers = reply_headers | reply.headers
        return reply

    def _answer(self, request: Request, store: Store, reply_headers: dict[str, str]) -> Reply:
        path = request.path.removeprefix("/brevo")
        if path.startswith(("/files/", "/share/")):
            return _public(store, path)
        if not path.startswith("/v3/"):
            raise not_found("Unknown path")
        path, account = path.removeprefix("/v3"), self._authenticate(request, store)
        now = store.now()
        clockwork.advance(account, store, now)
        if account.limits:
            reply_headers |= limits.count(account, path, now)
        try:
            found = ROUTES.find(request.method, path)
        except LookupError:
            raise refuse("method_not_allowed", "Method not allowed", status=405) from None
        if found is None:
            raise not_found("Unknown path")
        handler, args = found
        if request.method != "GET":
            store.touch()
        reply = handler(Call(account, store, request, args, now))
        hooks.flush(account, store, now)
        return reply

    def _authenticate(self, request: Request, store: Store) -> Account:
        if "api-key" not in request.headers:
            raise refuse("unauthorized", "authentication not found in headers", status=401)
        name = self.account_name(request)
        if not name:
            raise refuse("unauthorized", "Key not found", status=401)
        if name.startswith("sandbox-suspended"):
            raise refuse(
                "permission_denied", "Your account is suspended, please contact our support", status=403
            )
        return seed.open_account(name, store)

    def advance(self, account: Account, store: Store, now: float) -> None:
        clockwork.advance(account, store, now)

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return seed.fill(name, wanted, store)

    def act(self, account: Account, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        return deeds.act(account, deed, store)


def _public(store: Store, path: str) -> Reply:
    """What needs no key: an exported file, whose name nobody guesses, and the shared copy of a sent mail."""
    kind, name, token = (*unquote(path).strip("/").split("/", 2), "", "")[:3]
    account: Account | None = store.accounts.get("brevo", {}).get(name)
    if account and kind == "files" and token in account.files:
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        return Reply(200, headers=headers, content=account.files[token].encode())
    campaign = account.campaigns.get(as_id(token) or 0) if account and kind == "share" else None
    if campaign is None:
        raise not_found("File does not exist")
    html: str = campaign.fields.get("htmlContent", "")
    return Reply(200, headers={"Content-Type": "text/html; charset=utf-8"}, content=html.encode())


provider = Brevo()
