"""A WSGI application in place of the network, and the contract every exchange is held against."""

import io
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


class Contract:
    """A provider's description as OpenAPI: what it allows us to send and the sandbox to answer."""

    def __init__(self, slug: str) -> None:
        self.spec = yaml.safe_load((CONTRACTS / slug / "openapi.yaml").read_text())
        self.openapi = OpenAPI.from_dict(self.spec)
        self.base_url = self.spec["servers"][0]["url"]
        self.operations: dict[str, tuple[str, Mapping[str, Any]]] = {
            operation["operationId"]: (path, operation)
            for path, item in self.spec["paths"].items()
            for operation in item.values()
            if isinstance(operation, dict) and "operationId" in operation
        }

    def core(self) -> set[str]:
        return {name for name, (_, operation) in self.operations.items() if operation["x-scope"] == "core"}

    def check(self, operation: str, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Raises for a request or a reply beside the description, and for names it does not know."""
        described = RequestsOpenAPIRequest(request)
        self.openapi.validate_request(described)
        self.openapi.validate_response(described, RequestsOpenAPIResponse(response))
        path, description = self.operations[operation]
        parameters = [*self.spec["paths"][path].get("parameters", ()), *description.get("parameters", ())]
        known = {self._resolve(parameter)["name"] for parameter in parameters}
        unknown = {name for name, _ in parse_qsl(urlsplit(request.url).query)} - known
        if content := description.get("requestBody", {}).get("content"):
            unknown |= self._unknown(content["application/json"]["schema"], request.json_sent)
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


@cache
def contract(slug: str) -> Contract:
    return Contract(slug)
