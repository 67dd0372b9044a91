"""Multipart forms and the CSV files in them."""

import csv
import io
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser

from accounts.sandbox.emailcampaigns.state import Contact
from accounts.sandbox.emailcampaigns.wire import EMAIL, invalid, missing, refuse
from accounts.sandbox.http import Request


@dataclass(slots=True)
class Form:
    """As usual on the web, a part with a file name is a file and any other a field."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str:
        if name not in self.fields:
            raise missing(name)
        return self.fields[name]

    def index(self, name: str) -> int:
        """A column counted from 0."""
        value = self.text(name)
        if not (value.isascii() and value.isdigit()):
            raise invalid(name, "A valid column index is required.")
        return int(value)

    def csv_rows(self) -> list[list[str]]:
        """The rows of `csv_file`, UTF-8 with commas, without empty ones."""
        if "csv_file" not in self.files:
            raise invalid("csv_file", "No file was submitted.")
        try:
            text = self.files["csv_file"].decode("utf-8-sig")
            return [row for row in csv.reader(io.StringIO(text, newline="")) if any(row)]
        except (UnicodeDecodeError, csv.Error):
            raise invalid("csv_file", "The file could not be read as CSV in UTF-8.") from None


def read_form(request: Request) -> Form:
    """The documentation's own sample has a comma before `boundary`; like any server we understand the semicolon only."""
    head = Message()
    head["Content-Type"] = request.headers["content-type"]
    if head.get_content_type() != "multipart/form-data":
        raise refuse(415, "Unsupported media type in request.")
    delimiter = f"\r\n--{head.get_boundary()}".encode()
    _, *parts = (b"\r\n" + request.body).split(delimiter)
    if not parts or not parts[-1].startswith(b"--"):
        raise refuse(400, "Multipart form parse error")
    form = Form()
    for part in parts[:-1]:
        lines, _, content = part.partition(b"\r\n\r\n")
        headers = BytesHeaderParser().parsebytes(lines.lstrip())
        name = str(headers.get_param("name", "", "content-disposition"))
        if headers.get_filename() is None:
            form.fields[name] = content.decode("utf-8", "replace")
        else:
            form.files[name] = content
    return form


def is_address(text: str) -> bool:
    return EMAIL.fullmatch(text.strip()) is not None


def addresses_of(rows: list[list[str]], email_index: int = 0) -> list[str]:
    """The addresses in one column. What is none, a header too, is passed over."""
    cells = (row[email_index].strip().lower() for row in rows if email_index < len(row))
    return [cell for cell in cells if is_address(cell)]


def check_column(rows: list[list[str]], name: str, index: int) -> None:
    if rows and index >= len(rows[0]):
        raise invalid(name, "The file has no such column.")


def contacts_of(rows: list[list[str]], email_index: int, name_index: int, *, headed: bool) -> list[Contact]:
    """A contact per row with an address. `headed`: the first row is a header even if it holds an address.

    Columns beyond the two are kept under their header, so without a header they are lost.
    """
    if not rows:
        return []
    check_column(rows, "email_index", email_index)
    check_column(rows, "name_index", name_index)
    heads: list[str] = []
    if headed or not is_address(rows[0][email_index]):
        heads, rows = rows[0], rows[1:]
    extra = [(n, head.strip()) for n, head in enumerate(heads) if n not in (email_index, name_index)]
    contacts = []
    for row in rows:
        if email_index < len(row) and is_address(row[email_index]):
            name = row[name_index].strip() if name_index < len(row) else ""
            columns = {head: row[n].strip() for n, head in extra if head and n < len(row)}
            contacts.append(Contact(row[email_index].strip().lower(), name, columns))
    return contacts
