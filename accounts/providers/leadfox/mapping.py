"""Leadfox's JSON ⇄ our records: tables and pure functions.

Reading is lenient: published replies hold nulls and attributes that no page describes. Only an object without its id is
a misreading (ValueError, TypeError or LookupError).
"""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from accounts.providers import reading
from accounts.providers.http import parse_json
from accounts.providers.reading import epoch, obj, rows, same_html, text, whole
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    FieldRecord,
    FiguresRecord,
    LeaveRecord,
    ListRecord,
    Tokens,
)

Json = Any

# The only type the API may be used for; the same list holds pages, pop-ups and forms.
EMAIL_CAMPAIGN = 2

DRAFT, ACTIVE, INACTIVE = "d", "a", "i"
# Single letters say nothing to people.
WORDS = {DRAFT: "draft", ACTIVE: "active", INACTIVE: "inactive"}
# status → our phase, but for the active ones: those send, wait for their start or are long through.
PHASES = {
    DRAFT: "draft",
    # Taken back before its start, or switched off afterwards; the counts tell.
    INACTIVE: "stopped",
}
# So long after its start an active campaign counts as sent, whatever is counted: its status never says so, and people
# whom Leadfox itself leaves out keep the count below the size of the list.
SENT_AFTER = timedelta(hours=1)

# A creation that was lost is found again by an id of our own making. The reference marks `_id` and `_owner` as required
# when a campaign is made, published clients leave both out; the reference describes them for nothing else.
OWN_IDS = True
# The editor's document beside the HTML: the documentation wants both, and with the HTML alone somebody who opens the
# design in Leadfox would find it empty, and empty it by saving.
EDITOR_DOCUMENT = True

# counter → our figure.
COUNTERS = {
    "sent": "sent",
    "uniqueopen": "opened",
    "open": "opens",
    "uniqueclick": "clicked",
    "click": "clicks",
    "unsubscribe": "unsubscribed",
    "spam": "complained",
    # For good or for the moment: Leadfox does not tell them apart.
    "bounce": "hard_bounced",
}

DEFINITIONS = {
    "sent": "Mails Leadfox sent, one for each person.",
    "opened": "People whose mail was opened at least once, privacy proxies that open everything included.",
    "opens": "All openings, several of one person and those by privacy proxies included.",
    "clicked": "People who clicked at least one link.",
    "clicks": "All clicks, several of one person included.",
    "unsubscribed": "People who left through this mail.",
    "complained": "People who reported this mail as spam, as far as their mailbox providers tell Leadfox.",
    "hard_bounced": "Mails that came back, whether for good or for the moment: Leadfox counts both as one.",
}

# Consent by kind of mail, as a field of the person that only Leadfox and the person write.
CONSENT = "mailinglist:"
# The address is the person's own and no field.
ADDRESS = "email"


# Values


def remote_id(raw: Json) -> str:
    """Raises LookupError without one."""
    found = text(raw["_id"])
    if not found:
        raise LookupError("_id")
    return found


def reference(value: Json) -> str:
    """An id that stands for an object; where Leadfox puts in the object itself, its id."""
    return text(value.get("_id") if isinstance(value, dict) else value)


def instant(value: Json) -> datetime | None:
    """ISO 8601, or in "rare cases", the documentation says, milliseconds."""
    return reading.instant(value) or epoch(value)


def iso(moment: datetime) -> str:
    """As Leadfox writes instants: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def equal(name: str, *values: str) -> str:
    """A filter for any of `values`, case-sensitive; spaces stand around the operator in all of Leadfox's examples.

    Empty where one of them cannot be said: `,` and `|` divide conditions and values, nobody knows how to escape them,
    and what an operator inside a value does is as unknown.
    """
    if any(not value or re.search(r"[,|=<>!\s]", value) for value in values):
        return ""
    return f"{name} = {'|'.join(values)}"


# Tokens and account


def tokens(raw: Json) -> Tokens:
    """The lifetime is not documented: it is read from the token, or found out by a refusal. Raises LookupError."""
    access = text(raw["jwt"])
    if not access:
        raise LookupError("jwt")
    details = {
        "clientid": reference(raw.get("clientid")),
        "client": text(obj(raw.get("client")).get("name")) or text(raw.get("client")),
        "mode": text(raw.get("mode")),
    }
    told = {name: value for name, value in details.items() if value}
    return Tokens(access=access, expires_at=_expires_at(access), details=told)


def _expires_at(token: str) -> datetime | None:
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None
    return epoch(obj(claims).get("exp"))


def account_record(details: Mapping[str, str], owner: str) -> AccountRecord:
    """The client (tenant) behind key and secret. Raises LookupError when neither the token nor an object names it."""
    client_id = details.get("clientid") or owner
    if not client_id:
        raise LookupError("clientid")
    return AccountRecord(
        fingerprint=sha256(f"client:{client_id}".encode()).hexdigest()[:32],
        name=details.get("client") or client_id,
        details={"mode": details.get("mode", "")},
    )


# Audience


def field_record(raw: Json) -> FieldRecord:
    """Known by its shortcode, the key of its value with each person. All values are text."""
    shortcode = text(raw["shortcode"])
    if not shortcode:
        raise LookupError("shortcode")
    return FieldRecord(remote_id=shortcode, name=text(raw.get("name")) or shortcode, kind="text")


def consent_field(raw: Json) -> FieldRecord:
    """A mailing list: what kinds of mail a person agreed to. It chooses nobody, so it is no list of ours."""
    name = text(raw.get("name")) or remote_id(raw)
    return FieldRecord(f"{CONSENT}{remote_id(raw)}", f"Consent: {name}", "text", writable=False)


def list_record(raw: Json) -> ListRecord:
    return ListRecord(remote_id(raw), text(raw.get("name")))


def contact_record(raw: Json) -> ContactRecord:
    """`subscribed` is the refusal of all mail; a missing one is none."""
    properties = {text(name): text(value) for name, value in obj(raw.get("properties")).items()}
    consents = {
        f"{CONSENT}{reference(entry.get('mailinglist'))}": text(entry.get("status"))
        for entry in map(obj, rows(raw.get("mailinglists")))
        if reference(entry.get("mailinglist"))
    }
    memberships = (
        reference(entry.get("list") if isinstance(entry, dict) else entry) for entry in rows(raw.get("lists"))
    )
    return ContactRecord(
        remote_id=remote_id(raw),
        email=text(raw.get("email")).strip(),
        fields={name: value for name, value in properties.items() if name != ADDRESS} | consents,
        list_ids=tuple(dict.fromkeys(filter(None, memberships))),
        blocked=raw.get("subscribed") is False,
        created_at=instant(raw.get("created")),
        modified_at=instant(raw.get("modified")),
    )


def leave_record(raw: Json) -> LeaveRecord | None:
    """None for somebody whom a filter let through all the same. When they left is not told."""
    email = text(raw.get("email")).strip()
    if raw.get("subscribed") is not False or not email:
        return None
    return LeaveRecord(email=email, reason="unsubscribed")


def contact_body(contact: ContactRecord) -> Json:
    """For an upsert. Nothing here says whether somebody is subscribed: that is theirs, and not ours to write."""
    return {"email": contact.email, "properties": properties(contact.fields)}


def properties(fields: Mapping[str, Any]) -> dict[str, str]:
    """None leaves a value as it is, an empty text clears it."""
    return {
        name: property_value(value)
        for name, value in fields.items()
        if value is not None and name != ADDRESS and not name.startswith(CONSENT)
    }


def property_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


# Campaigns


def marker(name: str) -> str:
    """Our marker at the end of a name; empty without."""
    found = re.search(r"(?:^|[^a-z0-9])([a-z0-9]{12})$", name)
    return found[1] if found else ""


def own_id(owner: str, marker: str) -> str:
    """The id of the campaign that bears `marker`, the same on each try; a fresh one without a marker.

    All clients of Leadfox share one space of ids, so the client's own goes in.
    """
    if marker:
        return sha256(f"campanile:campaign:{owner}:{marker}".encode()).hexdigest()[:24]
    return f"{int(time.time()):08x}{secrets.token_hex(8)}"


def is_email_campaign(raw: Json) -> bool:
    return whole(raw.get("type")) in (EMAIL_CAMPAIGN, None)


def design_id(raw: Json) -> str:
    """The e-mail of a campaign; of several variants the one with the greatest weight."""
    variants = [entry for entry in map(obj, rows(raw.get("emails"))) if reference(entry.get("email"))]
    best = max(variants, key=lambda entry: whole(entry.get("weight")) or 0, default={})
    return reference(best.get("email"))


def is_to_everybody(raw: Json) -> bool:
    """Whether it names no list, or all contacts (an entry whose list is null)."""
    entries = rows(raw.get("lists"))
    return not entries or any(not reference(obj(entry).get("list")) for entry in entries)


def list_ids(raw: Json) -> tuple[str, ...]:
    found = (reference(obj(entry).get("list")) for entry in rows(raw.get("lists")))
    return tuple(sorted(filter(None, found)))


def phase(
    status: str, *, start: datetime | None, now: datetime, sent: int | None = None, is_complete: bool = False
) -> str:
    """`sent` is what is counted by now, `is_complete` whether nobody is left to get it, both as far as known."""
    if status != ACTIVE:
        return PHASES.get(status, "unknown")
    if is_complete or (start and now - start >= SENT_AFTER) or (not start and sent):
        return "sent"
    return "scheduled" if start and start > now and not sent else "sending"


def campaign_record(
    raw: Json, design: Json = None, *, now: datetime, sent: int | None = None, is_complete: bool = False
) -> CampaignRecord:
    """A campaign with its e-mail, where that was read. Leadfox knows no reply address beside the sender's."""
    status, start, mail = text(raw.get("status")), instant(raw.get("start")), obj(design)
    read = phase(status, start=start, now=now, sent=sent, is_complete=is_complete)
    return CampaignRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        status=WORDS.get(status, status),
        phase="gone" if raw.get("deleted") is True else read,
        subject=text(mail.get("subject")),
        preview_text=text(mail.get("preheader")),
        html=same_html(text(mail.get("body"))),
        sender_name=text(mail.get("fromname")),
        sender_email=text(mail.get("fromemail")).strip().lower(),
        list_ids=list_ids(raw),
        send_at=start,
        sent_at=start if read == "sent" else None,
        created_at=instant(raw.get("created")),
        modified_at=instant(raw.get("modified")),
    )


def comparable_record(draft: CampaignDraft) -> CampaignRecord:
    """The draft as `campaign_record` will show it; what only Leadfox decides (id, dates) is left empty."""
    return CampaignRecord(
        remote_id="",
        name=draft.name,
        status=WORDS[DRAFT],
        phase="draft",
        subject=draft.subject,
        preview_text=draft.preview_text,
        html=same_html(draft.html),
        sender_name=draft.sender_name,
        sender_email=draft.sender_email.strip().lower(),
        list_ids=tuple(sorted(draft.list_ids)),
    )


def email_body(draft: CampaignDraft) -> Json:
    """The design. Empty texts are sent too, so that an update clears what stood there."""
    body = {
        "name": draft.name,
        "subject": draft.subject,
        "preheader": draft.preview_text,
        "fromemail": draft.sender_email,
        "fromname": draft.sender_name,
        "editor": "bee",
        "body": draft.html,
    }
    return body | ({"json": editor_document(draft)} if EDITOR_DOCUMENT else {})


def editor_document(draft: CampaignDraft) -> str:
    """Our HTML as the one block of a page, in the least of the format that the editor (Bee) is published to read."""
    block = {
        "type": "mailup-bee-newsletter-modules-html",
        "descriptor": {"html": {"html": draft.html}, "style": {}, "computedStyle": {}},
    }
    row = {
        "type": "one-column-empty",
        "columns": [{"grid-columns": 12, "modules": [block], "style": {}}],
        "container": {"style": {}},
        "content": {"style": {"width": "650px"}, "computedStyle": {}},
    }
    page = {
        "title": draft.subject,
        "description": "",
        "template": {"name": "template-base", "type": "basic", "version": "0.0.1"},
        "body": {
            "type": "mailup-bee-page-properties",
            "container": {"style": {}},
            "content": {"style": {}, "computedStyle": {"messageWidth": "650px"}},
            "webFonts": [],
        },
        "rows": [row],
    }
    return json.dumps({"page": page, "comments": {}}, ensure_ascii=False)


def audience(list_ids: Sequence[str], email_id: str) -> Json:
    """The lists and the e-mail of a campaign.

    Without a list the key is left out: an entry whose list is null stands for all contacts, and what an empty array
    stands for nobody says.
    """
    lists = [{"list": list_id} for list_id in list_ids]
    return {"emails": [{"email": email_id, "weight": 100}]} | ({"lists": lists} if lists else {})


def campaign_body(draft: CampaignDraft, *, folder_id: str, email_id: str) -> Json:
    """A draft: neither `start` nor an active status."""
    return {
        "name": draft.name,
        "folder": folder_id,
        "type": EMAIL_CAMPAIGN,
        "status": DRAFT,
        "batchConfiguration": {"type": "none"},
        **audience(draft.list_ids, email_id),
    }


# Results


def sent_count(counted: Sequence[Json]) -> int | None:
    return _sum(counted, "sent")


def figures_record(read_at: datetime, counted: Sequence[Json]) -> FiguresRecord:
    """Several rows are summed: totals come in one, but nobody promises it."""
    counts: dict[str, Any] = {
        ours: count for theirs, ours in COUNTERS.items() if (count := _sum(counted, theirs)) is not None
    }
    return FiguresRecord(read_at=read_at, **counts)


def _sum(counted: Sequence[Json], name: str) -> int | None:
    counts = [count for row in counted if (count := whole(obj(row).get(name))) is not None]
    return sum(counts) if counts else None
