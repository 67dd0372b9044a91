"""What the verbs about people and those about campaigns share."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from accounts.providers.answers import understood
from accounts.providers.base import Provider
from accounts.providers.especial.client import Client
from accounts.providers.especial.paging import Pages
from accounts.providers.reading import text
from accounts.providers.records import Page

Json = Any
Record = TypeVar("Record")
SLUG = "especial"


class Verbs(Provider):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        credentials = settings["credentials"]
        self.client = Client(
            username=credentials.get("username", ""),
            password=credentials.get("password", ""),
            base_url=self.base_url,
            gate=self.gate,
            keyring=self.keyring,
            private_addresses=self.private_addresses,
            total_seconds=self.total_seconds,
        )
        # list → its attributes with their types, as read or made by this object.
        self._known_attributes: dict[str, dict[str, str]] = {}
        # All lists, as the walk under way found them; None before it, and once this object made or put away one.
        self._known_list_ids: list[str] | None = None

    def _newest_first(self) -> Pages:
        return Pages(partial(self.client.list_campaigns, sort="-created_on"))

    def _sender_id(self, *, name: str = "", email: str = "") -> str:
        """Their id of a sender, which reads of lists and campaigns leave out; empty for none that is confirmed.

        By address, then by name where several have it; any confirmed one without an address.
        """
        found = [
            raw
            for raw in Pages(self.client.list_senders)
            if raw.get("confirmed") is True
            and (not email or text(raw.get("email")).strip().casefold() == email.strip().casefold())
        ]
        best = next((raw for raw in found if text(raw.get("name")) == name), found[0] if found else None)
        return text(best.get("id")) if best else ""


# Read an object with a function of `mapping` or its siblings.
read = partial(understood, SLUG)


def page_of(pages: Pages, cursor: str | None, record: Callable[[Json], Any], operation: str) -> Page:
    found = pages.page(cursor)
    return Page(tuple(read(record, raw, operation) for raw in found.items), found.following, found.total)


def each(pages: Pages, record: Callable[..., Record], operation: str, *more: Any) -> Iterator[Record]:
    for raw in pages:
        yield read(record, raw, operation, *more)
