"""Brevo's JSON ⇄ our records: tables and pure functions.

Reading is lenient: published clients have failed on nulls, empty strings and missing fields that the documentation
calls required. Only an object without its id is a misreading (ValueError, TypeError or LookupError).
"""

import csv
import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import IO, Any

from accounts.providers.reading import epoch, instant, obj, rows, same_html, text, whole
from accounts.providers.records import (
    AccountRecord,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    FolderRecord,
    ListRecord,
    SegmentRecord,
    SenderRecord,
    TemplateRecord,
    WebhookRecord,
)

Json = Any

# A contact that only has a phone number is listed with an address made from it.
SYNTHETIC_DOMAIN = "@mailin-sms.com"
# What reads show, and no one may send back, when a campaign has no reply address of its own.
DEFAULT_REPLY_TO = "[DEFAULT_REPLY_TO]"

# attribute type → our kind of field; other words are kept.
FIELD_KINDS = {"text": "text", "date": "date", "float": "number", "boolean": "boolean", "category": "choice"}
# our kind → attribute type of a "normal" attribute; choices become a category.
ATTRIBUTE_TYPES = {"text": "text", "date": "date", "number": "float", "boolean": "boolean"}

# status, without case and underscores (reads say in_process, the filter inProcess) → our phase.
PHASES = {
    "draft": "draft",
    "queued": "scheduled",
    "inprocess": "sending",
    "sent": "sent",
    # By a person, by us or by Brevo; the status alone does not tell which.
    "suspended": "stopped",
    # Brevo looks at it before it may go on.
    "inreview": "held",
    # Not over yet: mails may still leave.
    "cancelling": "sending",
    "cancelled": "stopped",
}

# `event` of a call, without case and underscores; also as registered and as stored → our kind.
EVENT_KINDS = {
    "request": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "deferred": "deferred",
    "softbounce": "soft_bounced",
    "hardbounce": "hard_bounced",
    "invalid": "hard_bounced",
    "invalidemail": "hard_bounced",
    "opened": "opened",
    # The first open of a person comes under both names; one `key` joins them.
    "uniqueopened": "opened",
    "proxyopen": "opened",
    "uniqueproxyopen": "opened",
    "loadedbyproxy": "opened",
    "click": "clicked",
    "unsubscribe": "unsubscribed",
    "unsubscribed": "unsubscribed",
    "spam": "complained",
    "complaint": "complained",
    "blocked": "blocked",
    "listaddition": "list_added",
    "contactupdated": "contact_changed",
    "contactdeleted": "contact_deleted",
}
MACHINE_EVENTS = frozenset({"proxyopen", "uniqueproxyopen", "loadedbyproxy"})

# What we register for. `uniqueOpened` would only repeat `opened`; proxy opens come by themselves.
WEBHOOK_EVENTS = (
    "delivered",
    "opened",
    "click",
    "hardBounce",
    "softBounce",
    "spam",
    "unsubscribed",
    "listAddition",
    "contactUpdated",
    "contactDeleted",
)

# our kind of event → `recipientsType` of a campaign's export.
RECIPIENT_TYPES = {
    "accepted": "all",
    "opened": "openers",
    "clicked": "clickers",
    "hard_bounced": "hardBounces",
    "soft_bounced": "softBounces",
    "unsubscribed": "unsubscribed",
}

# counter → our figure. `clickers` is all clicks and `viewed` all opens; the unique ones count people.
COUNTERS = {
    "sent": "sent",
    "delivered": "delivered",
    "uniqueViews": "opened",
    "trackableViews": "opened_by_human",
    "viewed": "opens",
    "uniqueClicks": "clicked",
    "clickers": "clicks",
    "unsubscriptions": "unsubscribed",
    "complaints": "complained",
    "hardBounces": "hard_bounced",
    "softBounces": "soft_bounced",
    "deferred": "deferred",
}

DEFINITIONS = {
    "sent": "Mails Brevo tried to send, one for each person.",
    "delivered": "Mails the receiving servers accepted. Says nothing of inbox or spam folder.",
    "opened": "People whose mail was opened at least once, privacy proxies that open everything included.",
    "opened_by_human": "People whose opening Brevo could observe: openings by privacy proxies are left out.",
    "opens": "All openings, several of one person and those by privacy proxies included.",
    "clicked": "People who clicked at least one link.",
    "clicks": "All clicks, several of one person included.",
    "unsubscribed": "People who left through this mail.",
    "complained": "People who reported this mail as spam, as far as their mailbox providers tell Brevo.",
    "hard_bounced": "Mails refused for good, for example because the mailbox does not exist.",
    "soft_bounced": "Mails refused for the moment, for example because the mailbox is full.",
    "deferred": "Mails that a receiving server put off at first.",
    "remaining": "Mails Brevo has still to send.",
    "links": "Clicks by link.",
    "domains": "The same counts by the domain of the mailbox.",
}

# Values


def ids(value: Json) -> tuple[str, ...]:
    """Ids as text; an object may stand for its id."""
    found = [text(item.get("id") if isinstance(item, dict) else item) for item in rows(value)]
    return tuple(filter(None, found))


def remote_id(raw: Mapping[str, Any]) -> str:
    """Raises LookupError without one."""
    found = text(raw["id"])
    if not found:
        raise LookupError("id")
    return found


def iso(moment: datetime) -> str:
    """As Brevo writes instants: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


# Account


def account_record(raw: Json) -> AccountRecord:
    """The fingerprint is the organization's id where Brevo tells it, else the account's own address, hashed."""
    email = text(raw.get("email")).strip()
    organization = text(raw.get("organization_id"))
    if not (organization or email):
        raise LookupError("email")
    identity = f"organization:{organization}" if organization else f"email:{email.lower()}"
    person = f"{text(raw.get('firstName'))} {text(raw.get('lastName'))}".strip()
    plans = [obj(plan) for plan in rows(raw.get("plan"))]
    mail_plans = [plan for plan in plans if text(plan.get("type")).lower() != "sms"]
    left = [count for plan in mail_plans if (count := whole(plan.get("credits"))) is not None]
    return AccountRecord(
        fingerprint=sha256(identity.encode()).hexdigest()[:32],
        name=text(raw.get("companyName")) or person or email,
        email=email,
        plan=", ".join(kind for plan in mail_plans if (kind := text(plan.get("type")))),
        credits_left=sum(left) if left else None,
        details={
            "person": person,
            "country": text(obj(raw.get("address")).get("country")),
            "plan_ends_at": ", ".join(end for plan in mail_plans if (end := text(plan.get("endDate")))),
        },
    )


# Audience


def field_record(raw: Json) -> FieldRecord:
    """Attributes are known by name; only normal ones and categories are ours to write."""
    name = text(raw["name"])
    category = text(raw.get("category")).lower()
    kind = "category" if category == "category" else text(raw.get("type")).lower()
    options = [text(obj(option).get("label")) for option in rows(raw.get("enumeration"))]
    options += [text(option) for option in rows(raw.get("multiCategoryOptions"))]
    return FieldRecord(
        remote_id=name,
        name=name,
        kind=FIELD_KINDS.get(kind, kind or "text"),
        choices=tuple(option for option in options if option),
        writable=category in ("normal", "category"),
    )


def attribute(kind: str, choices: Sequence[str]) -> tuple[str, Json]:
    """(category, body) that makes an attribute of our kind. Raises KeyError for a kind Brevo lacks."""
    if kind == "choice":
        options = [{"value": number, "label": label} for number, label in enumerate(choices, 1)]
        return "category", {"enumeration": options}
    return "normal", {"type": ATTRIBUTE_TYPES[kind]}


def folder_record(raw: Json) -> FolderRecord:
    return FolderRecord(remote_id(raw), text(raw.get("name")))


def list_record(raw: Json) -> ListRecord:
    return ListRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        folder_remote_id=text(raw.get("folderId")),
        # The two totals beside it are being retired, and read 0.
        size=whole(raw.get("uniqueSubscribers")),
        is_dynamic=raw.get("dynamicList") is True,
    )


def segment_record(raw: Json) -> SegmentRecord:
    return SegmentRecord(remote_id(raw), text(raw.get("segmentName")))


def contact_record(raw: Json) -> ContactRecord:
    email = text(raw.get("email")).strip()
    return ContactRecord(
        remote_id=remote_id(raw),
        email="" if email.lower().endswith(SYNTHETIC_DOMAIN) else email,
        fields={text(name): _field_value(value) for name, value in obj(raw.get("attributes")).items()},
        list_ids=ids(raw.get("listIds")),
        left_list_ids=ids(raw.get("listUnsubscribed")),
        blocked=raw.get("emailBlacklisted") is True,
        created_at=instant(raw.get("createdAt")),
        modified_at=instant(raw.get("modifiedAt")),
    )


def _field_value(value: Json) -> Json:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [text(item) for item in value]
    return value if isinstance(value, (int, float)) else None


def import_body(contacts: Iterable[ContactRecord], list_ids: Sequence[str]) -> Json:
    """Adds and updates; what is empty here erases nothing there, and nobody's block is touched.

    `emailBlacklist` is left out on purpose: false is only believed to be neutral.
    """
    return {
        "jsonBody": [
            {"email": contact.email, "attributes": attributes(contact.fields)} for contact in contacts
        ],
        "listIds": [int(list_id) for list_id in list_ids],
        "updateExistingContacts": True,
        "emptyContactsAttributes": False,
        "disableNotification": True,
    }


def attributes(fields: Mapping[str, Any]) -> Json:
    """Values as Brevo takes them; a wrong type it would drop without a word."""
    return {name: _attribute_value(value) for name, value in fields.items() if value is not None}


def _attribute_value(value: Any) -> Json:
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return value if isinstance(value, bool | int | float) else str(value)


# Senders, domains, templates


def sender_record(raw: Json) -> SenderRecord:
    """The two errors come with a new sender only; true means wrongly configured."""
    problems = {
        "spfError": "The domain's SPF record does not name Brevo.",
        "dkimError": "DKIM is not set up.",
    }
    return SenderRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        email=text(raw.get("email")).strip(),
        is_active=raw.get("active") is True,
        problems=tuple(sentence for flag, sentence in problems.items() if raw.get(flag) is True),
    )


def domain_record(raw: Json, configuration: Json = None) -> DomainRecord:
    """A listed domain, with its DNS records where its configuration was read as well."""
    known = {**raw, **obj(configuration)}
    records = [obj(record) for record in obj(known.get("dns_records")).values()]
    return DomainRecord(
        name=text(known.get("domain_name") or known.get("domain")),
        is_verified=known.get("verified") is True,
        is_authenticated=known.get("authenticated") is True,
        dns=tuple(
            {
                "kind": text(record.get("type")),
                "host": text(record.get("host_name")),
                "value": text(record.get("value")),
                "is_published": record.get("status") is True,
            }
            for record in records
            if record
        ),
        remote_id=text(known.get("id")),
    )


def template_record(raw: Json) -> TemplateRecord:
    return TemplateRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        subject=text(raw.get("subject")),
        html=text(raw.get("htmlContent")),
        is_active=raw.get("isActive") is True,
        modified_at=instant(raw.get("modifiedAt")),
    )


# Campaigns


def phase(status: str, *, was_sent: bool = False) -> str:
    word = _plain(status)
    if word == "archive":
        # Put away after it was sent, or after it was stopped.
        return "sent" if was_sent else "stopped"
    return PHASES.get(word, "unknown")


def campaign_record(raw: Json) -> CampaignRecord:
    status = text(raw.get("status"))
    sender, recipients = obj(raw.get("sender")), obj(raw.get("recipients"))
    sent_at = instant(raw.get("sentDate"))
    return CampaignRecord(
        remote_id=remote_id(raw),
        name=text(raw.get("name")),
        status=status,
        phase=phase(status, was_sent=sent_at is not None),
        subject=text(raw.get("subject")),
        preview_text=text(raw.get("previewText")),
        html=same_html(text(raw.get("htmlContent"))),
        sender_name=text(sender.get("name")),
        sender_email=text(sender.get("email")).strip().lower(),
        reply_to=_reply_to(text(raw.get("replyTo"))),
        list_ids=tuple(sorted(ids(recipients.get("lists")), key=_by_number)),
        excluded_list_ids=tuple(sorted(ids(recipients.get("exclusionLists")), key=_by_number)),
        send_at=instant(raw.get("scheduledAt")),
        sent_at=sent_at,
        created_at=instant(raw.get("createdAt")),
        modified_at=instant(raw.get("modifiedAt")),
    )


def campaign_body(draft: CampaignDraft) -> Json:
    """Without `scheduledAt`, so that it is a draft; absent fields are left out, since null and zero mean something."""
    sender = {"name": draft.sender_name, "email": draft.sender_email}
    body = {
        "name": draft.name,
        "subject": draft.subject,
        "previewText": draft.preview_text,
        "htmlContent": draft.html,
        # By address, not by id: the two exclude each other, and the id would bring the stored name.
        "sender": {name: value for name, value in sender.items() if value},
        "replyTo": draft.reply_to,
        "recipients": {"listIds": [int(list_id) for list_id in draft.list_ids]} if draft.list_ids else None,
    }
    return {name: value for name, value in body.items() if value}


def comparable_record(draft: CampaignDraft) -> CampaignRecord:
    """The draft as `campaign_record` will show it; what only Brevo decides (id, header, dates) is left empty."""
    return CampaignRecord(
        remote_id="",
        name=draft.name,
        status="draft",
        phase="draft",
        subject=draft.subject,
        preview_text=draft.preview_text,
        html=same_html(draft.html),
        sender_name=draft.sender_name,
        sender_email=draft.sender_email.strip().lower(),
        reply_to=_reply_to(draft.reply_to),
        list_ids=tuple(sorted(draft.list_ids, key=_by_number)),
    )


def _reply_to(address: str) -> str:
    return "" if address.strip() == DEFAULT_REPLY_TO else address.strip()


def _by_number(list_id: str) -> tuple[int, str]:
    return (int(list_id) if list_id.isdecimal() else 0, list_id)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z]", "", word[:100].lower())


# Results


def figures_record(
    read_at: datetime, *, totals: Json, links: Json = None, domains: Json = None
) -> FiguresRecord:
    """From up to three reads of one campaign, each asked for one kind of `statistics`.

    A read fills the kind it was asked for; the others are there as well, empty or zero. So each argument is looked at
    for its own kind alone.
    """
    statistics = obj(totals)
    counts = _counters(statistics.get("globalStats"))
    per_list = [_counters(entry) for entry in rows(statistics.get("campaignStats"))]
    if "deferred" not in counts and (
        deferred := [entry["deferred"] for entry in per_list if "deferred" in entry]
    ):
        counts["deferred"] = sum(deferred)
    return FiguresRecord(
        read_at=read_at,
        **counts,
        remaining=whole(statistics.get("remaining")),
        links={
            text(url): clicks
            for url, value in obj(obj(links).get("linksStats")).items()
            if (clicks := _clicks(value)) is not None
        },
        domains={
            text(name): _counters(entry) for name, entry in obj(obj(domains).get("statsByDomain")).items()
        },
    )


def _counters(raw: Json) -> dict[str, Any]:
    return {
        ours: count for theirs, ours in COUNTERS.items() if (count := whole(obj(raw).get(theirs))) is not None
    }


def _clicks(value: Json) -> int | None:
    return whole(value.get("nbClick")) if isinstance(value, dict) else whole(value)


def export_address(value: Json) -> str:
    """A finished export's address; some replies wrap it in an HTML anchor."""
    found = text(value).strip()
    anchor = re.search(r"href\s{0,3}=\s{0,3}[\"']?([^\"'\s>]{1,4096})", found, re.IGNORECASE)
    return html.unescape(anchor[1]) if anchor else found


def exported_people(
    file: IO[bytes], *, kind: str, campaign_id: str, read_at: datetime
) -> Iterator[EventRecord]:
    """Rows of a recipient export. Its columns are documented nowhere: found by what their heads say.

    Raises ValueError without a column of addresses.
    """
    lines = (
        line.decode("utf-8-sig" if number == 0 else "utf-8", "replace") for number, line in enumerate(file)
    )
    head = next(lines, "")
    separator = ";" if head.count(";") >= head.count(",") else ","
    names = [_plain(name) for name in next(csv.reader([head], delimiter=separator), [])]
    email_at = next(
        (at for at, name in enumerate(names) if name.startswith("email") or name == "contact"), None
    )
    if email_at is None:
        if not head.strip():
            return
        raise ValueError("The export has no column of addresses.")
    time_at = next(
        (at for at, name in enumerate(names) if "date" in name or "time" in name or name.endswith("at")), None
    )
    link_at = next((at for at, name in enumerate(names) if name in ("link", "url")), None)
    reason_at = next((at for at, name in enumerate(names) if "reason" in name), None)
    for row in csv.reader(lines, delimiter=separator):
        cells = [text(cell).strip() for cell in row] + [""] * (len(names) - len(row))
        email = cells[email_at]
        if "@" not in email:
            continue
        at = instant(cells[time_at]) if time_at is not None else None
        link = cells[link_at] if link_at is not None else ""
        yield EventRecord(
            kind=kind,
            email=email,
            at=at or read_at,
            key=event_key("export", kind, email.lower(), campaign_id, link),
            campaign_remote_id=campaign_id,
            link=link,
            reason=cells[reason_at] if reason_at is not None else "",
            details={"source": "export", "is_dated": at is not None},
        )


# Webhooks


def webhook_record(raw: Json) -> WebhookRecord:
    return WebhookRecord(
        remote_id(raw), text(raw.get("url")), tuple(text(word) for word in rows(raw.get("events")))
    )


def webhook_body(url: str, secret: str, secret_header: str) -> Json:
    return {
        "url": url,
        "description": "Campanile",
        "events": list(WEBHOOK_EVENTS),
        "type": "marketing",
        "auth": {"type": "bearer", "token": secret},
        "headers": [{"key": secret_header, "value": secret}],
    }


def event_records(raw: Json, *, read_at: datetime) -> list[EventRecord]:
    """The events of one call: mostly one; a change of contacts may name several people in `content`."""
    if not isinstance(raw, dict) or not text(raw.get("event")):
        return []
    if email := text(raw.get("email")):
        emails = [email]
    else:
        people = rows(raw.get("content")) or [raw.get("content")]
        emails = [text(obj(person).get("email")) for person in people]
    return [_event_record(raw, email.strip(), read_at) for email in emails if email.strip()]


def _event_record(raw: Mapping[str, Any], email: str, read_at: datetime) -> EventRecord:
    word = text(raw.get("event"))[:100]
    plain = _plain(word)
    kind = EVENT_KINDS.get(plain) or EVENT_KINDS.get(plain.removesuffix("s"), word)
    is_machine = plain in MACHINE_EVENTS
    campaign_id = text(raw.get("camp_id"))[:100]
    link = next((found for name in ("link", "URL", "url") if (found := text(raw.get(name)))), "")[:4096]
    lists: Json = next((raw[name] for name in ("list_id", "list_ids", "listId") if raw.get(name)), [])
    list_ids = ids(lists if isinstance(lists, list) else [lists])
    # ts_event and ts_epoch are UTC; the written dates follow the account's zone, or Central European time.
    told = ((raw.get(name), epoch(raw.get(name))) for name in ("ts_event", "ts_epoch", "ts"))
    stamp, at = next(((stamp, moment) for stamp, moment in told if moment), (None, None))
    written = text(raw.get("date_event")) or text(raw.get("date"))
    at = at or instant(written)
    when = text(stamp) or written
    key = event_key(
        text(raw.get("id")), kind, str(is_machine), email.lower(), campaign_id, when, link, ",".join(list_ids)
    )
    return EventRecord(
        kind=kind,
        email=email,
        at=at or read_at,
        key=key,
        campaign_remote_id=campaign_id,
        is_machine=is_machine,
        link=link,
        reason=text(raw.get("reason"))[:2000],
        list_ids=list_ids,
        details={"event": word, "tag": text(raw.get("tag"))[:200], "is_dated": at is not None},
    )


def event_key(*parts: str) -> str:
    """Brevo numbers no events, so what makes one the same is hashed: id of the webhook, kind, person, campaign, time."""
    return sha256("\x1f".join(("brevo", *parts)).encode("utf-8", "replace")).hexdigest()[:40]
