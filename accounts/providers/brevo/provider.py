"""Brevo: marketing campaigns, contacts and reports through its API v3."""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from accounts.providers import reading
from accounts.providers.answers import gone_is_done, understood
from accounts.providers.base import Credential, Effect, Provider, Way, effect
from accounts.providers.brevo import client, mapping
from accounts.providers.brevo.client import Client, Pages
from accounts.providers.capabilities import Capabilities
from accounts.providers.errors import Missing, Refused, UnexpectedReply, Unsupported
from accounts.providers.http import parse_json
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
    SegmentRecord,
    SenderRecord,
    TemplateRecord,
    TestSendResult,
    WebhookRecord,
)

# Rows read twice on each page of contacts and campaigns.
OVERLAP = 10
# Pages whose offset a page foretells: what is stored in one go, so that the next comes while it is written.
AHEAD = 10
# The list call fills statistics of campaigns sent in the last six months only.
LISTED_STATISTICS = timedelta(days=180)
# Brevo signs nothing: it sends back the token we gave it, as bearer and in a header of our own.
SECRET_HEADER = "x-campanile-secret"  # noqa: S105 - a name

# Provider links are variables too (spelling of the first two by inference from the help pages).
_LINKS = {"unsubscribe_url": "unsubscribe", "view_url": "mirror", "preferences_url": "update_profile"}

# Read an object with a function of `mapping`.
_read = partial(understood, "brevo")


class Brevo(Provider):
    slug, name = "brevo", "Brevo"
    help_url = "https://help.brevo.com/hc/en-us/articles/209467485"
    default_base_url = "https://api.brevo.com/v3"
    ways = (
        Way(
            "key",
            "API key",
            help="Every API key of an account may do all the account can do.",
            credentials=(
                Credential(
                    "api_key",
                    "API key",
                    help="In Brevo: your account's menu › SMTP & API › API keys. It begins with xkeysib- and is shown once.",
                ),
            ),
        ),
    )
    rates = client.RATES
    definitions = mapping.DEFINITIONS
    told_by_calls = frozenset(mapping.EVENT_KINDS.values()) - {
        "list_added",
        "contact_changed",
        "contact_deleted",
    }
    told_on_request = frozenset(mapping.RECIPIENT_TYPES)
    capabilities = Capabilities(
        lists_changed_contacts=True,
        shares_contacts=True,
        blocks_contacts=True,
        deletes_contacts=True,
        creates_fields=True,
        has_folders=True,
        deletes_lists=True,
        has_segments=True,
        has_senders=True,
        manages_senders=True,
        has_domains=True,
        manages_domains=True,
        has_templates=True,
        personalises=True,
        writes_fallbacks=True,
        takes_preview_text=True,
        takes_reply_to=True,
        links_unsubscribe=True,
        links_view=True,
        drafts_campaigns=True,
        deletes_drafts=True,
        schedules_campaigns=True,
        sends_tests=True,
        unschedules_campaigns=True,
        pauses_campaigns=True,
        reports_figures=True,
        reports_people=True,
        tells_machine_opens=True,
        has_webhooks=True,
        lists_webhooks=True,
        # PUT scheduledAt sets an instant on the stored campaign; the same call again sets the same instant.
        arms_by_value=True,
        because={
            "lists_leaves": "Brevo tells with each contact whether it is blocked, so there is no list of its own to read.",
            "replaces_members": "Brevo takes people in by the thousand; a list made for a delivery begins empty.",
            "lists_carry_sender": "In Brevo the sender belongs to the campaign.",
            "creates_segments": "Brevo's API reads segments and makes none: a delivery gets a list of its own instead.",
            "renders_campaigns": "Brevo's API shows no rendered mail; a test mail does.",
            "refuses_second_arm": "Brevo does not promise to refuse a second release of the same campaign, so an "
            "uncertain release is looked up before anything is done again.",
            "sends_tests": "Brevo sends 50 test mails a day, to addresses it knows and has not blocked.",
            "pauses_campaigns": "Brevo documents stopping for campaigns that have not begun. For one that is going "
            "out we ask all the same and show its answer; mails already handed over are not called back.",
            "reports_people": "Brevo gives the people behind a number as an export it prepares, which takes minutes.",
        },
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client = Client(
            api_key=settings["credentials"].get("api_key", ""),
            base_url=self.base_url,
            gate=self.gate,
            private_addresses=self.private_addresses,
            total_seconds=self.total_seconds,
        )

    # Account

    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        return _read(mapping.account_record, self.client.get_account(), "getAccount")

    # Audience

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        for raw in reading.rows(self.client.get_attributes().get("attributes")):
            yield _read(mapping.field_record, raw, "getAttributes")

    @effect(Effect.READ)
    def folders(self) -> Iterator[FolderRecord]:
        for raw in Pages(self.client.get_folders, "folders", client.LISTS_PAGE):
            yield _read(mapping.folder_record, raw, "getFolders")

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        for raw in Pages(self.client.get_lists, "lists", client.LISTS_PAGE):
            yield _read(mapping.list_record, raw, "getLists")

    @effect(Effect.READ)
    def segments(self) -> Iterator[SegmentRecord]:
        for raw in Pages(self.client.get_segments, "segments", client.LISTS_PAGE):
            yield _read(mapping.segment_record, raw, "getSegments")

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        since = mapping.iso(changed_since) if changed_since else None

        def fetch(*, limit: int, offset: int) -> Any:
            return self.client.get_contacts(limit=limit, offset=offset, modified_since=since)

        return _page(Pages(fetch, "contacts", client.CONTACTS_PAGE, OVERLAP), cursor, mapping.contact_record)

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        kind = "contact_id" if remote_id else "email_id"
        raw = self.client.get_contact_info(remote_id or email, identifier_type=kind)
        return _read(mapping.contact_record, raw, "getContactInfo")

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        count = reading.whole(self.client.get_contacts_from_list(remote_id, limit=1).get("count"))
        if count is None:
            raise UnexpectedReply(
                "The list came without its count.", provider=self.slug, operation="getContactsFromList"
            )
        return count

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        def fetch(*, limit: int, offset: int) -> Any:
            return self.client.get_contacts_from_list(remote_id, limit=limit, offset=offset)

        return _page(Pages(fetch, "contacts", client.MEMBERS_PAGE, OVERLAP), cursor, mapping.contact_record)

    @effect(Effect.CREATE)
    def create_folder(self, *, name: str) -> FolderRecord:
        return FolderRecord(self.client.create_folder(name), name)

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        """Lists stand in a folder: without a given one it is the account's first, else one of our own."""
        folder_id = folder_remote_id or next((folder.remote_id for folder in self.folders()), "")
        folder_id = folder_id or self.client.create_folder("Campanile")
        return ListRecord(self.client.create_list(name, folder_id), name, folder_remote_id=folder_id)

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self.client.update_list(remote_id, {"name": name})

    @effect(Effect.CONVERGE)
    def delete_list(self, *, remote_id: str) -> None:
        gone_is_done(self.client.delete_list, remote_id)

    @effect(Effect.CREATE)
    def create_field(self, *, name: str, kind: str, choices: Sequence[str] = ()) -> None:
        """The name is the key for ever, in Latin capitals, digits and underscores."""
        key = name.upper()
        if not re.fullmatch(r"[A-Z0-9_]{1,50}", key):
            raise Unsupported(
                "Brevo takes field names of Latin letters, digits and underscores, up to 50.",
                provider=self.slug,
                operation="createAttribute",
            )
        if kind != "choice" and kind not in mapping.ATTRIBUTE_TYPES:
            raise Unsupported(
                f"Brevo has no fields of kind {kind}.", provider=self.slug, operation="createAttribute"
            )
        category, body = mapping.attribute(kind, choices)
        self.client.create_attribute(category, key, body)

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """One background import of at most 8 MB. A record's `blocked` is not sent: `block_contact` sets it."""
        if not list_ids:
            raise ValueError("Brevo's import needs a list.")
        if not contacts:
            return AudienceProgress(done=True)
        body = mapping.import_body(contacts, list_ids)
        size = len(json.dumps(body, ensure_ascii=False).encode())
        if size > client.IMPORT_BYTES:
            raise ValueError(f"{size} bytes do not fit into one import of {client.IMPORT_BYTES}.")
        return AudienceProgress(done=False, reference=self.client.import_contacts(body))

    @effect(Effect.READ)
    def saving(self, reference: str) -> AudienceProgress:
        raw = self._process(reference)
        found = reading.obj(reading.obj(raw.get("info")).get("import")) if raw else {}
        # Addresses of files with the rows Brevo turned away, and counts in newer replies.
        parts = [
            f"{reading.text(name)}: {told}" for name, value in found.items() if (told := reading.text(value))
        ]
        return AudienceProgress(done=raw is not None, reference=reference, detail="; ".join(parts))

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        for start in range(0, len(emails), client.LIST_CHANGE_SIZE):
            some = list(emails[start : start + client.LIST_CHANGE_SIZE])
            try:
                self.client.remove_contact_from_list(list_id, {"emails": some})
            except Missing:
                raise
            except Refused:
                # Also the answer when nobody was on the list any more: then it is done.
                if any(self._is_member(email, list_id) for email in some):
                    raise

    def _is_member(self, email: str, list_id: str) -> bool:
        try:
            return list_id in self.contact(email=email).list_ids
        except Missing:
            return False

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        self.client.create_contact({"email": email, "emailBlacklisted": True, "updateEnabled": True})

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str = "", email: str = "") -> None:
        kind = "contact_id" if remote_id else "email_id"
        gone_is_done(self.client.delete_contact, remote_id or email, identifier_type=kind)

    # Senders, domains, templates

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        for raw in reading.rows(self.client.get_senders().get("senders")):
            yield _read(mapping.sender_record, raw, "getSenders")

    @effect(Effect.CREATE)
    def create_sender(self, *, name: str, email: str) -> SenderRecord:
        """Brevo mails a code to the address, for `confirm_sender`."""
        raw = self.client.create_sender({"name": name, "email": email})
        return mapping.sender_record({**raw, "name": name, "email": email})

    @effect(Effect.CONVERGE)
    def confirm_sender(self, *, remote_id: str, code: str) -> None:
        if not re.fullmatch(r"[0-9]{6}", code.strip()):
            sentence = "The code has six digits."
            raise Refused(
                sentence, fields={"code": sentence}, provider=self.slug, operation="validateSenderByOTP"
            )
        self.client.validate_sender(remote_id, int(code))

    @effect(Effect.READ)
    def domains(self) -> Iterator[DomainRecord]:
        """With DNS records for those that still need some: each costs a call."""
        for raw in reading.rows(self.client.get_domains().get("domains")):
            record = _read(mapping.domain_record, raw, "getDomains")
            if record.name and not record.is_authenticated:
                record = mapping.domain_record(raw, self.client.get_domain_configuration(record.name))
            yield record

    @effect(Effect.CONVERGE)
    def authenticate_domain(self, *, name: str) -> DomainRecord:
        """Ask Brevo to check the DNS records; a domain it does not know is added first. Refused while they are wrong."""
        try:
            self.client.authenticate_domain(name)
        except Missing:
            self.client.create_domain(name)
        return mapping.domain_record({"domain_name": name}, self.client.get_domain_configuration(name))

    @effect(Effect.READ)
    def templates(self) -> Iterator[TemplateRecord]:
        for raw in Pages(self.client.get_templates, "templates", client.TEMPLATES_PAGE):
            yield _read(mapping.template_record, raw, "getSmtpTemplates")

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        pages = Pages(self.client.get_email_campaigns, "campaigns", client.CAMPAIGNS_PAGE, OVERLAP)
        return _page(pages, cursor, mapping.campaign_record)

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        return _read(mapping.campaign_record, self.client.get_email_campaign(remote_id), "getEmailCampaign")

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        found: dict[str, CampaignRecord] = {}
        for raw in Pages(self.client.get_email_campaigns, "campaigns", client.CAMPAIGNS_PAGE, OVERLAP):
            record = _read(mapping.campaign_record, raw, "getEmailCampaigns")
            if record.created_at and record.created_at < created_after:
                break
            if record.name.endswith(marker):
                found[record.remote_id] = record
        return tuple(found.values())

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        """Walks all lists: they come without a date."""
        return tuple(record for record in self.lists() if record.name.endswith(marker))

    @effect(Effect.CREATE)
    def create_campaign(self, draft: CampaignDraft) -> str:
        return self.client.create_email_campaign(mapping.campaign_body(draft))

    @effect(Effect.CONVERGE)
    def update_campaign(self, draft: CampaignDraft, *, remote_id: str) -> None:
        self.client.update_email_campaign(remote_id, mapping.campaign_body(draft))

    @effect(Effect.CONVERGE)
    def delete_campaign(self, *, remote_id: str) -> None:
        """Conflict for a planned one: cancel first."""
        gone_is_done(self.client.delete_email_campaign, remote_id)

    @effect(Effect.ONCE)
    def send_test(self, *, remote_id: str, emails: Sequence[str]) -> TestSendResult:
        """To addresses Brevo knows as contacts. One bad address and nobody gets it."""
        try:
            self.client.send_test_email(remote_id, emails)
        except Refused as refusal:
            refused = {
                reading.text(email): sentence
                for name, sentence in _TEST_REFUSALS.items()
                for email in reading.rows(refusal.reply.get(name))
            }
            if not refused:
                raise
            return TestSendResult(accepted=(), refused=refused)
        return TestSendResult(accepted=tuple(emails))

    @effect(Effect.ONCE)
    def schedule_campaign(self, *, remote_id: str, send_at: datetime) -> None:
        when = mapping.iso(reading.whole_second(send_at))
        self.client.update_email_campaign(remote_id, {"scheduledAt": when})

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        self.client.update_campaign_status(remote_id, "suspended")

    @effect(Effect.CONVERGE)
    def pause_campaign(self, *, remote_id: str) -> None:
        self.client.update_campaign_status(remote_id, "suspended")

    @effect(Effect.ONCE)
    def resume_campaign(self, *, remote_id: str) -> None:
        self.client.update_campaign_status(remote_id, "queued")

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        return mapping.comparable_record(draft)

    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        """Three reads, since each fills the one kind it is asked for."""
        totals, links, domains = (
            self.client.get_email_campaign(remote_id, statistics=kind, exclude_html=True).get("statistics")
            for kind in ("globalStats", "linksStats", "statsByDomain")
        )
        return mapping.figures_record(datetime.now(UTC), totals=totals, links=links, domains=domains)

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """Campaigns sent in the last six months, a hundred in three calls. Older ones: `figures`, one by one."""
        now = datetime.now(UTC)
        offset: int | None = 0
        while offset is not None:
            pages = {
                kind: Pages(self._statistics(kind, now), "campaigns", client.CAMPAIGNS_PAGE).page(offset)
                for kind in ("globalStats", "linksStats", "statsByDomain")
            }
            # Joined by id, since a campaign sent meanwhile shifts the later pages.
            links, domains = (
                {mapping.remote_id(raw): raw.get("statistics") for raw in pages[kind].items}
                for kind in ("linksStats", "statsByDomain")
            )
            for raw in pages["globalStats"].items:
                remote_id = _read(mapping.remote_id, raw, "getEmailCampaigns")
                if remote_id in links and remote_id in domains:
                    yield (
                        remote_id,
                        mapping.figures_record(
                            now,
                            totals=raw.get("statistics"),
                            links=links[remote_id],
                            domains=domains[remote_id],
                        ),
                    )
            offset = pages["globalStats"].next_offset

    def _statistics(self, kind: str, now: datetime) -> Any:
        def fetch(*, limit: int, offset: int) -> Any:
            return self.client.get_email_campaigns(
                limit=limit,
                offset=offset,
                status="sent",
                statistics=kind,
                start_date=mapping.iso(now - LISTED_STATISTICS),
                end_date=mapping.iso(now),
            )

        return fetch

    @effect(Effect.CONVERGE)
    def request_people(self, *, remote_id: str, kind: str) -> str:
        if kind not in mapping.RECIPIENT_TYPES:
            raise Unsupported(
                "Brevo does not export these people; they are known from its events.",
                provider=self.slug,
                operation="emailExportRecipients",
            )
        return f"{kind}:{remote_id}:{self.client.export_recipients(remote_id, mapping.RECIPIENT_TYPES[kind])}"

    @effect(Effect.READ)
    def people(self, reference: str) -> Iterator[EventRecord] | None:
        kind, campaign_id, process_id = reference.split(":")
        raw = self._process(process_id)
        if raw is None:
            return None
        address = mapping.export_address(raw.get("export_url"))
        return self._download_people(address, kind, campaign_id) if address else iter(())

    def _download_people(self, address: str, kind: str, campaign_id: str) -> Iterator[EventRecord]:
        with self.client.download("emailExportRecipients", address) as file:
            try:
                yield from mapping.exported_people(
                    file, kind=kind, campaign_id=campaign_id, read_at=datetime.now(UTC)
                )
            except ValueError as error:
                raise UnexpectedReply(
                    str(error), provider=self.slug, operation="emailExportRecipients"
                ) from error

    def _process(self, process_id: str) -> Mapping[str, Any] | None:
        """A finished background process, or None while it runs. Raises Refused for one that failed."""
        raw = self.client.get_process(process_id)
        status = reading.text(raw.get("status")).lower()
        if status in ("failed", "cancelled"):
            raise Refused(
                f"Brevo's background work ended as {status}.", provider=self.slug, operation="getProcess"
            )
        return raw if status == "completed" else None

    # Webhooks

    @effect(Effect.READ)
    def webhooks(self) -> Iterator[WebhookRecord]:
        try:
            found = reading.rows(self.client.get_webhooks().get("webhooks"))
        except Missing:
            return  # An account without any.
        for raw in found:
            yield _read(mapping.webhook_record, raw, "getWebhooks")

    @effect(Effect.CREATE)
    def create_webhook(self, *, url: str, secret: str) -> WebhookRecord:
        remote_id = self.client.create_webhook(mapping.webhook_body(url, secret, SECRET_HEADER))
        return WebhookRecord(remote_id, url, mapping.WEBHOOK_EVENTS)

    @effect(Effect.CONVERGE)
    def delete_webhook(self, *, remote_id: str) -> None:
        gone_is_done(self.client.delete_webhook, remote_id)

    @classmethod
    def verify_webhook(
        cls,
        *,
        body: bytes,  # noqa: ARG003 - unsigned
        headers: Mapping[str, str],
        secrets: Sequence[str],
    ) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = (token.strip() if scheme.lower() == "bearer" else "", headers.get(SECRET_HEADER, ""))
        # All are compared, found or not, so that the time tells nothing.
        matches = [
            hmac.compare_digest(value.encode("utf-8", "replace"), secret.encode())
            for value in given
            for secret in secrets
            if secret
        ]
        return any(matches)

    @classmethod
    def read_webhook(cls, *, body: bytes) -> list[EventRecord]:
        """One event, or an array of them from a batching webhook; unreadable ones among others are left out."""
        try:
            payload = parse_json(body)
        except ValueError:
            raise UnexpectedReply("The event is not JSON we can read.", provider=cls.slug) from None
        now = datetime.now(UTC)
        entries = payload if isinstance(payload, list) else [payload]
        found = [record for entry in entries for record in mapping.event_records(entry, read_at=now)]
        if entries and not found:
            raise UnexpectedReply("The event names no kind or no person.", provider=cls.slug)
        return found

    # Merge tags

    @classmethod
    def merge_tag(cls, *, name: str, fallback: str | None) -> str:
        """`{{ contact.FIRSTNAME | default : "friend" }}`, as in Django's templates with bars and colons apart.

        A double quote and a backslash are escaped; what could end the tag early is refused.
        """
        if name in _LINKS:
            return f"{{{{ {_LINKS[name]} }}}}"
        if not re.fullmatch(r"contact\.[A-Za-z0-9_]{1,100}", name):
            raise Unsupported(f"Brevo has no merge tag for {name}.", provider=cls.slug, operation="merge_tag")
        if fallback is None:
            return f"{{{{ {name} }}}}"
        if re.search(r"\{\{|\}\}|\{%|%\}|\{#|#\}|[\x00-\x1f\x7f]", fallback):
            raise Unsupported(
                "A fallback may hold no line break and no {{, }}, {%, %}.",
                provider=cls.slug,
                operation="merge_tag",
            )
        escaped = fallback.replace("\\", "\\\\").replace('"', '\\"')
        return f'{{{{ {name} | default : "{escaped}" }}}}'


_TEST_REFUSALS = {
    "unexistingEmails": "Brevo does not know this address as a contact.",
    "withoutListEmails": "This contact is on no list in Brevo.",
    "blackListedEmails": "This contact is blocked in Brevo.",
}


def _page(pages: Pages, cursor: str | None, record: Any) -> Page:
    """The cursor is the offset to read from next."""
    offset = int(cursor or 0)
    found = pages.page(offset)
    items = tuple(_read(record, raw, pages.items) for raw in found.items)
    if found.next_offset is None:
        return Page(items, None, found.total)
    step = found.next_offset - offset
    ahead = range(found.next_offset + step, found.total or 0, step)[:AHEAD]
    return Page(items, str(found.next_offset), found.total, tuple(map(str, ahead)))
