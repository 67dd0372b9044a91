"""Mailmojo's JSON ⇄ our records: tables and pure functions.

Reading is lenient: dates and texts may be null, empty or missing. Only an object without what identifies it is a
misreading (ValueError, TypeError or LookupError).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from accounts.providers import bodies
from accounts.providers.reading import instant, obj, rows, same_html, text, whole
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    LeaveRecord,
    ListRecord,
    SegmentRecord,
    SenderRecord,
)

Json = Any

# The letters are documented, what they stand for is inferred: active, unsubscribed, bounced, deleted.
ACTIVE, LEFT = "a", "u"
# Status of a person as a whole under which the account mails them no more. Deleted counts too: why somebody was deleted
# is not told, and it may have been at their own wish.
BLOCKED = frozenset({"u", "b", "d"})
REASONS = {"u": "unsubscribed", "b": "bounced", "d": "blocked"}

# State is a set of flags, and which of them stand together is not told: the first that is true decides.
PHASES = (
    # Taken back on its way, perhaps after some mails had left.
    ("is_aborted", "stopped"),
    # Not over, whatever else is true.
    ("is_sending", "sending"),
    ("is_sent", "sent"),
    ("is_scheduled", "scheduled"),
    ("is_draft", "draft"),
)

# our figure → their rate.
RATES = {"opened": "open_rate", "clicked": "click_rate", "bounced": "bounce_rate"}
DEFINITIONS = {
    "sent": "People the newsletter went to, as Mailmojo counts them; for one that was stopped on its way, the people it "
    "was meant for.",
    "opened": "The share of people who opened, as Mailmojo works it out. It does not say whether openings by machines are in it.",
    "clicked": "The share of people who clicked a link, as Mailmojo works it out.",
    "bounced": "The share of mails that could not be delivered. Mailmojo does not tell lasting refusals from passing ones.",
}

# Standard fields of a contact: name → whether a handover can write it. The import takes one name, made of the first two.
FIELDS = {"first_name": True, "last_name": True, "phone": False, "tags": False}

TOPICS = ("contacts/subscribed", "contacts/unsubscribed")
# Where the topic might stand in a call: what calls hold is not public.
_TOPIC_NAMES = ("topic", "event", "type")
_TIME_NAMES = ("occurred_at", "created_at", "timestamp", "status_changed", "time", "date")


def remote_id(raw: Mapping[str, Any]) -> str:
    """Raises LookupError without one."""
    found = text(raw["id"])
    if not found:
        raise LookupError("id")
    return found


def iso(moment: datetime) -> str:
    """As in the examples: UTC, whole seconds, a Z at the end."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_number(remote: str) -> tuple[int, str]:
    return (int(remote) if remote.isdecimal() else 0, remote)


# Account


def account_record(raw: Json) -> AccountRecord:
    """The username is chosen once and names the account in every path, so it tells accounts apart."""
    username = text(raw["username"]).strip()
    if not username:
        raise LookupError("username")
    trial = text(raw.get("trial_expires"))
    return AccountRecord(
        fingerprint=username,
        name=text(raw.get("name")) or username,
        email=text(raw.get("contact_email")).strip(),
        plan=f"Trial until {trial}" if trial else "",
        details={
            "username": username,
            "person": text(raw.get("contact_name")),
            "city": text(raw.get("city")),
            "partner": text(raw.get("partner")),
            "contacts": whole(raw.get("num_contacts")),
        },
    )


def domain_record(raw: Json) -> DomainRecord:
    """What is checked is told, the records to publish are not."""
    return DomainRecord(
        name=text(raw.get("domain")).strip(),
        is_verified=raw.get("is_confirmed") is True,
        is_authenticated=raw.get("is_authenticated") is True,
        remote_id=text(raw.get("id")),
    )


# Lists, senders, segments


def list_record(raw: Json) -> ListRecord:
    return ListRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        sender_name=text(raw.get("from_name")).strip(),
        sender_email=text(raw.get("from_email")).strip(),
    )


def list_body(name: str, sender_name: str, sender_email: str) -> Json:
    """Who leaves by a link of Mailmojo's own leaves every list: the list made for a delivery is none they know of."""
    return {
        "name": name,
        "from_name": sender_name or sender_email,
        "from_email": sender_email,
        # Taking somebody off it must not take them off other lists. Who leaves it themselves, by a mail, is found on it.
        "unsubscribe_cascades": False,
    }


def sender_records(lists: Iterable[ListRecord]) -> Iterator[SenderRecord]:
    """The distinct senders of lists, each under its address."""
    seen: set[str] = set()
    for record in lists:
        email = record.sender_email.lower()
        if email and email not in seen:
            seen.add(email)
            yield SenderRecord(email, record.sender_name, record.sender_email, is_active=True)


def segment_record(raw: Json, list_id: str) -> SegmentRecord:
    """By which tags it chooses is told by no reply."""
    return SegmentRecord(remote_id(raw), text(raw.get("name")), list_remote_id=list_id)


def predicates(rule: Mapping[str, Any], *, negated: bool = False) -> list[Json]:
    """A rule as conditions that all hold. Raises ValueError for what tags alone cannot say.

    That several conditions must all hold is inferred from the shape; a rule that needs "any of them" is not sent.
    """
    match dict(rule):
        case {"tag": str(name), **rest} if name and not rest:
            return [{"tag_name": name, "type": "not_has_tag" if negated else "has_tag"}]
        case {"not": dict(inner), **rest} if not rest:
            return predicates(inner, negated=not negated)
        # Not any of them is each of them not.
        case {"all": list(inner), **rest} | {"any": list(inner), **rest} if inner and not rest:
            joins_by_all = ("any" if negated else "all") in rule
            if joins_by_all or len(inner) == 1:
                return [found for part in inner for found in predicates(part, negated=negated)]
    raise ValueError("no rule of tags that must all hold")


# People


def contact_record(raw: Json) -> ContactRecord:
    """Blocked: the account as a whole mails them no more. What they left, bounced on or were deleted from is not theirs."""
    email = _email(raw)
    changed = instant(raw.get("status_changed"))
    lists: dict[str, set[str]] = {ACTIVE: set(), LEFT: set()}
    for row in map(obj, rows(raw.get("list_associations"))):
        on = lists.get(_status(row))
        if on is not None:
            on.add(_list_id(row))
        moved = instant(row.get("status_changed"))
        if moved and (changed is None or moved > changed):
            changed = moved
    return ContactRecord(
        remote_id=email,
        email=email,
        fields=_fields(raw),
        list_ids=_in_order(lists[ACTIVE]),
        left_list_ids=_in_order(lists[LEFT]),
        blocked=_status(raw) in BLOCKED,
        created_at=instant(raw.get("added")),
        modified_at=changed,
    )


def subscriber_record(raw: Json, list_id: str) -> ContactRecord:
    """Somebody on a list; of the rest of the account a subscriber tells nothing."""
    email = _email(raw)
    return ContactRecord(
        remote_id=email,
        email=email,
        fields=_fields(raw),
        list_ids=(list_id,),
        created_at=instant(raw.get("subscribed")),
    )


def leave_records(raw: Json, list_id: str) -> list[LeaveRecord]:
    """Somebody who is on a list's page of leaves: gone from that list, and perhaps from the account."""
    email = _email(raw)
    row = next((row for row in map(obj, rows(raw.get("list_associations"))) if _list_id(row) == list_id), {})
    left = LeaveRecord(
        email,
        REASONS.get(_status(row), "unsubscribed"),
        list_id,
        instant(row.get("status_changed")) or instant(raw.get("status_changed")),
    )
    if _status(raw) not in BLOCKED:
        return [left]
    return [left, LeaveRecord(email, REASONS[_status(raw)], "", instant(raw.get("status_changed")))]


def gone_from(raw: Json) -> set[str]:
    """The lists that somebody left, bounced on or was deleted from; "" for the account as a whole."""
    lists = {_list_id(row) for row in map(obj, rows(raw.get("list_associations"))) if _status(row) in BLOCKED}
    return lists - {""} | ({""} if _status(raw) in BLOCKED else set())


def field_records(contacts: Iterable[Json]) -> Iterator[FieldRecord]:
    """The standard fields, and every key that somebody's `custom` has: there is no list of them."""
    kinds: dict[str, set[str]] = {}
    for raw in contacts:
        for name, value in obj(obj(raw).get("custom")).items():
            if value not in (None, "", [], {}) and text(name) and name not in FIELDS:
                kinds.setdefault(text(name), set()).add(_kind(value))
    for name, is_writable in FIELDS.items():
        yield FieldRecord(name, name, "text", writable=is_writable)
    for name, found in kinds.items():
        yield FieldRecord(name, name, found.pop() if len(found) == 1 else "text", writable=False)


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "text"


def import_tables(contacts: Iterable[ContactRecord]) -> Iterator[bytes]:
    """One table of people with names and one of people without: an empty cell might erase the name that is there."""
    named: list[tuple[str, ...]] = [("email", "name")]
    nameless: list[tuple[str, ...]] = [("email",)]
    for contact in contacts:
        if name := full_name(contact.fields):
            named.append((contact.email, name))
        else:
            nameless.append((contact.email,))
    for table in (named, nameless):
        if len(table) > 1:
            yield bodies.table(table)


def full_name(fields: Mapping[str, Any]) -> str:
    return " ".join(part for key in ("first_name", "last_name") if (part := text(fields.get(key)).strip()))


def _email(raw: Mapping[str, Any]) -> str:
    """The key of a person. Raises LookupError without one."""
    found = text(raw["email"]).strip()
    if not found:
        raise LookupError("email")
    return found


def _status(raw: Mapping[str, Any]) -> str:
    return text(raw.get("status")).strip().lower()


def _list_id(row: Mapping[str, Any]) -> str:
    return text(row.get("list_id"))


def _in_order(list_ids: set[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, list_ids), key=by_number))


def _fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`custom` may be anything; a flat object is what can be read. Standard fields go before keys of the same name."""
    fields: dict[str, Any] = {}
    for key, told in obj(raw.get("custom")).items():
        name, value = text(key), _value(told)
        if name and value not in ("", []):
            fields[name] = value
    first, last, phone = (text(raw.get(name)).strip() for name in ("first_name", "last_name", "phone"))
    if not (first or last):
        first = text(raw.get("name")).strip()
    tags = ", ".join(tag for value in rows(raw.get("tags")) if (tag := text(value).strip()))
    for name, value in (("first_name", first), ("last_name", last), ("phone", phone), ("tags", tags)):
        if value:
            fields[name] = value
    return fields


def _value(value: Json) -> Json:
    if isinstance(value, list):
        return [found for item in value if (found := text(item))]
    return value if isinstance(value, (bool, int, float)) else text(value)


# Newsletters


def is_campaign(raw: Json) -> bool:
    """Not a text message, and not a step of an automation: the list of newsletters may hold both.

    `medium` is documented without its words; only one that speaks of text messages is left out.
    """
    return "sms" not in text(raw.get("medium")).lower() and raw.get("is_in_automation") is not True


def phase(raw: Mapping[str, Any]) -> str:
    return next((ours for flag, ours in PHASES if raw.get(flag) is True), "unknown")


def campaign_record(raw: Json) -> CampaignRecord:
    """The sender is its list's. When it was made is not told; `saved` is the last change."""
    on = obj(raw.get("list"))
    found = phase(raw)
    started, completed = instant(raw.get("started")), instant(raw.get("completed"))
    list_id = text(on.get("id")) or text(raw.get("list_id"))
    return CampaignRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("title")),
        status=", ".join(flag.removeprefix("is_") for flag, _ in PHASES if raw.get(flag) is True),
        phase=found,
        subject=text(raw.get("subject")),
        preview_text=text(raw.get("preview_text")),
        html=same_html(text(raw.get("html"))),
        sender_name=text(on.get("from_name")).strip(),
        sender_email=text(on.get("from_email")).strip().lower(),
        list_ids=(list_id,) if list_id else (),
        # The instant a planned one is sent at has no name of its own in replies.
        send_at=(instant(raw.get("send_date")) or started) if found == "scheduled" else None,
        sent_at=(completed or started) if found == "sent" else None,
        modified_at=instant(raw.get("saved")),
    )


def newsletter_body(draft: CampaignDraft, list_id: str) -> Json:
    """All we decide, so that an update leaves nothing of an earlier text; `list_id` must stand in each."""
    return {
        "list_id": int(list_id),
        "title": draft.name,
        "subject": draft.subject,
        "preview_text": draft.preview_text,
        "html": draft.html,
    }


def comparable_record(draft: CampaignDraft) -> CampaignRecord:
    """The draft as `campaign_record` will show it. There is no reply address: answers go to the sender."""
    return CampaignRecord(
        remote_id="",
        name=draft.name,
        status="draft",
        phase="draft",
        subject=draft.subject,
        preview_text=draft.preview_text,
        html=same_html(draft.html),
        sender_name=draft.sender_name.strip(),
        sender_email=draft.sender_email.strip().lower(),
        list_ids=tuple(draft.list_ids),
    )


# Results


def figures_record(read_at: datetime, raw: Json) -> FiguresRecord:
    """Rates, and one count. `num_recipients` means people mailed only once mails have left.

    A stopped newsletter that had begun counts as sent to all it was meant for: how many got it is not told, and it must
    not look as if nobody had.
    """
    statistics = obj(raw.get("statistics"))
    found, started = phase(raw), instant(raw.get("started"))
    has_begun = found == "sent" or (found == "stopped" and started is not None and started <= read_at)
    return FiguresRecord(
        read_at=read_at,
        sent=whole(raw.get("num_recipients")) if has_begun else None,
        rates=rates(statistics),
    )


def rates(statistics: Mapping[str, Any]) -> dict[str, float]:
    """Shares 0–1. The unit is not documented: one above one can only be percent, and then all beside it are.

    Where none is, nothing tells 0.5 % from a half.
    """
    told = {
        ours: share for ours, theirs in RATES.items() if (share := _rate(statistics.get(theirs))) is not None
    }
    unit = 100 if any(value > 1 for value in told.values()) else 1
    return {ours: value / unit for ours, value in told.items()}


def _rate(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        return None
    return float(value)


# Webhooks


def topic(raw: Json) -> str:
    """The topic a call names; empty for none that we registered."""
    named = (text(obj(raw).get(name)).strip().lower() for name in _TOPIC_NAMES)
    return next((word for word in named if word in TOPICS), "")


def event_record(raw: Json, *, read_at: datetime) -> EventRecord | None:
    """A call that names a topic of ours as a hint to look again.

    Calls are not known to be signed, so nothing in them is believed, not even that somebody left: the account is read
    instead.
    """
    word = topic(raw)
    if not word:
        return None
    email, at = _find_email(raw), None
    for part in (raw, obj(raw.get("data")), obj(raw.get("contact"))):
        at = at or next((found for name in _TIME_NAMES if (found := instant(part.get(name)))), None)
    when = at.isoformat() if at else read_at.isoformat()
    key = sha256(
        "\x1f".join(("mailmojo", word, email.lower(), when, text(raw.get("id")))).encode()
    ).hexdigest()
    return EventRecord(
        kind="contact_changed",
        email=email,
        at=at or read_at,
        key=key[:40],
        details={"event": word, "is_dated": at is not None},
    )


def _find_email(raw: Json, depth: int = 3) -> str:
    """The first value called "email", wherever a call may put its person."""
    if not isinstance(raw, dict) or not depth:
        return ""
    if found := text(raw.get("email")).strip():
        return found[:254]
    return next((found for inner in raw.values() if (found := _find_email(inner, depth - 1))), "")
