"""Leadfox's REST API v1: one method per operation, each with the effect of repeating it.

https://docs.leadfox.co (read 2026-11): JSON both ways, a token for key and secret, lists as bare arrays by `skip` and
`limit`. The published reference names no success codes, no shape of errors and no limits, and part of its paths is
known from published clients or by analogy only: `PATHS` says which.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlencode

from accounts.providers.base import Effect, Gate, Keyring
from accounts.providers.errors import Missing, OutcomeUnknown, ProviderError, Refused, Unauthorized
from accounts.providers.http import EXCERPT_CHARACTERS, segment
from accounts.providers.leadfox import mapping
from accounts.providers.records import Tokens
from accounts.providers.tokens import TokenClient
from accounts.redaction import redact

READ, CONVERGE, CREATE, ONCE = Effect.READ, Effect.CONVERGE, Effect.CREATE, Effect.ONCE

Json = Any
Result = TypeVar("Result")

# operation → path. Mended here, a path is mended everywhere.
PATHS: Mapping[str, str] = {
    # In the documentation or in a published client.
    "authenticate": "/v1/auth",
    "listCampaigns": "/v1/campaign",
    "createCampaign": "/v1/campaign",
    "listContacts": "/v1/contact",
    "createContact": "/v1/contact",
    "upsertContact": "/v1/contact/upsert",
    "getContact": "/v1/contact/{}",
    "updateContact": "/v1/contact/{}",
    "deleteContact": "/v1/contact/{}",
    "listEmails": "/v1/email",
    "createEmail": "/v1/email",
    "getEmail": "/v1/email/{}",
    "updateEmail": "/v1/email/{}",
    "listFolders": "/v1/folder",
    "createFolder": "/v1/folder",
    "listLists": "/v1/list",
    "createList": "/v1/list",
    "listListContacts": "/v1/list/{}/contact",
    "addContactToList": "/v1/list/{}/contact/{}",
    "listMailingLists": "/v1/mailinglist",
    "listProperties": "/v1/property",
    "createProperty": "/v1/property",
    # By analogy with those above: seen nowhere yet.
    "getCampaign": "/v1/campaign/{}",
    "updateCampaign": "/v1/campaign/{}",
    "getFolder": "/v1/folder/{}",
    "updateFolder": "/v1/folder/{}",
    "getList": "/v1/list/{}",
    "updateList": "/v1/list/{}",
    "removeContactFromList": "/v1/list/{}/contact/{}",
    "getMailingList": "/v1/mailinglist/{}",
    "getProperty": "/v1/property/{}",
    "updateProperty": "/v1/property/{}",
    # The weakest guess: that there is a metric of a kind of element and its id is said, the order is read from it.
    "getMetrics": "/v1/metric/{}/{}",
}

# The documented default of `limit`. No maximum is documented, and a larger page that is cut short would look like the
# end of the walk.
PAGE = 100

# base URL → the method that updates there, once one has worked: for all clients of this process.
UPDATE_METHODS: dict[str, str] = {}


class Query(TypedDict, total=False):
    """What every list takes. `fields` and `sort` are joined by commas; see `mapping.equal` for `filters`."""

    skip: int
    limit: int
    sort: str
    filters: str
    fields: str


class Fetch(Protocol):
    def __call__(self, **query: Unpack[Query]) -> list[Json]: ...


@dataclass(frozen=True, slots=True)
class Slice:
    items: list[Json]
    next_skip: int | None


@dataclass(frozen=True, slots=True)
class Pages:
    """Walks a list in the order of ids, which are in the order of creation where Leadfox gives them out.

    No total is told: a short page is the last. `overlap` rows are read again on each page: rows deleted during the walk
    move later ones forward. What is marked as deleted is left out: an example in the documentation filters for it.
    """

    fetch: Fetch
    sort: str = "_id"
    filters: str = ""
    fields: str = ""
    overlap: int = 0
    size: int = PAGE

    def page(self, skip: int) -> Slice:
        query: Query = {"skip": skip, "limit": self.size, "sort": self.sort}
        if self.filters:
            query["filters"] = self.filters
        if self.fields:
            query["fields"] = self.fields
        rows = self.fetch(**query)
        reached = skip + len(rows)
        following = None if len(rows) < self.size else max(reached - self.overlap, skip + 1)
        items = [row for row in rows if isinstance(row, dict) and row.get("deleted") is not True]
        return Slice(items, following)

    def __iter__(self) -> Iterator[Json]:
        skip: int | None = 0
        while skip is not None:
            page = self.page(skip)
            yield from page.items
            skip = page.next_skip


def _list(payload: Json) -> list[Json]:
    if not isinstance(payload, list):
        raise TypeError("not an array")
    return payload


def _object(payload: Json) -> Json:
    if not isinstance(payload, dict):
        raise TypeError("not an object")
    return payload


def _object_or_none(payload: Json) -> Json:
    return None if payload is None else _object(payload)


def _anything(payload: Json) -> Json:
    """Of an update or a membership nothing is known but that it succeeded; its reply may be empty."""
    return payload


class Client(TokenClient):
    provider = "leadfox"
    # The shape of errors is not documented, so an answer without any is taken for Leadfox's own too.
    silent_refusals = frozenset({400, 403, 404, 405, 409, 422})

    def __init__(
        self,
        *,
        api_key: str,
        secret: str,
        base_url: str,
        gate: Gate | None = None,
        keyring: Keyring | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(base_url=base_url, gate=gate, keyring=keyring, secrets=(api_key, secret), **settings)
        self._api_key, self._secret = api_key, secret

    # Tokens

    def first_tokens(self) -> Tokens:
        if not (self._api_key and self._secret):
            raise Unauthorized("Leadfox needs an API key and a secret.", provider=self.provider)
        return self.authenticate()

    def bearer(self, tokens: Tokens) -> Mapping[str, str]:
        """The scheme is Leadfox's own word, with a space."""
        return {"Authorization": f"JWT {tokens.access}"}

    # Refusals

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        if operation == "authenticate" and status in (400, 403, 422):
            return Unauthorized  # Whatever it says at this door, it is about the key and the secret.
        return super().refusal(operation, status, payload)

    def words(self, payload: Mapping[str, Any]) -> str:
        """A published client looks for `error`; what stands in it is unknown."""
        error = payload.get("error")
        if isinstance(error, dict):
            return super().words(error)
        if isinstance(error, list):
            return "; ".join(str(part) for part in error[:5] if isinstance(part, str))
        return super().words(payload)

    def _refuse(self, operation: str, effect: Effect, payload: Mapping[str, Any]) -> NoReturn:
        """An error under a successful status: not promised, but the one published client looks for no other sign."""
        words = redact(" ".join(self.words(payload).split()), secrets=self.secrets)[:EXCERPT_CHARACTERS]
        kind: type[ProviderError] = Refused
        if operation == "authenticate":
            kind = Unauthorized
        elif effect is ONCE:
            kind = OutcomeUnknown  # Success and error in one answer prove nothing.
        raise kind(words or "Leadfox answered with an error.", provider=self.provider, operation=operation)

    # One call

    def _call(
        self,
        operation: str,
        effect: Effect,
        method: str,
        *ids: str,
        query: Mapping[str, Any] | None = None,
        body: Json = None,
        read: Callable[[Json], Result],
        with_credentials: bool = True,
    ) -> Result:
        def checked(payload: Json) -> Result:
            if isinstance(payload, dict) and payload.get("error") and not payload.get("_id"):
                self._refuse(operation, effect, payload)
            return read(payload)

        path = PATHS[operation].format(*map(segment, ids))
        if query:
            # Spaces as %20, as in the documentation's examples; whether a + is read as one there is not known.
            path += "?" + urlencode(query, quote_via=quote)
        return self.call(
            operation, effect, method, path, body=body, read=checked, with_credentials=with_credentials
        )

    def _rows(self, operation: str, *ids: str, query: Query) -> list[Json]:
        return self._call(operation, READ, "GET", *ids, query=query, read=_list)

    def _get(self, operation: str, remote_id: str) -> Json:
        """One object. Nothing at all where one was asked for by its id is a way to say that it is not there."""
        found = self._call(operation, READ, "GET", remote_id, read=_object_or_none)
        if found is None:
            raise Missing("Leadfox has no such object.", provider=self.provider, operation=operation)
        return found

    def _create(self, operation: str, body: Json, effect: Effect = CREATE) -> str:
        """The id in the answer, which counts even where the body named one."""
        return self._call(operation, effect, "POST", body=body, read=mapping.remote_id)

    def _update(self, operation: str, effect: Effect, remote_id: str, body: Json) -> None:
        """By PUT, as published clients do; by PATCH where PUT is not known, since the reference says "partial update".

        A 404 or a 405 proves that nothing was done, whatever the effect, even when it comes as a page of HTML. What has
        worked once is kept, and from then on a 404 means that the object is gone.
        """
        method = UPDATE_METHODS.get(self.base_url)
        if method is not None:
            self._call(operation, effect, method, remote_id, body=body, read=_anything)
            return
        try:
            self._call(operation, effect, "PUT", remote_id, body=body, read=_anything)
        except ProviderError as first:
            if first.status not in (404, 405):
                raise
            try:
                self._call(operation, effect, "PATCH", remote_id, body=body, read=_anything)
            except ProviderError as second:
                if second.status not in (404, 405):
                    raise
                raise (second if isinstance(second, Missing) else first) from None
            UPDATE_METHODS[self.base_url] = "PATCH"
        else:
            UPDATE_METHODS[self.base_url] = "PUT"

    # Authentication

    def authenticate(self) -> Tokens:
        """A token for key and secret; asking again makes another and harms none."""
        body = {"apikey": self._api_key, "secret": self._secret}
        return self._call(
            "authenticate", READ, "POST", body=body, read=mapping.tokens, with_credentials=False
        )

    # Contacts

    def list_contacts(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listContacts", query=query)

    def create_contact(self, body: Json) -> str:
        return self._create("createContact", body)

    def upsert_contact(self, body: Json) -> str:
        """By address. Merges `properties` and changes nothing else: not whether they are subscribed."""
        return self._create("upsertContact", body, CONVERGE)

    def get_contact(self, contact_id: str) -> Json:
        return self._get("getContact", contact_id)

    def update_contact(self, contact_id: str, body: Json) -> None:
        self._update("updateContact", CONVERGE, contact_id, body)

    def delete_contact(self, contact_id: str) -> None:
        self._call("deleteContact", CONVERGE, "DELETE", contact_id, read=_anything)

    # Properties, lists, mailing lists, folders

    def list_properties(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listProperties", query=query)

    def create_property(self, body: Json) -> str:
        return self._create("createProperty", body)

    def get_property(self, property_id: str) -> Json:
        return self._get("getProperty", property_id)

    def update_property(self, property_id: str, body: Json) -> None:
        self._update("updateProperty", CONVERGE, property_id, body)

    def list_lists(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listLists", query=query)

    def create_list(self, body: Json) -> str:
        return self._create("createList", body)

    def get_list(self, list_id: str) -> Json:
        return self._get("getList", list_id)

    def update_list(self, list_id: str, body: Json) -> None:
        self._update("updateList", CONVERGE, list_id, body)

    def list_list_contacts(self, list_id: str, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listListContacts", list_id, query=query)

    def add_contact_to_list(self, list_id: str, contact_id: str) -> None:
        """Without a body, as the vendor's own plugin calls it."""
        self._call("addContactToList", CONVERGE, "POST", list_id, contact_id, read=_anything)

    def remove_contact_from_list(self, list_id: str, contact_id: str) -> None:
        self._call("removeContactFromList", CONVERGE, "DELETE", list_id, contact_id, read=_anything)

    def list_mailing_lists(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listMailingLists", query=query)

    def get_mailing_list(self, mailing_list_id: str) -> Json:
        return self._get("getMailingList", mailing_list_id)

    def list_folders(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listFolders", query=query)

    def create_folder(self, body: Json) -> str:
        return self._create("createFolder", body)

    def get_folder(self, folder_id: str) -> Json:
        return self._get("getFolder", folder_id)

    def update_folder(self, folder_id: str, body: Json) -> None:
        self._update("updateFolder", CONVERGE, folder_id, body)

    # E-mail designs and campaigns

    def list_emails(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listEmails", query=query)

    def create_email(self, body: Json) -> str:
        return self._create("createEmail", body)

    def get_email(self, email_id: str) -> Json:
        return self._get("getEmail", email_id)

    def update_email(self, email_id: str, body: Json) -> None:
        self._update("updateEmail", CONVERGE, email_id, body)

    def list_campaigns(self, **query: Unpack[Query]) -> list[Json]:
        return self._rows("listCampaigns", query=query)

    def create_campaign(self, body: Json) -> str:
        """Created active it mails people."""
        return self._create("createCampaign", body, ONCE if body.get("status") == mapping.ACTIVE else CREATE)

    def get_campaign(self, campaign_id: str) -> Json:
        return self._get("getCampaign", campaign_id)

    def update_campaign(self, campaign_id: str, body: Json) -> None:
        """Set active it mails people; another `start` moves when an active one does."""
        arms = body.get("status") == mapping.ACTIVE or "start" in body
        self._update("updateCampaign", ONCE if arms else CONVERGE, campaign_id, body)

    # Results

    def get_metrics(
        self,
        element_type: str,
        element_id: str,
        *,
        is_compiled: bool = True,
        start_date: str = "",
        end_date: str = "",
    ) -> list[Json]:
        """Rows of counts: totals if compiled, else perhaps one for each period. `element_type`: campaign or target."""
        query = {"compile": "true" if is_compiled else "false", "startdate": start_date, "enddate": end_date}
        told = {name: value for name, value in query.items() if value}
        return self._call("getMetrics", READ, "GET", element_type, element_id, query=told, read=_list)
