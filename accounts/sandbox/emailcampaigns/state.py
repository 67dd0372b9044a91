"""What one Email Campaigns account holds. Times are seconds since 1970; a record's number is the end of its id."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from accounts.sandbox.timeline import Timeline, secret

JSON = Any


class Contact(NamedTuple):
    email: str  # in lower case
    name: str
    columns: dict[str, str]  # what else its CSV row held, by header


class Result(NamedTuple):
    """One recipient of one campaign. How it ends is fixed when the mail leaves, but not shown before `ends_at`."""

    number: int
    email: str
    name: str
    columns: dict[str, str]
    sent_at: float
    ends_at: float
    disposition: str


@dataclass(slots=True)
class Record:
    """The fields of each kind of record that follow `modified_at` have the API's own names."""

    number: int
    created_at: float
    modified_at: float


R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class Sender(Record):
    description: str
    email: str


@dataclass(slots=True)
class OptOut(Record):
    email: str


@dataclass(slots=True)
class Message(Record):
    description: str  # the subject
    email_message: str


@dataclass(slots=True)
class Group(Record):
    tag: str
    contacts: dict[str, Contact] = field(default_factory=dict)  # by address

    def pack(self) -> list[JSON]:
        """A row with rows: there may be hundreds of thousands."""
        return [self.number, self.created_at, self.modified_at, self.tag, list(self.contacts.values())]

    @classmethod
    def unpack(cls, row: list[JSON]) -> "Group":
        number, created_at, modified_at, tag, contacts = row
        return cls(number, created_at, modified_at, tag, {row[0]: Contact(*row) for row in contacts})


@dataclass(slots=True)
class Campaign(Record):
    name: str
    start_at: float
    timezone: str
    group: int
    sender: int
    message: int
    queue: int
    sender_email: str  # as it was at creation: the sender may be gone when the mail leaves
    status: str = "active"
    started_at: float | None = None
    waiting: list[Contact] = field(default_factory=list)  # not mailed yet, from the start on
    wave_size: int = 0
    wave_gap: float = 0.0  # seconds
    lease: int = 0  # grows with each change of status, so that a wave planned before it is void
    results: list[Result] = field(default_factory=list)


@dataclass(slots=True)
class Pace:
    """How fast things happen, in seconds of sandbox time."""

    send: float = 90.0  # from the first mail of a campaign to the last
    react: float = 600.0  # in which nearly all who leave do so
    process: float = 2.0  # from the answer to an uploaded CSV until it has taken effect


@dataclass(slots=True)
class Account:
    name: str
    opened_at: float
    pace: Pace = field(default_factory=Pace)
    senders: dict[int, Sender] = field(default_factory=dict)
    optouts: dict[int, OptOut] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    last_number: int = 0
    people_made: int = 0  # by seeds that asked for a number of contacts
    pending: Timeline = field(default_factory=Timeline)
    id_stem: str = field(default="", metadata={"kept": False})

    def __post_init__(self) -> None:
        self.id_stem = secret("emailcampaigns", self.name)

    def next_number(self) -> int:
        self.last_number += 1
        return self.last_number

    def id_of(self, number: int) -> str:
        """24 hexadecimal digits, the same in every run. Number 0 is the account itself (`client_id`)."""
        return f"{self.id_stem}{number:08x}"

    def number_of(self, record_id: str) -> int:
        """The number in an id of ours; -1, which nothing has, for any other."""
        stem, digits = record_id[:16].lower(), record_id[16:]
        if stem != self.id_stem or len(digits) != 8 or not all(d in "0123456789abcdefABCDEF" for d in digits):
            return -1
        return int(digits, 16)

    def keep(self, table: dict[int, R], record: R) -> R:
        """Give a new record its number and its place."""
        record.number = self.next_number()
        table[record.number] = record
        return record

    def opt_out(self, emails: list[str], now: float) -> None:
        """Put addresses on the opt-out list, each once."""
        known = {row.email for row in self.optouts.values()}
        for email in dict.fromkeys(emails):
            if email not in known:
                self.keep(self.optouts, OptOut(0, now, now, email))
