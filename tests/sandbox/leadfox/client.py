"""The sandbox's Leadfox, called in process, with every request and reply held against the contract."""

import csv
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import InProcess

CONTRACT = Path(__file__).parents[2] / "contracts" / "leadfox"
BASE = "https://rest.leadfox.co"
NOW = datetime(2025, 3, 10, 8, tzinfo=UTC)  # when the sandbox of these tests begins
MAIL = '<p>Hello</p><a href="https://example.com/a">a</a> <a href="{{email_unsubscribe}}">leave</a>'


class Operation(NamedTuple):
    id: str
    method: str
    path: re.Pattern[str]


@cache
def contract() -> OpenAPI:
    return OpenAPI.from_file_path(str(CONTRACT / "openapi.yaml"))


@cache
def core_operations() -> tuple[Operation, ...]:
    """Literal paths first, so that `/v1/contact/upsert` is not taken for a contact of that name."""
    with (CONTRACT / "operations.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["scope"] == "core"]
    rows.sort(key=lambda row: row["path"].count("{"))
    return tuple(
        Operation(row["operationId"], row["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", row["path"])))
        for row in rows
    )


class Leadfox:
    """One account. `call()` answers the response; `get`, `post`, `put`, `patch` and `delete` its JSON after a success."""

    def __init__(self, sandbox: Sandbox, apikey: str = "sandbox-test", secret: str = "s3cret") -> None:
        self.sandbox, self.apikey, self.secret = sandbox, apikey, secret
        self.session = requests.Session()
        self.session.mount(BASE, InProcess(sandbox, "/leadfox"))
        self.session.mount("http://control", InProcess(sandbox, ""))
        self.exercised: set[str] = set()
        self.token = ""

    def auth(self, **body: Any) -> requests.Response:
        """Ask for a token, by the account's own key and secret unless told otherwise."""
        asked = {"apikey": self.apikey, "secret": self.secret} | body
        return self.call("POST", "/v1/auth", asked, authorization="")

    def log_in(self) -> Any:
        reply = self._ok(self.auth())
        self.token = reply["jwt"]
        return reply

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        authorization: str | None = None,
        outside_contract: bool = False,
        **query: Any,
    ) -> requests.Response:
        """`outside_contract`: the request is wrong on purpose in a way the contract already forbids."""
        if authorization is None and not self.token:
            self.log_in()
        header = f"JWT {self.token}" if authorization is None else authorization
        given = requests.Request(
            method, BASE + path, params=query, json=body, headers={"Authorization": header} if header else {}
        )
        response = self.session.send(self.session.prepare_request(given))
        if not outside_contract:
            if method == "PATCH":  # the contract names it as the alternative of PUT
                given.method = "PUT"
            contract().validate_request(RequestsOpenAPIRequest(given))
            contract().validate_response(RequestsOpenAPIRequest(given), RequestsOpenAPIResponse(response))
            where = urlsplit(given.url).path
            self.exercised.add(
                next(o.id for o in core_operations() if o.method == given.method and o.path.fullmatch(where))
            )
        return response

    def _ok(self, response: requests.Response) -> Any:
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("POST", path, body))

    def put(self, path: str, body: Any) -> Any:
        return self._ok(self.call("PUT", path, body))

    def patch(self, path: str, body: Any) -> Any:
        return self._ok(self.call("PATCH", path, body))

    def delete(self, path: str) -> Any:
        return self._ok(self.call("DELETE", path))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and words of a refusal."""
        response = self.call(method, path, body, **options)
        assert response.status_code >= 400, response.text
        assert list(response.json()) == ["error"]
        return response.status_code, response.json()["error"]

    def control(self, command: str, **asked: Any) -> Any:
        if command in ("seed", "act"):
            asked = {"provider": "leadfox", "account": self.apikey} | asked
        response = self.session.post(f"http://control/_control/{command}", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def seed(self, **wanted: Any) -> Any:
        return self.control("seed", **wanted)

    def act(self, kind: str, **details: Any) -> Any:
        return self.control("act", kind=kind, **details)

    def state(self) -> Any:
        query = {"provider": "leadfox", "account": self.apikey}
        return self.session.get("http://control/_control/state", params=query).json()["state"]

    def wait(self, seconds: float) -> None:
        """Let time pass; a token that would not live to see the end is fetched anew."""
        self.control("clock", advance=seconds)
        self.token = ""

    def contact(self, email: str) -> Any:
        (contact,) = self.get("/v1/contact", filters=f"email={email}")
        return contact

    def new_contact(self, email: str, **properties: str) -> str:
        contact_id: str = self.post("/v1/contact", {"email": email, "properties": properties})["_id"]
        return contact_id

    def new_list(self, *emails: str, name: str = "List") -> str:
        """Seeded: hundreds of calls held against the contract would only cost time."""
        people = [{"email": email, "lists": [0]} for email in emails]
        list_id: str = self.seed(lists=[name], contacts=people)["lists"][0]
        return list_id

    def new_design(self, **fields: str) -> str:
        body = {"name": "Letter", "subject": "Subject", "fromemail": "me@example.com", "body": MAIL}
        design_id: str = self.post("/v1/email", body | fields)["_id"]
        return design_id

    def new_campaign(self, *list_ids: str | None, **fields: Any) -> str:
        """A draft to these lists, or with `status="a"` one that goes out. Without `_id`, as the known clients do."""
        body = {
            "name": "Campaign",
            "type": 2,
            "folder": self.post("/v1/folder", {"name": "Folder"})["_id"],
            "emails": [{"email": self.new_design(), "weight": 100}],
            "lists": [{"list": list_id} for list_id in list_ids],
        }
        response = self.call("POST", "/v1/campaign", body | fields, outside_contract="_id" not in fields)
        campaign_id: str = self._ok(response)["_id"]
        return campaign_id

    def metrics(self, campaign_id: str, element: str = "campaign", **query: Any) -> dict[str, int]:
        """The compiled row without its `_id`."""
        (row,) = self.get(f"/v1/metric/{element}/{campaign_id}", compile="true", **query)
        assert row.pop("_id") == campaign_id
        figures: dict[str, int] = row
        return figures

    def sent(self, campaign_id: str) -> int:
        return self.metrics(campaign_id)["sent"]
