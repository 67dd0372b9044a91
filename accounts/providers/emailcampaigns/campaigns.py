"""Campaigns as they stand over there: each is put together from the records of its mail, sender, group and results."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.providers.emailcampaigns import mapping, results
from accounts.providers.emailcampaigns.client import Client, understood
from accounts.providers.emailcampaigns.paging import Addresses
from accounts.providers.emailcampaigns.people import People
from accounts.providers.emailcampaigns.results import Tally
from accounts.providers.errors import Missing, Refused, Unsupported
from accounts.providers.reading import instant, obj, text
from accounts.providers.records import (
    CampaignDraft,
    CampaignRecord,
    EventRecord,
    FiguresRecord,
    Page,
)

PAGE = 200
# The filter takes plain days, and neither their zone nor whether they count themselves is said.
MARGIN = timedelta(days=2)
# In which zone `created_on` is written is not said. A campaign made now may seem as old as the widest American offset.
ZONE_DOUBT = timedelta(hours=14)


class Campaigns:
    def __init__(self, client: Client, people: People) -> None:
        self.client, self.people = client, people
        self._listed: list[Any] = []
        self._subjects: dict[str, str] = {}
        self._senders: dict[str, str] = {}

    # Reading

    def one(self, remote_id: str) -> CampaignRecord:
        return self._whole(self.client.get_campaign(remote_id))

    def page(self, cursor: str | None) -> Page:
        """Newest first. The list is read once for the walk; its rows are small, the mails stand elsewhere."""
        if cursor is None or not self._listed:
            self._read_list()
        after = tuple((cursor or "").split(" ", 1))
        rest = [raw for raw in self._listed if cursor is None or _newness(raw) < after]
        found = rest[:PAGE]
        now = datetime.now(UTC)
        records = tuple(
            mapping.campaign_record(
                raw,
                phase=self._phase(raw, now),
                subject=self._subjects.get(mapping.oid(raw.get("message_id")), ""),
                sender_email=self._senders.get(mapping.oid(raw.get("sender_id")), ""),
            )
            for raw in found
        )
        following = " ".join(_newness(found[-1])) if len(rest) > PAGE else None
        return Page(records, following, len(self._listed))

    def find(self, marker: str, created_after: datetime) -> tuple[CampaignRecord, ...]:
        """The whole list by name, since there is no filter."""
        found = [raw for raw in self._all() if text(raw.get("name")).endswith(marker)]
        records = [self._whole(raw) for raw in found]
        earliest = created_after - ZONE_DOUBT
        return tuple(record for record in records if not record.created_at or record.created_at >= earliest)

    def _read_list(self) -> None:
        self._listed = sorted(self._all(), key=_newness, reverse=True)
        used = {mapping.oid(raw.get("message_id")) for raw in self._listed}
        self._subjects = {
            message_id: text(raw.get("description"))
            for raw in map(obj, self.client.list_messages())
            if (message_id := understood(mapping.remote_id, raw, "listMessages")) in used
        }
        self._senders = self._sender_emails()

    def _all(self) -> Iterator[Any]:
        for raw in self.client.list_campaigns():
            understood(mapping.remote_id, raw, "listCampaigns")
            yield raw

    def _whole(self, raw: Any) -> CampaignRecord:
        message: Any = {}
        with suppress(Missing):  # a mail can be deleted apart from its campaign
            message = self.client.get_message(mapping.oid(raw.get("message_id")))
        return mapping.campaign_record(
            raw,
            phase=self._phase(raw, datetime.now(UTC)),
            subject=text(message.get("description")),
            html=text(message.get("email_message")),
            sender_email=self._sender_emails().get(mapping.oid(raw.get("sender_id")), ""),
        )

    def _sender_emails(self) -> dict[str, str]:
        """By the list: what an unknown id gives there is not documented, and senders can be deleted."""
        return {
            understood(mapping.remote_id, raw, "listSenders"): mapping.address(raw.get("email"))
            for raw in map(obj, self.client.list_senders())
        }

    def _phase(self, raw: Any, now: datetime) -> str:
        """Results are asked only where the status leaves it open, the group only when all results seem to be there."""
        tally, everybody = Tally(), False
        if mapping.is_open(raw, now):
            tally = self._tally(raw, now)
            if tally.completed and tally.completed == tally.rows:
                everybody = self._has_everybody(raw, now)
        return mapping.phase(raw, rows=tally.rows, completed=tally.completed, everybody=everybody, now=now)

    def _has_everybody(self, raw: Any, now: datetime) -> bool:
        """Whether nobody in the group is left to be mailed. Of a group that is gone nobody is."""
        answered = Addresses(results.email(row) for row in self._results(raw, now))
        with suppress(Missing):
            return self.people.are_done(mapping.oid(raw.get("contact_group_id")), answered)
        return True

    # Making, stopping

    def release(self, draft: CampaignDraft, send_at: datetime) -> str:
        """One group, one registered sender, a start that has not passed: all of it is known before the one call."""
        if len(draft.list_ids) != 1:
            raise Unsupported(
                "A campaign goes to exactly one group here.",
                provider=self.client.provider,
                operation="createCampaign",
            )
        sender_id = draft.sender_remote_id or self._sender_id(draft.sender_email)
        if mapping.whole_minute(send_at) <= datetime.now(UTC):
            raise self._no("send_at", "The time to send has passed.")
        attributes = mapping.campaign_attributes(draft, sender_id=sender_id, send_at=send_at)
        return self.client.create_campaign(attributes)

    def _sender_id(self, email: str) -> str:
        wanted = email.strip().lower()
        senders = self._sender_emails().items()
        found = sorted(sender_id for sender_id, registered in senders if registered.lower() == wanted)
        if not found:
            raise self._no("sender", "This address is not registered as a sender in the account.")
        return found[0]

    def _no(self, name: str, sentence: str) -> Refused:
        return Refused(
            sentence, fields={name: sentence}, provider=self.client.provider, operation="createCampaign"
        )

    def stop(self, remote_id: str, status: str) -> None:
        """Which changes are taken is not documented. A no to what is so already is none."""
        try:
            self.client.update_campaign_status(remote_id, status)
        except Missing:
            raise
        except Refused:
            if mapping.plain(self.client.get_campaign(remote_id).get("status")) != status:
                raise

    # Results

    def figures(self, remote_id: str) -> FiguresRecord:
        now = datetime.now(UTC)
        return self._tally(self.client.get_campaign(remote_id), now).figures(now)

    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """A call for each campaign that has begun: those of all together may be too long for one answer."""
        now = datetime.now(UTC)
        for raw in sorted(self._all(), key=_newness, reverse=True):
            if min(mapping.starts(raw), default=now) <= now:
                yield mapping.remote_id(raw), self._tally(raw, now).figures(now)

    def events(self, remote_id: str, kind: str) -> Iterator[EventRecord]:
        """Raises Missing at once, not on the way."""
        raw, now = self.client.get_campaign(remote_id), datetime.now(UTC)
        told = (
            results.event_record(row, kind=kind, campaign_id=remote_id, read_at=now)
            for row in self._results(raw, now)
        )
        return (event for event in told if event)

    def _tally(self, raw: Any, now: datetime) -> Tally:
        return Tally.of(self._results(raw, now))

    def _results(self, raw: Any, now: datetime) -> Iterator[Any]:
        begun = mapping.starts(raw) or (instant(raw.get("created_on")) or now,)
        return self.client.list_results(
            start_date=(min(begun) - MARGIN).date(),
            end_date=(max(*begun, now) + MARGIN).date(),
            campaign_id=mapping.remote_id(raw),
        )


def _newness(raw: Any) -> tuple[str, ...]:
    """Ids begin with the time they were given; the time itself stands before them where it is told."""
    return text(raw.get("created_on")).replace(" ", "T"), mapping.remote_id(raw)
