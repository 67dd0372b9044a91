"""Mailmojo's API v1: one method per operation, each with the effect of repeating it.

https://mailmojo.dev: JSON both ways behind OAuth 2 bearer tokens, every path with a slash at its end. Only newsletters
come in pages. Limits on calls are not published.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from accounts.providers.base import Effect, Gate
from accounts.providers.bodies import Content, form
from accounts.providers.errors import Missing, ProviderError, Refused, Unauthorized
from accounts.providers.http import segment
from accounts.providers.reading import obj, text, whole
from accounts.providers.records import Tokens
from accounts.providers.tokens import TokenClient

READ, CONVERGE, CREATE, ONCE = Effect.READ, Effect.CONVERGE, Effect.CREATE, Effect.ONCE

Json = Any
Result = TypeVar("Result")

AUTHORIZE, TOKEN = "/oauth/authorize/", "/oauth/token/"
# Neither the usual nor the largest page is told; the walk follows what each page says of itself.
NEWSLETTERS_PAGE = 100
# People of a list are limited, not paged, and the usual limit is not told: with this one it is everybody.
EVERYBODY = 10_000_000

MISSING_RIGHT = (
    "Mailmojo does not let Campanile do this: a right is missing. Connect the account again and grant every right "
    "that is asked for; for an API client, have Mailmojo add the right to it."
)
SPENT = "The consent given at Mailmojo is used up or has ended. Connect it again."
# OAuth 2 errors (RFC 6749) that new credentials mend; others, such as a scope a client may not have, do not.
_UNAUTHORIZED = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "access_denied"})


class Forbidden(Unauthorized):
    """403: a token that is no good, or a right that is missing. Asked again with a new token it can only be the right."""


def authorize_url(
    base_url: str, *, client_id: str, redirect_uri: str, scopes: Sequence[str], state: str
) -> str:
    """oauthAuthorize: where a person's browser goes to agree; no call of ours."""
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }
    return f"{base_url.rstrip('/')}{AUTHORIZE}?{urlencode(query)}"


def _object(payload: Json) -> Json:
    """An empty reply or a list where an object must stand is a misreading of the API."""
    if not isinstance(payload, dict):
        raise TypeError("not an object")
    return payload


def _array(payload: Json) -> list[Json]:
    if not isinstance(payload, list):
        raise TypeError("not an array")
    return [row for row in payload if isinstance(row, dict)]


def _with_id(payload: Json) -> Json:
    int(payload["id"])
    return payload


def _id(payload: Json) -> str:
    return str(int(payload["id"]))


def _tokens(payload: Json) -> Tokens:
    """`expires_in` counts seconds: an hour after a consent, 90 days for a client. A refresh token need not come."""
    access, seconds = text(payload["access_token"]), whole(payload.get("expires_in"))
    if not access:
        raise LookupError("access_token")
    expires_at = datetime.now(UTC) + timedelta(seconds=min(seconds, 10**9)) if seconds is not None else None
    return Tokens(access, text(payload.get("refresh_token")), expires_at)


def _sentences(value: Json) -> list[str]:
    """Every text in an errors object, led by the name of its field."""
    if isinstance(value, dict):
        return [f"{name}: {found}" for name, inner in value.items() for found in _sentences(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in _sentences(inner)]
    return [found] if (found := text(value).strip()) else []


class Client(TokenClient):
    provider = "mailmojo"
    # Neither has a body; the others tell in JSON what is wrong.
    silent_refusals = frozenset({403, 404})

    def __init__(
        self,
        *,
        credentials: Mapping[str, str],
        scopes: Sequence[str],
        base_url: str,
        gate: Gate | None = None,
        **settings: Any,
    ) -> None:
        names = ("way", "client_id", "client_secret", "username", "code", "redirect_uri")
        self._given = {name: credentials.get(name, "").strip() for name in names}
        self.scopes = tuple(scopes)
        secrets = (self._given["client_secret"], self._given["code"])
        super().__init__(base_url=base_url, gate=gate, secrets=secrets, **settings)

    # Tokens

    def first_tokens(self) -> Tokens:
        match self._given["way"]:
            case "client":
                return self._client_tokens()
            case "managed":
                # The partner's own token stands in for the password of the account it manages.
                return self.oauth_token(
                    grant_type="password",
                    username=self._given["username"],
                    password=self._client_tokens().access,
                    scope=self._scope,
                )
        if not self._given["code"]:
            raise Unauthorized(SPENT, provider=self.provider, operation="oauthToken")
        try:
            return self.oauth_token(
                grant_type="authorization_code",
                code=self._given["code"],
                redirect_uri=self._given["redirect_uri"],
                scope=self._scope,
            )
        except Unauthorized as error:
            raise Unauthorized(
                f"{SPENT} ({error.detail})",
                provider=self.provider,
                operation="oauthToken",
                status=error.status,
                request_id=error.request_id,
            ) from None

    def next_tokens(self, tokens: Tokens) -> Tokens:
        """Both tokens are new ones. A reply that leaves the second out means that the old one goes on."""
        found = self.oauth_token(grant_type="refresh_token", refresh_token=tokens.refresh)
        return found if found.refresh else Tokens(found.access, tokens.refresh, found.expires_at)

    def _client_tokens(self) -> Tokens:
        return self.oauth_token(grant_type="client_credentials", scope=self._scope)

    @property
    def _scope(self) -> str:
        return " ".join(self.scopes)

    def oauth_token(self, **grant: str) -> Tokens:
        """Any of the four grants. READ, since verbs that read cause it: asking again gives tokens again, or a refusal.

        Plain HTTP Basic: the documentation speaks of base64 of `id:secret` as the password, which Basic does itself.
        """
        pair = f"{self._given['client_id']}:{self._given['client_secret']}".encode()
        return self.call(
            "oauthToken",
            READ,
            "POST",
            TOKEN,
            body=form(grant),
            read=_tokens,
            headers={"Authorization": f"Basic {b64encode(pair).decode()}"},
            with_credentials=False,
        )

    def renewing(self, attempt: Callable[[], Result]) -> Result:
        """The documentation has expired tokens answered by 401 in one place and by 403 in another: renew on both, once."""
        try:
            return super().renewing(attempt)
        except Forbidden as error:
            raise Refused(
                MISSING_RIGHT,
                provider=self.provider,
                operation=error.operation,
                status=error.status,
                request_id=error.request_id,
            ) from None

    def refusal(self, operation: str, status: int, payload: Mapping[str, Any]) -> type[ProviderError]:
        if operation == "oauthToken":
            is_refused = status == 403 or text(payload.get("error")) in _UNAUTHORIZED
            return Unauthorized if is_refused else Refused
        if status == 403:
            return Forbidden
        return Missing if status in (404, 410) else Refused

    def words(self, payload: Mapping[str, Any]) -> str:
        """The shape of "errors" is not documented; clients of the vendor's own look under these names."""
        names = ("error_description", "detail", "title", "message", "error", "errors")
        told = [payload[name] for name in names if payload.get(name)]
        return "; ".join(dict.fromkeys(_sentences(told or dict(payload))))

    def _get(self, operation: str, path: str, **query: Any) -> Json:
        given = {name: value for name, value in query.items() if value is not None}
        return self.call(operation, READ, "GET", path, query=given, read=_object)

    def _list(self, operation: str, path: str, **query: Any) -> list[Json]:
        given = {name: value for name, value in query.items() if value is not None}
        return self.call(operation, READ, "GET", path, query=given, read=_array)

    # Account and domains

    def get_account(self, username: str = "me") -> Json:
        return self._get("getAccountByUsername", f"/v1/accounts/{segment(username)}/")

    def update_account(self, username: str, body: Json) -> Json:
        """The reference has POST here, and the guide PATCH."""
        path = f"/v1/accounts/{segment(username)}/"
        return self.call("updateAccount", CONVERGE, "POST", path, body=body, read=_object)

    def update_account_patch(self, username: str, body: Json) -> Json:
        path = f"/v1/accounts/{segment(username)}/"
        return self.call("updateAccountPatch", CONVERGE, "PATCH", path, body=body, read=_object)

    def get_domains(self) -> list[Json]:
        return self._list("getDomains", "/v1/domains/")

    def get_domain(self, domain_id: str) -> Json:
        return self._get("getDomain", f"/v1/domains/{segment(domain_id)}/")

    # Contacts

    def get_contacts(self) -> Iterator[Json]:
        """Everybody at once. Called experimental and due to change."""
        return self.rows("getContacts", "/v1/contacts/")

    def get_contact_stats(self, *, start_date: str | None = None) -> list[Json]:
        """Per day: added, unsubscribed, bounced, deleted, and the sum."""
        return self._list("getHistoricalContactStats", "/v1/contacts/stats/", start_date=start_date)

    def get_contact(self, email: str) -> Json:
        return self._get("getContactByEmail", f"/v1/contacts/{segment(email)}/")

    def update_contact(self, email: str, body: Json) -> Json:
        """The address is called required in the body as well; another one than in the path is untried."""
        path = f"/v1/contacts/{segment(email)}/"
        return self.call(
            "updateContact", CONVERGE, "PATCH", path, body={**body, "email": email}, read=_object
        )

    # Lists

    def get_lists(self) -> list[Json]:
        return self._list("getLists", "/v1/lists/")

    def create_list(self, body: Json) -> Json:
        return self.call("createList", CREATE, "POST", "/v1/lists/", body=body, read=_with_id)

    def get_list(self, list_id: str) -> Json:
        """As in `get_lists`, with its segments."""
        return self._get("getListById", f"/v1/lists/{segment(list_id)}/")

    def update_list(self, list_id: str, body: Json) -> Json:
        """`name`, `from_name` and `from_email` are called required here too."""
        path = f"/v1/lists/{segment(list_id)}/"
        return self.call("updateList", CONVERGE, "PATCH", path, body=body, read=_object)

    def create_segment(self, list_id: str, name: str, predicates: Sequence[Json]) -> Json:
        body = {"list_id": int(list_id), "name": name, "predicates": list(predicates)}
        path = f"/v1/lists/{segment(list_id)}/segments/"
        return self.call("createSegment", CREATE, "POST", path, body=body, read=_with_id)

    def get_subscribers(self, list_id: str, *, limit: int = EVERYBODY) -> Iterator[Json]:
        path = f"/v1/lists/{segment(list_id)}/subscribers/"
        return self.rows("getSubscribersOnList", path, query={"limit": limit})

    def get_unsubscribed(self, list_id: str, *, limit: int = EVERYBODY) -> Iterator[Json]:
        path = f"/v1/lists/{segment(list_id)}/unsubscribed/"
        return self.rows("getUnsubscribedOnList", path, query={"limit": limit})

    def get_subscriber(self, list_id: str, email: str) -> Json:
        path = f"/v1/lists/{segment(list_id)}/subscribers/{segment(email)}/"
        return self._get("getSubscriberOnListByEmail", path)

    def subscribe_contact(self, list_id: str, body: Json) -> Json:
        """`force_subscribe` is true unless told otherwise, and then takes people in who left: it never is here."""
        path = f"/v1/lists/{segment(list_id)}/subscribers/"
        content = {**body, "force_subscribe": False}
        return self.call("subscribeContactToList", CONVERGE, "POST", path, body=content, read=_object)

    def import_subscribers(self, list_id: str, table: bytes) -> Json:
        """A table with the columns `email` and, if wanted, `name`. The answer says how many, and of nobody why not."""
        path = f"/v1/lists/{segment(list_id)}/subscribers/import/"
        return self.call(
            "importSubscribersToList",
            CONVERGE,
            "POST",
            path,
            body=Content("text/csv", table),
            is_upload=True,
            read=_object,
        )

    def unsubscribe_contact(self, list_id: str, email: str) -> None:
        path = f"/v1/lists/{segment(list_id)}/subscribers/{segment(email)}/"
        self.call("unsubscribeContactOnListByEmail", CONVERGE, "DELETE", path)

    # Newsletters

    def get_newsletters(
        self, *, page: int = 1, per_page: int = NEWSLETTERS_PAGE, kind: str | None = None
    ) -> Json:
        """`kind`: draft, scheduled, sent."""
        return self._get("getNewsletters", "/v1/newsletters/", page=page, per_page=per_page, type=kind)

    def create_newsletter(self, body: Json) -> str:
        return self.call("createNewsletter", CREATE, "POST", "/v1/newsletters/", body=body, read=_id)

    def get_newsletter(self, newsletter_id: str) -> Json:
        return self._get("getNewsletterById", f"/v1/newsletters/{segment(newsletter_id)}/")

    def update_newsletter(self, newsletter_id: str, body: Json) -> Json:
        """`list_id` must come along. 404 also for one that is no draft any more."""
        path = f"/v1/newsletters/{segment(newsletter_id)}/"
        return self.call("updateNewsletter", CONVERGE, "PATCH", path, body=body, read=_object)

    def send_newsletter(self, newsletter_id: str, *, send_date: str) -> Json:
        """Without a date it would go out at once, so there always is one."""
        path = f"/v1/newsletters/{segment(newsletter_id)}/send/"
        return self.call("sendNewsletter", ONCE, "PUT", path, body={"send_date": send_date}, read=_object)

    def cancel_newsletter(self, newsletter_id: str) -> Json:
        """400 unless it is scheduled or being sent."""
        path = f"/v1/newsletters/{segment(newsletter_id)}/cancel/"
        return self.call("cancelNewsletter", CONVERGE, "PUT", path, read=obj)

    def test_newsletter(self, newsletter_id: str, emails: Sequence[str]) -> None:
        if not emails:
            raise ValueError("A test needs an address.")
        path = f"/v1/newsletters/{segment(newsletter_id)}/send_test/"
        self.call("testNewsletter", ONCE, "POST", path, body={"emails": list(emails)})

    # Templates

    def get_templates(self) -> list[Json]:
        return self._list("getTemplates", "/v1/templates/")

    # Webhooks

    def create_webhook(self, topic: str, callback_url: str) -> Json:
        """With its `id` and `secret`, which are told this once: there is no way to read a webhook again."""
        body = {"topic": topic, "callback_url": callback_url, "is_enabled": True}
        return self.call("createWebhook", CREATE, "POST", "/v1/webhooks/", body=body, read=_with_id)

    def delete_webhook(self, webhook_id: str) -> None:
        self.call("deleteWebhook", CONVERGE, "DELETE", f"/v1/webhooks/{segment(webhook_id)}/")
