"""The sandbox's Email Campaigns, called in process, with every request and reply held against the contract."""

import csv
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.templating.responses.exceptions import ResponseNotFound

from accounts.sandbox.app import Sandbox
from tests.sandbox.brevo_client import InProcess

CONTRACT = Path(__file__).parents[2] / "contracts" / "emailcampaigns"
BASE = "https://email-campaigns.invalid"
# Refusals the contract leaves open: wrong input, a wrong method, a wrong content type.
UNDOCUMENTED = (400, 405, 415)


def form_value(value: str | bytes, **_: str) -> Any:
    """A part of a form as its schema means it: `0` is a number there, which openapi-core takes for text."""
    text = value.decode() if isinstance(value, bytes) else value
    return int(text) if text.isdigit() else text


@cache
def contract() -> OpenAPI:
    config = Config(extra_media_type_deserializers={"text/plain": form_value})
    return OpenAPI.from_file_path(str(CONTRACT / "openapi.yaml"), config=config)


@cache
def core_operations() -> dict[tuple[str, str, bool], str]:
    """(method, path, whether `_id` is given) → operationId: one resource path serves both a list and one record."""
    with (CONTRACT / "operations.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["scope"] == "core"]
    return {
        (row["method"], row["path"].partition("?")[0], "?_id=" in row["path"]): row["operationId"]
        for row in rows
    }


class EmailCampaigns:
    """One account. `call()` answers the response; `get`, `post`, `put`, `delete` and `upload` its JSON after a success."""

    def __init__(self, sandbox: Sandbox, name: str = "sandbox-test", token: str | None = None) -> None:
        self.sandbox, self.name = sandbox, name
        self.headers = {"Authorization": f"Token {name if token is None else token}"}
        self.session = requests.Session()
        self.session.mount(BASE, InProcess(sandbox, "/emailcampaigns"))
        self.session.mount("http://control", InProcess(sandbox, ""))
        self.exercised: set[str] = set()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: dict[str, Any] | None = None,
        file: str | bytes | None = None,
        breaks_contract: bool = False,
        **query: Any,
    ) -> requests.Response:
        """`form` and `file` make it multipart. `breaks_contract`: it is wrong on purpose in a way the contract forbids."""
        multipart: list[Any] = [(name, (None, str(value))) for name, value in (form or {}).items()]
        if file is not None:
            multipart.append(("csv_file", ("contacts.csv", file, "text/csv")))
        given = requests.Request(
            method, BASE + path, params=query, json=body, files=multipart, headers=self.headers
        )
        return self.send(given, breaks_contract=breaks_contract)

    def send(self, given: requests.Request, *, breaks_contract: bool = False) -> requests.Response:
        asked = RequestsOpenAPIRequest(given)
        response = self.session.send(self.session.prepare_request(given))
        if breaks_contract:
            return response
        contract().validate_request(asked)
        try:
            contract().validate_response(asked, RequestsOpenAPIResponse(response))
        except ResponseNotFound:
            assert response.status_code in UNDOCUMENTED
        if response.status_code < 300:
            path = given.url.removeprefix(BASE)
            self.exercised.add(core_operations()[given.method, path, "_id" in given.params])
        return response

    def _ok(self, response: requests.Response) -> Any:
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("GET", path, **query))

    def post(self, path: str, body: Any) -> Any:
        return self._ok(self.call("POST", path, body))

    def put(self, path: str, body: Any, **query: Any) -> Any:
        return self._ok(self.call("PUT", path, body, **query))

    def delete(self, path: str, **query: Any) -> Any:
        return self._ok(self.call("DELETE", path, **query))

    def upload(self, path: str, file: str | bytes, *, record: str = "", **form: Any) -> None:
        """Send a CSV and wait until it has taken effect."""
        query: dict[str, Any] = {"_id": record} if record else {}
        response = self.call("POST", path, form=form, file=file, **query)
        assert (response.status_code, response.content) == (200, b"")
        self.wait(2)

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and body of a refusal."""
        response = self.call(method, path, body, **options)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()

    def control(self, command: str, **asked: Any) -> Any:
        asked = {"provider": "emailcampaigns", "account": self.name} | asked
        response = self.session.post(f"http://control/_control/{command}", json=asked)
        assert response.status_code == 200, response.text
        return response.json()

    def control_read(self, command: str, **query: Any) -> Any:
        return self.session.get(f"http://control/_control/{command}", params=query).json()

    def wait(self, seconds: float) -> None:
        self.control("clock", advance=seconds)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.store.now(), UTC)

    def group(self, *emails: str, tag: str = "Group") -> str:
        group: str = self.post("/email/contact/", {"tag": tag})["$_id"]["$oid"]
        if emails:
            text = "\n".join(["name,email", *(f"Person {n},{email}" for n, email in enumerate(emails))])
            self.upload("/email/contact/bulk/replace/", text, record=group, name_index=0, email_index=1)
        return group

    def contacts(self, group: str) -> list[tuple[str, str]]:
        """(name, email) of everyone in the group."""
        contacts = self.get("/email/contact/", _id=group)["contacts"]
        return [(contact["name"], contact["email"]) for contact in contacts]

    def emails(self, group: str) -> list[str]:
        return [email for _, email in self.contacts(group)]

    def opted_out(self) -> list[str]:
        return [row["email"] for row in self.get("/email/optout/")]

    def sender(self) -> str:
        """The one a new account has."""
        sender: str = self.get("/email/senderid/")[0]["$_id"]["$oid"]
        return sender

    def attributes(self, group: str = "", **changes: Any) -> dict[str, Any]:
        """Of a campaign to the group with a new message, in two minutes or less; `changes` replace whole parts."""
        start = (self.now() + timedelta(minutes=2)).astimezone(ZoneInfo("EST5EDT"))
        return {
            "message": {"source": "new", "description": "Subject", "email_message": "<p>Hello</p>"},
            "contact_group": {"type": "reuse", "_id": {"$oid": group}},
            "schedule": {
                "name": "Campaign",
                "start_date": f"{start:%Y-%m-%d %H:%M}",
                "timezone": "EST5EDT",
                "sender_id": {"$oid": self.sender()},
            },
        } | changes

    def new_campaign(self, group: str = "", *, file: str | None = None, **changes: Any) -> Any:
        form = {"attributes": json.dumps(self.attributes(group, **changes))}
        return self._ok(self.call("POST", "/email/campaign/", form=form, file=file))

    def campaign(self, *emails: str) -> str:
        """A campaign to these people, scheduled; `wait(120)` starts it."""
        campaign: str = self.new_campaign(self.group(*emails))["$_id"]["$oid"]
        return campaign

    def sent(self, *emails: str) -> str:
        campaign = self.campaign(*emails)
        self.wait(3600)
        assert self.status(campaign) == "completed"
        return campaign

    def status(self, campaign: str) -> str:
        status: str = self.get("/email/campaign/", _id=campaign)["status"]
        return status

    def set_status(self, campaign: str, status: str) -> None:
        self.put("/email/campaign/", {"status": status}, _id=campaign)

    def results(self, campaign: str = "") -> list[Any]:
        """Rows of the last and the next thirty days."""
        days = {
            name: f"{self.now() + timedelta(days=days):%Y-%m-%d}"
            for name, days in (("start_date", -30), ("end_date", 30))
        }
        query = days | ({"campaign_id": campaign} if campaign else {})
        rows: list[Any] = self.get("/email/result/filter/", **query)
        return rows

    def dispositions(self, campaign: str = "") -> dict[str, str]:
        return {row["email_to"]: row["disposition"] for row in self.results(campaign)}
