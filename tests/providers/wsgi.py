"""A WSGI application in place of the network, and the contract every exchange is held against."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import yaml
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CONTRACTS = Path(__file__).parents[1] / "contracts"


class WsgiAdapter(BaseAdapter):
    """Mounted in a client's session. `rewrite` turns the provider's own path into the application's."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        rewrite: Callable[[str], str],
        look: Callable[[requests.PreparedRequest, requests.Response], None],
    ) -> None:
        super().__init__()
        self.app, self.rewrite, self.look = app, rewrite, look

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.request, response.url = request, request.url

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            response.status_code = int(status.split()[0])
            response.reason = status.partition(" ")[2]
            response.headers = CaseInsensitiveDict(headers)

        try:
            body = b"".join(self.app(self._environ(request), start))
        except Exception as error:
            if type(error).__name__ != "ConnectionDropped":
                raise
            raise requests.ConnectionError("dropped") from None
        response._content, response._content_consumed = body, True
        self.look(request, response)
        return response

    def _environ(self, request: requests.PreparedRequest) -> dict[str, Any]:
        parts = urlsplit(request.url)
        path = self.rewrite(parts.path)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        return {
            **headers,
            "REQUEST_METHOD": request.method,
            "RAW_URI": path,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": parts.netloc,
            "REMOTE_ADDR": "",
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
        }

    def close(self) -> None:
        pass


class _Described(RequestsOpenAPIRequest):
    """openapi-core takes the parameters in a path as they are encoded there; a slash in one stays so."""

    @property
    def path(self) -> str:
        return unquote(super().path.replace("%2F", "%252F"))


class Contract:
    """A provider's description as OpenAPI: what it allows us to send and the sandbox to answer."""

    def __init__(self, slug: str) -> None:
        self.spec = yaml.load((CONTRACTS / slug / "openapi.yaml").read_text(), YAML)
        self.openapi = OpenAPI.from_dict(self.spec)
        self.base_url = self.spec["servers"][0]["url"]
        self.operations: dict[str, tuple[str, Mapping[str, Any]]] = {
            operation["operationId"]: (path, operation)
            for path, item in self.spec["paths"].items()
            for operation in item.values()
            if isinstance(operation, dict) and "operationId" in operation
        }
        with (CONTRACTS / slug / "operations.csv").open(encoding="utf-8") as file:
            self.scopes = {row["operationId"]: row["scope"] for row in csv.DictReader(file)}

    def core(self) -> set[str]:
        return {name for name, scope in self.scopes.items() if scope == "core"}

    def check(self, operation: str, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Raises for a request or a reply beside the description, and for names it does not know."""
        if operation not in self.operations:  # described in the notes alone
            assert operation in self.scopes, f"There is no operation {operation}"
            return
        path, description = self.operations[operation]
        content = description.get("requestBody", {}).get("content", {})
        kind = request.headers.get("Content-Type", "").partition(";")[0]
        described = _Described(request)
        if not kind or kind == "application/json":
            self.openapi.validate_request(described)
        else:  # forms and files: openapi-core reads them only in part
            assert kind in content, f"{operation} takes no {kind}"
        self.openapi.validate_response(described, RequestsOpenAPIResponse(response))
        parameters = [*self.spec["paths"][path].get("parameters", ()), *description.get("parameters", ())]
        known = {self._resolve(parameter)["name"] for parameter in parameters}
        unknown = {name for name, _ in parse_qsl(urlsplit(request.url).query)} - known
        if kind in content:
            unknown |= self._unknown(content[kind].get("schema", {}), sent(request))
        assert not unknown, f"{operation} knows no {', '.join(sorted(unknown))}"

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            found: Any = self.spec
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _unknown(self, schema: Mapping[str, Any], value: Any) -> set[str]:
        """Names in a body that the schema does not list; a misspelt one would be ignored without a word."""
        schema = self._resolve(schema)
        if isinstance(value, list):
            return set().union(*(self._unknown(schema.get("items", {}), item) for item in value), set())
        if not isinstance(value, dict):
            return set()
        known = self._properties(schema)
        if not known or "additionalProperties" in schema:
            return set()
        inner = (self._unknown(known[name], item) for name, item in value.items() if name in known)
        return (set(value) - set(known)).union(*inner)

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        schema = self._resolve(schema)
        parts = [self._properties(part) for part in schema.get("allOf", ())]
        return {
            **{name: item for part in parts for name, item in part.items()},
            **schema.get("properties", {}),
        }


def sent(request: requests.PreparedRequest) -> Any:
    """What a body says, with the names it uses at the top."""
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    kind = request.headers.get("Content-Type", "").partition(";")[0]
    if kind == "application/json":
        return json.loads(body) if body else None
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    if kind == "multipart/form-data":
        return dict.fromkeys(name.decode() for name in re.findall(rb'form-data; name="([^"]+)"', body))
    return None


@cache
def contract(slug: str) -> Contract:
    return Contract(slug)
