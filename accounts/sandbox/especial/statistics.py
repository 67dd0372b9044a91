"""Figures: counted from the events and from nothing else, so they agree to the unit."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.sandbox.especial.records import Event
from accounts.sandbox.especial.shapes import JSON
from accounts.sandbox.especial.state import Account

PER = 1.0  # whether rates are fractions or of a hundred is published nowhere
BOUNCES = {
    "bounces_address_changed": "bounce_ac", "bounces_challenge_response": "bounce_cr",
    "bounces_dns_failure": "bounce_df", "bounces_full_mailbox": "bounce_fm", "bounces_hard": "bounce_hb",
    "bounces_mail_blocked": "bounce_mb", "bounces_soft": "bounce_sb", "bounces_transient": "bounce_tr",
}  # fmt: skip
LEAVES = ("unsubscribe", "global_unsubscribe")


def rate(part: int, whole: int) -> float:
    return round(PER * part / whole, 6) if whole else 0.0


@dataclass(slots=True)
class Tally:
    """Events of one campaign or list: how many of each type, and which people. Reads only what is new."""

    seen: int = 0
    total: Counter[str] = field(default_factory=Counter)
    people: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))

    def read(self, events: list[Event]) -> "Tally":
        for event in events[self.seen :]:
            self.total[event.type] += 1
            self.people[event.type].add((event.campaign_id, event.contact_id))
        self.seen = len(events)
        return self

    def unique(self, *types: str) -> int:
        return len(set().union(*(self.people.get(kind, ()) for kind in types)))

    @property
    def bounced(self) -> int:
        return self.unique(*BOUNCES.values())

    @property
    def active(self) -> int:
        """Mails that were sent and did not come back."""
        return self.unique("sent") - self.bounced

    def counters(self) -> dict[str, int]:
        """`opens` and `clicks` are totals, machines' included; a reader who clicked without an open implied one."""
        implied = len(self.people.get("clickthru", set()) - self.people.get("open", set()))
        opened = self.unique("open", "clickthru")
        return {
            "sent_emails": self.unique("sent"),
            "opens": self.total["open"],
            "unique_opens": opened,
            "implied_opens": implied,
            "unopens": max(0, self.active - opened),
            "clicks": self.total["clickthru"],
            "unique_clicks": self.unique("clickthru"),
            "forwards": self.total["forward"],
            "unsubscribes": self.unique(*LEAVES),
            "spams": self.unique("spam"),
            "bounces": self.bounced,
        } | {name: self.unique(kind) for name, kind in BOUNCES.items()}

    def rates(self) -> dict[str, float]:
        """Of the mails that stayed, but for bounces, which are of all; `clickthru_rate` is of those who opened."""
        counted = self.counters()
        return {
            "open_rate": rate(counted["unique_opens"], self.active),
            "click_rate": rate(counted["unique_clicks"], self.active),
            "clickthru_rate": rate(counted["unique_clicks"], counted["unique_opens"]),
            "bounce_rate": rate(counted["bounces"], counted["sent_emails"]),
            "spam_rate": rate(counted["spams"], self.active),
            "unsubscribe_rate": rate(counted["unsubscribes"], self.active),
        }


def of_campaign(account: Account, campaign_id: int) -> Tally:
    return _kept(account, campaign_id).read(account.by_campaign.get(campaign_id, []))


def of_list(account: Account, list_id: int) -> Tally:
    """What its campaigns did; who left by themselves is no figure of a campaign."""
    return _kept(account, -list_id).read([e for e in account.by_list.get(list_id, ()) if e.campaign_id])


def _kept(account: Account, key: int) -> Tally:
    kept: Tally = account.tallies.setdefault(key, Tally())
    return kept


def between(events: Iterable[Event], window: tuple[float, float]) -> list[Event]:
    start, end = window
    return [event for event in events if start <= event.at <= end]


def campaign_report(account: Account, campaign_id: int) -> dict[str, JSON]:
    tally = of_campaign(account, campaign_id)
    counted, skipped = tally.counters(), tally.unique("skipped")
    return counted | tally.rates() | {
        "active_emails": tally.active,
        "unopen_rate": rate(counted["unopens"], tally.active),
        "sent_rate": rate(counted["sent_emails"], counted["sent_emails"] + skipped),
    }  # fmt: skip


def link_report(events: Iterable[Event], links: list[str], sent: int) -> list[dict[str, JSON]]:
    """Every link of the mail, in its order there; its id is its place."""
    clicks: dict[str, list[int]] = {url: [] for url in links}
    for event in events:
        if event.type == "clickthru":
            clicks.setdefault(event.url, []).append(event.contact_id)
    total = sum(map(len, clicks.values()))
    return [
        {
            "id": number,
            "link": url,
            "unique": len(set(people)),
            "total": len(people),
            "unique_rate": rate(len(set(people)), sent),
            "total_rate": rate(len(people), total),
        }
        for number, (url, people) in enumerate(clicks.items(), 1)
    ]
