"""What one Especial account holds. Times are seconds since 1970, ids grow per kind and are never used twice.

Contacts belong to one list: the same person on two lists is two contacts, and each list counts its ids from 1.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from accounts.sandbox.especial.records import (
    Campaign,
    Dkim,
    EmailEvent,
    Event,
    Family,
    Pace,
    Segment,
    Sender,
    Task,
    Template,
    Webhook,
)
from accounts.sandbox.timeline import Timeline, secret

JSON = Any
NOT_KEPT: dict[str, Any] = {"kept": False}
NO_BOUNCE = "none"  # what `last_bounce_type` says before the first bounce


@dataclass(slots=True)
class Contact:
    id: int
    email: str
    status: str  # active, pending, unsubscribed, inactive_bounced, spam
    subscribed_on: float
    values: tuple[
        str, ...
    ] = ()  # by the place of the attribute on the list; what is missing at the end is empty
    tags: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    last_bounce: str = NO_BOUNCE
    bounces: int = 0

    def pack(self) -> list[JSON]:
        """A row, not a mapping: there may be hundreds of thousands. Most have nothing behind their values."""
        row: list[JSON] = [self.id, self.email, self.status, self.subscribed_on, self.values]
        more = [self.tags, self.interests, self.last_bounce, self.bounces]
        return row if more == [(), (), NO_BOUNCE, 0] else row + more

    @classmethod
    def unpack(cls, row: list[JSON]) -> "Contact":
        values: list[JSON] = [tuple(value) if isinstance(value, list) else value for value in row]
        return cls(*values)


@dataclass(slots=True)
class ContactList:
    id: int
    name: str
    created_on: float
    sender_id: str
    language: str = "en_US"
    status: str = "active"
    policy_accepted: bool = False
    redirections: dict[str, str] = field(default_factory=dict)
    webhook: dict[str, JSON] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)  # type by name, in the order of `Contact.values`
    interests: dict[str, str | None] = field(default_factory=dict)  # alias by name
    contacts: dict[int, Contact] = field(default_factory=dict)
    last_contact_id: int = 0
    deleted: int = 0  # contacts that were deleted
    # Worked out from the above:
    by_email: dict[str, int] = field(default_factory=dict, metadata=NOT_KEPT)
    chosen: dict[str, list[int]] = field(default_factory=dict, metadata=NOT_KEPT)  # selections already made

    def __post_init__(self) -> None:
        self.by_email = {contact.email: contact.id for contact in self.contacts.values()}

    def add(self, contact: Contact) -> None:
        self.contacts[contact.id] = contact
        self.by_email[contact.email] = contact.id
        self.chosen.clear()

    def remove(self, contact: Contact) -> None:
        del self.contacts[contact.id], self.by_email[contact.email]
        self.deleted += 1
        self.chosen.clear()

    def next_contact_id(self) -> int:
        self.last_contact_id += 1
        return self.last_contact_id

    def find(self, email: str) -> Contact | None:
        number = self.by_email.get(email.lower())
        return None if number is None else self.contacts[number]

    def value(self, contact: Contact, attribute: str) -> str:
        """Empty for a value that was never given, and for an attribute the list does not have."""
        place = (
            list(self.attributes).index(attribute) if attribute in self.attributes else len(contact.values)
        )
        return contact.values[place] if place < len(contact.values) else ""


@dataclass(slots=True)
class Account:
    name: str
    opened_on: float
    number: int = 0
    login: str = ""  # the address that signed in last; in the beginning the one that opened the account
    company: str = ""
    limits: bool = True
    partner: bool = False
    missing_status: int = 400  # what a missing object answers: no status is documented
    profile: dict[str, JSON] = field(default_factory=dict)  # address, phone, fax, website
    domains: dict[str, str] = field(default_factory=dict)
    dns_published: bool = False
    pace: Pace = field(default_factory=Pace)
    families: dict[str, Family] = field(default_factory=dict)
    senders: dict[str, Sender] = field(default_factory=dict)
    dkim: dict[int, Dkim] = field(default_factory=dict)
    lists: dict[int, ContactList] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    tags: dict[str, float] = field(default_factory=dict)
    templates: dict[int, Template] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    suppressed: dict[str, str] = field(default_factory=dict)  # source by address or pattern
    events: list[Event] = field(default_factory=list)
    emails: dict[int, dict[str, JSON]] = field(default_factory=dict)  # transactional
    email_events: list[EmailEvent] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # CSV by its unguessable name
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    forms: dict[str, dict[str, JSON]] = field(default_factory=dict)
    workflows: dict[str, dict[str, JSON]] = field(default_factory=dict)
    users: dict[str, dict[str, JSON]] = field(default_factory=dict)
    sub_accounts: dict[int, str] = field(default_factory=dict)  # account names
    standing: str = "active"
    mails: list[dict[str, JSON]] = field(default_factory=list)  # tests and confirmations that were sent
    ids: dict[str, int] = field(default_factory=dict)  # last one given, by kind
    pending: Timeline = field(default_factory=Timeline)
    # Worked out from the above:
    by_campaign: dict[int, list[Event]] = field(default_factory=dict, metadata=NOT_KEPT)
    by_list: dict[int, list[Event]] = field(default_factory=dict, metadata=NOT_KEPT)
    tallies: dict[int, Any] = field(default_factory=dict, metadata=NOT_KEPT)  # statistics already counted
    chosen: dict[str, Any] = field(default_factory=dict, metadata=NOT_KEPT)  # log lines already chosen

    def __post_init__(self) -> None:
        """Rebuild what is worked out, after the state file has been read."""
        self.number = self.number or account_number(self.name)
        by_campaign, by_list = defaultdict(list), defaultdict(list)
        for event in self.events:
            by_campaign[event.campaign_id].append(event)
            by_list[event.list_id].append(event)
        self.by_campaign, self.by_list = dict(by_campaign), dict(by_list)

    def next_id(self, kind: str) -> int:
        self.ids[kind] = self.ids.get(kind, 0) + 1
        return self.ids[kind]

    def new_name(self, kind: str) -> str:
        """An id of the sort that is text: nobody guesses it, nobody else has it."""
        return secret(self.name, kind, self.next_id(kind))

    def record(self, event: Event) -> None:
        self.events.append(event)
        self.by_list.setdefault(event.list_id, []).append(event)
        if event.campaign_id:
            self.by_campaign.setdefault(event.campaign_id, []).append(event)

    def forget_events(self, list_ids: Iterable[int]) -> None:
        gone = set(list_ids)
        self.events = [event for event in self.events if event.list_id not in gone]
        self.__post_init__()
        self.tallies.clear()
        self.chosen.clear()

    def suppresses(self, email: str) -> bool:
        """Whether nobody may write there: the address itself, its domain, or its local part anywhere."""
        local, _, domain = email.partition("@")
        return any(entry in self.suppressed for entry in (email, f"*@{domain}", f"{local}@*"))


def account_number(name: str) -> int:
    """The account's id, always the same for the same name."""
    return 100_000 + int(secret("account", name), 16) % 1_900_000_000
