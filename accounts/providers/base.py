"""The verbs every provider answers to, and the effect of each.

A verb is `Unsupported` until a provider overrides it. Its effect decides what may happen after a failure:

- READ: repeat freely.
- CONVERGE: the same call twice gives the same state (set a value, add, cancel, delete).
- CREATE: makes an object; look for our marker before repeating.
- ONCE: mails people; called by the send machine only, never repeated on a guess.
"""

# ruff: noqa: ARG003 - the defaults answer without looking
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

from accounts.providers.capabilities import Capabilities
from accounts.providers.errors import Unsupported
from accounts.providers.records import (
    AccountRecord,
    AudienceProgress,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    DomainRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    FolderRecord,
    ListRecord,
    Page,
    Quota,
    SegmentRecord,
    SenderRecord,
    TemplateRecord,
    TestSendResult,
    WebhookRecord,
)


class Effect(StrEnum):
    READ = "read"
    CONVERGE = "converge"
    CREATE = "create"
    ONCE = "once"


Verb = TypeVar("Verb", bound=Callable[..., Any])


def effect(kind: Effect) -> Callable[[Verb], Verb]:
    """Declare what repeating a verb does. A test fails on a public verb without one."""

    def mark(verb: Verb) -> Verb:
        verb.effect = kind  # type: ignore[attr-defined]
        return verb

    return mark


@dataclass(frozen=True, slots=True)
class Credential:
    """One value needed to connect; the connect page is drawn from these."""

    name: str
    label: str
    help: str
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Rate:
    """`calls` in `seconds`, as published. Several rates under one name all hold."""

    calls: int
    seconds: int


class Gate(Protocol):
    """Stands before each call of one connection, shared by all workers: limits, quota, breaker."""

    def enter(self, rate_class: str) -> None:
        """Take a place. Raises RateLimited when there is none, Unavailable when the breaker is open."""

    def saw(self, quota: Quota) -> None:
        """Remember what a reply said about the limits."""

    def ended(self, *, healthy: bool) -> None:
        """Feed the breaker."""


class OpenGate:
    """No limits: for a check before a connection exists, and for tests."""

    def enter(self, rate_class: str) -> None:
        pass

    def saw(self, quota: Quota) -> None:
        pass

    def ended(self, *, healthy: bool) -> None:
        pass


class Provider:
    slug: ClassVar[str]
    name: ClassVar[str]
    # Where the provider says how to find the credentials, for people.
    help_url: ClassVar[str] = ""
    default_base_url: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    credentials: ClassVar[tuple[Credential, ...]] = ()
    # rate class → published rates; the client names the class of each call.
    rates: ClassVar[Mapping[str, tuple[Rate, ...]]] = {}
    # figure → the definition the provider's count follows, for the report.
    definitions: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Mapping[str, str],
        gate: Gate | None = None,
        private_addresses: Iterable[str] = (),
        total_seconds: float = 30.0,
    ) -> None:
        """`private_addresses`: host:port pairs outside the public internet that may be reached all the same.

        `total_seconds` is the deadline of one call; a page that waits for it gives less.
        """
        self.base_url = base_url or self.default_base_url
        self.gate = gate or OpenGate()
        self.private_addresses = frozenset(private_addresses)
        self.total_seconds = total_seconds

    def _unsupported(self, flag: str) -> NoReturn:
        raise Unsupported(self.capabilities.sentence(flag), provider=self.slug, operation=flag)

    # Account

    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        """The account behind the credentials. Raises Unauthorized for a wrong key."""
        self._unsupported("account")

    # Audience

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        self._unsupported("fields")

    @effect(Effect.READ)
    def folders(self) -> Iterator[FolderRecord]:
        self._unsupported("has_folders")

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        self._unsupported("lists")

    @effect(Effect.READ)
    def segments(self) -> Iterator[SegmentRecord]:
        self._unsupported("has_segments")

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        """One page of ContactRecord, oldest first; hand `page.cursor` back for the next.

        Pages overlap a little, so that rows vanishing meanwhile hide no others: a person may come twice.
        A person without an address comes with an empty `email`.
        """
        self._unsupported("contacts")

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        """One person by their id or by address. Raises Missing."""
        self._unsupported("contacts")

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        """How many people are on a list now, counted, not remembered."""
        self._unsupported("lists")

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        """One page of ContactRecord of a list."""
        self._unsupported("lists")

    @effect(Effect.CREATE)
    def create_folder(self, *, name: str) -> FolderRecord:
        self._unsupported("has_folders")

    @effect(Effect.CREATE)
    def create_list(self, *, name: str, folder_remote_id: str = "") -> ListRecord:
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def delete_list(self, *, remote_id: str) -> None:
        """Remove the list, keep its people. A list already gone counts as done."""
        self._unsupported("lists")

    @effect(Effect.CREATE)
    def create_field(self, *, name: str, kind: str, choices: Sequence[str] = ()) -> None:
        self._unsupported("creates_fields")

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """Create or update people and put them on lists. Never lifts a block. May go on in the background.

        One request: raises ValueError for more people than fit into it; `fields` that are None stay as they are.
        """
        self._unsupported("contacts")

    @effect(Effect.READ)
    def saving(self, reference: str) -> AudienceProgress:
        """How far a `save_contacts` that went on in the background has come."""
        self._unsupported("contacts")

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        """Refuse all marketing to this person at this account; creates them if they are unknown there."""
        self._unsupported("contacts")

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str) -> None:
        self._unsupported("contacts")

    # Senders, domains, templates

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        self._unsupported("senders")

    @effect(Effect.CREATE)
    def create_sender(self, *, name: str, email: str) -> SenderRecord:
        self._unsupported("manages_senders")

    @effect(Effect.CONVERGE)
    def confirm_sender(self, *, remote_id: str, code: str) -> None:
        self._unsupported("manages_senders")

    @effect(Effect.READ)
    def domains(self) -> Iterator[DomainRecord]:
        self._unsupported("manages_domains")

    @effect(Effect.CONVERGE)
    def authenticate_domain(self, *, name: str) -> DomainRecord:
        self._unsupported("manages_domains")

    @effect(Effect.READ)
    def templates(self) -> Iterator[TemplateRecord]:
        self._unsupported("has_templates")

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        """One page of CampaignRecord, newest first, without bodies where the provider allows."""
        self._unsupported("campaigns")

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        """One campaign with its body. Raises Missing."""
        self._unsupported("campaigns")

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        """All campaigns whose name ends in our marker, created at or after then. Walks until older ones come."""
        self._unsupported("campaigns")

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        self._unsupported("lists")

    @effect(Effect.CREATE)
    def create_campaign(self, draft: CampaignDraft) -> str:
        """Make a draft that mails nobody. Returns its remote id."""
        self._unsupported("drafts_campaigns")

    @effect(Effect.CONVERGE)
    def update_campaign(self, draft: CampaignDraft, *, remote_id: str) -> None:
        self._unsupported("drafts_campaigns")

    @effect(Effect.CONVERGE)
    def delete_campaign(self, *, remote_id: str) -> None:
        """Remove a draft. One already gone counts as done."""
        self._unsupported("drafts_campaigns")

    @effect(Effect.ONCE)
    def send_test(self, *, remote_id: str, emails: Sequence[str]) -> TestSendResult:
        self._unsupported("sends_tests")

    @effect(Effect.ONCE)
    def schedule_campaign(self, *, remote_id: str, send_at: datetime) -> None:
        """Arm: from `send_at` on the provider mails everybody on the campaign's lists."""
        self._unsupported("schedules_campaigns")

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        """Take back what has not gone out. Read the campaign afterwards for the truth."""
        self._unsupported("unschedules_campaigns")

    @effect(Effect.CONVERGE)
    def pause_campaign(self, *, remote_id: str) -> None:
        self._unsupported("pauses_campaigns")

    @effect(Effect.ONCE)
    def resume_campaign(self, *, remote_id: str) -> None:
        self._unsupported("pauses_campaigns")

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        """The draft as a read-back must show it, with the provider's normalisations applied."""
        self._unsupported("drafts_campaigns")

    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        self._unsupported("reports_figures")

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """(campaign's remote id, counts) of every sent campaign, in as few calls as the provider allows."""
        self._unsupported("reports_figures")

    @effect(Effect.CONVERGE)
    def request_people(self, *, remote_id: str, kind: str) -> str:
        """Ask for the people of one kind (EventRecord's words) of a campaign. Returns a reference for `people`."""
        self._unsupported("reports_people")

    @effect(Effect.READ)
    def people(self, reference: str) -> Iterator[EventRecord] | None:
        """The people asked for, or None while the provider still gathers them."""
        self._unsupported("reports_people")

    # Webhooks

    @effect(Effect.READ)
    def webhooks(self) -> Iterator[WebhookRecord]:
        self._unsupported("has_webhooks")

    @effect(Effect.CREATE)
    def create_webhook(self, *, url: str, secret: str) -> WebhookRecord:
        """Have the account call `url` with `secret` for every event we read. Look for the url before repeating."""
        self._unsupported("has_webhooks")

    @effect(Effect.CONVERGE)
    def delete_webhook(self, *, remote_id: str) -> None:
        self._unsupported("has_webhooks")

    @classmethod
    def verify_webhook(cls, *, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
        """Whether the call comes from the provider, in constant time. `headers` by lower-case name."""
        return False

    @classmethod
    def read_webhook(cls, *, body: bytes) -> list[EventRecord]:
        """The events in a call's body. Raises UnexpectedReply for what cannot be read."""
        raise Unsupported(
            cls.capabilities.sentence("has_webhooks"), provider=cls.slug, operation="has_webhooks"
        )

    # Merge tags

    @classmethod
    def merge_tag(cls, *, name: str, fallback: str | None) -> str:
        """A Campanile merge tag (`contact.first_name`, `unsubscribe_url`, …) in the provider's own syntax.

        `name` is already the provider's field name for contact fields ("contact.FIRSTNAME"). Raises Unsupported.
        """
        raise Unsupported("This provider has no merge tags.", provider=cls.slug, operation="merge_tag")
