"""Campaign statistics: counted from the events and from nothing else, so they agree to the unit."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from accounts.sandbox.brevo.state import JSON, Account, Campaign, Event

PEOPLE = ("sent", "delivered", "hard", "soft", "open", "proxy", "click", "unsubscribe", "spam")
HALF_A_YEAR = 183 * 86400


@dataclass(slots=True)
class Tally:
    """Events of one group of recipients: how many of each kind, and which people."""

    total: Counter[str] = field(default_factory=Counter)
    people: dict[str, set[int]] = field(default_factory=lambda: {kind: set() for kind in PEOPLE})

    def add(self, event: Event) -> None:
        self.total[event.kind] += 1
        self.people[event.kind].add(event.contact_id)

    def unique(self, *kinds: str) -> int:
        return len(set().union(*(self.people[kind] for kind in kinds)))

    @property
    def delivered(self) -> int:
        """Arrived and stayed: a bounce that comes back later takes its delivery away."""
        return len(self.people["delivered"] - self.people["hard"] - self.people["soft"])

    def counters(self) -> dict[str, JSON]:
        """`clickers` and `viewed` are totals; what begins with `unique` counts people. Views include privacy proxies'."""
        returned = len(self.people["delivered"] & (self.people["hard"] | self.people["soft"]))
        masked = len(self.people["proxy"] - self.people["open"])
        trackable, views = self.unique("open"), self.unique("open", "proxy")
        rate = trackable / (self.delivered - masked) if self.delivered > masked else 0.0
        return {
            "uniqueClicks": self.unique("click"),
            "clickers": self.total["click"],
            "complaints": self.unique("spam"),
            "delivered": self.delivered,
            "sent": self.unique("sent"),
            "softBounces": self.unique("soft"),
            "hardBounces": self.unique("hard"),
            "uniqueViews": views,
            "trackableViews": trackable,
            "trackableViewsRate": round(100 * rate, 2),
            "estimatedViews": round(rate * self.delivered),
            "unsubscriptions": self.unique("unsubscribe"),
            "viewed": self.total["open"] + self.total["proxy"],
            "deferred": 0,
            "returnBounce": returned,
            "opensRate": round(100 * views / self.delivered, 2) if self.delivered else 0.0,
            "appleMppOpens": self.unique("proxy"),
        }

    def engagement(self) -> dict[str, JSON]:
        return {
            "clickers": self.total["click"],
            "uniqueClicks": self.unique("click"),
            "viewed": self.total["open"] + self.total["proxy"],
            "uniqueViews": self.unique("open", "proxy"),
        }


@dataclass(slots=True)
class Tallies:
    """Every breakdown of one campaign, brought up to date by reading only the events that are new."""

    seen: int = 0
    whole: Tally = field(default_factory=Tally)
    by_list: dict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_domain: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_device: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_browser: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_version: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    links: Counter[str] = field(default_factory=Counter)
    version_links: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def read(self, events: list[Event]) -> None:
        for event in events[self.seen :]:
            self.whole.add(event)
            self.by_list[event.list_id].add(event)
            self.by_domain[event.email.rpartition("@")[2]].add(event)
            if event.version:
                self.by_version[event.version].add(event)
            if event.device:
                self.by_device[event.device].add(event)
                self.by_browser[event.browser].add(event)
            if event.url:
                self.links[event.url] += 1
                self.version_links[event.version][event.url] += 1
        self.seen = len(events)


MIRROR = (
    "https://mirror.sandbox.example/mail"  # where `{{ mirror }}` leads; counted apart from the other links
)


def tallies(account: Account, campaign_id: int) -> Tallies:
    found: Tallies = account.tallies.setdefault(campaign_id, Tallies())
    found.read(account.events.get(campaign_id, []))
    return found


def list_counters(account: Account, campaign: Campaign, list_id: int) -> dict[str, JSON]:
    return tallies(account, campaign.id).by_list.get(list_id, Tally()).counters()


def campaign_statistics(account: Account, campaign: Campaign, kind: str | None) -> dict[str, JSON]:
    """The whole object, but of the kinds only the one asked for is filled; `campaignStats` always is."""
    tally = tallies(account, campaign.id)
    per_list = [
        {"listId": list_id} | list_counters(account, campaign, list_id)
        for list_id in (campaign.fields.get("listIds", ()) if campaign.started_at else ())
    ]
    devices: dict[str, dict[str, JSON]] = {"desktop": {}, "mobile": {}, "tablet": {}, "unknown": {}}
    if kind == "statsByDevice":
        for path, counted in tally.by_device.items():
            group, _, name = path.partition("/")
            devices[group][name] = counted.engagement()
    return {
        "globalStats": (tally.whole if kind == "globalStats" else Tally()).counters(),
        "campaignStats": per_list,
        "mirrorClick": tally.links[MIRROR],
        "remaining": campaign.remaining,
        "linksStats": {url: n for url, n in tally.links.items() if url != MIRROR}
        if kind == "linksStats"
        else {},
        "statsByDomain": {d: t.counters() for d, t in tally.by_domain.items()}
        if kind == "statsByDomain"
        else {},
        "statsByDevice": devices,
        "statsByBrowser": {b: t.engagement() for b, t in tally.by_browser.items()}
        if kind == "statsByBrowser"
        else {},
    }
