"""What one Mailmojo account holds. Times are seconds since 1970, ids grow per kind and are never used twice."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from accounts.sandbox.timeline import Timeline

JSON = Any
NOT_KEPT: dict[str, Any] = {"kept": False}

# The provider's letters for how a contact stands, on a list and altogether.
ACTIVE, UNSUBSCRIBED, BOUNCED, DELETED = "a", "u", "b", "d"
DAILY = {ACTIVE: 0, UNSUBSCRIBED: 1, BOUNCED: 2, DELETED: 3}  # place in `Account.daily`


class Association(NamedTuple):
    """A contact on a list."""

    list_id: int
    status: str
    added: float
    status_changed: float


@dataclass(slots=True)
class Contact:
    """Known by the address alone; the provider gives no id."""

    email: str
    added: float
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    phone: str = ""
    custom: dict[str, JSON] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    status: str = ACTIVE
    status_changed: float = 0.0
    associations: tuple[Association, ...] = ()

    def pack(self) -> list[JSON]:
        """A row, not a mapping: there may be hundreds of thousands."""
        return [
            self.email, self.added, self.first_name, self.last_name, self.name, self.phone, dict(self.custom),
            self.tags, self.status, self.status_changed, self.associations,
        ]  # fmt: skip

    @classmethod
    def unpack(cls, row: list[JSON]) -> "Contact":
        contact = cls(*row)
        contact.tags = tuple(contact.tags)
        contact.associations = tuple(Association(*association) for association in row[-1])
        return contact

    def on(self, list_id: int) -> Association | None:
        return next((a for a in self.associations if a.list_id == list_id), None)


@dataclass(slots=True)
class Segment:
    """Part of a list by tags; every predicate must hold."""

    id: int
    list_id: int
    name: str
    created: float
    predicates: list[tuple[str, str]]  # (has_tag | not_has_tag, tag)

    def holds(self, contact: Contact) -> bool:
        return all((tag in contact.tags) == (kind == "has_tag") for kind, tag in self.predicates)


@dataclass(slots=True)
class ContactList:
    """The sender of its newsletters belongs to it."""

    id: int
    name: str
    from_name: str
    from_email: str
    created: float
    fields: dict[str, JSON] = field(default_factory=dict)  # whatever else was written
    # Addresses of those who are on it, and of those who are there in any other state. Contacts keep it.
    active: dict[str, None] = field(default_factory=dict, metadata=NOT_KEPT)
    inactive: dict[str, None] = field(default_factory=dict, metadata=NOT_KEPT)


@dataclass(slots=True)
class Domain:
    id: int
    name: str
    created: float
    authenticated: bool = False


@dataclass(slots=True)
class Template:
    id: int
    name: str
    subject: str
    html: str


@dataclass(slots=True)
class Wave:
    """Recipients whose mails leave together."""

    at: float
    emails: list[str]


@dataclass(slots=True)
class Newsletter:
    """`status`: draft scheduled sending sent aborted. In replies it is a set of booleans."""

    id: int
    list_id: int
    subject: str
    saved: float
    title: str = ""
    html: str = ""
    preview_text: str = ""
    utm_campaign: str = ""
    template_id: int | None = None
    segment_ids: list[int] = field(default_factory=list)
    status: str = "draft"
    send_at: float | None = None
    started: float | None = None
    completed: float | None = None
    num_recipients: int = 0  # once it started
    shares: int = 0
    waves: list[Wave] = field(default_factory=list)  # still to leave
    lease: int = 0  # grows with each start and cancel, so that what was planned before is void


class Event(NamedTuple):
    """One thing that happened to one recipient. `kind`: sent delivered hard soft open proxy click unsubscribe spam."""

    at: float
    kind: str
    email: str
    url: str = ""


@dataclass(slots=True)
class Webhook:
    id: int
    topic: str
    callback_url: str
    is_enabled: bool
    secret: str
    integration_id: str
    created: float


@dataclass(slots=True)
class Pace:
    """How fast things happen, in seconds of sandbox time."""

    send: float = 90.0  # from the first mail of a newsletter to the last
    react: float = 600.0  # in which nearly all opens and clicks fall
    process: float = 2.0  # nothing here runs in the background; taken because every provider takes it


@dataclass(slots=True)
class Account:
    name: str
    opened_at: float
    company: str = ""
    profile: dict[str, JSON] = field(default_factory=dict)  # what the account pages hold
    partner: str = ""  # the client that made it
    trial_days: int = 0
    credits: int | None = None  # None: nobody counts
    default_sender: list[str] = field(default_factory=list)  # name and address for lists seeded without
    pace: Pace = field(default_factory=Pace)
    families: dict[str, int] = field(default_factory=dict)  # tokens: the serial that is good, -1 when revoked
    contacts: dict[str, Contact] = field(default_factory=dict)  # by address
    daily: dict[str, list[int]] = field(default_factory=dict)  # by day: added, unsubscribed, bounced, deleted
    lists: dict[int, ContactList] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    domains: dict[int, Domain] = field(default_factory=dict)
    templates: dict[int, Template] = field(default_factory=dict)
    newsletters: dict[int, Newsletter] = field(default_factory=dict)
    events: dict[int, list[Event]] = field(default_factory=dict)  # by newsletter
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    forms: dict[int, dict[str, JSON]] = field(default_factory=dict)
    pages: dict[int, dict[str, JSON]] = field(default_factory=dict)
    automations: dict[int, dict[str, JSON]] = field(default_factory=dict)
    test_mails: list[dict[str, JSON]] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)  # last one given, by kind
    pending: Timeline = field(default_factory=Timeline)
    # Worked out from the above:
    tallies: dict[int, Any] = field(default_factory=dict, metadata=NOT_KEPT)  # statistics already counted

    def __post_init__(self) -> None:
        """Rebuild what is worked out, after the state file has been read."""
        for contact in self.contacts.values():
            self.index(contact)

    def next_id(self, kind: str) -> int:
        self.ids[kind] = self.ids.get(kind, 0) + 1
        return self.ids[kind]

    def index(self, contact: Contact) -> None:
        """Make the contact findable on its lists by what it is now."""
        for list_id, status, *_ in contact.associations:
            row = self.lists[list_id]
            inside, outside = (row.active, row.inactive) if status == ACTIVE else (row.inactive, row.active)
            outside.pop(contact.email, None)
            inside[contact.email] = None

    def unindex(self, contact: Contact) -> None:
        """The opposite, before the address changes."""
        for association in contact.associations:
            row = self.lists[association.list_id]
            row.active.pop(contact.email, None)
            row.inactive.pop(contact.email, None)

    @property
    def active_contacts(self) -> int:
        return sum(added - left - bounced - gone for added, left, bounced, gone in self.daily.values())
