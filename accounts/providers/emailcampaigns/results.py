"""Result rows, one for each recipient → counts and people. The account counts nothing itself."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from accounts.providers.emailcampaigns.mapping import DONE, address, plain
from accounts.providers.reading import instant, obj, text
from accounts.providers.records import EventRecord, FiguresRecord

Json = Any

# disposition, letters alone → our figure. Only `delivered` is documented; the others are the trade's usual words.
DISPOSITIONS = {
    "delivered": "delivered",
    "bounce": "hard_bounced",
    "bounced": "hard_bounced",
    "hardbounce": "hard_bounced",
    "hardbounced": "hard_bounced",
    "undeliverable": "hard_bounced",
    "undelivered": "hard_bounced",
    "invalid": "hard_bounced",
    "invalidemail": "hard_bounced",
    "invalidaddress": "hard_bounced",
    "softbounce": "soft_bounced",
    "softbounced": "soft_bounced",
    "deferred": "deferred",
    "complaint": "complained",
    "complained": "complained",
    "spam": "complained",
    "spamcomplaint": "complained",
    "spamreport": "complained",
}
# A row that was closed without a mail.
NOT_MAILED = frozenset(
    {"optout", "optedout", "suppressed", "dnc", "excluded", "skipped", "cancelled", "canceled"}
)
# Kinds of events that rows can tell of.
PEOPLE = ("accepted", "delivered", "hard_bounced", "soft_bounced")

DEFINITIONS = {
    "sent": "People whose row in the account's results is completed, those it left out on purpose aside.",
    "delivered": "People whose result says delivered: the receiving server accepted the mail. Says nothing of inbox or spam folder.",
    "hard_bounced": "People whose result says bounced, undeliverable or invalid. Not shown while the account uses words we do not know.",
    "soft_bounced": "People whose result says soft bounce. Not shown while the account uses words we do not know.",
    "deferred": "People whose result says deferred, where the account says so at all.",
    "complained": "People whose result says spam or complaint, where the account says so at all.",
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class Tally:
    """Result rows of one campaign, counted as they pass. `strange`: there was a word we do not know."""

    rows: int = 0
    completed: int = 0
    sent: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    strange: bool = False

    @classmethod
    def of(cls, found: Iterable[Json]) -> "Tally":
        tally = cls()
        for raw in found:
            tally.add(obj(raw))
        return tally

    def add(self, raw: Mapping[str, Any]) -> None:
        self.rows += 1
        if not is_completed(raw):
            return
        self.completed += 1
        word = plain(raw.get("disposition"))
        if word in NOT_MAILED:
            return
        self.sent += 1
        figure = DISPOSITIONS.get(word)
        if figure:
            self.counts[figure] += 1
        else:
            self.strange = True

    def figures(self, read_at: datetime) -> FiguresRecord:
        """None of a kind is only a count where every word was understood. Opens, clicks and leaves are told nowhere."""
        counts = self.counts
        none = None if self.strange else 0
        return FiguresRecord(
            read_at=read_at,
            sent=self.sent,
            delivered=counts["delivered"],
            hard_bounced=counts["hard_bounced"] or none,
            soft_bounced=counts["soft_bounced"] or none,
            deferred=counts["deferred"] or None,
            complained=counts["complained"] or None,
        )


def email(raw: Any) -> str:
    """Whom a row is about."""
    raw = obj(raw)
    return address(raw.get("email_to")) or address(obj(raw.get("contact")).get("email"))


def is_completed(raw: Mapping[str, Any]) -> bool:
    return raw.get("complete") is True or plain(raw.get("status")) in DONE


def event_record(raw: Json, *, kind: str, campaign_id: str, read_at: datetime) -> EventRecord | None:
    """What a row says of one kind of event; None if it says nothing of it, or names nobody."""
    raw, person = obj(raw), email(raw)
    word = plain(raw.get("disposition"))
    if not person or not is_completed(raw) or word in NOT_MAILED:
        return None
    if kind != "accepted" and DISPOSITIONS.get(word) != kind:
        return None
    at = instant(raw.get("modified_on")) or instant(raw.get("start_date"))
    parts = ("emailcampaigns", kind, campaign_id, person.lower())
    return EventRecord(
        kind=kind,
        email=person,
        at=at or read_at,
        key=sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:40],
        campaign_remote_id=campaign_id,
        reason=_CONTROL.sub(" ", text(raw.get("disposition")))[:200] if kind.endswith("bounced") else "",
        details={"source": "export", "is_dated": at is not None},
    )
