"""Records of one account → rows of the stage; in the threads that fetch, off the database."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b, md5
from typing import Any, NamedTuple

from django.utils import timezone

from accounts.models import Connection, MirrorRow
from accounts.providers.records import ContactRecord, Page
from audiences import queries
from audiences.addresses import NotAnAddress, normalise
from audiences.models import Contact
from audiences.models.contacts import STANDARD_LETTERS

STANDARD = tuple(Contact.STANDARD_FIELDS)
REMOTE_ID_LENGTH: int = MirrorRow._meta.get_field("remote_id").max_length or 0


class Rejected(NamedTuple):
    """Somebody without an address to write to."""

    remote_id: str
    problem: str


@dataclass(frozen=True, slots=True)
class Reader:
    # Names over there → column here, or key in `custom`.
    columns: Mapping[str, str]
    keys: Mapping[str, str]
    # Remote list → list.
    lists: Mapping[str, int]
    # Key → how its values are read, where the account holds another kind.
    readings: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection) -> "Reader":
        fields = queries.remote_fields(connection)
        return cls(
            columns={name: key for key, name in fields.items() if key in STANDARD_LETTERS},
            keys={name: key for key, name in fields.items() if key not in STANDARD_LETTERS},
            lists=queries.mirrored_lists(connection),
            readings=queries.readings(connection),
        )

    def read(self, page: Page) -> Page:
        """The page with rows in place of records."""
        now = timezone.now()
        return replace(page, items=tuple(self._row(record, now) for record in page.items))

    def values(self, record: ContactRecord) -> dict[str, Any]:
        """Field.key → value, of what the account knows; cut to its length where it has a column."""
        told: dict[str, Any] = {}
        for name, value in record.fields.items():
            if value is None or value == "":
                continue
            if column := self.columns.get(name):
                told[column] = str(value)[: STANDARD_LETTERS[column]]
            elif key := self.keys.get(name):
                read = self.readings.get(key)
                try:
                    told[key] = read(value) if read else value
                except ValueError:
                    continue  # nothing of the kind the field holds here
        return told

    def _row(self, record: ContactRecord, now: datetime) -> tuple[Any, ...]:
        try:
            email = normalise(record.email)
        except NotAnAddress as error:
            return Rejected(shortened(record.remote_id), error.problem.value)
        columns: dict[str, str | None] = dict.fromkeys(self.columns.values(), "")
        custom: dict[str, Any] = {}
        for key, value in self.values(record).items():
            (columns if key in columns else custom)[key] = value
        left = {mine for theirs in record.left_list_ids if (mine := self.lists.get(theirs))}
        on = {mine for theirs in record.list_ids if (mine := self.lists.get(theirs))} - left
        pending = {mine for theirs in record.pending_list_ids if (mine := self.lists.get(theirs))} - left - on
        content = (
            email,
            *map(columns.get, STANDARD),
            json.dumps(custom, ensure_ascii=False, sort_keys=True) if custom else "{}",
            _array(on),
            _array(left),
            _array(pending),
            record.blocked,
        )
        digest = blake2b(repr(content).encode("utf-8", "replace"), digest_size=16).digest()
        at = min(record.modified_at or now, now)
        return (shortened(record.remote_id), *content, at.isoformat(), digest)


def shortened(text: str, length: int = REMOTE_ID_LENGTH) -> str:
    """An id that fits its column; two long ones that begin alike stay two."""
    if len(text) <= length:
        return text
    mark = md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"{text[: length - 33]}#{mark}"


def _array(ids: Collection[int]) -> str:
    """As PostgreSQL reads an array: psycopg takes ten times as long to write one."""
    return f"{{{','.join(map(str, sorted(ids)))}}}" if ids else "{}"
