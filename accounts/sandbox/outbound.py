"""Calls the sandbox itself makes: callbacks to whoever registered them, and files an import points at."""

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
Post = Callable[[str, dict[str, str], Any], int | None]


def _connect(url: str) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return kind(parts.hostname or "", parts.port, timeout=10), path


def post(url: str, headers: dict[str, str], payload: Any) -> int | None:
    """The status of the answer, None when there was none. Redirects are not followed.

    A payload that is text already leaves as it is, since it may have been signed; anything else is written as JSON.
    """
    connection = None
    try:
        connection, path = _connect(url)
        body = (payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)).encode()
        connection.request("POST", path, body, {"Content-Type": "application/json"} | headers)
        return connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        if connection:
            connection.close()


def is_loopback(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname in LOOPBACK


def fetch_loopback(url: str) -> bytes:
    """A file from this machine, at most 32 MB. Raises OSError for any other place and for any status but 200."""
    if not is_loopback(url):
        raise OSError("the sandbox reads files from the loopback address only")
    connection, path = _connect(url)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"status {response.status}")
        return response.read(32 * 1024 * 1024)
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
