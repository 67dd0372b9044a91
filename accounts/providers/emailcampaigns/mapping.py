"""The Email Campaigns JSON ⇄ our records: tables and pure functions.

The documentation shows one value of each list of words (`delivered`, `completed`, `active` …) and calls nothing required,
so reading is lenient: only an object without its id is a misreading (ValueError, TypeError or LookupError).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from accounts.providers.reading import instant, obj, same_html, text
from accounts.providers.records import (
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    FieldRecord,
    LeaveRecord,
    ListRecord,
    SenderRecord,
    Tokens,
)

Json = Any

# The only zones a start can be given in.
ZONES = ("EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")

# status, letters alone → our phase. `active` stands for all that lies before, in and after the sending: see `phase`.
# Only the first three words are documented; the others would say that it is over.
PHASES = {
    "paused": "stopped",
    "cancelled": "stopped",
    "canceled": "stopped",
    "completed": "sent",
    "complete": "sent",
    "finished": "sent",
    "done": "sent",
    "sent": "sent",
    "ended": "sent",
}
DONE = frozenset(word for word, meaning in PHASES.items() if meaning == "sent")
# So long after its start a campaign that is still called active has sent what it will send. No word for the end is
# documented, results may not be kept for ever, and groups change after they were mailed.
SENDING_LIMIT = timedelta(days=3)


# Values


def oid(value: Json) -> str:
    """{"$oid": "24 hex"}; text where it is not wrapped."""
    return text(value.get("$oid") if isinstance(value, dict) else value).strip()


def remote_id(raw: Json) -> str:
    """`$_id` in answers, `_id` in requests and filters. Raises LookupError without one."""
    found = oid(raw.get("$_id")) or oid(raw.get("_id"))
    if not found:
        raise LookupError("$_id")
    return found


def plain(word: Json) -> str:
    return re.sub(r"[^a-z]", "", text(word)[:100].lower())


def address(value: Json) -> str:
    return text(value).strip()


def complaints(payload: Mapping[str, Any]) -> str:
    """The messages of an error body that has them by field."""
    told = []
    for name, value in payload.items():
        words = " ".join(
            word for item in (value if isinstance(value, list) else [value]) if (word := text(item))
        )
        if words:
            told.append(words if name in ("detail", "non_field_errors") else f"{text(name)}: {words}")
    return " ".join(told)


# Account


def tokens(raw: Json) -> Tokens:
    """Raises LookupError without one. `client_id` is the account."""
    token = text(raw.get("token")).strip()
    if not token:
        raise LookupError("token")
    client = oid(raw.get("client_id"))
    return Tokens(token, details={"client_id": client} if client else {})


def fingerprint(kind: str, value: str) -> str:
    return sha256(f"{kind}:{value}".encode()).hexdigest()[:32]


# Audience


def list_record(raw: Json) -> ListRecord:
    return ListRecord(remote_id=remote_id(raw), name=text(raw.get("tag")))


def contact_record(raw: Json, *, group_id: str, position: int, blocked: bool = False) -> ContactRecord:
    """A person in a group. They have no id of their own: group and address make one, or group and place in it."""
    raw = obj(raw)
    email = address(raw.get("email"))
    return ContactRecord(
        remote_id=f"{group_id}:{email.lower() or position}",
        email=email,
        fields=columns(raw),
        list_ids=(group_id,),
        blocked=blocked,
    )


def columns(raw: Mapping[str, Any]) -> dict[str, Any]:
    """All that a file told of a person but the address: the name, and columns of its own."""
    return {
        text(name): text(value) if isinstance(value, str) else value
        for name, value in raw.items()
        if name != "email" and (value is None or isinstance(value, str | int | float)) and text(name)
    }


def field_records(people: Iterable[Json]) -> Iterator[FieldRecord]:
    """The name, which all have, and every column seen. Their kinds are told nowhere: text."""
    seen = {"name", "email"}
    yield FieldRecord("name", "name", "text")
    for raw in people:
        for name in obj(raw):
            if name not in seen:
                seen.add(name)
                if text(name):
                    yield FieldRecord(text(name), text(name), "text")


def leave_record(raw: Json) -> LeaveRecord:
    """An opt-out. Who asked for it, the person or the account, is not said."""
    return LeaveRecord(
        email=address(obj(raw).get("email")), reason="unsubscribed", at=instant(obj(raw).get("created_on"))
    )


@dataclass(slots=True)
class PeopleFile:
    """A CSV file of people: rows are counted while they are written, and what cannot be an address is left out.

    `there`: rows the group has by address, whose cells stay where ours say nothing. A person who lacks a column that
    others have gets an empty cell, and whether that empties a value over there is not documented.
    """

    names: Sequence[str]
    there: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    count: int = 0
    left_out: int = 0
    last: str = ""

    NAME, EMAIL = 0, 1

    @classmethod
    def of(
        cls, contacts: Iterable[ContactRecord], there: Mapping[str, Mapping[str, Any]] | None = None
    ) -> "PeopleFile":
        """With a column for whatever is told of these people, here or there."""
        there = there or {}
        told = [contact.fields for contact in contacts]
        names = {
            name: None
            for values in (*told, *there.values())
            for name, value in values.items()
            if value is not None and name not in ("name", "email")
        }
        return cls(tuple(names), there)

    def rows(self, contacts: Iterable[ContactRecord]) -> Iterator[list[str]]:
        """Raises ValueError for a value that has no column."""
        yield ["name", "email", *self.names]
        known = {"name", "email", *self.names}
        for contact in contacts:
            email = contact.email.strip()
            if not is_address(email):
                self.left_out += 1
                continue
            if strange := [
                name for name in contact.fields.keys() - known if contact.fields[name] is not None
            ]:
                raise ValueError(f"There is no column for {strange[0]!r}.")
            old = self.there.get(email.lower(), {})
            values = [contact.fields.get(name) for name in self.names]
            cells = [
                cell(old.get(name) if value is None else value)
                for name, value in zip(self.names, values, strict=True)
            ]
            self.count += 1
            self.last = email
            yield [full_name(contact.fields) or cell(old.get("name")), email, *cells]


def is_address(email: str) -> bool:
    local, _, domain = email.partition("@")
    return bool(local and domain) and "@" not in domain and not re.search(r"[\s\x00-\x1f\x7f]", email)


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return str(value)


def full_name(fields: Mapping[str, Any]) -> str:
    """The name column: the account has one name for a person, we often two."""
    if name := cell(fields.get("name")).strip():
        return name
    folded = {plain(name): cell(value).strip() for name, value in fields.items() if value is not None}
    return f"{folded.get('firstname', '')} {folded.get('lastname', '')}".strip()


# Senders


def sender_record(raw: Json) -> SenderRecord:
    """There is no name that recipients see and no state: whoever is registered may send."""
    return SenderRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("description")).strip(),
        email=address(raw.get("email")),
        is_active=True,
    )


# Campaigns


def starts(raw: Json) -> tuple[datetime, ...]:
    """When it starts: answers write instants without a zone, taken as UTC; then as wall clock of its `timezone`.

    Requests give the wall clock with the zone beside it, and answers have the zone beside it too, so the second reading
    cannot be ruled out. What must not be claimed too early looks at both.
    """
    moment = instant(raw.get("start_date"))
    if moment is None:
        return ()
    zone = text(raw.get("timezone"))
    written = re.fullmatch(r".*([Zz]|[+-]\d\d:?\d\d)", text(raw.get("start_date")).strip()[10:])
    if zone not in ZONES or written:
        return (moment,)
    return moment, moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def is_open(raw: Json, now: datetime) -> bool:
    """Whether only its results tell how far it is."""
    begun = min(starts(raw), default=now)
    return plain(raw.get("status")) == "active" and now - begun <= SENDING_LIMIT


def phase(raw: Json, *, rows: int, completed: int, everybody: bool, now: datetime) -> str:
    """Our reading of a campaign, from its result rows, those completed, and whether nobody is left to be mailed.

    A completed row proves that it began, whatever the clocks say; without one its start does.
    """
    word = plain(raw.get("status"))
    if word != "active":
        return PHASES.get(word, "unknown")
    if not is_open(raw, now):
        return "sent"
    if not completed:
        begins = max(starts(raw), default=None)
        return "sending" if begins and begins <= now else "scheduled"
    return "sent" if completed == rows and everybody else "sending"


def campaign_record(
    raw: Json, *, phase: str, subject: str = "", html: str = "", sender_email: str = ""
) -> CampaignRecord:
    """Mail and sender stand in records of their own. A preview text, a sender's name, a reply address there is not."""
    send_at = next(iter(starts(raw)), None)
    group = oid(raw.get("contact_group_id"))
    return CampaignRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        status=text(raw.get("status")),
        phase=phase,
        subject=subject,
        html=same_html(html),
        sender_email=sender_email.lower(),
        list_ids=(group,) if group else (),
        send_at=send_at,
        sent_at=send_at if phase == "sent" else None,
        created_at=instant(raw.get("created_on")),
        modified_at=instant(raw.get("modified_on")),
    )


def comparable_record(draft: CampaignDraft) -> CampaignRecord:
    """The draft as `campaign_record` will show it once it is released."""
    return CampaignRecord(
        remote_id="",
        name=draft.name,
        status="active",
        phase="scheduled",
        subject=draft.subject,
        html=same_html(draft.html),
        sender_email=draft.sender_email.strip().lower(),
        list_ids=draft.list_ids,
    )


def campaign_attributes(draft: CampaignDraft, *, sender_id: str, send_at: datetime) -> Json:
    """The mail is new, the group one that is there. Ids in requests are wrapped as in answers."""
    start, zone = wall_clock(whole_minute(send_at))
    return {
        "message": {"source": "new", "description": draft.subject, "email_message": draft.html},
        "contact_group": {"type": "reuse", "_id": {"$oid": draft.list_ids[0]}},
        "schedule": {
            "name": draft.name,
            "start_date": start,
            "timezone": zone,
            "sender_id": {"$oid": sender_id},
        },
    }


def whole_minute(moment: datetime) -> datetime:
    """Rounded up, so that nothing leaves before its time: a start has no seconds."""
    moment = moment.astimezone(UTC)
    minute = moment.replace(second=0, microsecond=0)
    return minute if minute == moment else minute + timedelta(minutes=1)


def wall_clock(minute: datetime) -> tuple[str, str]:
    """A minute as a wall clock shows it, and the zone: the first in which that reading means one instant alone.

    When clocks go back, an hour's readings come twice. The four zones do so at different instants, so one always will do.
    """
    for name in ZONES:
        local = minute.astimezone(ZoneInfo(name))
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            return local.strftime("%Y-%m-%d %H:%M"), name
    raise ValueError("No zone says this minute plainly.")
