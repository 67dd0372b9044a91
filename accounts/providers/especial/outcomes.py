"""Verbs about what happened: figures, the people behind them, and the calls that tell of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from accounts.providers.base import Effect, effect
from accounts.providers.errors import Missing, ProviderError, Refused, UnexpectedReply, Unsupported
from accounts.providers.especial import mapping, results
from accounts.providers.especial.paging import Pages
from accounts.providers.especial.verbs import Json, Verbs, each, read
from accounts.providers.http import parse_json
from accounts.providers.reading import obj, text
from accounts.providers.records import EventRecord, FiguresRecord, WebhookRecord


class Outcomes(Verbs):
    # Results

    @effect(Effect.READ)
    def figures(self, *, remote_id: str) -> FiguresRecord:
        report = self.client.get_campaign_stats(remote_id)
        links = Pages(partial(self.client.get_campaign_links_stats, remote_id))
        return results.figures_record(datetime.now(UTC), report, links)

    @effect(Effect.READ)
    def all_figures(self) -> Iterator[tuple[str, FiguresRecord]]:
        """Two calls for each campaign that was sent."""
        for record in each(self._newest_first(), mapping.campaign_record, "listCampaigns"):
            if record.phase == "sent":
                try:
                    yield record.remote_id, self.figures(remote_id=record.remote_id)
                except Missing:  # deleted meanwhile
                    continue

    @effect(Effect.CONVERGE)
    def request_people(self, *, remote_id: str, kind: str) -> str:
        """Nothing is prepared over there: the log can be read at once."""
        if kind not in results.LOG_TYPES:
            raise Unsupported(
                "Especial's log does not tell of these people.",
                provider=self.slug,
                operation="getCampaignLogs",
            )
        return f"{kind}:{remote_id}"

    @effect(Effect.READ)
    def people(self, reference: str) -> Iterator[EventRecord] | None:
        kind, _, campaign_id = reference.partition(":")
        return self._people_of(campaign_id, kind)

    def _people_of(self, campaign_id: str, kind: str) -> Iterator[EventRecord]:
        """Each person once, by the first row about them; by one of a person's own opening before one of a program's."""
        read_at = datetime.now(UTC)
        seen: set[str] = set()
        for by_machine in (False, True) if kind == "opened" else (None,):
            for word in results.LOG_TYPES[kind]:
                fetch = partial(
                    self.client.get_campaign_logs, campaign_id, filter=f"type=={word}", sort="time"
                )
                for raw in Pages(fetch, has_cursor=True):
                    who = results.person_of(raw)
                    if who in seen or text(raw.get("type")) != word:
                        continue
                    event = results.log_event(raw, kind=kind, campaign_id=campaign_id, read_at=read_at)
                    if event is not None and by_machine in (None, event.is_machine):
                        seen.add(who)
                        yield event

    # Webhooks: one for each event, so several make one of ours

    @effect(Effect.READ)
    def webhooks(self) -> Iterator[WebhookRecord]:
        by_url: dict[str, list[Json]] = {}
        for raw in self._active_webhooks():
            by_url.setdefault(text(raw.get("url")), []).append(raw)
        for url, found in by_url.items():
            ids = sorted(read(mapping.remote_id, raw, "listWebhooks") for raw in found)
            yield self._webhook(url, ids, tuple(text(raw.get("event")) for raw in found))

    def _active_webhooks(self) -> Iterator[Json]:
        found = Pages(self.client.list_webhooks)
        return (raw for raw in found if text(raw.get("status")).lower() != "archived")

    @effect(Effect.CREATE)
    def create_webhook(self, *, url: str, secret: str) -> WebhookRecord:
        """All or none: after a failure on the way those that were made are put away again."""
        made: list[str] = []
        try:
            for event in results.WEBHOOK_EVENTS:
                made.append(self.client.create_webhook({"event": event, "url": url}))
            return self._webhook(url, sorted(made), results.WEBHOOK_EVENTS)
        except ProviderError:
            self._put_away(url, made)
            raise

    def _webhook(self, url: str, ids: Sequence[str], events: tuple[str, ...]) -> WebhookRecord:
        """With the secrets that sign its calls, each read by itself."""
        signatures = [obj(self.client.get_webhook(webhook_id).get("signature")) for webhook_id in ids]
        secrets = tuple(filter(None, (text(found.get("key")) for found in signatures)))
        return WebhookRecord(",".join(ids), url, events, secrets)

    def _put_away(self, url: str, made: Sequence[str]) -> None:
        """One whose answer was lost is found by its address. What fails here is found by that later."""
        with suppress(ProviderError):
            there = {text(raw.get("id")) for raw in self._active_webhooks() if text(raw.get("url")) == url}
            for webhook_id in sorted({*made, *there} - {""}):
                self.client.archive_webhook(webhook_id)

    @effect(Effect.CONVERGE)
    def delete_webhook(self, *, remote_id: str) -> None:
        """Archived: there is no deleting."""
        for webhook_id in filter(None, remote_id.split(",")):
            try:
                self.client.archive_webhook(webhook_id)
            except Missing:
                continue
            except Refused:
                found = obj(self.client.get_webhook(webhook_id).get("data"))
                if text(found.get("status")).lower() != "archived":
                    raise

    @classmethod
    def verify_webhook(cls, *, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> bool:
        return results.is_signed(body, headers, secrets)

    @classmethod
    def read_webhook(cls, *, body: bytes) -> list[EventRecord]:
        try:
            payload = parse_json(body)
        except ValueError:
            raise UnexpectedReply("The event is not JSON we can read.", provider=cls.slug) from None
        found = results.event_records(payload, read_at=datetime.now(UTC))
        if not found:
            raise UnexpectedReply("The event names no kind.", provider=cls.slug)
        return found
