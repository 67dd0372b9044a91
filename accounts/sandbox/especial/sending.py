"""What happens to a campaign whose time has come: mails leave in waves, and people react over the minutes after."""

from dataclasses import dataclass

from accounts.sandbox import readers
from accounts.sandbox.especial import hooks, people, rules
from accounts.sandbox.especial.records import Campaign, Event, Wave
from accounts.sandbox.especial.state import Account, Contact, ContactList
from accounts.sandbox.http import Refusal
from accounts.sandbox.store import Store

WAVES = 18
MOST_SOFT_BOUNCES = 3  # the fourth removes the address
BOUNCED = "inactive_bounced"

# What readers do → the type in the logs. A machine's open is an open by a bot.
TYPES = {
    "delivered": "received", "hard": "bounce_hb", "soft": "bounce_sb", "proxy": "open", "open": "open",
    "click": "clickthru", "unsubscribe": "unsubscribe", "global_unsubscribe": "global_unsubscribe", "spam": "spam",
}  # fmt: skip
UNTRACKED = {
    "opens": ("open", "proxy"),
    "clicks_html": ("click",),
}  # what is not seen when it is switched off


@dataclass(slots=True)
class Context:
    """What may be used by work that no call waits for."""

    store: Store
    now: float


def audience(account: Account, campaign: Campaign) -> list[Contact]:
    """The active contacts of the list, or of the segment, whom nothing suppresses."""
    row = account.lists[campaign.audience["list_id"]]
    chosen = [contact for contact in row.contacts.values() if contact.status == "active"]
    segment = account.segments.get(campaign.audience.get("segment_id", 0))
    if segment:
        try:
            chosen = list(filter(rules.condition(row, segment.rule), chosen))
        except Refusal:  # an attribute it names was deleted since: it chooses nobody
            chosen = []
    if account.suppressed:
        chosen = [contact for contact in chosen if not account.suppresses(contact.email)]
    return chosen


def enqueue(account: Account, campaign: Campaign, at: float) -> None:
    campaign.status, campaign.scheduled_for = "scheduled", at
    campaign.lease += 1
    account.pending.plan(at, "start", campaign.id, campaign.lease)


def start(account: Account, campaign_id: int, lease: int, context: Context) -> None:
    campaign = account.campaigns.get(campaign_id)
    if campaign is None or campaign.status != "scheduled" or campaign.lease != lease or campaign.suspended:
        return  # put off, suspended, archived or gone since this was planned
    campaign.status, campaign.started_on = "delivering", context.now
    segment = account.segments.get(campaign.audience.get("segment_id", 0))
    if segment:
        segment.last_used, segment.campaigns = context.now, segment.campaigns + 1
    ids = [contact.id for contact in audience(account, campaign)]
    size = max(1, -(-len(ids) // WAVES))
    count = max(1, -(-len(ids) // size))
    for n in range(count):
        at = context.now + account.pace.send * n / count
        campaign.waves.append(Wave(at, ids[n * size : (n + 1) * size]))
        account.pending.plan(at, "wave", campaign.id, campaign.lease)


def resume(account: Account, campaign: Campaign, context: Context) -> None:
    """Go on where the pause began, or wait again for the hour; one whose hour has passed starts now."""
    campaign.lease += 1
    if campaign.started_on is None:
        at = max(context.now, campaign.scheduled_for or 0)
        account.pending.plan(at, "start", campaign.id, campaign.lease)
        if at == context.now:
            start(account, campaign.id, campaign.lease, context)
        return
    shift = context.now - min((wave.at for wave in campaign.waves), default=context.now)
    for wave in campaign.waves:
        wave.at += shift
        account.pending.plan(wave.at, "wave", campaign.id, campaign.lease)


def wave(account: Account, campaign_id: int, lease: int, context: Context) -> None:
    campaign = account.campaigns.get(campaign_id)
    if campaign is None or campaign.phase != "delivering" or campaign.lease != lease:
        return
    row = account.lists[campaign.audience["list_id"]]
    links = readers.links_of(campaign.content.get("html", ""))
    due = [part for part in campaign.waves if part.at <= context.now]
    campaign.waves = [part for part in campaign.waves if part.at > context.now]
    for contact_id in (number for part in due for number in part.contact_ids):
        if contact := row.contacts.get(contact_id):  # else deleted while the campaign was going out
            _mail(account, campaign, row, contact, links, context)
    if not campaign.waves:
        campaign.phase, campaign.finished_on = "delivered", context.now


def _mail(
    account: Account,
    campaign: Campaign,
    row: ContactList,
    contact: Contact,
    links: list[str],
    context: Context,
) -> None:
    """One mail, and all that will come of it. Who left or was suppressed after the start is skipped, and logged so."""
    skipped = contact.status != "active" or account.suppresses(contact.email)
    kind, number = "skipped" if skipped else "sent", account.next_id("log")
    account.record(Event(number, context.now, kind, row.id, contact.id, contact.email, campaign.id))
    if skipped:
        return
    unseen = [
        kind for name, kinds in UNTRACKED.items() if campaign.tracking.get(name) is False for kind in kinds
    ]
    for deed in readers.reactions(contact.email, campaign.id, context.now, links, react=account.pace.react):
        if deed.kind not in unseen:
            details = (deed.kind, contact.id, contact.email, deed.url, deed.device, deed.browser)
            account.pending.plan(deed.at, "event", campaign.id, *details)


def event(
    account: Account, campaign_id: int, kind: str, contact_id: int, email: str,
    url: str = "", device: str = "", browser: str = "", *, context: Context,
) -> None:  # fmt: skip
    """Record what a recipient did, with what it does to the contact and who is told."""
    campaign = account.campaigns.get(campaign_id)
    if campaign is None:  # went with its list
        return
    row = account.lists[campaign.audience["list_id"]]
    bot = kind == "proxy"
    number = account.next_id("log")
    account.record(
        Event(
            number,
            context.now,
            TYPES[kind],
            row.id,
            contact_id,
            email,
            campaign_id,
            url,
            device,
            browser,
            bot,
        )
    )
    contact = row.contacts.get(contact_id)
    if contact and kind in ("hard", "soft", "unsubscribe", "global_unsubscribe", "spam"):
        _mark(account, row, contact, kind, context)


def _mark(account: Account, row: ContactList, contact: Contact, kind: str, context: Context) -> None:
    store, now = context.store, context.now
    if kind in ("hard", "soft"):
        contact.bounces += 1
        contact.last_bounce = kind
        if kind == "hard" or contact.bounces > MOST_SOFT_BOUNCES:
            people.set_status(row, contact, BOUNCED)
    elif kind == "unsubscribe":
        people.set_status(row, contact, "unsubscribed")
    elif kind == "spam":
        people.set_status(row, contact, "spam")
        people.suppress(account, store, contact.email, people.COMPLAINT, now)
    else:
        for other in account.lists.values():
            known = other.find(contact.email)
            if known and known is not contact:
                people.unsubscribe(account, store, other, known, now)
        people.set_status(row, contact, "unsubscribed")
        people.suppress(account, store, contact.email, "global_unsubscribe", now)
    row.chosen.clear()
    hooks.contact(account, store, "Contact.Updated", row, contact, now)
