"""Mailmojo: newsletters, lists and contacts through its API v1."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from accounts.providers.answers import gone_is_done, understood
from accounts.providers.base import Effect, Provider, effect
from accounts.providers.errors import (
    Conflict,
    Missing,
    ProviderError,
    Refused,
    UnexpectedReply,
    Unsupported,
)
from accounts.providers.http import parse_json
from accounts.providers.mailmojo import client, mapping
from accounts.providers.mailmojo.client import Client
from accounts.providers.mailmojo.declaration import CAPABILITIES, SCOPES, WAYS
from accounts.providers.mailmojo.paging import Walk, newsletters, newsletters_page
from accounts.providers.reading import obj, rows, text, whole, whole_second
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
    ListRecord,
    Page,
    SegmentRecord,
    SenderRecord,
    TestSendResult,
    WebhookRecord,
)

# What `type` can ask for, and everything: whether one that is just going out is of any of these types is not told.
KINDS = ("draft", "scheduled", "sent", None)

# So many people are asked for one by one before an import; for more of them everybody is read, in one call.
FEW = 20

# Named by Mailmojo once a person has agreed; used for one exchange, and worthless after it.
_SPENT = frozenset({"code", "redirect_uri"})

# Read an object with a function of `mapping`.
_read = partial(understood, "mailmojo")


class Mailmojo(Provider):
    slug, name = "mailmojo", "Mailmojo"
    help_url = "https://mailmojo.dev/"
    default_base_url = "https://api.mailmojo.no"
    app_credentials = ("client_id", "client_secret")
    ways = WAYS
    definitions = mapping.DEFINITIONS
    tells_all_at_once = True
    capabilities = CAPABILITIES

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client = Client(
            credentials=settings["credentials"],
            scopes=[scope.name for scope in SCOPES],
            base_url=self.base_url,
            gate=self.gate,
            keyring=self.keyring,
            private_addresses=self.private_addresses,
            total_seconds=self.total_seconds,
        )
        self._walks: dict[str, Walk] = {}
        self._lists_to_walk: list[str] = []
        # list → addresses an import must leave out, as read by this object.
        self._known_gone: dict[str, set[str]] = {}

    # Connecting

    @classmethod
    def consent_url(
        cls, *, base_url: str, credentials: Mapping[str, str], redirect_uri: str, state: str
    ) -> str:
        if not credentials.get("client_id"):
            raise Unsupported(
                "This Campanile is not registered at Mailmojo. Whoever runs it must set MAILMOJO_CLIENT_ID and "
                "MAILMOJO_CLIENT_SECRET; until then connect with an API client of the account.",
                provider=cls.slug,
                operation="oauthAuthorize",
            )
        return client.authorize_url(
            base_url or cls.default_base_url,
            client_id=credentials["client_id"],
            redirect_uri=redirect_uri,
            scopes=[scope.name for scope in SCOPES],
            state=state,
        )

    @classmethod
    def kept_credentials(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {name: value for name, value in credentials.items() if name not in _SPENT}

    # Account

    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        return _read(mapping.account_record, self.client.get_account(), "getAccountByUsername")

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        """Those of lists, the primary one's first; in an account without lists it is whom the account belongs to."""
        raws = sorted(self.client.get_lists(), key=lambda raw: raw.get("is_primary") is not True)
        found = [_read(mapping.list_record, raw, "getLists") for raw in raws]
        if not any(record.sender_email for record in found):
            name, email = self._owner()
            found = [ListRecord("", "", sender_name=name, sender_email=email)]
        yield from mapping.sender_records(found)

    def _owner(self) -> tuple[str, str]:
        account = self.account()
        return account.name, account.email

    @effect(Effect.READ)
    def domains(self) -> Iterator[DomainRecord]:
        """One call each: what the list of them holds beside the id is not documented."""
        for raw in self.client.get_domains():
            domain_id = _read(mapping.remote_id, raw, "getDomains")
            yield _read(mapping.domain_record, self.client.get_domain(domain_id), "getDomain")

    # Audience

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        """Reads everybody once: a field is known by the people who have it."""
        yield from mapping.field_records(self.client.get_contacts())

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        for raw in self.client.get_lists():
            yield _read(mapping.list_record, raw, "getLists")

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        return tuple(record for record in self.lists() if record.name.endswith(marker))

    @effect(Effect.READ)
    def segments(self) -> Iterator[SegmentRecord]:
        """They stand only in the list that is asked for by its id."""
        for record in self.lists():
            for raw in rows(self.client.get_list(record.remote_id).get("segments")):
                yield _read(partial(mapping.segment_record, list_id=record.remote_id), raw, "getListById")

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        if changed_since is not None:
            self._unsupported("lists_changed_contacts")
        return self._page("contacts", self.client.get_contacts, cursor, mapping.contact_record)

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        raw = self.client.get_contact(remote_id or email)
        return _read(mapping.contact_record, raw, "getContactByEmail")

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        """Counted by reading everybody on it: no reply tells a number."""
        return sum(isinstance(raw, dict) for raw in self.client.get_subscribers(remote_id))

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        return self._page(
            f"members:{remote_id}",
            partial(self.client.get_subscribers, remote_id),
            cursor,
            partial(mapping.subscriber_record, list_id=remote_id),
        )

    @effect(Effect.READ)
    def leaves(self, *, cursor: str | None = None) -> Page:
        """List after list, each to its end. The cursor is a list and the rows read of it: `list:rows`."""
        list_id, _, rows_read = (cursor or "").partition(":")
        if not (list_id and self._lists_to_walk):
            self._lists_to_walk = sorted((record.remote_id for record in self.lists()), key=mapping.by_number)
        ahead = [
            one for one in self._lists_to_walk if mapping.by_number(one) >= mapping.by_number(list_id or "0")
        ]
        if not ahead:
            return Page((), None)
        current, following = ahead[0], ahead[1] if ahead[1:] else None
        try:
            page = self._page(
                f"left:{current}",
                partial(self.client.get_unsubscribed, current),
                rows_read if current == list_id else None,
                partial(mapping.leave_records, list_id=current),
            )
        except Missing:  # deleted by somebody since the lists were read
            page = Page((), None)
        going_on = f"{following}:0" if following else None
        if page.cursor is not None:
            going_on = f"{current}:{page.cursor}"
        return Page(tuple(record for found in page.items for record in found), going_on)

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        """A list must have a sender: without a given one it is who the account belongs to."""
        if not sender_email:
            sender_name, sender_email = self._owner()
        raw = self.client.create_list(mapping.list_body(name, sender_name, sender_email))
        return ListRecord(
            mapping.remote_id(raw), name, sender_name=sender_name or sender_email, sender_email=sender_email
        )

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        """Its sender goes along as it is: a change of a list is said to need it."""
        raw = self.client.get_list(remote_id)
        kept = {key: raw[key] for key in ("from_name", "from_email") if raw.get(key)}
        self.client.update_list(remote_id, {**kept, "name": name})

    @effect(Effect.CREATE)
    def create_segment(self, *, name: str, list_remote_id: str, rule: Mapping[str, Any]) -> SegmentRecord:
        try:
            predicates = mapping.predicates(rule)
        except ValueError:
            raise Unsupported(
                self.capabilities.sentence("creates_segments"), provider=self.slug, operation="createSegment"
            ) from None
        raw = self.client.create_segment(list_remote_id, name, predicates)
        return SegmentRecord(mapping.remote_id(raw), name, list_remote_id)

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """People with their name; no other field travels. Done when it returns.

        What the import does with people who left, bounced or were deleted is not documented, and it might bring them
        back: they are left out here, be they gone from the list or from the account.
        """
        if len(contacts) > self.people_per_call:
            raise ValueError(f"{len(contacts)} people do not fit into one import of {self.people_per_call}.")
        told: list[int | None] = []
        gone = self._gone([_key(contact.email) for contact in contacts], list_ids)
        for list_id in list_ids if contacts else ():
            # Once more, as it is now: who is gone may have been read with the first part of a long handover.
            left = {_key(raw.get("email")) for raw in self.client.get_unsubscribed(list_id)} | gone[list_id]
            staying = [contact for contact in contacts if _key(contact.email) not in left]
            for table in mapping.import_tables(staying):
                told.append(whole(self.client.import_subscribers(list_id, table).get("num_contacts")))
        given, taken = len(contacts) * len(list_ids), sum(count for count in told if count is not None)
        is_short = None not in told and taken < given
        return AudienceProgress(
            done=True,
            detail=f"Mailmojo took {taken:,} of {given:,} people.".replace(",", "\u00a0") if is_short else "",
        )

    def _gone(self, emails: Sequence[str], list_ids: Sequence[str]) -> Mapping[str, set[str]]:
        """For each list the addresses gone from it or from the account. No reply about a list tells who bounced on it."""
        if len(emails) <= FEW:
            return _gone(self._known(emails), list_ids)
        if not self._known_gone.keys() >= set(list_ids):
            self._known_gone = _gone(self.client.get_contacts(), list_ids)
        return self._known_gone

    def _known(self, emails: Iterable[str]) -> Iterator[Any]:
        for email in filter(None, emails):
            with suppress(Missing):
                yield self.client.get_contact(email)

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        for email in emails:
            gone_is_done(self.client.unsubscribe_contact, list_id, email)

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        """There is no refusal of a person, so they leave every list they are on."""
        try:
            known = self.contact(email=email)
        except Missing:
            return
        for list_id in known.list_ids:
            gone_is_done(self.client.unsubscribe_contact, list_id, known.email)

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        page = int(cursor or 1)
        found = newsletters_page(self.client.get_newsletters(page=page), page)
        items = tuple(_campaigns(found.items))
        return Page(items, str(found.next_page) if found.next_page else None, found.total)

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        return _read(mapping.campaign_record, self.client.get_newsletter(remote_id), "getNewsletterById")

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        """All pages of all kinds: their order is not told, nor when a newsletter was made."""
        found = {
            record.remote_id: record
            for kind in KINDS
            for record in _campaigns(self._newsletters(kind))
            if record.name.endswith(marker)
        }
        return tuple(found.values())

    @effect(Effect.CREATE)
    def create_campaign(self, draft: CampaignDraft) -> str:
        return self.client.create_newsletter(mapping.newsletter_body(draft, self._list_of(draft)))

    @effect(Effect.CONVERGE)
    def update_campaign(self, draft: CampaignDraft, *, remote_id: str) -> None:
        """Conflict for what is no draft any more: Mailmojo calls it not found, as it calls what never was."""
        body = mapping.newsletter_body(draft, self._list_of(draft))
        try:
            self.client.update_newsletter(remote_id, body)
        except Missing:
            found = self.campaign(remote_id=remote_id)
            if found.phase != "draft":
                raise self._conflict("updateNewsletter", found) from None
            sentence = "Mailmojo does not find what this newsletter needs. Its list may be gone."
            raise Refused(sentence, provider=self.slug, operation="updateNewsletter") from None

    @effect(Effect.ONCE)
    def send_test(self, *, remote_id: str, emails: Sequence[str]) -> TestSendResult:
        self.client.test_newsletter(remote_id, emails)
        return TestSendResult(accepted=tuple(emails))

    @effect(Effect.ONCE)
    def schedule_campaign(self, *, remote_id: str, send_at: datetime) -> None:
        """A time that has passed is refused here: whether Mailmojo would then send at once is not told."""
        when = whole_second(send_at)
        if when <= datetime.now(UTC):
            raise Refused("This time has passed.", provider=self.slug, operation="sendNewsletter")
        try:
            self.client.send_newsletter(remote_id, send_date=mapping.iso(when))
        except Missing:
            raise
        except Refused:
            # One answer for a bad date and for what is on its way already.
            found = self.campaign(remote_id=remote_id)
            if found.phase != "draft":
                raise self._conflict("sendNewsletter", found) from None
            raise

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        """Whether it becomes a draft again or a stopped one is not told; either way it is taken back."""
        try:
            self.client.cancel_newsletter(remote_id)
        except Missing:
            raise
        except Refused:
            found = self.campaign(remote_id=remote_id)
            if found.phase in ("draft", "stopped"):
                return
            raise

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        return mapping.comparable_record(draft)

    def _list_of(self, draft: CampaignDraft) -> str:
        """The list a newsletter goes to. The draft of a test has none: any list with its sender will do."""
        if len(draft.list_ids) > 1:
            sentence = "Mailmojo sends a newsletter to one list."
            raise Unsupported(sentence, provider=self.slug, operation="createNewsletter")
        if draft.list_ids:
            return draft.list_ids[0]
        email = draft.sender_email.strip().lower()
        alike = [record for record in self.lists() if record.sender_email.lower() == email]
        alike.sort(key=lambda record: record.sender_name != draft.sender_name.strip())
        if not alike:
            raise Refused(
                "No list in Mailmojo has this sender, and a newsletter takes its sender from its list. Give the sender "
                "to a list in Mailmojo, or choose the sender of one.",
                provider=self.slug,
                operation="createNewsletter",
            )
        return alike[0].remote_id

    def _conflict(self, operation: str, found: CampaignRecord) -> Conflict:
        sentence = f"In Mailmojo this newsletter is no draft any more: it is “{found.status}”."
        return Conflict(sentence, provider=self.slug, operation=operation)

    def _newsletters(self, kind: str | None) -> Iterator[Any]:
        return newsletters(lambda page: self.client.get_newsletters(page=page, kind=kind))

    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        return mapping.figures_record(datetime.now(UTC), self.client.get_newsletter(remote_id))

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """They come with the list of newsletters, a page in one call. What is still going out may be among them."""
        now = datetime.now(UTC)
        for raw in filter(mapping.is_campaign, self._newsletters("sent")):
            if mapping.phase(raw) in ("sent", "stopped"):
                yield _read(mapping.remote_id, raw, "getNewsletters"), mapping.figures_record(now, raw)

    # Webhooks

    @effect(Effect.CREATE)
    def create_webhook(self, *, url: str, secret: str) -> WebhookRecord:
        """One for each topic. The secrets are Mailmojo's own; what it does with them is not public."""
        made: list[Any] = []
        try:
            for topic in mapping.TOPICS:
                made.append(self.client.create_webhook(topic, url))
        except ProviderError:
            # Half of it would report for ever, unseen: no reply lists webhooks.
            for raw in made:
                with suppress(ProviderError):
                    self.client.delete_webhook(mapping.remote_id(raw))
            raise
        secrets = tuple(found for raw in made if (found := text(raw.get("secret"))))
        return WebhookRecord(",".join(map(mapping.remote_id, made)), url, mapping.TOPICS, secrets)

    @effect(Effect.CONVERGE)
    def delete_webhook(self, *, remote_id: str) -> None:
        for one in filter(None, remote_id.split(",")):
            gone_is_done(self.client.delete_webhook, one)

    @classmethod
    def verify_webhook(
        cls,
        *,
        body: bytes,
        headers: Mapping[str, str],  # noqa: ARG003 - nothing in them is known to be proof
        secrets: Sequence[str],  # noqa: ARG003
    ) -> bool:
        """Whether it reads like a call of theirs. How calls are signed is not public: the address is the secret.

        So a call proves nothing, and `read_webhook` takes none at its word.
        """
        try:
            payload = parse_json(body)
        except ValueError:
            return False
        entries = payload if isinstance(payload, list) else [payload]
        return bool(entries) and all(mapping.topic(entry) for entry in entries)

    @classmethod
    def read_webhook(cls, *, body: bytes) -> list[EventRecord]:
        """Each is `contact_changed`, a leave too: whoever knows the address could write one, so the account is read."""
        try:
            payload = parse_json(body)
        except ValueError:
            raise UnexpectedReply("The event is not JSON we can read.", provider=cls.slug) from None
        now = datetime.now(UTC)
        entries = payload if isinstance(payload, list) else [payload]
        found = [record for entry in entries if (record := mapping.event_record(entry, read_at=now))]
        if entries and not found:
            raise UnexpectedReply("The event names no topic we know.", provider=cls.slug)
        return found

    # Long answers

    def _page(
        self,
        name: str,
        open_rows: Callable[[], Iterator[Any]],
        cursor: str | None,
        record: Callable[[Any], Any],
    ) -> Page:
        found, going_on = self._walks.setdefault(name, Walk(open_rows)).page(cursor)
        if going_on is None:
            del self._walks[name]
        return Page(tuple(_read(record, raw, name) for raw in found), going_on)


def _gone(people: Iterable[Any], list_ids: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {list_id: set() for list_id in list_ids}
    for raw in people:
        gone_from = mapping.gone_from(obj(raw))
        for list_id, emails in found.items():
            if gone_from & {"", list_id}:
                emails.add(_key(raw.get("email")))
    return found


def _key(email: Any) -> str:
    return text(email).strip().lower()


def _campaigns(rows: Any) -> Iterator[CampaignRecord]:
    return (
        _read(mapping.campaign_record, raw, "getNewsletters") for raw in filter(mapping.is_campaign, rows)
    )
