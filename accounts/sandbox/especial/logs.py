"""The logs of lists and campaigns: one line for each thing that happened to somebody."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from accounts.sandbox import readers
from accounts.sandbox.especial import campaigns, lists
from accounts.sandbox.especial.records import Event
from accounts.sandbox.especial.shapes import JSON
from accounts.sandbox.especial.wire import Call, cut_by_cursor, refuse
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

LIST_TERMS = (
    "additional_info", "contact_id", "email", "uniques", "group_by_contact", "track_id", "log_id", "start_id", "end_id",
    "totals", "type",
)  # fmt: skip
CAMPAIGN_TERMS = (
    "additional_info", "link_id", "contact_id", "email", "uniques", "group_by_contact", "log_id", "totals", "type",
)  # fmt: skip
NOBODY_KNOWS = ("additional_info", "track_id")  # terms whose values are described nowhere: they find nothing
MOST_SELECTIONS = 64  # kept per account
DSN = {
    "bounce_hb": "550 5.1.1 The email account that you tried to reach does not exist",
    "bounce_sb": "452 4.2.2 The email account that you tried to reach is over quota",
}
FAMILIES = {"desktop": "pc", "mobile": "mobile", "tablet": "tablet"}
SYSTEMS = {"iPhone": "iOS", "iPad": "iOS", "Windows PC": "Windows", "Mac": "Mac OS X", "Android": "Android"}
BRANDS = {"iPhone": "Apple", "iPad": "Apple", "Mac": "Apple"}


@dataclass(slots=True)
class Selection:
    seen: int = 0
    lines: list[Event] = field(default_factory=list)


def user_agent(email: str, device: str, browser: str, bot: bool) -> dict[str, JSON]:
    """Machines say less about themselves: their device counts as a pc, for there is no word for an unknown one."""
    group, _, name = device.partition("/")
    number = int.from_bytes(blake2b(email.encode(), digest_size=2).digest(), "big")
    return {
        "ip": f"198.51.100.{number % 254 + 1}",
        "os": {"family": SYSTEMS.get(name), "version": None},
        "browser": {"family": browser or None, "version": None},
        "device": {
            "family": FAMILIES.get(group, "pc"),
            "brand": BRANDS.get(name),
            "model": name if name in BRANDS else None,
        },
        "is_bot": bot,
        "raw": None,
    }


def wire(event: Event, occurrences: int = 1) -> dict[str, JSON]:
    """`user_agent` stands only where there was one."""
    line: dict[str, JSON] = {
        "id": event.id,
        "contact_id": event.contact_id,
        "email": event.email,
        "type": event.type,
        "timestamp": int(event.at),
        "occurrences": occurrences,
        "clickthru_url": event.url or None,
    }
    if event.device:
        line["user_agent"] = user_agent(event.email, event.device, event.browser, event.bot)
    return line


def _list_wire(event: Event, occurrences: int) -> dict[str, JSON]:
    more = {
        "campaign_id": event.campaign_id or None,
        "dsn_message": DSN.get(event.type),
        "unsub_reason": None,
    }
    return wire(event, occurrences) | more


def _on(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")


def _number(wanted: dict[str, str], term: str, otherwise: int) -> int:
    if term not in wanted:
        return otherwise
    if not wanted[term].isdigit():
        raise refuse(f"Invalid filter value for {term}", "query", "filter")
    return int(wanted[term])


def _test(call: Call, wanted: dict[str, str], links: Sequence[str]) -> Callable[[Event], bool]:
    start, end = call.window()
    kind, email = wanted.get("type", ""), wanted.get("email", "").lower()
    contact, log, link = (_number(wanted, term, 0) for term in ("contact_id", "log_id", "link_id"))
    first, last = _number(wanted, "start_id", 0), _number(wanted, "end_id", 2**63)
    url = links[link - 1] if 0 < link <= len(links) else "?" if link else ""
    if any(term in wanted for term in NOBODY_KNOWS):
        return lambda event: False
    return lambda event: (
        start <= event.at <= end
        and (not kind or event.type == kind or (kind == "bounce" and event.type.startswith("bounce_")))
        and email in ("", event.email)
        and contact in (0, event.contact_id)
        and log in (0, event.id)
        and url in ("", event.url)
        and first <= event.id <= last
    )


def _matching(
    call: Call, subject: str, events: Sequence[Event], wanted: dict[str, str], links: Sequence[str]
) -> Sequence[Event]:
    """The lines asked for, oldest first. What was chosen once is kept and only added to: a log is read page after page."""
    start, end = call.query("start_time"), call.query("end_time")
    if not (wanted or start or end):
        return events
    test = _test(call, wanted, links)
    kept = call.account.chosen
    key = json.dumps([subject, wanted, start, end])
    if key not in kept and len(kept) >= MOST_SELECTIONS:
        kept.clear()
    selection = kept.setdefault(key, Selection())
    selection.lines += filter(test, events[selection.seen :])
    selection.seen = len(events)
    return selection.lines


def _together(lines: Sequence[Event], wanted: dict[str, str]) -> tuple[Sequence[Event], dict[int, int]]:
    """Several lines shown as one, if that was asked for, and how often each of them occurred."""
    grouped = _on(wanted.get("group_by_contact"))
    if not grouped and not _on(wanted.get("uniques")):
        return lines, {}
    first: dict[tuple[int, str], Event] = {}
    counts: dict[int, int] = {}
    for event in lines:
        one = first.setdefault((event.contact_id, "" if grouped else event.type), event)
        counts[one.id] = counts.get(one.id, 0) + 1
    return list(first.values()), counts


@routes.route("GET", "/logs/lists/{list_id}")
def get_list_logs(call: Call) -> Reply:
    row, wanted = lists.find(call), call.filters(*LIST_TERMS)
    lines = _matching(call, f"list {row.id}", call.account.by_list.get(row.id, []), wanted, ())
    lines, counts = _together(lines, wanted)
    return call.collection(lines, lambda event: _list_wire(event, counts.get(event.id, 1)))


@routes.route("GET", "/logs/campaigns/{campaign_id}")
def get_campaign_logs(call: Call) -> Reply:
    campaign, wanted = campaigns.find(call), call.filters(*CAMPAIGN_TERMS)
    links = readers.links_of(campaign.content.get("html", ""))
    events = call.account.by_campaign.get(campaign.id, [])
    lines, counts = _together(_matching(call, f"campaign {campaign.id}", events, wanted, links), wanted)
    term, downwards = call.order("time", "log_id", default="log_id")
    if term == "time":
        lines = sorted(lines, key=lambda event: event.at, reverse=downwards)
    elif downwards:
        lines = lines[::-1]
    by_id = term == "log_id" and not downwards
    page, head = cut_by_cursor(call, lines, (lambda event: event.id) if by_id else None)
    return Reply(200, {"pagination": head, "data": [wire(event, counts.get(event.id, 1)) for event in page]})
