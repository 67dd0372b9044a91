"""What can be done to a campaign besides writing it. No answer here holds the campaign: read it again.

`suspended` stands beside the status. There is no status for a cancelled campaign, see `CANCELLED`.
"""

from accounts.sandbox.especial import rules, sending
from accounts.sandbox.especial.campaigns import find, next_step, tell
from accounts.sandbox.especial.records import Campaign
from accounts.sandbox.especial.shapes import LAST_SECOND, Flag, Whole, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, done, refuse
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

CANCELLED = (
    "archived"  # the status a cancelled campaign shows; which one is published nowhere. It never comes back.
)
SCHEDULE = shape(date=Whole(least=1, most=LAST_SECOND), html_empty=Flag())


def check_complete(account: Account, campaign: Campaign, *, html_empty: bool = False) -> None:
    """Raises a 400 for anything that would keep the campaign from going out."""
    if step := next_step(campaign):
        raise refuse(f"The campaign is missing its {step}")
    if not campaign.content.get("html") and not html_empty:
        raise refuse("The HTML part is empty: confirm it with html_empty", "body", "html_empty")
    row = account.lists[campaign.audience["list_id"]]
    if not row.policy_accepted:
        raise refuse("The policy of the list must be accepted first")
    if row.status != "active":
        raise refuse("The list is archived")
    if not account.senders[campaign.sender["id"]].confirmed:
        raise refuse("The sender is not confirmed")
    segment = account.segments.get(campaign.audience.get("segment_id", 0))
    if segment:
        rules.condition(row, segment.rule)


def _refuse(campaign: Campaign, to: str) -> Exception:
    state = "suspended" if campaign.suspended else "cancelled" if campaign.cancelled else campaign.status
    return refuse(f"A campaign that is {state} cannot be {to}")


def _plan(call: Call, campaign: Campaign, done_as: str) -> Reply:
    account, given = call.account, call.body(SCHEDULE, optional=True)
    date = given.get("date")
    if date is not None and date <= call.now:
        raise refuse("The date must be in the future", "body", "date")
    if campaign.sender and campaign.sender["id"] not in account.senders:
        raise refuse("The sender was deleted")
    check_complete(account, campaign, html_empty=given.get("html_empty", False))
    campaign.scheduled_on = call.now
    sending.enqueue(account, campaign, call.now if date is None else float(date))
    tell(call, "Campaign.Scheduled", campaign)
    if date is None and not campaign.suspended:
        sending.start(account, campaign.id, campaign.lease, context=sending.Context(call.store, call.now))
    return done("campaign", done_as, id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/schedule")
def schedule_campaign(call: Call) -> Reply:
    """Without a date it goes out now."""
    campaign = find(call)
    if campaign.status != "incomplete":
        raise _refuse(campaign, "scheduled")
    return _plan(call, campaign, "scheduled")


@routes.route("POST", "/campaigns/{campaign_id}/reschedule")
def reschedule_campaign(call: Call) -> Reply:
    campaign = find(call)
    if campaign.status != "scheduled":
        raise _refuse(campaign, "rescheduled")
    return _plan(call, campaign, "scheduled")


@routes.route("POST", "/campaigns/{campaign_id}/unschedule")
def unschedule_campaign(call: Call) -> Reply:
    """The answer says `scheduled: true` all the same."""
    campaign = find(call)
    if campaign.status != "scheduled":
        raise _refuse(campaign, "unscheduled")
    campaign.status, campaign.suspended = "incomplete", False
    campaign.scheduled_for = campaign.scheduled_on = None
    campaign.lease += 1
    tell(call, "Campaign.Unscheduled", campaign)
    return done("campaign", "scheduled", id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/suspend")
def suspend_campaign(call: Call) -> Reply:
    campaign = find(call)
    if campaign.status not in ("scheduled", "delivering") or campaign.suspended:
        raise _refuse(campaign, "suspended")
    campaign.suspended = True
    campaign.lease += 1
    tell(call, "Campaign.Suspended", campaign)
    return done("campaign", "suspended", id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/resume")
def resume_campaign(call: Call) -> Reply:
    """One that was going out goes on where it stopped; one whose time has passed meanwhile goes out now."""
    campaign = find(call)
    if not campaign.suspended:
        raise _refuse(campaign, "resumed")
    campaign.suspended = False
    sending.resume(call.account, campaign, sending.Context(call.store, call.now))
    tell(call, "Campaign.Resumed", campaign)
    return done("campaign", "resumed", id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/cancel")
def cancel_campaign(call: Call) -> Reply:
    """For good: what has not left yet never leaves."""
    campaign = find(call)
    if campaign.status not in ("scheduled", "delivering"):
        raise _refuse(campaign, "cancelled")
    campaign.status, campaign.suspended, campaign.cancelled = CANCELLED, False, True
    campaign.waves, campaign.lease = [], campaign.lease + 1
    if campaign.started_on is not None:
        campaign.finished_on = call.now
    tell(call, "Campaign.Canceled", campaign)
    return done("campaign", "cancelled", id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/archive")
def archive_campaign(call: Call) -> Reply:
    """One that is going out goes on behind its new status; a scheduled one does not start while it is archived."""
    campaign = find(call)
    if campaign.status in ("incomplete", "archived"):
        raise _refuse(campaign, "archived")
    campaign.previous_status, campaign.status = campaign.status, "archived"
    return done("campaign", "archived", id=campaign.id)


@routes.route("POST", "/campaigns/{campaign_id}/unarchive")
def unarchive_campaign(call: Call) -> Reply:
    """The answer says `archived: true` all the same."""
    account, campaign = call.account, find(call)
    if campaign.status != "archived" or campaign.cancelled:
        raise _refuse(campaign, "unarchived")
    campaign.status = campaign.previous_status
    if campaign.status == "scheduled" and not campaign.suspended:
        sending.resume(account, campaign, sending.Context(call.store, call.now))
    return done("campaign", "archived", id=campaign.id)
