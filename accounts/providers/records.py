"""What crosses the border between a provider and us: their data in our words, frozen.

Datetimes are aware; `remote_id` is theirs, as text. Unknown words of a provider are kept as they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The account behind the credentials. `fingerprint` tells two accounts apart for ever."""

    fingerprint: str
    name: str
    email: str = ""
    plan: str = ""
    credits_left: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an account gave for the credentials: `access` opens it until `expires_at`, `refresh` gets the next pair.

    `details` keeps what came along and is needed later, such as the account's id. All of it is secret.
    """

    access: str
    refresh: str = ""
    expires_at: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldRecord:
    """A property that contacts have over there. `kind`: text, number, date, boolean, choice, or their word."""

    remote_id: str
    name: str
    kind: str
    choices: tuple[str, ...] = ()
    writable: bool = True


@dataclass(frozen=True, slots=True)
class FolderRecord:
    remote_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ListRecord:
    """`size` is what the provider counts, if it does; never drift. The sender is told where it belongs to the list."""

    remote_id: str
    name: str
    folder_remote_id: str = ""
    size: int | None = None
    is_dynamic: bool = False
    sender_name: str = ""
    sender_email: str = ""


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A saved selection over there, worked out by the provider. `rule` in its own words, to be shown."""

    remote_id: str
    name: str
    list_remote_id: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """One person. `fields` by the provider's field names; `blocked` is the account-wide refusal of marketing.

    `left_list_ids` are lists the person left while staying reachable otherwise, `pending_list_ids` those they have
    not confirmed yet. Where people belong to lists over there, a record tells of the one list it was read from.
    """

    remote_id: str
    email: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    list_ids: tuple[str, ...] = ()
    left_list_ids: tuple[str, ...] = ()
    pending_list_ids: tuple[str, ...] = ()
    blocked: bool = False
    created_at: datetime | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a walk. `cursor` continues it (None at the end); `total` if the provider counts.

    `ahead`: cursors of the next few pages after that one, where they are known without reading them.
    """

    items: tuple[Any, ...]
    cursor: str | None
    total: int | None = None
    ahead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveRecord:
    """Somebody the account mails no more: from one list, or without `list_id` altogether.

    `email` may be a pattern with one `*` for anything: `*@example.com`, `name@*`. `reason`: unsubscribed, complained,
    bounced, blocked (it does not say why).
    """

    email: str
    reason: str = "blocked"
    list_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SenderRecord:
    remote_id: str
    name: str
    email: str
    is_active: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """`dns` rows: kind, host, value, and whether the provider sees it published."""

    name: str
    is_verified: bool
    is_authenticated: bool
    dns: tuple[Mapping[str, Any], ...] = ()
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    remote_id: str
    name: str
    subject: str
    html: str
    is_active: bool = True
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign over there. `phase` is our reading of `status` (their word); merge tags stand in their syntax.

    `phase`: draft, scheduled, sending, sent, stopped, held (by the provider), gone, unknown.
    """

    remote_id: str
    name: str
    status: str
    phase: str
    subject: str = ""
    preview_text: str = ""
    html: str = ""
    sender_name: str = ""
    sender_email: str = ""
    reply_to: str = ""
    list_ids: tuple[str, ...] = ()
    excluded_list_ids: tuple[str, ...] = ()
    send_at: datetime | None = None
    sent_at: datetime | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """What we ask a provider to make; merge tags already in its syntax. `name` already ends in the marker.

    `text` is the plain part, in the same syntax, for providers that do not make their own.
    """

    name: str
    subject: str
    preview_text: str
    html: str
    sender_name: str
    sender_email: str
    sender_remote_id: str = ""
    reply_to: str = ""
    list_ids: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class AudienceProgress:
    """How far handing an audience over has come. `reference` names the running process, if any."""

    done: bool
    reference: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FiguresRecord:
    """Counts as the provider gives them at `read_at`. None: it does not tell. People unless said otherwise.

    `rates`: figure → share 0–1, where the provider gives a rate and no count.
    """

    read_at: datetime
    sent: int | None = None
    delivered: int | None = None
    opened: int | None = None
    opened_by_human: int | None = None
    opens: int | None = None
    clicked: int | None = None
    clicks: int | None = None
    unsubscribed: int | None = None
    complained: int | None = None
    hard_bounced: int | None = None
    soft_bounced: int | None = None
    deferred: int | None = None
    remaining: int | None = None
    links: Mapping[str, int] = field(default_factory=dict)
    domains: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened to one person, from a webhook or an export.

    `kind`: accepted, delivered, deferred, soft_bounced, hard_bounced, opened, clicked, unsubscribed, complained,
    blocked, contact_changed, contact_deleted, list_added, or their word. `key` is the same for a repeated report.
    """

    kind: str
    email: str
    at: datetime
    key: str
    campaign_remote_id: str = ""
    is_machine: bool = False
    link: str = ""
    reason: str = ""
    list_ids: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """`secrets`: those the provider chose itself and signs with, where it does."""

    remote_id: str
    url: str
    events: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestSendResult:
    """Addresses the provider took and those it turned away, with its reason."""

    accepted: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quota:
    """What the last reply said of a limit class. `reset_at` by the provider's word."""

    name: str
    limit: int | None
    remaining: int | None
    reset_at: datetime | None
