"""One campaign's report, from stored figures alone: the same few indexed rows for ten people or ten million."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone

from accounts.models import OutboxEntry
from campaigns.models import Campaign, Delivery
from reporting.definitions import COMPARED, FIGURE_KINDS, GROUPS, Group, What
from reporting.models import DomainFigures, Event, Figures, LinkFigures, SpanFigures

# States in which somebody may have been mailed.
BEFORE_LEAVING = (
    Delivery.State.HELD,
    Delivery.State.PREPARING,
    Delivery.State.READY,
    Delivery.State.ARMED,
    Delivery.State.ACCEPTED,
    Delivery.State.REFUSED,
    Delivery.State.CANCELLED,
)
ABOUT_PEOPLE = (What.OPENED, What.MACHINE, What.CLICKED, What.LEFT)
MOST_LINKS, MOST_DOMAINS, MOST_SPANS = 100, 12, 5000
# The time line begins with the mailing and shows this much at most.
TIME_LINE = timedelta(days=14)
# Mails arrive and are opened after the account has sent the last one; an open page follows for so long.
LIVE = timedelta(days=1)
STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 180, 360, 1440))
MOST_POINTS = 72


@dataclass(frozen=True, slots=True)
class Tile:
    """`about`: what people did, or what became of the mail."""

    label: str
    value: int | None
    rate: float | None
    url: str
    definition: str
    source: str
    read_at: datetime
    about: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Both counts of one figure, with the account's definition and why they may differ."""

    label: str
    ours: int
    theirs: int
    definition: str
    why: str

    @property
    def by(self) -> int:
        return self.ours - self.theirs


@dataclass(slots=True)
class Report:
    """`ours` and `theirs` are the two figures rows; pages show `ours` where there is one."""

    delivery: Delivery
    ours: Figures | None = None
    theirs: Figures | None = None
    sent: int | None = None
    tiles: list[Tile] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    # (id, url, clicks, people, the account's clicks)
    links: list[tuple[int, str, int | None, int | None, int | None]] = field(default_factory=list)
    # (domain, delivered, opened, open rate, clicked, click rate, bounced)
    domains: list[tuple[str, int, int | None, float | None, int | None, float | None, int | None]] = field(
        default_factory=list
    )
    series: list[tuple[str, list[tuple[datetime, int]]]] = field(default_factory=list)
    # What nobody tells: labels of figures.
    untold: list[str] = field(default_factory=list)
    is_reading: bool = False

    @property
    def main(self) -> Figures | None:
        return self.ours or self.theirs

    @property
    def rows_of_tiles(self) -> tuple[list[Tile], list[Tile]]:
        """What people did, and what became of the mail."""
        people, mail = ([tile for tile in self.tiles if tile.about == about] for about in ("people", "mail"))
        return people, mail

    @property
    def told(self) -> frozenset[str]:
        """Kinds of events whose people are known here; of the others there is the account's number at most."""
        provider = self.delivery.connection.provider_class
        if self.ours is None:
            return frozenset()
        own_page = () if provider.capabilities.links_unsubscribe else (Event.Kind.UNSUBSCRIBED,)
        kinds = provider.told_kinds() if self.is_read_back else provider.told_by_calls
        return kinds | frozenset(own_page)

    @property
    def is_read_back(self) -> bool:
        """Whether more is known than our own page to leave tells: a leave proves the delivery of that one mail alone."""
        if self.ours is None:
            return False
        if self.delivery.connection.provider_class.told_by_calls:
            return True
        counts = self.ours.counts
        others = [count for name, count in counts.items() if name not in ("delivered", "unsubscribed")]
        return any(others) or counts.get("delivered", 0) > counts.get("unsubscribed", 0)

    @property
    def tells_people(self) -> bool:
        """Whether openings and clicks are known person by person."""
        return Event.Kind.OPENED in self.told

    @property
    def tells_links(self) -> bool:
        return self.tells_people or "links" in self.delivery.connection.provider_class.definitions

    @property
    def tells_domains(self) -> bool:
        return Event.Kind.DELIVERED in self.told

    @property
    def is_totals_only(self) -> bool:
        return not self.delivery.connection.provider_class.told_kinds()

    @property
    def why_totals_only(self) -> str:
        return self.delivery.connection.capabilities.sentence("reports_people")

    @property
    def awaits_people(self) -> bool:
        """Whether who it was is asked of the account after the end, and has not come yet."""
        provider = self.delivery.connection.provider_class
        return not self.is_read_back and bool(provider.told_on_request) and not provider.told_by_calls

    @property
    def is_live(self) -> bool:
        """Whether the page should look for new numbers by itself."""
        finished_at = self.delivery.finished_at
        return finished_at is None or timezone.now() - finished_at < LIVE

    @property
    def is_webhook_missing(self) -> bool:
        """Whether the account could tell us what happens, and does not."""
        connection = self.delivery.connection
        return bool(connection.provider_class.told_by_calls) and not connection.webhook_remote_id


def left_delivery(campaign: Campaign) -> Delivery | None:
    """The newest part of a campaign that went out, or is going."""
    return (
        campaign.deliveries.select_related("connection")
        .exclude(state__in=BEFORE_LEAVING)
        .defer("html", "text")
        .order_by("-generation", "-id")
        .first()
    )


def report_of(campaign: Campaign, delivery: Delivery) -> Report:
    figures = {row.source: row for row in Figures.objects.filter(delivery=delivery)}
    theirs = figures.get(Figures.Source.PROVIDER)
    # Of a campaign written over there only some calls may have reached us: the account's count is the whole.
    ours = None if campaign.is_imported else figures.get(Figures.Source.EVENTS)
    report = Report(delivery, ours=ours, theirs=theirs, sent=sent_to(delivery, theirs))
    report.is_reading = is_being_read(delivery)
    if report.main is None:
        return report
    report.tiles = _tiles(campaign, report)
    report.differences = _differences(report)
    report.links = _links(report)
    report.domains = _domains(report)
    _draw_time_line(report)
    return report


def is_being_read(delivery: Delivery) -> bool:
    """Whether the account's figures are on their way."""
    return OutboxEntry.objects.filter(
        task="reporting.refresh_figures",
        subject_type=ContentType.objects.get_for_model(Delivery),
        subject_id=delivery.pk,
        state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED],
    ).exists()


def sent_to(delivery: Delivery, theirs: Figures | None) -> int | None:
    """How many people it went to: the account's word, else as frozen."""
    told = theirs.counts.get("sent") if theirs else None
    return told if told else delivery.equation.get("frozen", {}).get("receives")


def count_of(figures: Figures, name: str) -> int | None:
    """A count by its name; the people only machines opened for are the rest of all who opened."""
    counts = figures.counts
    if name == "opened_by_machine":
        if "opened" in counts and "opened_by_human" in counts:
            return max(0, counts["opened"] - counts["opened_by_human"])
        return None
    found = counts.get(name)
    return None if found is None else int(found)


def rate(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


@dataclass(frozen=True, slots=True)
class Best:
    """One figure from whoever knows it best: our own count of people, else the account's number or share."""

    value: int | None
    rate: float | None
    is_ours: bool
    name: str  # under which it was told
    is_of_delivered: bool = True  # else of all it was sent to


# Where the account does not tell a figure it may tell a wider one.
WIDER = {"opened_by_human": "opened", "hard_bounced": "bounced"}


def best_of(report: Report, what: str) -> Best | None:
    """None where nobody tells it. Never a zero that nobody counted."""
    group = GROUPS[what]
    if group.kind in report.told and report.ours is not None:
        value = count_of(report.ours, group.figure)
        delivered = None if group.base == "sent" else _delivered(report)
        whole = report.sent if delivered is None else delivered
        return Best(value, rate(value, whole), True, group.figure, delivered is not None)
    theirs = report.theirs
    if theirs is None:
        return None
    for name in filter(None, (group.figure, WIDER.get(group.figure))):
        value = count_of(theirs, name)
        if value is not None:
            whole = report.sent if group.base == "sent" else count_of(theirs, group.base) or report.sent
            return Best(value, rate(value, whole), False, name)
        if (share := theirs.rates.get(name)) is not None:
            return Best(None, float(share), False, name)
    return None


def _delivered(report: Report) -> int | None:
    """How many it was delivered to. None where nobody tells: then the only ones known to have it are those who acted."""
    ours = (
        count_of(report.ours, "delivered") or 0 if report.ours and Event.Kind.DELIVERED in report.told else 0
    )
    if ours and Event.Kind.DELIVERED in report.delivery.connection.provider_class.told_by_calls:
        return ours
    # Where it is told on request only, ours is the whole once everybody has been read back.
    theirs = count_of(report.theirs, "delivered") if report.theirs else None
    return None if theirs is None else max(ours, theirs)


def label_of(what: What, best: Best, definitions: Mapping[str, str]) -> str:
    """What a figure is called, by what the account's definition of it says."""
    if best.is_ours:
        return what.label
    if best.name == "opened":
        return "Opened, machines included" if "included" in definitions.get("opened", "") else "Opened"
    if best.name == "bounced" or (best.name == "hard_bounced" and "soft_bounced" not in definitions):
        return "Bounced"  # for good and for now are one figure there
    return what.label


def _definition(group: Group, best: Best) -> str:
    if best.is_of_delivered or group.base == "sent":
        return group.definition
    return group.definition.replace("of those delivered", "of those it was sent to")


def _tiles(campaign: Campaign, report: Report) -> list[Tile]:
    people_url = reverse("reporting:people", args=[campaign.pk])
    definitions = report.delivery.connection.provider_class.definitions
    tiles: list[Tile] = []
    for what in What:
        group = GROUPS[what]
        best = best_of(report, what)
        if best is None:
            if not (what == What.SOFT_BOUNCED and any(tile.label == "Bounced" for tile in tiles)):
                report.untold.append(what.label.lower())
            continue
        figures = report.ours if best.is_ours else report.theirs
        assert figures is not None  # noqa: S101 - it told
        tiles.append(
            Tile(
                label=label_of(what, best, definitions),
                value=best.value,
                rate=best.rate,
                url=f"{people_url}?what={what}" if best.is_ours and best.value else "",
                definition=_definition(group, best)
                if best.is_ours
                else definitions.get(best.name, group.definition),
                source="Campanile" if best.is_ours else str(report.delivery.connection),
                read_at=figures.read_at,
                about="people" if what in ABOUT_PEOPLE else "mail",
            )
        )
    return tiles


def _differences(report: Report) -> list[Difference]:
    if report.ours is None or report.theirs is None:
        return []
    definitions = report.delivery.connection.provider_class.definitions
    told = {name for name in COMPARED if FIGURE_KINDS[name] in report.told}
    found = []
    for name, (label, why) in COMPARED.items():
        ours, theirs = count_of(report.ours, name), count_of(report.theirs, name)
        if name in told and ours is not None and theirs is not None:
            found.append(Difference(label, ours, theirs, definitions.get(name, ""), why))
    return found


def _links(report: Report) -> list[tuple[int, str, int | None, int | None, int | None]]:
    rows: dict[str, dict[str, LinkFigures]] = {}
    for row in LinkFigures.objects.filter(delivery=report.delivery).order_by("-clicks", "pk")[
        : 2 * MOST_LINKS
    ]:
        rows.setdefault(row.url, {})[row.source] = row
    links = []
    for url, sources in rows.items():
        ours = sources.get(Figures.Source.EVENTS) if report.tells_people else None
        theirs = sources.get(Figures.Source.PROVIDER)
        if ours or theirs:
            links.append(
                (
                    ours.pk if ours else 0,
                    url,
                    ours.clicks if ours else None,
                    ours.people if ours else None,
                    theirs.clicks if theirs else None,
                )
            )
    links.sort(key=lambda link: (-(link[3] or 0), -(link[2] or 0), -(link[4] or 0), link[1]))
    return links[:MOST_LINKS]


def _domains(
    report: Report,
) -> list[tuple[str, int, int | None, float | None, int | None, float | None, int | None]]:
    own = Event.Kind.DELIVERED in report.told
    source = Figures.Source.EVENTS if own else Figures.Source.PROVIDER
    found = []
    for row in DomainFigures.objects.filter(delivery=report.delivery, source=source).order_by(
        DomainFigures.DELIVERED.desc()
    )[:MOST_DOMAINS]:
        counts: Mapping[str, Any] = row.counts
        delivered = counts.get("delivered") or 0
        opened, clicked = counts.get("opened_by_human"), counts.get("clicked")
        bounced = (counts.get("hard_bounced") or 0) + (counts.get("soft_bounced") or 0)
        found.append(
            (
                row.domain,
                delivered,
                opened,
                rate(opened, delivered),
                clicked,
                rate(clicked, delivered),
                bounced,
            )
        )
    return found


def _draw_time_line(report: Report) -> None:
    """Counts in equal steps, quiet ones included, from the start of the mailing to the last thing that happened."""
    if not report.tells_people:
        return
    begin = report.delivery.started_at or report.delivery.send_at
    # A mail may be a little ahead of what we noticed.
    rows = list(
        SpanFigures.objects.filter(
            delivery=report.delivery, start_at__gte=begin - timedelta(hours=1), start_at__lt=begin + TIME_LINE
        )
        .order_by("start_at")
        .values_list("start_at", "opens", "machine_opens", "clicks")[:MOST_SPANS]
    )
    if not rows:
        return
    first, last = rows[0][0], rows[-1][0]
    step = next((step for step in STEPS if (last - first) / step <= MOST_POINTS), STEPS[-1])
    first -= (first - datetime.min.replace(tzinfo=first.tzinfo)) % step
    places = int((last - first) / step) + 1
    sums = [[0] * places for _ in range(3)]
    for start_at, *counts in rows:
        place = int((start_at - first) / step)
        for line, count in zip(sums, counts, strict=True):
            line[place] += count
    at = [first + step * place for place in range(places)]
    report.series = [
        (label, list(zip(at, line, strict=True)))
        for label, line in zip(("Opened", "Opened by machines", "Clicked"), sums, strict=True)
        if any(line) or label != "Opened by machines"
    ]
