"""Finding, counting and handing over people, where Leadfox offers no call for it: by filters, small looks, many calls."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from accounts.providers.errors import Missing, Refused, UnexpectedReply
from accounts.providers.leadfox import mapping
from accounts.providers.leadfox.client import PAGE, Client, Fetch, Pages
from accounts.providers.reading import text
from accounts.providers.records import ContactRecord

# Rows read twice on each page.
OVERLAP = 10
# Calls under way at a time: there is one for each person and one for each list they go on.
UNDER_WAY = 4
# Addresses asked for in one filter.
EMAILS_PER_FILTER = 20
# Refusals that are about one person: a bad address, a value that is none.
ABOUT_A_PERSON = frozenset({400, 409, 422})

Item = TypeVar("Item")
Result = TypeVar("Result")


class People:
    def __init__(self, client: Client) -> None:
        self.client = client

    def by_email(self, emails: Sequence[str]) -> Iterator[Any]:
        """Contacts with these addresses. What no filter can say is looked for among all people."""
        wanted = {email.lower() for email in emails}
        # Filters tell capitals apart; an address as given and in small letters are the two that are likely.
        spellings = list(dict.fromkeys(spelling for email in emails for spelling in (email, email.lower())))
        sayable = [spelling for spelling in spellings if mapping.equal("email", spelling)]
        for start in range(0, len(sayable), EMAILS_PER_FILTER):
            some = sayable[start : start + EMAILS_PER_FILTER]
            yield from _matching(wanted, self.client.list_contacts, mapping.equal("email", *some))
        if len(sayable) < len(spellings):
            yield from _matching(wanted, self.client.list_contacts)

    def on_list(self, list_id: str) -> Fetch:
        def fetch(**query: Any) -> list[Any]:
            return self.client.list_list_contacts(list_id, **query)

        return fetch

    def count(self, list_id: str) -> int:
        """No count is told: a short list is counted, the end of a long one is found by halving, in few small calls."""
        fetch = self.on_list(list_id)

        def is_beyond(skip: int) -> bool:
            return not fetch(skip=skip, limit=1, sort="_id", fields="_id")

        first = fetch(skip=0, limit=PAGE, sort="_id", fields="_id")
        if len(first) < PAGE:
            return len(first)
        there, beyond = PAGE - 1, 2 * PAGE
        while not is_beyond(beyond):
            there, beyond = beyond, 2 * beyond
        while beyond - there > 1:
            middle = (there + beyond) // 2
            if is_beyond(middle):
                beyond = middle
            else:
                there = middle
        return beyond

    def save(self, contacts: Iterable[ContactRecord]) -> list[str | Refused]:
        """For each their id, or why Leadfox turned this one person away."""
        return self._each(self._save, contacts)

    def _save(self, contact: ContactRecord) -> str | Refused:
        try:
            return self.client.upsert_contact(mapping.contact_body(contact))
        except Refused as refusal:
            if refusal.status not in ABOUT_A_PERSON:
                raise
            return refusal

    def put_on(self, list_id: str, contact_ids: Iterable[str]) -> None:
        self._each(lambda contact_id: self.client.add_contact_to_list(list_id, contact_id), contact_ids)

    def take_off(self, list_id: str, emails: Sequence[str]) -> None:
        """Whom no filter finds is looked for on the list itself: what matters is that nobody is overlooked."""
        found = {mapping.remote_id(raw): _email(raw) for raw in self.by_email(emails)}
        missing = {email.lower() for email in emails} - set(found.values())
        if missing:
            found |= {mapping.remote_id(raw): "" for raw in _matching(missing, self.on_list(list_id))}
        self._each(lambda contact_id: self._take_off(list_id, contact_id), found)

    def _take_off(self, list_id: str, contact_id: str) -> None:
        """The path is a guess, so its "not found" counts as done only when the person is seen to be off the list."""
        try:
            self.client.remove_contact_from_list(list_id, contact_id)
        except Missing:
            with suppress(Missing):
                if list_id in mapping.contact_record(self.client.get_contact(contact_id)).list_ids:
                    what = "Leadfox says that a person is not on a list, and shows them on it."
                    raise UnexpectedReply(
                        what, provider="leadfox", operation="removeContactFromList"
                    ) from None

    def _each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`work` on each, several at a time. The first error ends it when what is under way is through."""
        self.client.tokens()  # Once, before several threads ask for one.
        with ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="leadfox") as pool:
            futures = [pool.submit(copy_context().run, work, item) for item in items]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _email(raw: Any) -> str:
    return text(raw.get("email")).strip().lower()


def _matching(wanted: set[str], fetch: Fetch, filters: str = "") -> Iterator[Any]:
    """Each row is held against the filter, so that one which is not understood costs time and not the truth."""
    for raw in Pages(fetch, filters=filters, overlap=OVERLAP):
        if _email(raw) in wanted:
            yield raw
