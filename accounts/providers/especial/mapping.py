"""Especial's JSON ⇄ our records of accounts, lists, people, senders and campaigns: tables and pure functions.

Optional fields come as null rather than not at all, and objects come with nothing but nulls in them; both read as empty.
Times are Unix seconds everywhere. Only an object without its id is a misreading.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from math import isfinite
from typing import Any

from accounts.providers.reading import epoch, instant, obj, rows, same_html, text
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    FieldRecord,
    LeaveRecord,
    ListRecord,
    SenderRecord,
    TemplateRecord,
)

Json = Any

# `status` of a list is free text over there; these were seen for lists nobody uses any more.
GONE_LISTS = frozenset({"archived", "deleted"})

# `status` of a person on a list, free text as well. What it says of the list: on it, left it, not confirmed yet. Words
# that are not here (inactive_bounced, invalid, flagged, deleted, new ones) put the person nowhere: nobody is counted as
# on a list who may not get its mail, and nobody as having left who did not.
ON, LEFT, PENDING = "on", "left", "pending"
MEMBERSHIPS = {
    "active": ON,
    # In one example of their guides.
    "subscribed": ON,
    # Bounced before, and still mailed.
    "active_bounced": ON,
    "unsubscribed": LEFT,
    # A complaint takes the address off the list.
    "spam": LEFT,
    "pending": PENDING,
}

# `source` of a suppressed address, free text: the word it holds → our reason. All others: blocked.
LEAVE_REASONS = {
    "spam": "complained",
    "complain": "complained",
    "fbl": "complained",
    "bounce": "bounced",
    "unsubscribe": "unsubscribed",
}

# attribute type → our kind of field.
FIELD_KINDS = {
    "text": "text",
    "mediumtext": "text",
    "integer": "number",
    "timestamp": "date",
    "datetime": "date",
}
# our kind → the attribute type that loses nothing: theirs for numbers takes whole ones only, and there are none for the
# other two.
ATTRIBUTE_TYPES = {
    "text": "text",
    "number": "text",
    "date": "datetime",
    "boolean": "text",
    "choice": "text",
}
ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
# Names no attribute may have.
RESERVED = frozenset({"id", "email", "status", "registered", "bounce_type", "bounce_count", "tags", "_tags"})
# What people have beside attributes, shown as fields that are not ours to write.
EXTRAS = ("tags", "interests")

# The words of a DKIM key that is in use; `status` is optional and free text.
GOOD_KEYS = frozenset(
    {"active", "authenticated", "confirmed", "enabled", "ok", "valid", "validated", "verified"}
)

# `status` of a campaign → our phase. There is no draft, sent or cancelled: the drafts of their prose are `incomplete`.
PHASES = {
    "incomplete": "draft",
    "scheduled": "scheduled",
    # May last: accounts can hold a campaign for a person to look at, without a word for it in this version.
    "delivering": "sending",
    "delivered": "sent",
    "deleted": "gone",
    # Not in the published words; what a cancelled campaign shows is published nowhere.
    "cancelled": "stopped",
    "canceled": "stopped",
    # `active` belongs to recurring campaigns and means neither planned nor sent: it stays unknown.
}


# Values


def remote_id(raw: Mapping[str, Any]) -> str:
    """Raises LookupError without one."""
    found = text(raw["id"])
    if not found:
        raise LookupError("id")
    return found


def by_number(list_id: str) -> tuple[int, str]:
    """Ids in the order in which they were given."""
    return (int(list_id) if list_id.isdecimal() else 0, list_id)


def is_same_address(one: Json, other: str) -> bool:
    return text(one).strip().casefold() == other.strip().casefold()


# Account


def account_record(raw: Json, login: str = "") -> AccountRecord:
    """The fingerprint is the account's id, hashed. It tells no address of its own, so the login's stands for it."""
    address, limits = obj(raw.get("address")), obj(raw.get("usage_limits"))
    account_id = remote_id(raw)
    return AccountRecord(
        fingerprint=sha256(f"account:{account_id}".encode()).hexdigest()[:32],
        name=text(raw.get("name")) or f"Account {account_id}",
        email=login,
        plan=text(raw.get("status")),
        details={
            "country": text(address.get("country")),
            "mails_a_month": text(limits.get("per_month")),
            "contacts_at_most": text(limits.get("maximum_contacts")),
        },
    )


# Lists and people


def list_record(raw: Json) -> ListRecord:
    """Lists come without their size."""
    return ListRecord(remote_id(raw), text(raw.get("name")))


def is_gone(raw: Json) -> bool:
    return text(raw.get("status")).strip().lower() in GONE_LISTS


def field_record(name: str, types: Iterable[str]) -> FieldRecord:
    """One field out of the attributes of that name on each list, which may be of several types."""
    kinds = {FIELD_KINDS.get(kind, kind or "text") for kind in types}
    return FieldRecord(remote_id=name, name=name, kind=kinds.pop() if len(kinds) == 1 else "text")


def extra_fields() -> list[FieldRecord]:
    return [FieldRecord(remote_id=name, name=name, kind="text", writable=False) for name in EXTRAS]


def membership(raw: Json) -> str:
    """ON, LEFT, PENDING, or empty for none of them."""
    return MEMBERSHIPS.get(text(raw.get("status")).strip().lower(), "")


def contact_record(raw: Json, list_id: str) -> ContactRecord:
    """One person on one list."""
    where = membership(raw)
    fields: dict[str, Any] = {
        name: ", ".join(filter(None, map(text, rows(raw.get(name)))))
        for name in EXTRAS
        if rows(raw.get(name))
    }
    for attribute in map(obj, rows(raw.get("custom_attributes"))):
        if name := text(attribute.get("name")):
            fields[name] = _read_value(text(attribute.get("value")))
    return ContactRecord(
        remote_id=f"{list_id}:{remote_id(raw)}",
        email=text(raw.get("email")).strip(),
        fields=fields,
        list_ids=(list_id,) if where == ON else (),
        left_list_ids=(list_id,) if where == LEFT else (),
        pending_list_ids=(list_id,) if where == PENDING else (),
        created_at=epoch(raw.get("subscribed_on")),
    )


def _read_value(value: str) -> str:
    """Values are strings whatever the attribute's type; a day comes with a midnight that says nothing."""
    return re.sub(r"^(\d{4}-\d\d-\d\d) 00:00:00$", r"\1", value)


def attribute_value(value: Any, kind: str) -> str | None:
    """A value as an attribute of that type takes it; None for what it would lose, or refuse the whole import for."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return f"{value.isoformat()} 00:00:00" if FIELD_KINDS.get(kind) == "date" else value.isoformat()
    if isinstance(value, bool):
        told = "true" if value else "false"
    elif isinstance(value, list | tuple):
        told = ", ".join(map(str, value))
    elif isinstance(value, Decimal | float) and isfinite(value) and value == int(value):
        told = str(int(value))
    else:
        told = str(value)
    if kind == "integer" and told:
        found = re.fullmatch(r"([+-]?\d{1,18})(?:\.0{1,9})?", told.strip())
        return found[1] if found else None
    if FIELD_KINDS.get(kind) == "date" and told:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", told):
            return f"{told} 00:00:00"
        moment = instant(told)
        return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else None
    return told


def import_row(person: ContactRecord, types: Mapping[str, str]) -> tuple[Json, int]:
    """A row of an import to a list with these attributes, and how many values they would lose."""
    told, lost = [], 0
    for name, value in person.fields.items():
        if value is None or name not in types:
            continue
        written = attribute_value(value, types[name])
        if written is None:
            lost += 1
        else:
            told.append({"name": name, "value": written})
    row: dict[str, Any] = {"email": person.email.strip()}
    # An empty array of attributes is refused.
    return (row | {"custom_attributes": told} if told else row), lost


def leave_record(raw: Json) -> LeaveRecord:
    """Patterns come as they are. Raises LookupError without an address."""
    email = text(raw["email"]).strip()
    if not email:
        raise LookupError("email")
    source = text(raw.get("source")).lower()
    reason = next((ours for word, ours in LEAVE_REASONS.items() if word in source), "blocked")
    return LeaveRecord(email, reason)


# Senders, domains, templates


def sender_record(raw: Json) -> SenderRecord:
    is_active = raw.get("confirmed") is True
    problem = "Not confirmed yet: Especial mailed a link to this address."
    return SenderRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        email=text(raw.get("email")).strip(),
        is_active=is_active,
        problems=() if is_active else (problem,),
    )


def domain_record(name: str, keys: Sequence[Json]) -> DomainRecord:
    """A domain with the keys that sign for it; one good key is enough. Especial tells no other proof of a domain."""
    dns = tuple(_dns_row(name, key) for key in keys)
    is_good = any(row["is_published"] for row in dns)
    return DomainRecord(
        name=name,
        is_verified=is_good,
        is_authenticated=is_good,
        dns=dns,
        remote_id=text(keys[0].get("id")) if keys else "",
    )


def _dns_row(domain: str, key: Json) -> Mapping[str, Any]:
    """The record DKIM asks for. The key may come with its PEM lines around it."""
    inner = re.sub(r"-----[A-Z ]{1,40}-----|\s", "", text(key.get("public_key")))
    value = inner if inner.lower().startswith("v=dkim1") else f"v=DKIM1; k=rsa; p={inner}"
    return {
        "kind": "TXT",
        "host": f"{text(key.get('selector'))}._domainkey.{domain}",
        "value": value if inner else "",
        "is_published": text(key.get("status")).strip().lower() in GOOD_KEYS,
    }


def template_record(raw: Json) -> TemplateRecord:
    content = obj(raw.get("content"))
    return TemplateRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        subject=text(content.get("subject")),
        html=text(content.get("html")),
        modified_at=epoch(raw.get("updated_on")),
    )


# Campaigns


def phase(raw: Json, now: datetime) -> str:
    """Suspension is a mark beside the status. Putting away hides what the status was, so dates have to tell.

    What was delivered shows when that ended, but not in lists of campaigns: there the planned instant is all there is,
    and one that was cancelled and put away looks as if it had gone out.
    """
    status = text(raw.get("status")).strip().lower()
    if status == "archived":
        if "delivery_finished_on" in raw:
            return "sent" if epoch(raw["delivery_finished_on"]) else "stopped"
        planned = epoch(raw.get("scheduled_for"))
        return "sent" if planned and planned <= now else "stopped"
    if raw.get("suspended") is True and status in ("scheduled", "delivering"):
        return "stopped"
    return PHASES.get(status, "unknown")


def campaign_record(raw: Json, *, now: datetime | None = None) -> CampaignRecord:
    sender, content, audience = obj(raw.get("sender")), obj(raw.get("content")), obj(raw.get("audience"))
    sender_email = text(sender.get("email")).strip().lower()
    told = phase(raw, now or datetime.now(UTC))
    list_id = text(audience.get("list_id"))
    status = text(raw.get("status"))
    return CampaignRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        status=f"{status}, suspended" if raw.get("suspended") is True else status,
        phase=told,
        subject=text(content.get("subject")),
        html=same_html(text(content.get("html"))),
        sender_name=text(sender.get("name")),
        sender_email=sender_email,
        reply_to=_reply_to(text(raw.get("reply_to_email")), sender_email),
        list_ids=(list_id,) if list_id else (),
        # A draft that was taken back may still show the instant it had.
        send_at=None if told == "draft" else epoch(raw.get("scheduled_for")),
        sent_at=_sent_at(raw) if told == "sent" else None,
        created_at=epoch(raw.get("created_on")),
        modified_at=epoch(raw.get("updated_on")),
    )


def _sent_at(raw: Json) -> datetime | None:
    """The end of the delivery, which lists of campaigns do not tell: then its beginning."""
    return epoch(raw.get("delivery_finished_on")) or epoch(raw.get("scheduled_for"))


def _reply_to(address: str, sender_email: str) -> str:
    """The sender's own address is no reply address of its own, whoever wrote it there."""
    return "" if is_same_address(address, sender_email) else address.strip()


def campaign_body(draft: CampaignDraft, *, sender_id: str) -> Json:
    """Absent values are left out: none of the fields may be empty or null."""
    sender = {"id": sender_id} | ({"name": draft.sender_name} if draft.sender_name else {})
    content = {"type": "html", "encoding": "utf-8"}
    content |= {
        name: value
        for name, value in (("subject", draft.subject), ("html", draft.html), ("text", draft.text))
        if value
    }
    body: dict[str, Any] = {"name": draft.name, "sender": sender, "content": content}
    if draft.reply_to:
        body["reply_to_email"] = draft.reply_to
    if draft.list_ids:
        body["audience"] = {"list_id": int(draft.list_ids[0])}
    return body


def comparable_record(draft: CampaignDraft) -> CampaignRecord:
    """The draft as `campaign_record` will show it. There is no preview text: it stands hidden in the HTML."""
    sender_email = draft.sender_email.strip().lower()
    return CampaignRecord(
        remote_id="",
        name=draft.name,
        status="incomplete",
        phase="draft",
        subject=draft.subject,
        html=same_html(draft.html),
        sender_name=draft.sender_name,
        sender_email=sender_email,
        reply_to=_reply_to(draft.reply_to, sender_email),
        list_ids=draft.list_ids[:1],
    )
