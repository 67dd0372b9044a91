"""The sandbox's Especial, called in process, with every request and reply held against the contract."""

import csv
import io
import re
import warnings
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import InProcess

CONTRACT = Path(__file__).parents[2] / "contracts" / "especial"
BASE = "https://api.cakemail.dev"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONTROLLED = ("seed", "act", "reset")
HTML = '<p>Dear [first_name]</p><a href="https://example.com/a">a</a> <a href="https://example.com/b">b</a> <a href="[UNSUBSCRIBE]">leave</a>'


class Operation(NamedTuple):
    id: str
    scope: str
    method: str
    path: re.Pattern[str]


@cache
def contract() -> OpenAPI:
    return OpenAPI.from_file_path(str(CONTRACT / "openapi.yaml"))


@cache
def operations() -> tuple[Operation, ...]:
    """Literal paths first, so that `/contacts/tag` is not taken for a contact of that id."""
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


class Especial:
    """One account. `call()` answers the response; `get`, `post`, `patch` and `delete` its JSON after a success."""

    def __init__(self, sandbox: Sandbox, name: str = "sandbox-test") -> None:
        self.sandbox, self.name = sandbox, name
        self.user = f"{name}@example.test"
        self.session = requests.Session()
        self.session.mount(BASE, InProcess(sandbox, "/especial"))
        self.session.mount(f"{BASE}/especial", InProcess(sandbox, ""))  # exported files
        self.session.mount("http://control", InProcess(sandbox, ""))
        self.exercised: set[str] = set()
        self.token = ""
        self.refresh_token = ""

    def sign_in(self, **fields: Any) -> dict[str, Any]:
        reply = self.form("POST", {"username": self.user, "password": "secret"} | fields)
        assert reply.status_code == 200, reply.text
        return self._take(reply.json())

    def refresh(self) -> dict[str, Any]:
        reply = self.form("PUT", {"grant_type": "refresh_token", "refresh_token": self.refresh_token})
        assert reply.status_code == 200, reply.text
        return self._take(reply.json())

    def _take(self, tokens: dict[str, Any]) -> dict[str, Any]:
        self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return tokens

    def form(self, method: str, fields: dict[str, Any]) -> requests.Response:
        """A call to `/token`. The reply is held against the contract, a form that breaks it on purpose is not."""
        given = requests.Request(method, f"{BASE}/token", data=fields, headers=FORM)
        response = self.session.send(self.session.prepare_request(given))
        contract().validate_response(RequestsOpenAPIRequest(given), RequestsOpenAPIResponse(response))
        self.exercised.add(operation_of(method, "/token"))
        return response

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        breaks_schema: bool = False,
        public: bool = False,
        **query: Any,
    ) -> requests.Response:
        """`breaks_schema`: the request is wrong on purpose in a way the contract's schema already forbids."""
        if not self.token and not public:
            self.sign_in()
        headers = {} if public else {"Authorization": f"Bearer {self.token}"}
        given = requests.Request(method, BASE + path, params=query or None, json=body, headers=headers)
        asked = RequestsOpenAPIRequest(given)
        response = self.session.send(self.session.prepare_request(given))
        if not breaks_schema:
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", "Unsupported scheme type"
                )  # OAuth 2: it does not look at tokens
                contract().validate_request(asked)
        contract().validate_response(asked, RequestsOpenAPIResponse(response))
        self.exercised.add(operation_of(method, urlsplit(given.url).path))
        return response

    def _ok(self, response: requests.Response) -> Any:
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json() if "json" in response.headers["Content-Type"] else response.text

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._ok(self.call("POST", path, body, **query))

    def patch(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("PATCH", path, body))

    def delete(self, path: str, *, breaks_schema: bool = False) -> Any:
        return self._ok(self.call("DELETE", path, breaks_schema=breaks_schema))

    def data(self, path: str, **query: Any) -> Any:
        return self.get(path, **query)["data"]

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and first message of a refusal."""
        response = self.call(method, path, body, **options)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["detail"][0]["msg"]

    def control(self, command: str, **asked: Any) -> Any:
        if command in CONTROLLED:
            asked = {"provider": "especial", "account": self.name} | asked
        response = self.session.post(f"http://control/_control/{command}", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def control_read(self, command: str, **query: Any) -> Any:
        return self.session.get(f"http://control/_control/{command}", params=query).json()

    def state(self) -> Any:
        return self.control_read("state", provider="especial", account=self.name)["state"]

    def now(self) -> int:
        return int(self.control_read("health")["now"])

    def wait(self, seconds: float) -> None:
        self.control("clock", advance=seconds)

    def file(self, url: str) -> list[list[str]]:
        """An exported CSV, its rows."""
        response = self.session.get(url)
        assert response.headers["Content-Type"].startswith("text/csv")
        return list(csv.reader(io.StringIO(response.content.decode())))

    @cached_property
    def sender(self) -> str:
        """The id of the account's first sender."""
        number: str = self.data("/brands/default/senders")[0]["id"]
        return number

    def new_list(self, *emails: str, name: str = "List") -> int:
        body = {"name": name, "default_sender": {"id": self.sender}}
        list_id: int = self.post("/lists", body)["id"]
        self.post(f"/lists/{list_id}/accept-policy")
        for email in emails:
            self.post(f"/lists/{list_id}/contacts", {"email": email})
        return list_id

    def new_campaign(self, list_id: int, content: dict[str, Any] | None = None, **fields: Any) -> int:
        body = {
            "name": "Campaign",
            "audience": {"list_id": list_id},
            "sender": {"id": self.sender},
            "content": {"subject": "Subject", "html": HTML} if content is None else content,
        }
        campaign_id: int = self.post("/campaigns", body | fields)["id"]
        return campaign_id

    def sent(self, *, people: int = 40) -> tuple[int, int]:
        """A list of so many made-up people, and a campaign to it they had a day to react to."""
        list_id: int = self.control("seed", lists=1, contacts=people)["lists"][0]
        campaign_id = self.new_campaign(list_id)
        self.post(f"/campaigns/{campaign_id}/schedule")
        self.wait(86400)
        return list_id, campaign_id

    def campaign(self, campaign_id: int) -> Any:
        return self.data(f"/campaigns/{campaign_id}")

    def status(self, campaign_id: int) -> tuple[str, bool]:
        campaign = self.campaign(campaign_id)
        return campaign["status"], campaign["suspended"]
