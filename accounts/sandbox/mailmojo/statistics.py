"""The three rates of a newsletter: counted from its events and from nothing else. More than these nobody is told."""

from dataclasses import dataclass, field

from accounts.sandbox.mailmojo.state import JSON, Account, Event, Newsletter

RATE_OF_ALL = 1.0  # the unit is not stated: 1.0 makes fractions, 100.0 would make percentages


@dataclass(slots=True)
class Tally:
    """Who did what, brought up to date by reading only the events that are new."""

    seen: int = 0
    people: dict[str, set[str]] = field(default_factory=dict)
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)  # until the next event

    def read(self, events: list[Event]) -> None:
        if len(events) > self.seen:
            self.counts.clear()
        for event in events[self.seen :]:
            self.people.setdefault(event.kind, set()).add(event.email)
        self.seen = len(events)

    def unique(self, *kinds: str) -> int:
        """People who did any of these."""
        if kinds not in self.counts:
            self.counts[kinds] = len(set().union(*(self.people.get(kind, set()) for kind in kinds)))
        return self.counts[kinds]


def tally(account: Account, row: Newsletter) -> Tally:
    found: Tally = account.tallies.setdefault(row.id, Tally())
    found.read(account.events.get(row.id, []))
    return found


def statistics(account: Account, row: Newsletter) -> dict[str, JSON]:
    """Opens and clicks of those who got the mail, bounces of those it was sent to.

    Opens by machines count like any other, unless the list filters its statistics.
    """
    counted = tally(account, row)
    sent, bounced = counted.unique("sent"), counted.unique("hard", "soft")
    filtered = account.lists[row.list_id].fields.get("enable_stats_filter")
    opened = counted.unique("open") if filtered else counted.unique("open", "proxy")
    return {
        "open_rate": _rate(opened, sent - bounced),
        "click_rate": _rate(counted.unique("click"), sent - bounced),
        "bounce_rate": _rate(bounced, sent),
        "num_shares": row.shares,
    }


def _rate(part: int, whole: int) -> float:
    return round(RATE_OF_ALL * part / whole, 4) if whole > 0 else 0.0
