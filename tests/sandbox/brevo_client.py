"""The sandbox's Brevo, called in process, with every request and reply held against the contract."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from requests.adapters import HTTPAdapter

from accounts.sandbox.app import Sandbox

CONTRACT = Path(__file__).parent.parent / "contracts" / "brevo"
BASE = "https://api.brevo.com/v3"


class Operation(NamedTuple):
    id: str
    method: str
    path: re.Pattern[str]


@cache
def contract() -> OpenAPI:
    return OpenAPI.from_file_path(str(CONTRACT / "openapi.yaml"))


@cache
def core_operations() -> tuple[Operation, ...]:
    """Literal paths first, so that `/contacts/lists` is not taken for a contact named lists."""
    with (CONTRACT / "operations.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["scope"] == "core"]
    rows.sort(key=lambda row: row["path"].count("{"))
    return tuple(
        Operation(row["operationId"], row["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", row["path"])))
        for row in rows
    )


def operation_of(method: str, path: str) -> str:
    return next(op.id for op in core_operations() if op.method == method and op.path.fullmatch(path))


class InProcess(HTTPAdapter):
    """Hands a prepared request to a WSGI application instead of a socket."""

    def __init__(self, app: Any, prefix: str) -> None:
        super().__init__()
        self.app, self.prefix = app, prefix

    def send(self, request: Any, **_: Any) -> requests.Response:
        parts = urlsplit(request.url)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        environ = {
            "REQUEST_METHOD": request.method,
            "RAW_URI": self.prefix + parts.path,
            "PATH_INFO": unquote_to_bytes(self.prefix + parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": parts.netloc,
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
        }
        environ |= {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()
        }
        head: list[Any] = []
        content = b"".join(self.app(environ, lambda status, headers: head.extend((status, headers))))
        response = requests.Response()
        response.status_code, response.reason = int(head[0][:3]), head[0][4:]
        response.headers.update(dict(head[1]))
        response._content = content
        response.request, response.url = request, request.url
        return response


class Brevo:
    """One account. `call()` answers the response; `get`, `post`, `put` and `delete` its JSON after a success."""

    def __init__(self, sandbox: Sandbox, key: str = "sandbox-test") -> None:
        self.sandbox, self.key = sandbox, key
        self.session = requests.Session()
        self.session.mount(BASE, InProcess(sandbox, "/brevo"))
        self.session.mount(BASE.replace("/v3", "/brevo"), InProcess(sandbox, ""))  # exported files
        self.session.mount("http://control", InProcess(sandbox, ""))
        self.exercised: set[str] = set()

    def call(
        self, method: str, path: str, body: Any = None, *, breaks_schema: bool = False, **query: Any
    ) -> requests.Response:
        """`breaks_schema`: the request is wrong on purpose in a way the contract's schema already forbids."""
        given = requests.Request(
            method,
            BASE + path,
            params=query or None,
            json=body,
            headers={"api-key": self.key} if self.key else {},
        )
        asked = RequestsOpenAPIRequest(given)
        response = self.session.send(self.session.prepare_request(given))
        assert response.headers["sib-request-id"]
        if self.key.startswith("sandbox-suspended"):
            return response  # a closed account answers 403 to everything, which the contract does not list
        if not breaks_schema:
            contract().validate_request(asked)
        contract().validate_response(asked, RequestsOpenAPIResponse(response))
        self.exercised.add(operation_of(method, urlsplit(given.url).path.removeprefix("/v3")))
        return response

    def _ok(self, response: requests.Response) -> Any:
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("POST", path, body))

    def put(self, path: str, body: Any = None) -> Any:
        return self._ok(self.call("PUT", path, body))

    def delete(self, path: str) -> Any:
        return self._ok(self.call("DELETE", path))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        response = self.call(method, path, body, **options)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["code"]

    def control(self, command: str, **asked: Any) -> Any:
        asked = {"provider": "brevo", "account": self.key} | asked if command in ("seed", "act") else asked
        response = self.session.post(f"http://control/_control/{command}", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def control_read(self, command: str, **query: Any) -> Any:
        return self.session.get(f"http://control/_control/{command}", params=query).json()

    def state(self) -> Any:
        return self.control_read("state", provider="brevo", account=self.key)["state"]

    def wait(self, seconds: float) -> None:
        self.control("clock", advance=seconds)

    def later(self, **delta: float) -> str:
        """A moment from now on, by the sandbox's clock."""
        now = datetime.fromtimestamp(self.control_read("health")["now"], UTC)
        return (now + timedelta(**delta)).isoformat(timespec="milliseconds")

    def process(self, process_id: int) -> Any:
        """The process once it is done."""
        self.wait(10)
        process = self.get(f"/processes/{process_id}")
        assert process["status"] == "completed"
        return process

    def file(self, url: str) -> list[list[str]]:
        """An exported CSV, its rows."""
        response = self.session.get(url)
        assert response.headers["Content-Type"].startswith("text/csv")
        return list(csv.reader(io.StringIO(response.content.decode()), delimiter=";"))

    def new_list(self, *emails: str, name: str = "List") -> int:
        list_id: int = self.post("/contacts/lists", {"name": name, "folderId": 1})["id"]
        for email in emails:
            self.post("/contacts", {"email": email, "listIds": [list_id], "updateEnabled": True})
        return list_id

    def new_campaign(self, *list_ids: int, **fields: Any) -> int:
        body = {
            "name": "Campaign",
            "subject": "Subject",
            "sender": {"id": 1},
            "htmlContent": '<p>Hello</p><a href="https://example.com/a">a</a> <a href="{{ unsubscribe }}">leave</a>',
            "recipients": {"listIds": list(list_ids)},
        }
        campaign_id: int = self.post(
            "/emailCampaigns", {k: v for k, v in (body | fields).items() if v is not None}
        )["id"]
        return campaign_id

    def status(self, campaign_id: int) -> str:
        status: str = self.get(f"/emailCampaigns/{campaign_id}")["status"]
        return status
