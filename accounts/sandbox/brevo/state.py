"""What one Brevo account holds. Times are seconds since 1970, ids grow per kind and are never used twice."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from accounts.sandbox.timeline import Timeline

JSON = Any
NOT_KEPT: dict[str, Any] = {"kept": False}


@dataclass(slots=True)
class Contact:
    id: int
    email: str  # empty for a contact known by phone or ext_id alone
    created_at: float
    modified_at: float
    attributes: dict[str, JSON] = field(
        default_factory=dict
    )  # as kept: dates YYYY-MM-DD, categories as their number
    list_ids: tuple[int, ...] = ()
    unsubscribed_ids: tuple[int, ...] = ()  # lists the person left while staying reachable otherwise
    email_blacklisted: bool = False
    sms_blacklisted: bool = False
    ext_id: str = ""
    smtp_blocked_senders: tuple[str, ...] = ()

    def pack(self) -> list[JSON]:
        """A row, not a mapping: there may be hundreds of thousands."""
        return [
            self.id, self.email, self.created_at, self.modified_at, dict(self.attributes), self.list_ids,
            self.unsubscribed_ids, self.email_blacklisted, self.sms_blacklisted, self.ext_id, self.smtp_blocked_senders,
        ]  # fmt: skip

    @classmethod
    def unpack(cls, row: list[JSON]) -> "Contact":
        values: list[JSON] = [tuple(value) if isinstance(value, list) else value for value in row]
        return cls(*values)

    @property
    def sms(self) -> str:
        return str(self.attributes.get("SMS", ""))


@dataclass(slots=True)
class Folder:
    id: int
    name: str


@dataclass(slots=True)
class ContactList:
    id: int
    name: str
    folder_id: int
    created_at: float
    members: dict[int, None] = field(default_factory=dict, metadata=NOT_KEPT)  # contact ids; contacts keep it


@dataclass(slots=True)
class Segment:
    """Everyone whose attribute has the value, as the provider's own editor would have it."""

    id: int
    name: str
    category: str
    attribute: str
    value: JSON
    updated_at: float


@dataclass(slots=True)
class Attribute:
    name: str
    category: str
    type: str = ""
    enumeration: dict[int, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    formula: str = ""
    is_recurring: bool = False


@dataclass(slots=True)
class Sender:
    id: int
    name: str
    email: str
    active: bool
    otp: int
    ips: list[dict[str, JSON]] = field(default_factory=list)


@dataclass(slots=True)
class Domain:
    id: int
    name: str
    created_at: float
    published_at: float  # from when on the DNS records can be seen
    authenticated: bool = False
    code: str = ""


@dataclass(slots=True)
class Template:
    id: int
    name: str
    subject: str
    html: str
    sender_id: int
    is_active: bool
    created_at: float
    modified_at: float
    sender_name: str = ""
    reply_to: str = ""
    to_field: str = ""
    tag: str = ""
    attachment_url: str = ""
    test_sent: bool = False


@dataclass(slots=True)
class Wave:
    """Recipients whose mails leave together. `version` is the A/B subject, or empty."""

    at: float
    version: str
    contact_ids: list[int]


@dataclass(slots=True)
class Campaign:
    id: int
    name: str
    created_at: float
    modified_at: float
    fields: dict[str, JSON]  # what was written, by the names of the create call, content and sender resolved
    type: str = "classic"
    status: str = "draft"
    scheduled_at: float | None = None
    started_at: float | None = None
    sent_at: float | None = None
    previous_status: str = ""  # what `darchive` goes back to
    test_sent: bool = False
    held_back: list[int] = field(default_factory=list)  # A/B: those who wait for the winner
    winner_at: float | None = None
    winner: str = ""  # the version those held back were given
    waves: list[Wave] = field(default_factory=list)  # still to leave
    lease: int = 0  # grows with each pause, so that waves planned before it are void

    @property
    def remaining(self) -> int:
        return len(self.held_back) + sum(len(wave.contact_ids) for wave in self.waves)


class Event(NamedTuple):
    """One thing that happened to one recipient. `kind`: sent delivered hard soft open proxy click unsubscribe spam."""

    at: float
    kind: str
    contact_id: int
    email: str
    list_id: int  # the first list of the campaign that brought the recipient in; 0 by segment
    version: str = ""
    url: str = ""
    device: str = ""  # "desktop/Windows PC"
    browser: str = ""


@dataclass(slots=True)
class Process:
    id: int
    name: str
    work: str
    arguments: dict[str, JSON]
    created_at: float
    base_url: str
    status: str = "queued"
    export_url: str = ""
    notify_url: str = ""
    import_info: dict[str, JSON] = field(default_factory=dict)


@dataclass(slots=True)
class Webhook:
    id: int
    url: str
    description: str
    events: list[str]
    type: str
    created_at: float
    modified_at: float
    batched: bool = False
    domain: str = ""
    auth: dict[str, str] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Pace:
    """How fast things happen, in seconds of sandbox time."""

    send: float = 90.0  # from the first mail of a campaign to the last
    react: float = 600.0  # in which nearly all opens and clicks fall
    process: float = 2.0  # a background process, from queued to completed
    dns: float = 600.0  # until a new domain's records count as published


@dataclass(slots=True)
class Account:
    name: str
    opened_at: float
    credits: int = 9000
    owner_email: str = "owner@example.com"
    company: str = ""
    limits: bool = True
    flat_list_results: bool = False
    transactional_daily: int = 0  # transactional mails a day somebody else sends through this account
    utc_offset: int = 0  # hours; the account's zone, used in webhook dates
    test_list_id: int = 0
    pace: Pace = field(default_factory=Pace)
    contacts: dict[int, Contact] = field(default_factory=dict)
    folders: dict[int, Folder] = field(default_factory=dict)
    lists: dict[int, ContactList] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    senders: dict[int, Sender] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    dedicated_ips: list[dict[str, JSON]] = field(default_factory=list)
    templates: dict[int, Template] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    events: dict[int, list[Event]] = field(default_factory=dict)  # by campaign
    processes: dict[int, Process] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # CSV by its unguessable name
    opt_ins: dict[str, dict[str, JSON]] = field(default_factory=dict)  # waiting for confirmation, by address
    tests_sent: dict[str, int] = field(default_factory=dict)  # by day
    test_mails: list[dict[str, JSON]] = field(default_factory=list)
    reports_sent: list[dict[str, JSON]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)  # last one given, by kind
    pending: Timeline = field(default_factory=Timeline)
    # Worked out from the above:
    by_email: dict[str, int] = field(default_factory=dict, metadata=NOT_KEPT)
    by_sms: dict[str, int] = field(default_factory=dict, metadata=NOT_KEPT)
    by_ext_id: dict[str, int] = field(default_factory=dict, metadata=NOT_KEPT)
    events_by_contact: dict[int, list[tuple[int, Event]]] = field(default_factory=dict, metadata=NOT_KEPT)
    windows: dict[Any, Any] = field(default_factory=dict, metadata=NOT_KEPT)  # rate limits in progress
    tallies: dict[Any, Any] = field(default_factory=dict, metadata=NOT_KEPT)  # statistics already counted
    batches: dict[int, list[JSON]] = field(default_factory=dict, metadata=NOT_KEPT)  # per batched webhook

    def __post_init__(self) -> None:
        """Rebuild what is worked out, after the state file has been read."""
        for contact in self.contacts.values():
            self.index(contact)
        for campaign_id, events in self.events.items():
            for event in events:
                self.events_by_contact.setdefault(event.contact_id, []).append((campaign_id, event))

    def next_id(self, kind: str) -> int:
        self.ids[kind] = self.ids.get(kind, 0) + 1
        return self.ids[kind]

    def index(self, contact: Contact) -> None:
        """Make the contact findable by what it holds now."""
        for index, value in self._keys(contact):
            if value:
                index[value] = contact.id
        for list_id in contact.list_ids:
            self.lists[list_id].members[contact.id] = None

    def unindex(self, contact: Contact) -> None:
        """The opposite: before what it is found by changes, and before it goes."""
        for index, value in self._keys(contact):
            if value and index.get(value) == contact.id:
                del index[value]

    def _keys(self, contact: Contact) -> tuple[tuple[dict[str, int], str], ...]:
        return (self.by_email, contact.email), (self.by_sms, contact.sms), (self.by_ext_id, contact.ext_id)

    def record(self, campaign_id: int, event: Event) -> None:
        self.events.setdefault(campaign_id, []).append(event)
        self.events_by_contact.setdefault(event.contact_id, []).append((campaign_id, event))
