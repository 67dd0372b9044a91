"""Request bodies that are not JSON: web forms, files, tables."""

import csv
import io
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is not JSON."""

    type: str
    data: bytes


def form(values: Mapping[str, Any]) -> Content:
    """As a web form sends it; None is left out."""
    told = {name: value for name, value in values.items() if value is not None}
    return Content("application/x-www-form-urlencoded", urlencode(told).encode())


def table(rows: Iterable[Sequence[Any]]) -> bytes:
    """CSV in UTF-8, the first row being the header. Values are written as they are: a machine reads them."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def multipart(values: Mapping[str, str], files: Mapping[str, tuple[str, str, bytes]]) -> Content:
    """A form with files, each as (file name, type, content)."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in values.items()
    ]
    for name, (file_name, kind, content) in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\nContent-Type: {kind}\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Content(f"multipart/form-data; boundary={boundary}", b"".join(parts))
