"""The verbs every provider answers to, and the effect of each.

A verb is `Unsupported` until a provider overrides it. Its effect decides what may happen after a failure:

- READ: repeat freely.
- CONVERGE: the same call twice gives the same state (set a value, add, cancel, delete).
- CREATE: makes an object; look for our marker before repeating.
- ONCE: mails people; called by the send machine only, never repeated on a guess.
"""

# ruff: noqa: ARG003 - the defaults answer without looking
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    Tokens,
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
    """One value needed to connect; the connect page is drawn from these. A flag is ticked or not ("yes" or "")."""

    name: str
    label: str
    help: str
    secret: bool = True
    is_flag: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """A right we ask a person for at the provider, and what we do with it."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way to connect an account. `asks_there`: the person agrees on a page of the provider's (OAuth 2).

    `allotted`: the credential whose values the operator allots to workspaces, by <SLUG>_<WAY> in the environment; the
    installation's app would act for whomever it names.
    """

    name: str
    label: str
    help: str
    credentials: tuple[Credential, ...] = ()
    asks_there: bool = False
    scopes: tuple[Scope, ...] = ()
    allotted: str = ""


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


class Keyring(Protocol):
    """Keeps the tokens of one connection, one for all workers."""

    def tokens(self) -> Tokens | None:
        """Those stored now."""

    def renew(self, stale: Tokens | None, ask: Callable[[Tokens | None], Tokens]) -> Tokens:
        """Replace `stale`: under a lock, and only if nobody has done so meanwhile; answers what holds then.

        `ask` gets the tokens stored now and fetches new ones; they are stored before the lock is given back.
        """


class OwnKeyring:
    """Tokens in memory: for a check before a connection exists, and for tests."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def tokens(self) -> Tokens | None:
        return self._tokens

    def renew(self, stale: Tokens | None, ask: Callable[[Tokens | None], Tokens]) -> Tokens:
        with self._lock:
            if self._tokens is None or self._tokens == stale:
                self._tokens = ask(self._tokens)
            return self._tokens


class Provider:
    slug: ClassVar[str]
    name: ClassVar[str]
    # Where the provider says how to find the credentials, for people.
    help_url: ClassVar[str] = ""
    # Empty where each account has an address of its own.
    default_base_url: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    # At least one; what was chosen stands among the stored credentials as "way".
    ways: ClassVar[tuple[Way, ...]] = ()
    # Values of the installation, not of an account, that join the credentials: from <SLUG>_<NAME> in the environment.
    app_credentials: ClassVar[tuple[str, ...]] = ()
    # People come in one answer, so that a walk which goes on elsewhere reads from its beginning again.
    tells_all_at_once: ClassVar[bool] = False
    # The most people one `save_contacts` takes.
    people_per_call: ClassVar[int] = 10_000
    # How far ahead a campaign must be armed, by the provider's rule or ours.
    least_lead: ClassVar[timedelta] = timedelta(0)
    # Kinds of EventRecord told of each person: by calls as they happen, and when asked afterwards.
    told_by_calls: ClassVar[frozenset[str]] = frozenset()
    told_on_request: ClassVar[frozenset[str]] = frozenset()
    # Whether people asked for come with the word who opened: a person, or a machine.
    people_tell_machines: ClassVar[bool] = False
    # What the provider's own merge tags look like, for reading its texts.
    tag_pattern: ClassVar[re.Pattern[str]] = re.compile(r"\{\{[^{}]{1,400}\}\}")
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
        keyring: Keyring | None = None,
        private_addresses: Iterable[str] = (),
        total_seconds: float = 30.0,
    ) -> None:
        """`private_addresses`: host:port pairs outside the public internet that may be reached all the same.

        `total_seconds` is the deadline of one call; a page that waits for it gives less.
        """
        self.base_url = base_url or self.default_base_url
        self.gate = gate or OpenGate()
        self.keyring = keyring or OwnKeyring()
        self.private_addresses = frozenset(private_addresses)
        self.total_seconds = total_seconds

    def _unsupported(self, flag: str) -> NoReturn:
        raise Unsupported(self.capabilities.sentence(flag), provider=self.slug, operation=flag)

    # Connecting

    @classmethod
    def way(cls, name: str) -> Way:
        """The way of that name; the first one without. Raises KeyError for one there is not."""
        return {way.name: way for way in cls.ways}[name] if name else cls.ways[0]

    @classmethod
    def told_kinds(cls) -> frozenset[str]:
        """The kinds whose people are known; of all others there is a number at most."""
        return cls.told_by_calls | cls.told_on_request

    @classmethod
    def consent_url(
        cls, *, base_url: str, credentials: Mapping[str, str], redirect_uri: str, state: str
    ) -> str:
        """Where a person agrees; the provider sends them back to `redirect_uri` with a code and `state`."""
        raise Unsupported("This provider asks nobody on a page of its own.", provider=cls.slug)

    @classmethod
    def kept_credentials(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Those to keep once the account has given tokens: what got them and is not needed again goes."""
        return credentials

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
        A person without an address comes with an empty `email`. Without `shares_contacts` a record is one person on
        one list, and somebody on three lists comes three times.
        """
        self._unsupported("contacts")

    @effect(Effect.READ)
    def memberships(self, *, list_ids: Collection[str], cursor: str | None = None) -> Page:
        """One page of ContactRecord of these lists alone, where each list has people of its own."""
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

    @effect(Effect.READ)
    def leaves(self, *, cursor: str | None = None) -> Page:
        """One page of LeaveRecord: everybody whom the account mails no more, whatever the reason."""
        self._unsupported("lists_leaves")

    @effect(Effect.CREATE)
    def create_folder(self, *, name: str) -> FolderRecord:
        self._unsupported("has_folders")

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        """A list that can be mailed. The sender counts where lists carry or need one."""
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def delete_list(self, *, remote_id: str) -> None:
        """Remove the list, keep its people. A list already gone counts as done."""
        self._unsupported("deletes_lists")

    @effect(Effect.CREATE)
    def create_segment(self, *, name: str, list_remote_id: str, rule: Mapping[str, Any]) -> SegmentRecord:
        """A segment of a list by a rule in our words. Raises Unsupported for a rule that cannot be said there.

        `rule`: {"all": [rules]}, {"any": [rules]}, {"not": rule}, {"tag": name}, or {"field": name, "is": word, "value":
        value}; words: equal, less, more, contains, begins, empty.
        """
        self._unsupported("creates_segments")

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

    @effect(Effect.CONVERGE)
    def replace_members(self, contacts: Iterable[ContactRecord], *, list_id: str) -> AudienceProgress:
        """Have the list hold exactly these people, in one call."""
        self._unsupported("replaces_members")

    @effect(Effect.READ)
    def saving(self, reference: str) -> AudienceProgress:
        """How far a `save_contacts` that went on in the background has come."""
        self._unsupported("contacts")

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        """Take people off a list that may be mailed soon. Who is not on it counts as done."""
        self._unsupported("lists")

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        """Refuse all marketing to this person at this account, known there or not."""
        self._unsupported("blocks_contacts")

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str = "", email: str = "") -> None:
        """By id what a record tells of, by address the person on all lists. Who is not there counts as done."""
        self._unsupported("deletes_contacts")

    # Senders, domains, templates

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        self._unsupported("has_senders")

    @effect(Effect.CREATE)
    def create_sender(self, *, name: str, email: str) -> SenderRecord:
        self._unsupported("manages_senders")

    @effect(Effect.CONVERGE)
    def confirm_sender(self, *, remote_id: str, code: str) -> None:
        self._unsupported("manages_senders")

    @effect(Effect.READ)
    def domains(self) -> Iterator[DomainRecord]:
        self._unsupported("has_domains")

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
        """All campaigns whose name ends in our marker, created at or after then. Walks until older ones come.

        Where no instant of creation is told, all that bear the marker.
        """
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
        self._unsupported("deletes_drafts")

    @effect(Effect.READ)
    def rendered(self, *, remote_id: str, email: str = "") -> str:
        """A draft's HTML as this person on its list would get it, or as the provider shows it to nobody in particular."""
        self._unsupported("renders_campaigns")

    @effect(Effect.ONCE)
    def send_test(self, *, remote_id: str, emails: Sequence[str]) -> TestSendResult:
        self._unsupported("sends_tests")

    @effect(Effect.ONCE)
    def release_campaign(self, draft: CampaignDraft, *, send_at: datetime) -> str:
        """Make a campaign that mails everybody on its lists at `send_at`: creating is arming. Returns its remote id.

        For accounts without drafts. `send_at` is at least `least_lead` ahead.
        """
        self._unsupported("drafts_campaigns")

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
        self._unsupported("lists_webhooks")

    @effect(Effect.CREATE)
    def create_webhook(self, *, url: str, secret: str) -> WebhookRecord:
        """Have the account call `url` with `secret` for every event we read. Look for the url before repeating.

        Where one webhook tells of one event several are made: `remote_id` names them all. Secrets the provider chose
        itself come in the record.
        """
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
        """A Campanile merge tag (`contact.first_name`, `unsubscribe_url`, `view_url`) in the provider's own syntax.

        `name` is already the provider's field name for contact fields ("contact.FIRSTNAME"). Raises Unsupported.
        Asked only for what the flags `personalises`, `links_unsubscribe` and `links_view` claim.
        """
        raise Unsupported("This provider has no merge tags.", provider=cls.slug, operation="merge_tag")
