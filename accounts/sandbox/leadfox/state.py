"""What one Leadfox account holds. Times are seconds since 1970, ids 24 hexadecimal digits that grow."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from accounts.sandbox.leadfox.dates import read_stamp, stamp
from accounts.sandbox.timeline import Timeline, secret

JSON = Any
NOT_KEPT: dict[str, Any] = {"kept": False}
MOST_WALKS = 8
OPTED_IN = "opt-in"
ONCE = ("sent", "bounce", "unsubscribe", "spam")  # what a person can do or suffer once per campaign


class Row(Protocol):
    """What can be listed. `get` answers None for what the row has not; `_id` and `_owner` are not its business."""

    @property
    def id(self) -> str: ...

    def names(self) -> Iterable[str]: ...

    def get(self, name: str) -> JSON: ...


@dataclass(slots=True)
class Thing:
    """A folder, list, e-mail design, mailing list or property: what was written to it and nothing more."""

    id: str
    fields: dict[str, str]

    def names(self) -> Iterable[str]:
        return self.fields

    def get(self, name: str) -> JSON:
        return self.fields.get(name)


@dataclass(slots=True)
class Contact:
    id: str
    email: str  # in lower case
    created_at: float
    modified_at: float
    properties: dict[str, str] = field(default_factory=dict)  # by shortcode
    lists: dict[str, float] = field(default_factory=dict)  # list id → since when
    mailinglists: dict[str, list[JSON]] = field(
        default_factory=dict
    )  # mailing list id → [status, since when]
    subscribed: bool = True
    tracked: bool = True  # consents to opens and clicks of mails being followed
    lifecycle: str = "subscriber"

    def pack(self) -> list[JSON]:
        """A row, not a mapping: there may be hundreds of thousands."""
        return [
            self.id, self.email, self.created_at, self.modified_at, dict(self.properties), dict(self.lists),
            dict(self.mailinglists), self.subscribed, self.tracked, self.lifecycle,
        ]  # fmt: skip

    @classmethod
    def unpack(cls, row: list[JSON]) -> "Contact":
        return cls(*row)

    def names(self) -> Iterable[str]:
        yield from ("email", "name", "properties", "subscribed", "created", "modified", "lifecycle", "lists")
        yield from ("mailinglists", "sessionTrackingConsent")
        if not self.tracked:
            yield "emailTrackingConsent"

    def get(self, name: str) -> JSON:
        match name:
            case "email" | "properties" | "subscribed" | "lifecycle":
                return getattr(self, name)
            case "name":
                parts = (self.properties.get("firstname"), self.properties.get("lastname"))
                return " ".join(filter(None, parts)) or None
            case "created":
                return stamp(self.created_at)
            case "modified":
                return stamp(self.modified_at)
            case "lists":
                return [{"list": list_id, "time": stamp(since)} for list_id, since in self.lists.items()]
            case "mailinglists":
                return [
                    {"mailinglist": number, "status": status, "updated": stamp(since)}
                    for number, (status, since) in self.mailinglists.items()
                ]
            case "sessionTrackingConsent":
                return {"status": "DENIED", "updated": stamp(self.created_at)}
            case "emailTrackingConsent" if not self.tracked:
                return {"status": "DENIED", "updated": stamp(self.created_at)}
        return None

    def may_be_mailed(self, mailinglist: str | None) -> bool:
        """`mailinglist`: the consent category the campaign goes through, if any."""
        return self.subscribed and (
            mailinglist is None or self.mailinglists.get(mailinglist, [None])[0] == OPTED_IN
        )


@dataclass(slots=True)
class Wave:
    """Recipients whose mails leave together."""

    at: float
    contact_ids: list[str]


@dataclass(slots=True)
class Campaign:
    id: str
    number: int  # which of the account's campaigns: chance hangs on it, for ids differ from run to run
    fields: dict[str, JSON]  # what was written, by the provider's names; `start` as a stamp
    status: str = "d"
    started_at: float | None = None
    waves: list[Wave] = field(default_factory=list)  # still to leave
    lease: int = 0  # grows whenever its plans change, so that what was planned before is void

    def names(self) -> Iterable[str]:
        return (*self.fields, "status")

    def get(self, name: str) -> JSON:
        return self.status if name == "status" else self.fields.get(name)

    @property
    def start_at(self) -> float | None:
        return read_stamp(self.fields["start"]) if "start" in self.fields else None

    @property
    def mailinglist(self) -> str | None:
        chosen: str | None = self.fields.get("mailinglist", {}).get("mailinglist")
        return chosen


class Event(NamedTuple):
    """One thing that happened to one recipient. `kind`: sent open click bounce unsubscribe spam."""

    at: float
    kind: str
    contact_id: str
    design_id: str
    first: bool  # the first of its kind by this person in this campaign


@dataclass(slots=True)
class Pace:
    """How fast things happen, in seconds of sandbox time."""

    send: float = 90.0  # from the first mail of a campaign to the last
    react: float = 600.0  # in which nearly all opens and clicks fall
    process: float = 2.0  # nothing runs in the background here; every provider knows the word


@dataclass(slots=True)
class Account:
    name: str
    opened_at: float
    company: str = ""
    secret: str = ""  # the only one that opens the account; empty: any but `wrong`
    updates: str = "both"  # methods that change things: "both", or "put" or "patch" alone
    pace: Pace = field(default_factory=Pace)
    folders: dict[str, Thing] = field(default_factory=dict)
    lists: dict[str, Thing] = field(default_factory=dict)
    designs: dict[str, Thing] = field(default_factory=dict)
    mailinglists: dict[str, Thing] = field(default_factory=dict)
    properties: dict[str, Thing] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)  # by campaign
    last_number: int = 0
    last_second: int = 0
    pending: Timeline = field(default_factory=Timeline)
    # Worked out from the above:
    by_email: dict[str, str] = field(default_factory=dict, metadata=NOT_KEPT)
    members: dict[str, dict[str, None]] = field(default_factory=dict, metadata=NOT_KEPT)  # list → contacts
    people: dict[tuple[str, str], set[str]] = field(default_factory=dict, metadata=NOT_KEPT)
    days: dict[str, dict[str, Counter[str]]] = field(default_factory=dict, metadata=NOT_KEPT)
    walks: dict[Any, list[Any]] = field(default_factory=dict, metadata=NOT_KEPT)  # listings being paged

    def __post_init__(self) -> None:
        """Rebuild what is worked out, after the state file has been read."""
        for contact in self.contacts.values():
            self.index(contact)
        for campaign_id, events in self.events.items():
            for event in events:
                self._count(campaign_id, event)

    @property
    def client_id(self) -> str:
        """The tenant: `clientid` of a token, `_owner` of everything."""
        return (secret("client", self.name) + secret("owner", self.name))[:24]

    def next_id(self, now: float) -> str:
        """As the provider's database makes them: the second, the machine, a number; so they sort by age."""
        self.last_number += 1
        self.last_second = max(self.last_second, int(now))
        return f"{self.last_second:08x}{secret(self.name)[:10]}{self.last_number:06x}"

    def changed(self) -> None:
        """Something that is listed has changed: walks through listings begin anew."""
        self.walks.clear()

    def index(self, contact: Contact) -> None:
        self.by_email[contact.email] = contact.id
        for list_id in contact.lists:
            self.members.setdefault(list_id, {})[contact.id] = None

    def contact_by_email(self, email: str) -> Contact | None:
        contact_id = self.by_email.get(email.lower())
        return self.contacts[contact_id] if contact_id else None

    def shortcodes(self) -> set[str]:
        return {row.fields["shortcode"] for row in self.properties.values()}

    def seen(self, campaign_id: str, kind: str) -> set[str]:
        """The contacts to whom this has happened in this campaign."""
        return self.people.setdefault((campaign_id, kind), set())

    def record(self, campaign_id: str, at: float, kind: str, contact_id: str, design_id: str) -> None:
        first = contact_id not in self.seen(campaign_id, kind)
        if first or kind not in ONCE:
            event = Event(at, kind, contact_id, design_id, first)
            self.events.setdefault(campaign_id, []).append(event)
            self._count(campaign_id, event)

    def _count(self, campaign_id: str, event: Event) -> None:
        self.seen(campaign_id, event.kind).add(event.contact_id)
        for element_id in (campaign_id, event.design_id):
            count(self.days.setdefault(element_id, {}), event)


def count(days: dict[str, Counter[str]], event: Event) -> None:
    """Add one event to the counters of its day (UTC)."""
    day = days.setdefault(stamp(event.at)[:10], Counter())
    day[event.kind] += 1
    if event.first:
        day[f"unique{event.kind}"] += 1
