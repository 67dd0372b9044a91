"""Leadfox: contacts, e-mail campaigns and their counts through its REST API v1."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn

from accounts.providers.answers import gone_is_done, understood
from accounts.providers.base import Credential, Effect, Provider, Way, effect
from accounts.providers.errors import Conflict, Missing, Refused, Unsupported
from accounts.providers.leadfox import mapping
from accounts.providers.leadfox.campaigns import Campaigns
from accounts.providers.leadfox.client import Client, Pages
from accounts.providers.leadfox.declaration import CAPABILITIES
from accounts.providers.leadfox.people import OVERLAP, People
from accounts.providers.reading import whole_second
from accounts.providers.records import (
    AccountRecord,
    AudienceProgress,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    FieldRecord,
    FiguresRecord,
    ListRecord,
    Page,
)

# Pages foretold after the next one, so that four are under way; past the end they come empty.
AHEAD = 3
FIELD_KINDS = frozenset({"text", "number", "date", "boolean", "choice"})

# Read an object with a function of `mapping`.
_read = partial(understood, "leadfox")


class Leadfox(Provider):
    slug, name = "leadfox", "Leadfox"
    help_url = "https://docs.leadfox.co"
    default_base_url = "https://rest.leadfox.co"
    ways = (
        Way(
            "key",
            "API key and secret",
            help="The key opens your company's account, the secret lets Campanile act as you: it may do what your "
            "role there allows, so take the secret of somebody who may send campaigns.",
            credentials=(
                Credential(
                    "api_key",
                    "API key",
                    help="In Leadfox: Manage › API. All users of a company share it; if there is none yet, make one "
                    "there. The website it is made for does not matter.",
                ),
                Credential(
                    "secret",
                    "Secret",
                    help="On the same page. It is yours alone. Making a new one ends the old one at once, for every "
                    "program that uses it.",
                ),
            ),
        ),
    )
    definitions = mapping.DEFINITIONS
    # One call for each person and list: so many are done well within the time a worker has.
    people_per_call = 100
    capabilities = CAPABILITIES

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client = Client(
            api_key=settings["credentials"].get("api_key", ""),
            secret=settings["credentials"].get("secret", ""),
            base_url=self.base_url,
            gate=self.gate,
            keyring=self.keyring,
            private_addresses=self.private_addresses,
            total_seconds=self.total_seconds,
        )
        self.audience = People(self.client)
        self.mailings = Campaigns(self.client)

    # Account

    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        """One cheap call proves that the token holds; who the account belongs to came with the token."""
        owner = self._first_owner()
        details = self.client.tokens().details
        return _read(lambda raw: mapping.account_record(raw, owner), details, "authenticate")

    def _first_owner(self) -> str:
        rows = self.client.list_properties(limit=1, fields="_id")
        return mapping.reference(rows[0].get("_owner")) if rows and isinstance(rows[0], dict) else ""

    def _owner(self) -> str:
        """The client's id, which is the `_owner` of all that is its."""
        return self.client.tokens().details.get("clientid") or self._first_owner()

    # Audience

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        """Properties, without the address, and one for each mailing list with what a person agreed to."""
        for raw in Pages(self.client.list_properties):
            record: FieldRecord = _read(mapping.field_record, raw, "listProperties")
            if record.remote_id != mapping.ADDRESS:
                yield record
        with suppress(Missing):  # Its operations are reconstructed: an account may have none.
            for raw in Pages(self.client.list_mailing_lists):
                yield _read(mapping.consent_field, raw, "listMailingLists")

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        for raw in Pages(self.client.list_lists):
            yield _read(mapping.list_record, raw, "listLists")

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        if changed_since is not None:
            self._unsupported("lists_changed_contacts")
        pages = Pages(self.client.list_contacts, overlap=OVERLAP)
        return _page(pages, cursor, mapping.contact_record, "listContacts")

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        if remote_id:
            return _read(mapping.contact_record, self.client.get_contact(remote_id), "getContact")
        for raw in self.audience.by_email([email]):
            return _read(mapping.contact_record, raw, "listContacts")
        raise Missing("Leadfox knows no such person.", provider=self.slug, operation="listContacts")

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        return self.audience.count(remote_id)

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        pages = Pages(self.audience.on_list(remote_id), overlap=OVERLAP)
        return _page(pages, cursor, mapping.contact_record, "listListContacts")

    @effect(Effect.READ)
    def leaves(self, *, cursor: str | None = None) -> Page:
        """Who unsubscribed from everything; each row is held against the filter, in case it let others through."""
        pages = Pages(self.client.list_contacts, filters="subscribed = false", overlap=OVERLAP)
        page = _page(pages, cursor, mapping.leave_record, "listContacts")
        return Page(tuple(filter(None, page.items)), page.cursor, ahead=page.ahead)

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        return ListRecord(self.client.create_list({"name": name}), name)

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self.client.update_list(remote_id, {"name": name})

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        """Walks all lists: no filter looks at the end of a name."""
        return tuple(record for record in self.lists() if record.name.endswith(marker))

    @effect(Effect.CREATE)
    def create_field(self, *, name: str, kind: str, choices: Sequence[str] = ()) -> None:
        """A property under this very name, which is the key of its values. Whatever its kind, the values are text."""
        if kind not in FIELD_KINDS or not re.fullmatch(r"[A-Za-z0-9_]{1,50}", name):
            what = (
                "Leadfox gets fields of text, with names of Latin letters, digits and underscores, up to 50."
            )
            raise Unsupported(what, provider=self.slug, operation="createProperty")
        self.client.create_property({"name": name, "shortcode": name})

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """Person by person, then membership by membership. A record's `blocked` is not sent: it is not ours to write."""
        if len(contacts) > self.people_per_call:
            raise ValueError(f"{len(contacts)} people are more than {self.people_per_call}.")
        if not contacts:
            return AudienceProgress(done=True)
        people = {contact.email.lower(): contact for contact in contacts}
        saved = self.audience.save(people.values())
        for list_id in list_ids:
            self.audience.put_on(list_id, [told for told in saved if isinstance(told, str)])
        refusals = [told for told in saved if isinstance(told, Refused)]
        if not refusals:
            return AudienceProgress(done=True)
        detail = f"{len(refusals)} of {len(people)} people were turned away: {refusals[0].detail}"
        return AudienceProgress(done=True, detail=detail)

    @effect(Effect.READ)
    def saving(self, reference: str) -> AudienceProgress:
        """Nothing goes on in the background."""
        return AudienceProgress(done=True, reference=reference)

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        self.audience.take_off(list_id, emails)

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str = "", email: str = "") -> None:
        found = [remote_id] if remote_id else [*map(mapping.remote_id, self.audience.by_email([email]))]
        for known in found:
            gone_is_done(self.client.delete_contact, known)

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        """With the sender and subject of each one's e-mail, without bodies."""
        found = self.mailings.newest_first().page(int(cursor or 0))
        raws = [raw for raw in found.items if mapping.is_email_campaign(raw)]
        designs = self.mailings.designs(map(mapping.design_id, raws))
        items = tuple(
            self._campaign(raw, designs.get(mapping.design_id(raw)), "listCampaigns", is_listed=True)
            for raw in raws
        )
        return Page(items, None if found.next_skip is None else str(found.next_skip))

    def _campaign(self, raw: Any, design: Any, operation: str, *, is_listed: bool = False) -> CampaignRecord:
        return _read(lambda raw: self.mailings.record(raw, design, is_listed=is_listed), raw, operation)

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        raw, design = self.client.get_campaign(remote_id), None
        if email_id := mapping.design_id(raw):
            with suppress(Missing):
                design = self.client.get_email(email_id)
        return self._campaign(raw, design, "getCampaign")

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        """Without what stands in their e-mails. No instant of creation is told, so none is left out for its age."""
        found = self.mailings.with_marker(self._owner(), marker)
        return tuple(self._campaign(raw, None, "listCampaigns") for raw in found)

    @effect(Effect.CREATE)
    def create_campaign(self, draft: CampaignDraft) -> str:
        return self.mailings.make(draft, self._owner())

    @effect(Effect.CONVERGE)
    def update_campaign(self, draft: CampaignDraft, *, remote_id: str) -> None:
        self.mailings.update(draft, remote_id)

    @effect(Effect.ONCE)
    def schedule_campaign(self, *, remote_id: str, send_at: datetime) -> None:
        """Start and status in one call: a start alone sends nothing, an active status alone sends at once.

        Without a list, or with all contacts in place of one, it would reach people nobody chose: such a campaign is not
        released. What Leadfox does with a start in the past is unknown, and most likely it sends at once.
        """
        if mapping.is_to_everybody(self.client.get_campaign(remote_id)):
            self._refuse("The campaign in Leadfox names no list, so it could go to everybody there.")
        if send_at <= datetime.now(UTC):
            self._refuse("The time to send has passed.")
        start = mapping.iso(whole_second(send_at))
        self.client.update_campaign(remote_id, {"start": start, "status": mapping.ACTIVE})

    def _refuse(self, sentence: str) -> NoReturn:
        raise Refused(sentence, provider=self.slug, operation="updateCampaign")

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        """Made inactive. What has gone out is left alone: whether Leadfox would refuse that is unknown."""
        raw = self.client.get_campaign(remote_id)
        if self._campaign(raw, None, "getCampaign").phase == "sent":
            raise Conflict("The campaign has gone out.", provider=self.slug, operation="updateCampaign")
        self.client.update_campaign(remote_id, {"status": mapping.INACTIVE})

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        return mapping.comparable_record(draft)

    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        """Raises Missing for a campaign that is gone; one of which nothing is counted has no figures."""
        counted = self.mailings.metrics(remote_id)
        if not counted:
            self.client.get_campaign(remote_id)
        return mapping.figures_record(datetime.now(UTC), counted)

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """A call for each campaign that may have mailed anybody."""
        for raw in Pages(self.client.list_campaigns, sort="-_id"):
            if self.mailings.may_have_sent(raw):
                remote_id = _read(mapping.remote_id, raw, "listCampaigns")
                counted = self.mailings.metrics(remote_id)
                if mapping.sent_count(counted):
                    yield remote_id, mapping.figures_record(datetime.now(UTC), counted)


def _page(pages: Pages, cursor: str | None, record: Callable[[Any], Any], operation: str) -> Page:
    """The cursor is the number of rows to skip. A full page foretells some more, for no total tells where they end."""
    skip = int(cursor or 0)
    found = pages.page(skip)
    items = tuple(_read(record, raw, operation) for raw in found.items)
    if found.next_skip is None:
        return Page(items, None)
    step = found.next_skip - skip
    ahead = (str(found.next_skip + step * number) for number in range(1, AHEAD + 1))
    return Page(items, str(found.next_skip), ahead=tuple(ahead))
