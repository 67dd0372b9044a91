"""The sandbox's Mailmojo, called in process, with every request and reply held against the contract."""

import csv
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import InProcess

CONTRACT = Path(__file__).parents[2] / "contracts" / "mailmojo"
BASE = "https://api.mailmojo.no"
BACK = "https://console.example/back?from=mailmojo"
CLIENT = ("sandbox", "sandbox")
EVERYTHING = (
    "account account_creation account_settings automations contacts embed events forms lists newsletters pages"
    " subscribe templates webhooks"
)


class Operation(NamedTuple):
    id: str
    scope: str
    method: str
    path: re.Pattern[str]


@cache
def contract() -> OpenAPI:
    config = Config(extra_media_type_deserializers={"text/csv": lambda content, **_: content.decode()})
    return OpenAPI.from_file_path(str(CONTRACT / "openapi.yaml"), config=config)


@cache
def operations() -> tuple[Operation, ...]:
    """Literal paths first, so that `/v1/contacts/stats/` is not taken for a contact named stats."""
    with (CONTRACT / "operations.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["path"].count("{"))
    return tuple(
        Operation(
            row["operationId"],
            row["scope"],
            row["method"],
            re.compile(re.sub(r"\{\w+\}", "[^/]+", row["path"])),
        )
        for row in rows
    )


def operation_of(method: str, path: str) -> str:
    return next(op.id for op in operations() if op.method == method and op.path.fullmatch(path))


class Mailmojo:
    """One account. `call()` answers the response; `get`, `post`, `put`, `patch` and `delete` its JSON after a success."""

    def __init__(self, sandbox: Sandbox, account: str = "sandbox-test", scope: str = EVERYTHING) -> None:
        self.sandbox, self.account, self.scope = sandbox, account, scope
        self.session = requests.Session()
        self.session.mount(BASE, InProcess(sandbox, "/mailmojo"))
        self.session.mount("http://control", InProcess(sandbox, ""))
        self.exercised: set[str] = set()
        self.tokens: dict[str, Any] = {}

    # Tokens

    def consent(self, **asked: Any) -> dict[str, str]:
        """What the consent page sends back to the client. `account` and `decision` are the person's."""
        person = {"account": self.account, "decision": "allow"}
        query = {
            "client_id": "sandbox",
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": self.scope,
            "state": "s1",
        } | asked
        form = {name: query.pop(name, person[name]) for name in person}
        given = requests.Request("POST", BASE + "/oauth/authorize/", params=query, data=form)
        reply = self.session.send(self.session.prepare_request(given), allow_redirects=False)
        page = RequestsOpenAPIRequest(requests.Request("GET", given.url, params=query))
        contract().validate_response(page, RequestsOpenAPIResponse(reply))
        self.exercised.add("oauthAuthorize")
        url = reply.headers["Location"]
        assert url.startswith(query["redirect_uri"])
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def token(
        self, client: tuple[str, str] | None = CLIENT, *, breaks_schema: bool = False, **form: Any
    ) -> requests.Response:
        given = requests.Request("POST", BASE + "/oauth/token/", data=form, auth=client)
        return self._exchange(given, breaks_schema=breaks_schema)

    def login(self) -> dict[str, Any]:
        """Access and refresh token by the code flow, used from now on."""
        code = self.consent()["code"]
        reply = self.token(grant_type="authorization_code", code=code, redirect_uri=BACK, scope=self.scope)
        self.tokens = self._ok(reply)
        return self.tokens

    def refresh(self, refresh_token: str = "") -> requests.Response:
        refresh_token = refresh_token or self.tokens["refresh_token"]
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    # Calls

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        breaks_schema: bool = False,
        text: str | None = None,
        **query: Any,
    ) -> requests.Response:
        """`breaks_schema`: the request is wrong on purpose in a way the contract's schema already forbids."""
        if token is None:
            token = (self.tokens or self.login())["access_token"]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if text is not None:
            headers["Content-Type"] = "text/csv"
        given = requests.Request(
            method, BASE + "/v1" + path, params=query or None, json=body, headers=headers,
            data=None if text is None else text.encode(),
        )  # fmt: skip
        return self._exchange(given, breaks_schema=breaks_schema)

    def _exchange(self, given: requests.Request, *, breaks_schema: bool) -> requests.Response:
        asked = RequestsOpenAPIRequest(given)
        response = self.session.send(self.session.prepare_request(given), allow_redirects=False)
        if not breaks_schema:
            contract().validate_request(asked)
        contract().validate_response(asked, RequestsOpenAPIResponse(response))
        self.exercised.add(operation_of(str(given.method), urlsplit(given.url).path))
        return response

    def _ok(self, response: requests.Response) -> Any:
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._ok(self.call("POST", path, body, **options))

    def put(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("PUT", path, body))

    def patch(self, path: str, body: Any = None) -> Any:
        """Partial updates may leave out what the schema requires."""
        return self._ok(self.call("PATCH", path, body, breaks_schema=True))

    def delete(self, path: str) -> Any:
        return self._ok(self.call("DELETE", path))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, list[str]]:
        """Status of a refusal and, of a 400, the fields it names."""
        response = self.call(method, path, body, **options)
        assert response.status_code >= 400, response.text
        if response.status_code != 400:
            assert response.content == b""
            return response.status_code, []
        return 400, sorted(response.json()["errors"])

    # The sandbox itself

    def control(self, command: str, **asked: Any) -> Any:
        if command in ("seed", "act"):
            asked = {"provider": "mailmojo", "account": self.account} | asked
        response = self.session.post(f"http://control/_control/{command}", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def control_read(self, command: str, **query: Any) -> Any:
        return self.session.get(f"http://control/_control/{command}", params=query).json()

    def act(self, kind: str, **deed: Any) -> Any:
        return self.control("act", kind=kind, **deed)

    def state(self) -> Any:
        return self.control_read("state", provider="mailmojo", account=self.account)["state"]

    def wait(self, seconds: float) -> None:
        """Let time pass and, as a good client does, have the tokens refreshed."""
        self.control("clock", advance=seconds)
        if self.tokens:
            self.tokens = self._ok(self.refresh())

    def later(self, **delta: float) -> str:
        """A moment from now on, by the sandbox's clock."""
        now = datetime.fromtimestamp(self.control_read("health")["now"], UTC)
        return (now + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")

    # Shorthands

    def new_list(self, *emails: str, name: str = "List", **fields: Any) -> int:
        body = {"name": name, "from_name": "Owner", "from_email": "owner@test.example"} | fields
        list_id: int = self.post("/lists/", body)["id"]
        for email in emails:
            self.subscribe(list_id, email)
        return list_id

    def subscribe(self, list_id: int, email: str, **fields: Any) -> Any:
        return self.post(f"/lists/{list_id}/subscribers/", {"email": email} | fields)

    def contact(self, email: str) -> Any:
        return self.get(f"/contacts/{quote(email, safe='')}/")

    def standing(self, email: str) -> tuple[str, dict[int, str]]:
        """A contact's status altogether and by list."""
        found = self.contact(email)
        return found["status"], {a["list_id"]: a["status"] for a in found["list_associations"]}

    def new_newsletter(self, list_id: int, **fields: Any) -> int:
        body = {
            "list_id": list_id,
            "subject": "Subject",
            "title": "Title",
            "html": '<p>Hello</p><a href="https://example.com/a">a</a>',
        }
        newsletter_id: int = self.post("/newsletters/", body | fields)["id"]
        return newsletter_id

    def status(self, newsletter_id: int) -> str:
        """The one flag that is set."""
        found = self.get(f"/newsletters/{newsletter_id}/")
        (flag,) = (name for name in found if name.startswith("is_") and found[name])
        return flag.removeprefix("is_")
