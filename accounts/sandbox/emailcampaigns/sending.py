"""What happens to a campaign whose time has come: mails leave in waves, arrive or not, and some readers leave."""

from accounts.sandbox import readers
from accounts.sandbox.emailcampaigns.choices import COMPLETED, DISPOSITIONS, LEAVING
from accounts.sandbox.emailcampaigns.state import Account, Campaign, Contact, Result

WAVES = 18


def start(account: Account, now: float, campaign_number: int) -> None:
    """The group is read now, not at creation. One that was deleted leaves nobody to write to."""
    campaign = account.campaigns[campaign_number]
    if campaign.status != "active":
        return
    group = account.groups.get(campaign.group)
    campaign.started_at = now
    campaign.waiting = list(group.contacts.values()) if group else []
    campaign.wave_size = max(1, -(-len(campaign.waiting) // WAVES))
    campaign.wave_gap = account.pace.send / max(1, -(-len(campaign.waiting) // campaign.wave_size))
    wave(account, now, campaign_number, campaign.lease)


def wave(account: Account, now: float, campaign_number: int, lease: int) -> None:
    """Mail the next ones, without who has opted out by now. After the last wave the campaign is completed."""
    campaign = account.campaigns[campaign_number]
    if campaign.status != "active" or campaign.lease != lease:
        return
    leaving, campaign.waiting = (
        campaign.waiting[: campaign.wave_size],
        campaign.waiting[campaign.wave_size :],
    )
    opted_out = {row.email for row in account.optouts.values()}
    for contact in leaving:
        if contact.email in opted_out:
            add_result(account, campaign, contact, now, now, "opted_out")
        else:
            _mail(account, campaign, contact, now)
    if campaign.waiting:
        account.pending.plan(now + campaign.wave_gap, "wave", campaign_number, lease)
    else:
        campaign.status, campaign.modified_at = COMPLETED, now


def _mail(account: Account, campaign: Campaign, contact: Contact, now: float) -> None:
    """Opens and clicks leave no trace: the provider does not track them."""
    deeds = readers.reactions(
        contact.email, account.id_of(campaign.number), now, (), react=account.pace.react
    )
    for deed in deeds:
        if deed.kind in DISPOSITIONS:
            add_result(account, campaign, contact, now, deed.at, deed.kind)
        elif deed.kind in LEAVING:
            account.pending.plan(deed.at, "opt_out", [contact.email])


def add_result(
    account: Account, campaign: Campaign, contact: Contact, now: float, ends_at: float, end: str
) -> None:
    campaign.results.append(Result(account.next_number(), *contact, now, ends_at, DISPOSITIONS[end]))
