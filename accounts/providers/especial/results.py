"""What happened to campaigns: reports, logs and webhook calls → figures and events."""

import base64
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from accounts.providers.reading import epoch, obj, text, whole
from accounts.providers.records import EventRecord, FiguresRecord

Json = Any

# count of the campaign report → our figure.
COUNTERS = {
    "sent_emails": "sent",
    "unique_opens": "opened",
    "opens": "opens",
    "unique_clicks": "clicked",
    "clicks": "clicks",
    "unsubscribes": "unsubscribed",
    "spams": "complained",
    "bounces_hard": "hard_bounced",
}

DEFINITIONS = {
    "sent": "Mails Especial sent, one for each person.",
    "delivered": "Mails Especial sent, less those that came back for whatever reason. Says nothing of inbox or spam folder.",
    "opened": "People whose mail was opened at least once, programs that open mails by themselves included.",
    "opens": "All openings, several of one person and those by programs included.",
    "clicked": "People who clicked at least one link.",
    "clicks": "All clicks, several of one person included.",
    "unsubscribed": "People who left through this mail.",
    "complained": "People who reported this mail as spam, as far as their mailbox providers tell Especial.",
    "hard_bounced": "Mails refused for good, for example because the mailbox does not exist.",
    "soft_bounced": "All other mails that came back: a full mailbox, a blocked sender, an unknown domain, a passing fault.",
    "links": "Clicks by link.",
}

# our kind of event → types in the log. `bounce` alone says no more than that, so it counts as soft.
LOG_TYPES: Mapping[str, tuple[str, ...]] = {
    "accepted": ("sent",),
    "delivered": ("received",),
    "opened": ("open",),
    "clicked": ("clickthru",),
    "unsubscribed": ("unsubscribe", "global_unsubscribe"),
    "complained": ("spam",),
    "hard_bounced": ("bounce_hb",),
    "soft_bounced": (
        "bounce_sb",
        "bounce_fm",
        "bounce_tr",
        "bounce_mb",
        "bounce_df",
        "bounce_cr",
        "bounce_ac",
        "bounce",
    ),
}

# event → our kind. What a call holds in `data` is published for one event only, and that is not among these: a call says
# that something changed, and is followed by a look. No event tells of a campaign that is through, none of a leave by name.
EVENT_KINDS = {
    "Contact.Added": "contact_changed",
    "Contact.Updated": "contact_changed",
    "Contact.Removed": "contact_deleted",
    "Contact.Tagged": "contact_changed",
    "Contact.Untagged": "contact_changed",
    "SuppressedEmail.Added": "blocked",
}
WEBHOOK_EVENTS = tuple(EVENT_KINDS)
# Published names of the header with the signature; the second in newer guides.
SIGNATURE_HEADERS = ("x-signature", "x-cakemail-signature")


def figures_record(read_at: datetime, report: Json, links: Iterable[Json]) -> FiguresRecord:
    """Rates are left alone: whether they are shares or per cents is not published, and counts say the same."""
    counts: dict[str, Any] = {
        ours: count for theirs, ours in COUNTERS.items() if (count := whole(report.get(theirs))) is not None
    }
    bounces, hard = whole(report.get("bounces")), counts.get("hard_bounced")
    if bounces is not None and hard is not None:
        counts["soft_bounced"] = max(0, bounces - hard)
    if bounces is not None and "sent" in counts:
        counts["delivered"] = max(0, counts["sent"] - bounces)
    clicks: dict[str, int] = {}
    for raw in links:
        link, total = text(raw.get("link")), whole(raw.get("total"))
        if link and total is not None:
            clicks[link] = clicks.get(link, 0) + total
    return FiguresRecord(read_at=read_at, **counts, links=clicks)


def person_of(raw: Json) -> str:
    """What tells two people of a log apart; empty for nobody."""
    return text(raw.get("contact_id")) or text(raw.get("email")).strip().lower()


def log_event(raw: Json, *, kind: str, campaign_id: str, read_at: datetime) -> EventRecord | None:
    """One row of a campaign's log; None without an address."""
    email = text(raw.get("email")).strip()
    if not email:
        return None
    at = epoch(raw.get("timestamp"))
    is_machine = obj(raw.get("user_agent")).get("is_bot") is True
    return EventRecord(
        kind=kind,
        email=email,
        at=at or read_at,
        key=event_key("log", kind, "program" if is_machine else "", campaign_id, person_of(raw)),
        campaign_remote_id=campaign_id,
        is_machine=is_machine,
        link=text(raw.get("clickthru_url"))[:4096] if kind == "clicked" else "",
        details={"source": "log", "type": text(raw.get("type"))[:100], "is_dated": at is not None},
    )


# Webhooks


def is_signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
    """Base64 of HMAC-SHA256 over the body as it came. All are compared, found or not, so that the time tells nothing."""
    given = [headers.get(name, "").strip().removeprefix("sha256=") for name in SIGNATURE_HEADERS]
    wanted = [base64.b64encode(hmac.digest(secret.encode(), body, "sha256")) for secret in secrets if secret]
    matches = [
        hmac.compare_digest(value.encode("utf-8", "replace"), right) for value in given for right in wanted
    ]
    return any(matches)


def event_records(raw: Json, *, read_at: datetime) -> list[EventRecord]:
    """The event of a call, or none in what is no call. Whom it is about is told as far as `data` does."""
    word = text(raw.get("event"))[:100] if isinstance(raw, dict) else ""
    if not word:
        return []
    data = obj(raw.get("data"))
    email = text(data.get("email")).strip()[:320]
    kind = EVENT_KINDS.get(word, word)
    if kind == "blocked" and ("@" not in email or "*" in email):
        kind = "contact_changed"  # a pattern, or nobody: looking tells whom
    at = epoch(raw.get("created_on"))
    list_id = text(data.get("list_id"))[:100]
    same = json.dumps(raw, sort_keys=True, ensure_ascii=True, default=str)
    return [
        EventRecord(
            kind=kind,
            email=email,
            at=at or read_at,
            key=event_key("call", same),
            list_ids=(list_id,) if list_id else (),
            details={"event": word, "is_dated": at is not None},
        )
    ]


def event_key(*parts: str) -> str:
    """Especial numbers neither calls nor people's deeds, so what makes one the same is hashed."""
    return sha256("\x1f".join(("especial", *parts)).encode("utf-8", "replace")).hexdigest()[:40]
