"""Email Campaigns: groups of people, opt-outs, scheduled campaigns and a result for each recipient, by API."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from accounts.providers.base import Credential, Effect, Provider, Way, effect
from accounts.providers.capabilities import Capabilities
from accounts.providers.emailcampaigns import mapping, results
from accounts.providers.emailcampaigns.campaigns import Campaigns
from accounts.providers.emailcampaigns.client import Client, understood
from accounts.providers.emailcampaigns.people import People
from accounts.providers.errors import Missing, Refused, Unsupported
from accounts.providers.reading import obj
from accounts.providers.records import (
    AccountRecord,
    AudienceProgress,
    CampaignDraft,
    CampaignRecord,
    ContactRecord,
    EventRecord,
    FieldRecord,
    FiguresRecord,
    ListRecord,
    Page,
    SenderRecord,
)


class EmailCampaigns(Provider):
    slug, name = "emailcampaigns", "Email Campaigns"
    # Each account is reached at its own provider's host; there is no common one.
    default_base_url = ""
    ways = (
        Way(
            "token",
            "Token",
            help="A token belongs to a user and may do all that user can do, sending included. It does not end by itself, "
            "as far as is known.",
            credentials=(
                Credential(
                    "token",
                    "Token",
                    help="The word that stands after “Authorization: Token” in calls to your account. Whoever set up "
                    "the account or its API access has it; if nobody does, connect with user name and password.",
                ),
            ),
        ),
        Way(
            "login",
            "User name and password",
            help="Asked once: Campanile gets a token with them and keeps the token alone. The user must have signed in to "
            "the web portal and accepted its terms before.",
            credentials=(
                Credential(
                    "username", "User name", help="The one you sign in to the web portal with.", secret=False
                ),
                Credential("password", "Password", help="It is forgotten as soon as the token is there."),
            ),
        ),
    )
    tells_all_at_once = True
    # Creating is arming: there must be time to look for a campaign whose answer was lost, and to take it back.
    least_lead = timedelta(minutes=15)
    # No merge tags are documented: what looks like one in a text is text.
    tag_pattern = re.compile(r"(?!)")
    definitions = results.DEFINITIONS
    told_on_request = frozenset(results.PEOPLE)
    capabilities = Capabilities(
        lists_leaves=True,
        blocks_contacts=True,
        deletes_contacts=True,
        deletes_lists=True,
        replaces_members=True,
        has_senders=True,
        manages_senders=True,
        schedules_campaigns=True,
        unschedules_campaigns=True,
        pauses_campaigns=True,
        reports_figures=True,
        reports_people=True,
        because={
            "lists_changed_contacts": "The account cannot be asked what changed. Campanile reads its opt-outs every few "
            "minutes, and all of its groups at each pull.",
            "shares_contacts": "In this account people stand in groups, and somebody in three groups stands there three "
            "times. Campanile shows them once, with their three lists.",
            "blocks_contacts": "Campanile adds the person to the account's opt-outs, and never takes anybody off them.",
            "deletes_contacts": "A person is taken off their groups. An opt-out of theirs stays, so that nobody mails them again.",
            "creates_fields": "The account has no list of contact fields: columns appear with the people that bring them. "
            "Its mails can show none of them, so Campanile creates none.",
            "has_folders": "In this account groups do not stand in folders.",
            "deletes_lists": "People stand inside their group: deleting it over there removes them with it. In Campanile "
            "they stay.",
            "lists_carry_sender": "In this account the sender belongs to the campaign.",
            "has_segments": "The account has no saved segments. Campanile works out its own and hands over a group for "
            "each delivery.",
            "creates_segments": "The account has no saved segments: a delivery gets a group of its own instead.",
            "manages_senders": "A new sender can be used at once; the account asks for no confirmation. Its description "
            "is for you alone: recipients see the address.",
            "has_domains": "The account's API does not speak of domains. Ask whoever runs it which DNS records it needs.",
            "manages_domains": "The account's API does not speak of domains: they are set up with whoever runs it.",
            "has_templates": "What the account stores as messages are the mails of its campaigns, not templates. "
            "Campanile shows them with their campaigns; write templates here.",
            "personalises": "No merge tags are known for this account, so everyone gets the same mail: where a tag stands, "
            "all read its fallback text.",
            "writes_fallbacks": "No merge tags are known for this account, so the fallback text itself goes into the mail.",
            "takes_preview_text": "The account has no preview text of its own, so Campanile puts yours hidden at the top "
            "of the mail.",
            "takes_reply_to": "Replies go to the sender's address: the account knows no other.",
            "links_unsubscribe": "The account is not known to write a link to leave, so it leads to a page of Campanile's. "
            "Who leaves there is added to the account's opt-outs.",
            "links_view": "The account keeps no web version of a mail, so there is nothing to link to.",
            "drafts_campaigns": "The account has no drafts: a campaign that exists there is going to be sent. Campanile "
            "keeps drafts itself and hands a campaign over when it is released, at least 15 minutes ahead.",
            "deletes_drafts": "The account has no drafts, and keeps its campaigns for ever: what is taken back stays there "
            "as cancelled.",
            "schedules_campaigns": "A campaign starts on a full minute, at the earliest 15 minutes after its release. An "
            "instant with seconds is rounded up.",
            "sends_tests": "The account sends no test mails. A test goes out as a real campaign to a group of just the "
            "testers, in about 15 minutes.",
            "renders_campaigns": "The account shows no mail as a recipient gets it. Everyone gets the same, and the "
            "preview here shows it.",
            "unschedules_campaigns": "A campaign that is taken back is cancelled for good; to send it after all, release "
            "it again.",
            "pauses_campaigns": "Mails already handed over are not called back.",
            "reports_figures": "The account tells what became of each mail: delivered or bounced. Opens, clicks and leaves "
            "it does not count.",
            "reports_people": "The account tells to whom mails were sent, delivered or bounced. Who opened or clicked it "
            "does not tell; who leaves comes as an opt-out.",
            "tells_machine_opens": "The account counts no opens.",
            "has_webhooks": "The account reports nothing by itself. Campanile reads results and opt-outs every few minutes.",
            "lists_webhooks": "The account has no webhooks.",
            "arms_by_value": "Handing a campaign over and arming it are one step here, and done twice it would mail twice. "
            "Campanile looks for the campaign by its name before and after, and repeats nothing on a guess.",
            "refuses_second_arm": "The account would take the same campaign a second time, so an uncertain release is "
            "looked up before anything is done again.",
        },
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client = Client(
            credentials=settings["credentials"],
            base_url=self.base_url,
            gate=self.gate,
            keyring=self.keyring,
            private_addresses=self.private_addresses,
            total_seconds=self.total_seconds,
        )
        self._people = People(self.client)
        self._campaigns = Campaigns(self.client, self._people)

    @classmethod
    def kept_credentials(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        return {name: value for name, value in credentials.items() if name != "password"}

    # Account

    @effect(Effect.READ)
    def account(self) -> AccountRecord:
        """There is no operation for it: whose it is stands in what it holds, and its name is made up from that.

        Each record names the account as `client_id`, and so does the answer to a login. Only where neither does, the
        oldest sender stands for the account: ids are given once. A token is no mark, since a new one may come; so an
        account that shows nothing at all cannot be known again and is turned away with a word on what to do.
        """
        senders = list(self._raw_senders())
        told = self.client.tokens().details.get("client_id", "")
        client_id = told or next(self._client_ids(senders), "")
        if client_id:
            fingerprint = mapping.fingerprint("client", client_id)
        elif senders:
            fingerprint = mapping.fingerprint("sender", min(map(mapping.remote_id, senders)))
        else:
            raise Refused(
                "The account is empty, so it cannot be told from others. Add a sender in its web portal, or connect with "
                "user name and password.",
                provider=self.slug,
                operation="listSenders",
            )
        host = urlsplit(self.base_url).hostname or ""
        oldest: Mapping[str, Any] = min(senders, key=mapping.remote_id, default={})
        domain = mapping.address(oldest.get("email")).rpartition("@")[2].lower()
        return AccountRecord(
            fingerprint=fingerprint,
            name=f"{domain} ({host})" if domain else host or self.name,
            details={"host": host},
        )

    def _raw_senders(self) -> Iterator[Any]:
        for raw in self.client.list_senders():
            understood(mapping.remote_id, raw, "listSenders")
            yield raw

    def _client_ids(self, senders: Iterable[Any]) -> Iterator[str]:
        """Of the senders, else of whatever there is, the longest answers last."""
        kinds = (
            lambda: iter(senders),
            self.client.list_campaigns,
            self.client.list_messages,
            self.client.list_opt_outs,
            self.client.list_contact_groups,
        )
        for records in kinds:
            yield from (found for raw in records() if (found := mapping.oid(obj(raw).get("client_id"))))

    # Audience

    @effect(Effect.READ)
    def fields(self) -> Iterator[FieldRecord]:
        """The name, and the columns people came with: they are listed nowhere, so everybody is looked at."""
        return mapping.field_records(self.client.list_people())

    @effect(Effect.READ)
    def lists(self) -> Iterator[ListRecord]:
        for raw in self.client.list_contact_groups():
            yield understood(mapping.list_record, raw, "listContactGroups")

    @effect(Effect.READ)
    def contacts(self, *, cursor: str | None = None, changed_since: datetime | None = None) -> Page:
        if changed_since is not None:
            self._unsupported("lists_changed_contacts")
        return self._people.contacts(cursor)

    @effect(Effect.READ)
    def memberships(self, *, list_ids: Collection[str], cursor: str | None = None) -> Page:
        return self._people.memberships(frozenset(list_ids), cursor)

    @effect(Effect.READ)
    def contact(self, *, remote_id: str = "", email: str = "") -> ContactRecord:
        """By address in the oldest group that holds it, which may mean reading all of them."""
        return self._people.find(remote_id, email)

    @effect(Effect.READ)
    def list_size(self, *, remote_id: str) -> int:
        return self._people.size(remote_id)

    @effect(Effect.READ)
    def list_members(self, *, remote_id: str, cursor: str | None = None) -> Page:
        return self._people.members(remote_id, cursor)

    @effect(Effect.READ)
    def leaves(self, *, cursor: str | None = None) -> Page:
        return self._people.leaves(cursor)

    @effect(Effect.CREATE)
    def create_list(
        self, *, name: str, folder_remote_id: str = "", sender_name: str = "", sender_email: str = ""
    ) -> ListRecord:
        return ListRecord(self.client.create_contact_group({"tag": name}), name)

    @effect(Effect.CONVERGE)
    def update_list(self, *, remote_id: str, name: str) -> None:
        self.client.update_contact_group(remote_id, {"tag": name})

    @effect(Effect.CONVERGE)
    def delete_list(self, *, remote_id: str) -> None:
        """Its people go with it: they stand inside."""
        with suppress(Missing):
            self.client.delete_contact_group(remote_id)

    @effect(Effect.CONVERGE)
    def save_contacts(
        self, contacts: Sequence[ContactRecord], *, list_ids: Sequence[str]
    ) -> AudienceProgress:
        """A file for each list. A record's `blocked` is not sent: `block_contact` sets it."""
        if not list_ids:
            raise ValueError("People stand in groups here: name one.")
        return self._people.add(contacts, list_ids)

    @effect(Effect.CONVERGE)
    def replace_members(self, contacts: Iterable[ContactRecord], *, list_id: str) -> AudienceProgress:
        return self._people.replace(contacts, list_id)

    @effect(Effect.READ)
    def saving(self, reference: str) -> AudienceProgress:
        """The account tells nothing of a file it took, so the group is looked at, for ten minutes at most."""
        return self._people.progress(reference)

    @effect(Effect.CONVERGE)
    def remove_from_list(self, *, list_id: str, emails: Sequence[str]) -> None:
        self._people.remove(emails, list_id)

    @effect(Effect.CONVERGE)
    def block_contact(self, *, email: str) -> None:
        self._people.block(email)

    @effect(Effect.CONVERGE)
    def delete_contact(self, *, remote_id: str = "", email: str = "") -> None:
        self._people.delete(remote_id or email)

    # Senders

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        for raw in self.client.list_senders():
            yield understood(mapping.sender_record, raw, "listSenders")

    @effect(Effect.CREATE)
    def create_sender(self, *, name: str, email: str) -> SenderRecord:
        sender_id = self.client.create_sender({"description": name, "email": email})
        return SenderRecord(sender_id, name, email, is_active=True)

    @effect(Effect.CONVERGE)
    def confirm_sender(self, *, remote_id: str, code: str) -> None:
        """There is nothing to confirm."""

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        return self._campaigns.page(cursor)

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        return self._campaigns.one(remote_id)

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        return self._campaigns.find(marker, created_after)

    @effect(Effect.READ)
    def find_lists(self, *, marker: str) -> tuple[ListRecord, ...]:
        return tuple(record for record in self.lists() if record.name.endswith(marker))

    @effect(Effect.ONCE)
    def release_campaign(self, draft: CampaignDraft, *, send_at: datetime) -> str:
        return self._campaigns.release(draft, send_at)

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        self._campaigns.stop(remote_id, "cancelled")

    @effect(Effect.CONVERGE)
    def pause_campaign(self, *, remote_id: str) -> None:
        self._campaigns.stop(remote_id, "paused")

    @effect(Effect.ONCE)
    def resume_campaign(self, *, remote_id: str) -> None:
        self.client.update_campaign_status(remote_id, "active")

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        return mapping.comparable_record(draft)

    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        return self._campaigns.figures(remote_id)

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        return self._campaigns.all_figures()

    @effect(Effect.CONVERGE)
    def request_people(self, *, remote_id: str, kind: str) -> str:
        """Nothing is prepared over there: the rows can be read at once."""
        if kind not in results.PEOPLE:
            raise Unsupported(
                self.capabilities.sentence("reports_people"), provider=self.slug, operation="listResults"
            )
        return f"{kind}:{remote_id}"

    @effect(Effect.READ)
    def people(self, reference: str) -> Iterator[EventRecord] | None:
        kind, _, remote_id = reference.partition(":")
        return self._campaigns.events(remote_id, kind)
