"""Especial: marketing campaigns to lists, each with people of its own, through its Email API 1.12.14."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from accounts.providers.answers import gone_is_done
from accounts.providers.base import Credential, Effect, Way, effect
from accounts.providers.capabilities import Capabilities
from accounts.providers.errors import (
    Conflict,
    Missing,
    ProviderError,
    Refused,
    Unsupported,
)
from accounts.providers.especial import mapping, results
from accounts.providers.especial.audience import LANGUAGE, Audience
from accounts.providers.especial.contact_calls import IMPORT_PEOPLE
from accounts.providers.especial.outcomes import Outcomes
from accounts.providers.especial.paging import Pages
from accounts.providers.especial.verbs import Json, each, page_of, read
from accounts.providers.reading import obj, text, whole_second
from accounts.providers.records import (
    CampaignDraft,
    CampaignRecord,
    DomainRecord,
    Page,
    SenderRecord,
    TemplateRecord,
    TestSendResult,
)

# Campanile's links → tags that become an address where they stand in `href`. All three are in the help pages of the
# software behind Especial ("Adding merge tags to a campaign"); that they become addresses is seen in mails of others.
# To leave, the tag for the whole account: a delivery has a list of its own, and leaving that alone would mean nothing.
LINK_TAGS = {"unsubscribe_url": "GLOBAL_UNSUBSCRIBE", "view_url": "SHOWEMAIL"}


class Especial(Audience, Outcomes):
    slug, name = "especial", "Especial"
    default_base_url = "https://api.cakemail.dev"
    people_per_call = IMPORT_PEOPLE
    # Square brackets around a name; those of conditional comments ("<![endif]") are none.
    tag_pattern = re.compile(r"\[(?!endif\])[A-Za-z][A-Za-z0-9_.-]{0,100}(?:,[^\[\]<>]{0,200})?\]")
    definitions = results.DEFINITIONS
    told_on_request = frozenset(results.LOG_TYPES)
    people_tell_machines = True
    ways = (
        Way(
            "login",
            "E-mail address and password",
            help="The login may do all that its user may do in Especial. Take a user made for Campanile that signs in "
            "without a second step.",
            credentials=(
                Credential(
                    "username",
                    "E-mail address",
                    help="The address with which the user signs in to Especial.",
                    secret=False,
                ),
                Credential(
                    "password",
                    "Password",
                    help="The user's password in Especial. Campanile asks for access with it once.",
                ),
                Credential(
                    "keep_password",
                    "Keep the password, to log in again when a token is lost",
                    help="Without it only the access that Especial gave is kept, and the account must be connected "
                    "again should that be lost. With it the password is kept, encrypted.",
                    secret=False,
                    is_flag=True,
                ),
            ),
        ),
    )
    capabilities = Capabilities(
        lists_leaves=True,
        blocks_contacts=True,
        deletes_contacts=True,
        creates_fields=True,
        deletes_lists=True,
        has_segments=True,
        creates_segments=True,
        has_senders=True,
        manages_senders=True,
        has_domains=True,
        manages_domains=True,
        has_templates=True,
        personalises=True,
        takes_reply_to=True,
        links_unsubscribe=True,
        links_view=True,
        drafts_campaigns=True,
        deletes_drafts=True,
        schedules_campaigns=True,
        sends_tests=True,
        renders_campaigns=True,
        unschedules_campaigns=True,
        pauses_campaigns=True,
        reports_figures=True,
        reports_people=True,
        tells_machine_opens=True,
        has_webhooks=True,
        lists_webhooks=True,
        because={
            "lists_changed_contacts": "Especial cannot be asked who changed since a given time: its lists are read "
            "whole, and its messages tell of changes in between.",
            "shares_contacts": "In Especial each list has people of its own: who is on three lists is there three "
            "times, and Campanile joins them by their address.",
            "has_folders": "Lists in Especial stand in no folders; those of Campanile sort them here.",
            "replaces_members": "Especial takes people in by the thousand and takes nobody off with it; a list made "
            "for a delivery begins empty.",
            "lists_carry_sender": "In Especial the sender belongs to the campaign; a list has one only to begin with.",
            "writes_fallbacks": "Where a value is missing Campanile hands over the text you chose instead, so that "
            "nobody reads a gap.",
            "takes_preview_text": "Campaigns in Especial have no preview text of their own: Campanile puts it, unseen, "
            "at the top of the mail, where inboxes find it.",
            "arms_by_value": "Planning a campaign in Especial is a step and not a value that can be set twice, so an "
            "uncertain release is looked up before anything is done again.",
            "refuses_second_arm": "Especial does not say that it refuses to plan a campaign twice, so an uncertain "
            "release is looked up before anything is done again.",
            "deletes_lists": "Especial deletes with a list all campaigns that were sent to it. Campanile puts the list "
            "away instead and counts it as gone; in Especial you find it among the archived ones.",
            "creates_fields": "In Especial fields belong to lists, so a new one is made on each. It keeps numbers as "
            "text, since number fields there take whole numbers only.",
            "creates_segments": "Campanile makes segments of one condition in Especial; how it joins several is not "
            "known for certain.",
            "personalises": "Especial writes nothing where a value is missing, so Campanile fills your text for that "
            "case into what it hands over. Words in square brackets count as merge tags there.",
            "manages_domains": "Especial gives a key to publish for the domain and looks for it itself; it does not "
            "always say whether it has found it.",
            "pauses_campaigns": "Mails that were handed over before the pause are not called back.",
            "tells_machine_opens": "Who opened is told person by person, with a mark for programs; the sums count both.",
            "has_webhooks": "Especial tells that people changed, not how: Campanile looks it up afterwards. Nothing "
            "tells that a campaign is through, so campaigns are watched.",
        },
    )

    @classmethod
    def kept_credentials(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        if credentials.get("keep_password"):
            return credentials
        return {name: value for name, value in credentials.items() if name != "password"}

    # Senders, domains, templates

    @effect(Effect.READ)
    def senders(self) -> Iterator[SenderRecord]:
        return each(Pages(self.client.list_senders), mapping.sender_record, "listSenders")

    @effect(Effect.CREATE)
    def create_sender(self, *, name: str, email: str) -> SenderRecord:
        """Especial mails a link to the address, for `confirm_sender`."""
        raw = self.client.create_sender({"name": name, "email": email, "language": LANGUAGE})
        return mapping.sender_record({"name": name, "email": email, **obj(raw.get("data")), "id": raw["id"]})

    @effect(Effect.CONVERGE)
    def confirm_sender(self, *, remote_id: str, code: str) -> None:
        """`code`: what stands at the end of the link in the mail, or the whole link."""
        confirmation = _confirmation(code)
        if not confirmation:
            sentence = "Paste the link from Especial's mail, or the code at its end."
            raise Refused(sentence, fields={"code": sentence}, provider=self.slug, operation="confirmSender")
        self.client.confirm_sender(confirmation)

    @effect(Effect.READ)
    def domains(self) -> Iterator[DomainRecord]:
        """Those that have a key to sign with."""
        for name, keys in self._keys().items():
            yield read(partial(mapping.domain_record, name), keys, "listDkimKeys")

    @effect(Effect.CONVERGE)
    def authenticate_domain(self, *, name: str) -> DomainRecord:
        """Have a key made for a new domain, whose record is then to be published; for one that has it look what became of it.

        There is no call that has Especial check at once. Refused while its key is not seen to be good.
        """
        keys = self._keys().get(name.lower())
        if not keys:
            return mapping.domain_record(name.lower(), [self.client.create_dkim_key(name.lower())])
        record = mapping.domain_record(name.lower(), keys)
        if not record.is_authenticated:
            raise Refused(
                "Especial does not say yet that it found the domain's record. Publish it and give it some time.",
                provider=self.slug,
                operation="listDkimKeys",
            )
        return record

    def _keys(self) -> dict[str, list[Json]]:
        """Domain → its DKIM keys."""
        found: dict[str, list[Json]] = {}
        for raw in map(obj, self.client.list_dkim_keys()["data"] or []):
            if name := text(raw.get("domain")).strip().lower():
                found.setdefault(name, []).append(raw)
        return found

    @effect(Effect.READ)
    def templates(self) -> Iterator[TemplateRecord]:
        """One call for each, since a list of them has no content."""
        for raw in Pages(partial(self.client.list_templates, sort="id")):
            try:
                whole = self.client.get_template(read(mapping.remote_id, raw, "listTemplates"))
            except Missing:  # deleted meanwhile
                continue
            yield read(mapping.template_record, whole, "getTemplate")

    # Campaigns

    @effect(Effect.READ)
    def campaigns(self, *, cursor: str | None = None) -> Page:
        return page_of(self._newest_first(), cursor, mapping.campaign_record, "listCampaigns")

    @effect(Effect.READ)
    def campaign(self, *, remote_id: str) -> CampaignRecord:
        return read(mapping.campaign_record, self.client.get_campaign(remote_id), "getCampaign")

    @effect(Effect.READ)
    def find_campaigns(self, *, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        """Walks the newest until a whole page is older: a filter takes whole names only. Told instants have no fractions."""
        since = created_after.replace(microsecond=0)
        found: dict[str, CampaignRecord] = {}
        pages, at = self._newest_first(), None
        while True:
            page = page_of(pages, at, mapping.campaign_record, "listCampaigns")
            recent = [row for row in page.items if row.created_at is None or row.created_at >= since]
            found |= {row.remote_id: self._whole(row) for row in recent if row.name.endswith(marker)}
            at = page.cursor
            if at is None or not recent:
                return tuple(found.values())

    def _whole(self, row: CampaignRecord) -> CampaignRecord:
        """Of what is put away only the campaign itself tells whether it went out."""
        return self.campaign(remote_id=row.remote_id) if row.status.startswith("archived") else row

    @effect(Effect.CREATE)
    def create_campaign(self, draft: CampaignDraft) -> str:
        """Its list is made fit to be mailed first: accepting the policy may have been cut off when it was made."""
        body = self._body(draft)
        for list_id in draft.list_ids:
            if self.client.get_list(list_id).get("policy_accepted") is not True:
                self.client.accept_list_policy(list_id)
        return self.client.create_campaign(body)

    @effect(Effect.CONVERGE)
    def update_campaign(self, draft: CampaignDraft, *, remote_id: str) -> None:
        body = self._body(draft)
        change = partial(self.client.patch_campaign, remote_id, body)
        self._or_conflict(change, remote_id)

    def _body(self, draft: CampaignDraft) -> Json:
        if len(draft.list_ids) > 1:
            raise Unsupported(
                "A campaign in Especial goes to one list.", provider=self.slug, operation="createCampaign"
            )
        sender_id = draft.sender_remote_id or self._sender_id(
            name=draft.sender_name, email=draft.sender_email or "-"
        )
        if not sender_id:
            raise Refused(
                f"{draft.sender_email or 'The sender'} is not among the confirmed senders of the account in Especial.",
                provider=self.slug,
                operation="createCampaign",
            )
        return mapping.campaign_body(draft, sender_id=sender_id)

    @effect(Effect.CONVERGE)
    def delete_campaign(self, *, remote_id: str) -> None:
        """Conflict for what is no draft any more: cancel first."""
        gone_is_done(self._or_conflict, partial(self.client.delete_campaign, remote_id), remote_id)

    def _or_conflict(self, call: Any, remote_id: str) -> None:
        """A refusal does not say why in words one could rely on: what the campaign is tells whether its state was it."""
        try:
            call()
        except (Missing, Conflict):
            raise
        except Refused as refusal:
            if self._phase(remote_id) != "draft":
                raise Conflict(
                    refusal.detail,
                    provider=self.slug,
                    operation=refusal.operation,
                    status=refusal.status,
                    request_id=refusal.request_id,
                ) from refusal
            raise

    def _phase(self, remote_id: str) -> str:
        try:
            return self.campaign(remote_id=remote_id).phase
        except ProviderError:
            return "unknown"

    @effect(Effect.READ)
    def rendered(self, *, remote_id: str, email: str = "") -> str:
        contact_id = None
        if email:
            record = self.campaign(remote_id=remote_id)
            person = self._find(record.list_ids[0], email) if record.list_ids else None
            if person is None:
                raise Missing(
                    "This person is not on the campaign's list in Especial.",
                    provider=self.slug,
                    operation="renderCampaign",
                )
            contact_id = read(mapping.remote_id, person, "listContactsOfList")
        raw = self.client.render_campaign(remote_id, contact_id=contact_id)
        return text(raw.get("html")) or text(raw.get("text"))

    @effect(Effect.ONCE)
    def send_test(self, *, remote_id: str, emails: Sequence[str]) -> TestSendResult:
        """One call for each address. What fails after one was mailed is told beside it, so that nobody is mailed again."""
        accepted: list[str] = []
        refused: dict[str, str] = {}
        for email in emails:
            try:
                self.client.send_test_email(remote_id, email)
            except Missing:
                raise
            except Refused as refusal:
                refused[email] = refusal.detail
            except ProviderError as error:
                if not accepted:
                    raise
                refused[email] = f"It is not known whether this one was sent. {error.detail}"
            else:
                accepted.append(email)
        return TestSendResult(tuple(accepted), refused)

    @effect(Effect.ONCE)
    def schedule_campaign(self, *, remote_id: str, send_at: datetime) -> None:
        """Never for an instant that has passed: Especial might take it for now."""
        when = whole_second(send_at)
        if when <= datetime.now(UTC):
            raise Refused("The time to send has passed.", provider=self.slug, operation="scheduleCampaign")
        arm = partial(self.client.schedule_campaign, remote_id, int(when.timestamp()))
        self._or_conflict(arm, remote_id)

    @effect(Effect.CONVERGE)
    def cancel_campaign(self, *, remote_id: str) -> None:
        """For good. What is planned no more counts as done; what it shows afterwards is published nowhere, so read it."""
        try:
            self.client.cancel_campaign(remote_id)
        except Missing:
            raise
        except Refused:
            raw = self.client.get_campaign(remote_id)
            is_idle = mapping.phase(raw, datetime.now(UTC)) in ("draft", "stopped", "gone")
            if not is_idle or raw.get("suspended") is True:
                raise

    @effect(Effect.CONVERGE)
    def pause_campaign(self, *, remote_id: str) -> None:
        try:
            self.client.suspend_campaign(remote_id)
        except Missing:
            raise
        except Refused:
            if self.client.get_campaign(remote_id).get("suspended") is not True:
                raise

    @effect(Effect.ONCE)
    def resume_campaign(self, *, remote_id: str) -> None:
        self.client.resume_campaign(remote_id)

    def comparable(self, draft: CampaignDraft) -> CampaignRecord:
        return mapping.comparable_record(draft)

    # Merge tags

    @classmethod
    def merge_tag(cls, *, name: str, fallback: str | None) -> str:  # noqa: ARG003 - handed over as a value
        """`[FIRSTNAME]`, exactly as the attribute is spelt. The fallback is not written: see `writes_fallbacks`."""
        if name in LINK_TAGS:
            return f"[{LINK_TAGS[name]}]"
        field = name.removeprefix("contact.")
        if field == name or not mapping.ATTRIBUTE_NAME.fullmatch(field):
            raise Unsupported(
                f"Especial has no merge tag for {name}.", provider=cls.slug, operation="merge_tag"
            )
        return f"[{field}]"


def _confirmation(code: str) -> str:
    """The id in what somebody pasted: alone, or in a link, in its query or at the end of its path."""
    given = code.strip()
    if "://" in given:
        parts = urlsplit(given)
        query = parse_qs(parts.query)
        told = next(
            (query[name][-1] for name in ("confirmation_id", "id", "key", "token") if name in query), ""
        )
        given = told or parts.path.rstrip("/").rpartition("/")[2]
    return given if re.fullmatch(r"[\w.~+/=-]{1,500}", given, re.ASCII) else ""
