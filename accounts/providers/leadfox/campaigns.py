"""Campaigns of three parts: a folder, an e-mail and the campaign itself; and how far one is, which no status says."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.providers.errors import Conflict, Missing
from accounts.providers.leadfox import mapping
from accounts.providers.leadfox.client import Client, Pages
from accounts.providers.reading import text
from accounts.providers.records import CampaignDraft, CampaignRecord

# Rows read twice on each page.
OVERLAP = 10
# Our own folder over there, which each campaign needs.
FOLDER = "Campanile"
# A campaign that starts later than this has sent nothing, whatever the clocks say.
CLOCKS = timedelta(minutes=15)


class Campaigns:
    def __init__(self, client: Client) -> None:
        self.client = client

    # Reading

    def newest_first(self) -> Pages:
        """Ids of our own making stand somewhere between the others."""
        return Pages(self.client.list_campaigns, sort="-_id", overlap=OVERLAP)

    def designs(self, ids: Iterable[str]) -> dict[str, Any]:
        """E-mails by id, without bodies: all in one call, and what that did not bring one by one."""
        wanted = list(dict.fromkeys(filter(None, ids)))
        filters = mapping.equal("_id", *wanted) if wanted else ""
        found: dict[str, Any] = {}
        if filters:
            fields = "name,subject,preheader,fromemail,fromname"
            rows = self.client.list_emails(filters=filters, fields=fields, limit=len(wanted), sort="_id")
            found = {mapping.reference(raw): raw for raw in rows if isinstance(raw, dict)}
        for email_id in wanted:
            if email_id not in found:
                with suppress(Missing):
                    found[email_id] = {**self.client.get_email(email_id), "body": ""}
        return found

    def record(self, raw: Any, design: Any = None, *, is_listed: bool = False) -> CampaignRecord:
        """With its phase: of an active one the counts say how far it is. In a list only those around their start are asked."""
        now, start = datetime.now(UTC), mapping.instant(raw.get("start"))
        sent, is_complete = None, False
        is_near = start is None or -CLOCKS < now - start < mapping.SENT_AFTER
        if raw.get("status") == mapping.ACTIVE and (is_near or not is_listed):
            sent = mapping.sent_count(self.metrics(mapping.remote_id(raw)))
            is_complete = bool(sent) and self._has_everybody(raw, sent or 0)
        return mapping.campaign_record(raw, design, now=now, sent=sent, is_complete=is_complete)

    def metrics(self, campaign_id: str) -> list[Any]:
        """Nothing where nothing is counted yet, be that said by an empty answer or by "not found"."""
        try:
            return self.client.get_metrics("campaign", campaign_id)
        except Missing:
            return []

    def _has_everybody(self, raw: Any, sent: int) -> bool:
        """Whether its one list holds no more people who may get mail than have got it; one small call.

        If the filter is not understood, those who unsubscribed count as well, and it takes until `SENT_AFTER`.
        """
        lists = mapping.list_ids(raw)
        if len(lists) != 1 or mapping.is_to_everybody(raw):
            return False
        try:
            return not self.client.list_list_contacts(
                lists[0], skip=sent, limit=1, sort="_id", filters="subscribed = true", fields="_id"
            )
        except Missing:
            return False

    def may_have_sent(self, raw: Any) -> bool:
        start = mapping.instant(raw.get("start"))
        is_ahead = start is not None and start - datetime.now(UTC) > CLOCKS
        return mapping.is_email_campaign(raw) and raw.get("status") != mapping.DRAFT and not is_ahead

    def with_marker(self, owner: str, marker: str) -> list[Any]:
        """All that bear the marker, and the one under our own id even if somebody gave it another name."""
        found = {
            mapping.remote_id(raw): raw
            for raw in self.newest_first()
            if text(raw.get("name")).endswith(marker)
        }
        ours = self._by_own_id(owner, marker)
        if ours is not None:
            found.setdefault(mapping.remote_id(ours), ours)
        return list(found.values())

    def _by_own_id(self, owner: str, marker: str) -> Any:
        if mapping.OWN_IDS:
            with suppress(Missing):
                raw = self.client.get_campaign(mapping.own_id(owner, marker))
                return None if raw.get("deleted") is True else raw
        return None

    # Making

    def make(self, draft: CampaignDraft, owner: str) -> str:
        """Folder, e-mail, campaign. After a lost answer the next try goes on with what the first one made.

        The campaign is found again by the id we gave it, or by its name should Leadfox have chosen another id.
        """
        marker = mapping.marker(draft.name)
        if made := self._made_before(owner, marker):
            if made.get("status") == mapping.DRAFT:
                self.update(draft, mapping.remote_id(made))
            return mapping.remote_id(made)
        body = mapping.campaign_body(draft, folder_id=self._folder(), email_id=self._email(draft, marker))
        if mapping.OWN_IDS:
            body |= {"_id": mapping.own_id(owner, marker), "_owner": owner}
        try:
            return self.client.create_campaign(body)
        except Conflict:
            # The id is taken: by a call of ours whose answer is still on its way.
            if made := self._made_before(owner, marker):
                return mapping.remote_id(made)
            raise

    def _made_before(self, owner: str, marker: str) -> Any:
        if not marker:
            return None
        if ours := self._by_own_id(owner, marker):
            return ours
        # With an id of Leadfox's own it is among the newest.
        newest = self.newest_first().page(0).items
        return next((raw for raw in newest if text(raw.get("name")).endswith(marker)), None)

    def _folder(self) -> str:
        for raw in Pages(self.client.list_folders):
            if raw.get("name") == FOLDER:
                return mapping.remote_id(raw)
        return self.client.create_folder({"name": FOLDER})

    def _email(self, draft: CampaignDraft, marker: str) -> str:
        """The e-mail of an earlier try, with this content, or a new one: for e-mails no id of our own is documented."""
        if marker:
            for raw in Pages(self.client.list_emails, sort="-_id", fields="name").page(0).items:
                if text(raw.get("name")).endswith(marker):
                    self.client.update_email(mapping.remote_id(raw), mapping.email_body(draft))
                    return mapping.remote_id(raw)
        return self.client.create_email(mapping.email_body(draft))

    def update(self, draft: CampaignDraft, campaign_id: str) -> None:
        """Its e-mail, then its name and lists. Status and start stay as they are."""
        email_id = mapping.design_id(self.client.get_campaign(campaign_id))
        if not email_id:
            what = "The campaign has lost its e-mail in Leadfox."
            raise Missing(what, provider="leadfox", operation="getCampaign")
        self.client.update_email(email_id, mapping.email_body(draft))
        self.client.update_campaign(
            campaign_id, {"name": draft.name, **mapping.audience(draft.list_ids, email_id)}
        )
