"""The sandbox as one WSGI application: providers under `/<slug>/`, its own control under `/_control/`."""

import threading
import time as real_time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from accounts.sandbox import control, faults, outbound
from accounts.sandbox.http import Refusal, Reply, Request
from accounts.sandbox.store import StateFile, Store

PROVIDERS = {
    "brevo": "accounts.sandbox.brevo",
    "especial": "accounts.sandbox.especial",
    "mailmojo": "accounts.sandbox.mailmojo",
    "emailcampaigns": "accounts.sandbox.emailcampaigns",
    "leadfox": "accounts.sandbox.leadfox",
}  # slug → module with a `provider`

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Provider(Protocol):
    """What one more provider has to bring. Everything runs under the store's lock."""

    account_type: type  # a dataclass; `codec` keeps it

    def account_name(self, request: Request) -> str:
        """The account a call belongs to, by its credentials alone; empty when they name none."""

    def answer(self, request: Request, store: Store) -> Reply: ...

    def advance(self, account: Any, store: Store, now: float) -> None:
        """Do all that falls due up to `now`."""

    def seed(self, name: str, wanted: Mapping[str, Any], store: Store) -> dict[str, Any]:
        """Fill the account, opening it when needed. Returns the ids made, by kind."""

    def act(self, account: Any, deed: Mapping[str, Any], store: Store) -> dict[str, Any]:
        """Let something happen that a person or the world would do."""


class Sandbox:
    """`app = Sandbox(); app(environ, start_response)`. Nothing happens by itself: call `tick()` for time to pass."""

    def __init__(
        self,
        *,
        time: Callable[[], float] = real_time.time,
        post: outbound.Post = outbound.post,
        fetch: Callable[[str], bytes] = outbound.fetch_loopback,
        state: Path | None = None,
    ) -> None:
        self.store = Store(time=time, fetch=fetch)
        self.post = post
        self.stopping = threading.Event()
        self.providers = {
            slug: cast(Provider, import_module(path).provider) for slug, path in PROVIDERS.items()
        }
        types = {slug: provider.account_type for slug, provider in self.providers.items()}
        self.state_file = StateFile(state, self.store, types) if state else None
        if self.state_file:
            self.state_file.load()

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request.from_environ(environ)
        slug = request.path.split("/")[1]
        if slug == "_control":
            reply = control.answer(self, request, environ.get("REMOTE_ADDR", ""))
            fault = None
        else:
            fault = self._fault_for(slug, request)
            instead = fault.before(self.stopping.wait) if fault else None
            reply = instead or self._answer(slug, request)
            if fault and fault.kind == "fail_after":
                reply = fault.failure()
            self._log(slug, request, reply.status)
        payload = reply.payload()
        start_response(reply.status_line(), reply.header_list(len(payload)))
        return fault.after(payload, self.stopping.wait) if fault else [payload]

    def _answer(self, slug: str, request: Request) -> Reply:
        provider = self.providers.get(slug)
        if provider is None:
            return Reply(404, {"message": f"No provider answers under /{slug}/"})
        with self.store.lock:
            try:
                return provider.answer(request, self.store)
            except Refusal as refusal:
                return refusal.reply

    def _account_name(self, slug: str, request: Request) -> str:
        provider = self.providers.get(slug)
        return provider.account_name(request) if provider else ""

    def _fault_for(self, slug: str, request: Request) -> faults.Fault | None:
        if not self.store.faults:
            return None
        with self.store.lock:
            return faults.take(self.store.faults, slug, self._account_name(slug, request), request)

    def _log(self, slug: str, request: Request, status: int) -> None:
        query = {name: values[0] if len(values) == 1 else values for name, values in request.query.items()}
        call = {
            "at": self.store.now(),
            "provider": slug,
            "account": self._account_name(slug, request),
            "method": request.method,
            "path": request.path,
            "query": query,
            "status": status,
            "body": request.readable_body(),
        }
        with self.store.lock:
            self.store.calls.append(call)

    def advance(self) -> None:
        """Do what the clock says is due in every account."""
        with self.store.lock:
            for slug, accounts in self.store.accounts.items():
                for account in list(accounts.values()):
                    self.providers[slug].advance(account, self.store, self.store.now())

    def deliver(self) -> bool:
        """Post one callback that is due; the lock is free while it travels. False when none is due."""
        with self.store.lock:
            letter = self.store.outbox.take_due(self.store.now())
            if letter is None:
                return False
            self.store.touch()
        status = self.post(letter.url, letter.headers, letter.payload)
        with self.store.lock:
            self.store.outbox.settle(letter, status, self.store.now())
        return True

    def tick(self) -> None:
        self.advance()
        while self.deliver():
            pass
        if self.state_file:
            self.state_file.save_if_due()
