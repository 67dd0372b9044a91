"""What happens to an active campaign: mails leave in waves from its start on, and people react over the minutes after."""

from collections.abc import Callable

from accounts.sandbox import readers
from accounts.sandbox.leadfox.state import Account, Campaign, Contact, Wave
from accounts.sandbox.store import Store
from accounts.sandbox.timeline import chance

WAVES = 18
# What readers do → what is counted. Opens by machines are not told apart, nor are kinds of bounces.
COUNTED_AS = {
    "hard": "bounce", "soft": "bounce", "open": "open", "proxy": "open", "click": "click", "unsubscribe": "unsubscribe",
    "spam": "spam",
}  # fmt: skip
FOLLOWED = ("open", "click")  # not of those who refused it
ENDS_SUBSCRIPTION = ("unsubscribe", "spam")  # a bounce does not: nothing says so


def plan(account: Account, campaign: Campaign, now: float) -> None:
    """After its status or start has changed: forget what was planned and, if it is active, plan anew."""
    campaign.lease += 1
    if campaign.status != "a":
        return
    if campaign.started_at is None:
        account.pending.plan(max(now, campaign.start_at or now), "start", campaign.id, campaign.lease)
        return
    pause = now - min((wave.at for wave in campaign.waves), default=now)
    for wave in campaign.waves:
        wave.at += pause
    _plan_waves(account, campaign)


def _plan_waves(account: Account, campaign: Campaign) -> None:
    for wave in campaign.waves:
        account.pending.plan(wave.at, "wave", campaign.id, campaign.lease)


def audience(account: Account, campaign: Campaign) -> list[str]:
    """Everyone on the lists, or at all, once, without who unsubscribed or did not opt in to its mailing list."""
    chosen: dict[str, None] = {}
    for row in campaign.fields["lists"]:
        chosen.update(
            dict.fromkeys(account.contacts) if row["list"] is None else account.members.get(row["list"], {})
        )
    return [n for n in chosen if account.contacts[n].may_be_mailed(campaign.mailinglist)]


def start(account: Account, at: float, campaign_id: str, lease: int) -> None:
    campaign = account.campaigns[campaign_id]
    if campaign.lease != lease:
        return
    campaign.started_at = at
    ids = audience(account, campaign)
    size = max(1, -(-len(ids) // WAVES))
    parts = [ids[n : n + size] for n in range(0, len(ids), size)]
    campaign.waves = [Wave(at + account.pace.send * n / len(parts), part) for n, part in enumerate(parts)]
    _plan_waves(account, campaign)


def wave(account: Account, at: float, campaign_id: str, lease: int) -> None:
    campaign = account.campaigns[campaign_id]
    if campaign.lease != lease:
        return
    due = campaign.waves.pop(0)
    links = {
        row["email"]: readers.links_of(account.designs[row["email"]].fields["body"])
        for row in campaign.fields["emails"]
    }
    for contact_id in due.contact_ids:
        contact = account.contacts.get(contact_id)
        if contact is None or not contact.may_be_mailed(campaign.mailinglist):
            continue  # left while the campaign was going out
        design_id = design_for(campaign, contact_id)
        account.record(campaign_id, at, "sent", contact_id, design_id)
        for deed in readers.reactions(
            contact.email, campaign.number, at, links[design_id], react=account.pace.react
        ):
            if deed.kind in COUNTED_AS:
                account.pending.plan(deed.at, "react", campaign_id, COUNTED_AS[deed.kind], contact_id)


def design_for(campaign: Campaign, contact_id: str) -> str:
    """The variant a person gets, always the same one."""
    designs = [row["email"] for row in campaign.fields["emails"]]
    if len(designs) == 1:
        return str(designs[0])
    weights = [row["weight"] for row in campaign.fields["emails"]]
    luck = chance("variant", campaign.number, contact_id[-6:])
    return str(luck.choices(designs, weights)[0])


def react(account: Account, at: float, campaign_id: str, kind: str, contact_id: str) -> None:
    """Something happens to one mail. Who has been deleted meanwhile still counts."""
    contact = account.contacts.get(contact_id)
    if contact and not contact.tracked and kind in FOLLOWED:
        return
    account.record(campaign_id, at, kind, contact_id, design_for(account.campaigns[campaign_id], contact_id))
    if contact and kind in ENDS_SUBSCRIPTION:
        subscribe(account, contact, False, at)


def subscribe(account: Account, contact: Contact, subscribed: bool, at: float) -> None:
    contact.subscribed, contact.modified_at = subscribed, at
    account.changed()


HAPPENINGS: dict[str, Callable[..., None]] = {"start": start, "wave": wave, "react": react}


def advance(account: Account, store: Store, now: float) -> None:
    """Let everything happen that is due, each thing at its own time."""
    while due := account.pending.next_due(now):
        at, what, details = due
        HAPPENINGS[what](account, at, *details)
        store.touch()
