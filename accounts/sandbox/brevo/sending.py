"""What happens to a campaign whose time has come: mails leave in waves, and people react over the minutes after."""

import re

from accounts.sandbox import readers
from accounts.sandbox.brevo import hooks
from accounts.sandbox.brevo.processes import Context
from accounts.sandbox.brevo.segments import segment_members
from accounts.sandbox.brevo.state import JSON, Account, Campaign, Contact, Event, Wave
from accounts.sandbox.brevo.statistics import MIRROR, tallies
from accounts.sandbox.timeline import chance

WAVES = 18
MIRROR_TAG = re.compile(r"\{\{\s*mirror\s*\}\}")


def audience(account: Account, fields: dict[str, JSON]) -> list[Contact]:
    """Everyone on the chosen lists or segments, once, without the excluded, the blocklisted and who left the list."""
    excluded = {n for list_id in fields.get("exclusionListIds", ()) for n in _members(account, list_id)}
    chosen: dict[int, Contact] = {}
    for list_id in fields.get("listIds", ()):
        for contact_id in _members(account, list_id):
            contact = account.contacts[contact_id]
            if list_id not in contact.unsubscribed_ids:
                chosen[contact_id] = contact
    for segment_id in fields.get("segmentIds", ()):
        if segment_id in account.segments:
            chosen |= {contact.id: contact for contact in segment_members(account, segment_id)}
    return [c for c in chosen.values() if c.email and not c.email_blacklisted and c.id not in excluded]


def _members(account: Account, list_id: int) -> list[int]:
    row = account.lists.get(list_id)
    return list(row.members) if row else []


def start(account: Account, campaign_id: int, context: Context) -> None:
    """The scheduled moment. Without enough credit the provider suspends instead of sending a part."""
    campaign, now = account.campaigns[campaign_id], context.now
    if campaign.status != "queued" or campaign.scheduled_at is None or now < campaign.scheduled_at:
        return  # suspended or put off since this was planned
    if campaign.started_at is not None:
        _resume(account, campaign, now)
        return
    people = audience(account, campaign.fields)
    if len(people) > account.credits:
        campaign.status = "suspended"
        return
    account.credits -= len(people)
    campaign.status, campaign.started_at = "in_process", now
    ids = [contact.id for contact in people]
    if not campaign.fields.get("abTesting"):
        _plan_waves(account, campaign, {"": ids}, now)
        return
    chance("split", campaign.id).shuffle(ids)
    size = len(ids) * campaign.fields["splitRule"] // 100
    if campaign.fields["splitRule"] < 50:
        campaign.held_back = ids[2 * size :]
        campaign.winner_at = now + 3600 * campaign.fields["winnerDelay"]
        account.pending.plan(campaign.winner_at, "winner", campaign.id)
    else:
        size = (len(ids) + 1) // 2
    _plan_waves(account, campaign, {"A": ids[:size], "B": ids[size : 2 * size]}, now)


def _plan_waves(account: Account, campaign: Campaign, groups: dict[str, list[int]], now: float) -> None:
    longest = max(len(ids) for ids in groups.values())
    size = max(1, -(-longest // WAVES))
    count = max(1, -(-longest // size))
    for n in range(count):
        at = now + account.pace.send * n / count
        campaign.waves += [
            Wave(at, version, ids[n * size : (n + 1) * size]) for version, ids in groups.items()
        ]
        account.pending.plan(at, "wave", campaign.id, campaign.lease)


def _resume(account: Account, campaign: Campaign, now: float) -> None:
    """Go on where the pause began."""
    campaign.status = "in_process"
    shift = now - min((wave.at for wave in campaign.waves), default=now)
    for wave in campaign.waves:
        wave.at += shift
    for at in sorted({wave.at for wave in campaign.waves} or {now}):
        account.pending.plan(at, "wave", campaign.id, campaign.lease)
    if campaign.winner_at:
        account.pending.plan(max(now, campaign.winner_at), "winner", campaign.id)


def wave(account: Account, campaign_id: int, lease: int, context: Context) -> None:
    campaign = account.campaigns.get(campaign_id)
    if campaign is None or campaign.status != "in_process" or campaign.lease != lease:
        return
    links = readers.links_of(campaign.fields.get("htmlContent", ""))
    mirror = MIRROR if MIRROR_TAG.search(campaign.fields.get("htmlContent", "")) else ""
    due = [wave for wave in campaign.waves if wave.at <= context.now]
    campaign.waves = [wave for wave in campaign.waves if wave.at > context.now]
    for part in due:
        for contact_id in part.contact_ids:
            contact = account.contacts.get(contact_id)
            if contact is None or contact.email_blacklisted:  # left while the campaign was going out
                continue
            sent = Event(
                context.now, "sent", contact.id, contact.email, _list_of(campaign, contact), part.version
            )
            happen(account, campaign, sent, context)
            for deed in readers.reactions(
                sent.email, campaign.id, sent.at, links, react=account.pace.react, mirror=mirror
            ):
                event = sent._replace(**deed._asdict())
                account.pending.plan(event.at, "event", campaign.id, *event[1:])
    if not campaign.waves and not campaign.held_back:
        campaign.status, campaign.sent_at = "sent", context.now


def _list_of(campaign: Campaign, contact: Contact) -> int:
    return next((list_id for list_id in campaign.fields.get("listIds", ()) if list_id in contact.list_ids), 0)


def winner(account: Account, campaign_id: int, context: Context) -> None:
    """The A/B test is over: everyone held back gets the better subject, A when both did alike."""
    campaign = account.campaigns[campaign_id]
    if campaign.status == "in_process" and campaign.held_back:
        ids, campaign.held_back = campaign.held_back, []
        campaign.winner = leading_version(account, campaign)
        _plan_waves(account, campaign, {campaign.winner or "A": ids}, context.now)


def leading_version(account: Account, campaign: Campaign) -> str:
    """`A` or `B` by the criterion of the campaign; empty for a tie."""
    kinds = ("click",) if campaign.fields.get("winnerCriteria") == "click" else ("open", "proxy")
    versions = tallies(account, campaign.id).by_version
    rates = [
        versions[v].unique(*kinds) / max(1, versions[v].delivered) if v in versions else 0.0 for v in "AB"
    ]
    return "" if rates[0] == rates[1] else "A" if rates[0] > rates[1] else "B"


def event(account: Account, campaign_id: int, *details: object, context: Context) -> None:
    happen(account, account.campaigns[campaign_id], Event(context.now, *details), context)  # type: ignore[arg-type]


def happen(account: Account, campaign: Campaign, event: Event, context: Context) -> None:
    """Record one event, with what it does to the contact and who is told."""
    before = tallies(account, campaign.id).whole.people[event.kind]
    first = event.contact_id not in before
    account.record(campaign.id, event)
    contact = account.contacts.get(event.contact_id)
    if contact and event.kind in ("hard", "spam", "unsubscribe") and not contact.email_blacklisted:
        contact.email_blacklisted, contact.modified_at = True, event.at
    hooks.campaign_event(account, context.store, campaign, event, first=first)
