"""The smaller things an Especial account holds. Times are seconds since 1970."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

JSON = Any


@dataclass(slots=True)
class Segment:
    id: int
    list_id: int
    name: str
    rule: dict[str, JSON]  # one of query, fiql, json, as it was written
    created_on: float
    last_used: float = 0.0
    campaigns: int = 0


@dataclass(slots=True)
class Sender:
    id: str
    name: str
    email: str
    confirmed: bool
    language: str = "en_US"
    confirmed_on: float | None = None
    asked_on: float | None = None
    confirmation: str = ""  # stands in the mail that asks


@dataclass(slots=True)
class Dkim:
    id: int
    selector: str
    domain: str
    public_key: str
    status: str | None = None


@dataclass(slots=True)
class Template:
    id: int
    name: str
    content: dict[str, JSON]
    created_on: float
    updated_on: float
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Wave:
    """Contacts of the campaign's list whose mails leave together."""

    at: float
    contact_ids: list[int]


@dataclass(slots=True)
class Campaign:
    id: int
    name: str
    created_on: float
    updated_on: float
    audience: dict[str, int] = field(default_factory=dict)
    sender: dict[str, str] = field(default_factory=dict)  # id, and a name of its own
    tracking: dict[str, JSON] = field(default_factory=dict)
    content: dict[str, JSON] = field(default_factory=dict)
    reply_to_email: str = ""
    status: str = "incomplete"
    suspended: bool = False
    cancelled: bool = False
    previous_status: str = ""  # what unarchiving goes back to
    scheduled_for: float | None = None
    scheduled_on: float | None = None
    started_on: float | None = None
    finished_on: float | None = None
    content_updated_on: float | None = None
    waves: list[Wave] = field(default_factory=list)  # still to leave
    lease: int = 0  # grows with each pause, so that what was planned before it is void
    revisions: list[dict[str, JSON]] = field(default_factory=list)

    @property
    def phase(self) -> str:
        """The status behind an archived one."""
        return self.previous_status if self.status == "archived" else self.status

    @phase.setter
    def phase(self, status: str) -> None:
        if self.status == "archived":
            self.previous_status = status
        else:
            self.status = status


class Event(NamedTuple):
    """One line of the logs. `type` is theirs; a machine's open is an `open` with `bot`."""

    id: int
    at: float
    type: str
    list_id: int
    contact_id: int
    email: str
    campaign_id: int = 0
    url: str = ""
    device: str = ""  # "desktop/Windows PC"
    browser: str = ""
    bot: bool = False


class EmailEvent(NamedTuple):
    """One thing that happened to a transactional e-mail."""

    id: int
    at: float
    type: str
    email_id: int
    url: str = ""
    device: str = ""
    browser: str = ""
    bot: bool = False


@dataclass(slots=True)
class Task:
    """An export, of contacts or of a campaign's log."""

    id: str
    type: str  # contactsexport or campaignlogexport
    subject: int  # the list or the campaign
    created_on: float
    expires_on: float
    base_url: str
    description: str | None = None
    selection: dict[str, JSON] = field(default_factory=dict)
    requested_by: str = ""
    status: str = "pending"  # pending ready failed deleted
    file: str = ""


@dataclass(slots=True)
class Webhook:
    id: str
    event: str
    url: str
    key: str
    rate_limit: int = 80
    period: str = "second"
    archived_on: float | None = None
    window: float = 0.0  # the period that is being filled, and how many calls it has
    in_window: int = 0


@dataclass(slots=True)
class Family:
    """All tokens that go back to one sign-in. The refresh token is valid once: `serial` is that of the current one."""

    id: str
    email: str
    account_id: int
    scopes: str
    seconds: int
    expires_on: float
    serial: int = 1
    revoked: bool = False


@dataclass(slots=True)
class Pace:
    """How fast things happen, in seconds of sandbox time."""

    send: float = 90.0  # from the first mail of a campaign to the last
    react: float = 600.0  # in which nearly all opens and clicks fall
    process: float = 2.0  # an export, from pending to ready
