"""An account of each provider in a sandbox of its own, in process, watched against the provider's contract."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from accounts.providers import PROVIDERS, http, open_provider, provider_class
from accounts.providers.base import Effect, Provider
from accounts.sandbox.app import Sandbox
from tests.providers.wsgi import WsgiAdapter, contract

# What a verb of each effect may do on its way.
ALLOWED = {
    Effect.READ: {Effect.READ},
    Effect.CONVERGE: {Effect.READ, Effect.CONVERGE},
    Effect.CREATE: {Effect.READ, Effect.CONVERGE, Effect.CREATE},
    Effect.ONCE: {Effect.READ, Effect.CONVERGE, Effect.ONCE},
}


# slug → the credentials that open the sandbox's account of a name, by the first way to connect.
CREDENTIALS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "brevo": lambda name: {"api_key": name},
    "especial": lambda name: {"username": f"{name}@example.test", "password": "secret"},
    "mailmojo": lambda name: {"way": "client", "client_id": name, "client_secret": "sandbox"},
    "leadfox": lambda name: {"api_key": name, "secret": "secret"},
    "emailcampaigns": lambda name: {"token": name},
}
# Where the sandbox plays the provider: what stands before the provider's own paths.
PREFIXES = {"brevo": "/brevo/v3"}


class Account:
    """One sandbox account: verbs as attributes (an iterator comes as a list), control beside them."""

    name = "sandbox-contract"
    # False where a reply is meant to be beside the contract.
    is_held_to_contract = True

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.posted: list[tuple[str, dict[str, str], Any]] = []
        self.sandbox = Sandbox(post=self._post)
        self.operations: list[tuple[str, Effect]] = []
        self._control = requests.Session()
        self._control.mount("http://", WsgiAdapter(self.sandbox, rewrite=str, look=lambda *_: None))
        self.control("seed", provider=slug, account=self.name, limits="off")

    def open(self, name: str = "") -> Provider:
        """The provider over the sandbox, each exchange held against the contract."""
        book = contract(self.slug)
        provider = open_provider(
            self.slug, base_url=book.base_url, credentials=CREDENTIALS[self.slug](name or self.name)
        )
        client: Any = provider.client  # type: ignore[attr-defined]
        exchange = client._exchange

        def watched(call: Any, operation: str, effect: Effect, *args: Any, **kwargs: Any) -> Any:
            self.operations.append((operation, effect))
            return exchange(call, operation, effect, *args, **kwargs)

        def look(request: requests.PreparedRequest, response: requests.Response) -> None:
            if self.is_held_to_contract and request.url.startswith(book.base_url):
                book.check(self.operations[-1][0], request, response)

        client._exchange = watched
        adapter = WsgiAdapter(self.sandbox, rewrite=self._rewrite, look=look)
        client.session.mount("https://", adapter)
        client.session.mount("http://", adapter)
        return provider

    def _rewrite(self, path: str) -> str:
        """From the provider's own path to the sandbox's; links it handed out are that already."""
        if path.startswith(f"/{self.slug}/"):
            return path
        own = urlsplit(contract(self.slug).base_url).path
        return f"/{self.slug}{path}" if self.slug in PREFIXES else f"/{self.slug}{path.removeprefix(own)}"

    def __getattr__(self, verb: str) -> Any:
        provider = self.__dict__.setdefault("provider", self.open())
        bound = getattr(provider, verb)
        effect = getattr(bound, "effect", None)
        if effect is None:
            return bound

        def call(*args: Any, **kwargs: Any) -> Any:
            start = len(self.operations)
            result = bound(*args, **kwargs)
            result = list(result) if isinstance(result, Iterator) else result
            beyond = {made for _, made in self.operations[start:]} - ALLOWED[effect]
            assert not beyond, f"{verb} is {effect}, but made calls that are {beyond}"
            return result

        return call

    def _post(self, url: str, headers: dict[str, str], payload: Any) -> int:
        self.posted.append((url, headers, payload))
        return 200

    def control(self, command: str, **values: Any) -> Any:
        reply = self._control.post(f"http://sandbox/_control/{command}", json=values)
        assert reply.ok, reply.text
        return reply.json()

    def seed(self, **wanted: Any) -> Any:
        return self.control("seed", provider=self.slug, account=self.name, **wanted)

    def act(self, **deed: Any) -> Any:
        return self.control("act", provider=self.slug, account=self.name, **deed)

    def may_act(self, **deed: Any) -> None:
        """The same where the provider knows of such a thing."""
        self._control.post(
            "http://sandbox/_control/act", json={"provider": self.slug, "account": self.name, **deed}
        )

    def fault(self, **fault: Any) -> None:
        """Have the next call that matches go wrong; such replies keep to no contract."""
        self.is_held_to_contract = False
        self.control("faults", provider=self.slug, **fault)

    def advance(self, seconds: float) -> None:
        """Let time pass over there, and everything that is due happen."""
        self.control("clock", advance=seconds)

    def calls(self) -> list[Any]:
        """What the sandbox was asked, in order."""
        return self._control.get("http://sandbox/_control/log", params={"provider": self.slug}).json()[
            "calls"
        ]

    def state(self) -> Any:
        query = {"provider": self.slug, "account": self.name}
        return self._control.get("http://sandbox/_control/state", params=query).json()["state"]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the repeats of a READ."""
    monkeypatch.setattr(http.random, "uniform", lambda *_: 0.01)


@pytest.fixture(params=PROVIDERS)
def account(request: pytest.FixtureRequest) -> Account:
    account = Account(request.param)
    capabilities = provider_class(request.param).capabilities
    for flag in getattr(request.function, "requires", ()):
        if not getattr(capabilities, flag):
            pytest.skip(f"{request.param} lacks {flag}")
    for flag in getattr(request.function, "lacking", ()):
        if getattr(capabilities, flag):
            pytest.skip(f"{request.param} has {flag}")
    return account
