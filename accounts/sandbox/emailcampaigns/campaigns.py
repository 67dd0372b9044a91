"""Campaigns. To create one is to schedule it: there are no drafts, and only its status can be changed."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from accounts.sandbox.emailcampaigns.choices import COMPLETED, LEAD
from accounts.sandbox.emailcampaigns.forms import Form, contacts_of, read_form
from accounts.sandbox.emailcampaigns.state import JSON, Account, Campaign, Group, Message
from accounts.sandbox.emailcampaigns.wire import Call, Fields, invalid, oid, record_wire, stamp
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

ZONES = {name: ZoneInfo(name) for name in ("EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")}
STATUSES = ("active", "paused", "cancelled")
MOVES = {  # from a status to those that may be asked for, other than itself
    "active": ("paused", "cancelled"),
    "paused": ("active", "cancelled"),
    "cancelled": (),
    COMPLETED: (),
}


def campaign_wire(account: Account, campaign: Campaign) -> dict[str, JSON]:
    """`start_date` is in UTC like every time in a reply, though `timezone` stands beside it."""
    return record_wire(
        account,
        campaign,
        contact_group_id=oid(account, campaign.group),
        sender_id=oid(account, campaign.sender),
        message_id=oid(account, campaign.message),
        name=campaign.name,
        start_date=stamp(campaign.start_at),
        timezone=campaign.timezone,
        status=campaign.status,
    )


@routes.route("GET", "/email/campaign")
def get_campaigns(call: Call) -> Reply:
    account = call.account
    if "_id" in call.request.query:
        return Reply(200, campaign_wire(account, call.found(account.campaigns)))
    return Reply(200, [campaign_wire(account, campaign) for campaign in account.campaigns.values()])


@routes.route("POST", "/email/campaign")
def create_campaign(call: Call) -> Reply:
    """Everything is read and judged before anything is made, so that a refusal leaves nothing behind."""
    account, form = call.account, read_form(call.request)
    attributes = _attributes(form)
    message = _message(call, attributes.inner("message"))
    schedule = attributes.inner("schedule")
    name, zone = schedule.text("name"), schedule.text("timezone", ZONES)
    start_at = _start(call, schedule.text("start_date"), zone)
    sender = schedule.reference("sender_id", account, account.senders)
    group = _group(call, attributes.inner("contact_group"), form, name)
    campaign = schedule_campaign(account, name, group, message, sender.number, start_at, zone, call.now)
    return Reply(201, campaign_wire(account, campaign))


def schedule_campaign(
    account: Account, name: str, group: Group, message: Message, sender: int, start_at: float, zone: str, now: float
) -> Campaign:  # fmt: skip
    """A group or message without a number is new and kept with the campaign."""
    if not group.number:
        account.keep(account.groups, group)
    if not message.number:
        account.keep(account.messages, message)
    queue, sender_email = account.next_number(), account.senders[sender].email
    campaign = Campaign(
        0, now, now, name, start_at, zone, group.number, sender, message.number, queue, sender_email
    )
    account.pending.plan(start_at, "start", account.keep(account.campaigns, campaign).number)
    return campaign


def _attributes(form: Form) -> Fields:
    try:
        return Fields(json.loads(form.text("attributes")))
    except (ValueError, RecursionError):
        raise invalid("attributes", "Value must be valid JSON.") from None


def _message(call: Call, fields: Fields) -> Message:
    """`upload` is a documented source whose other keys nobody has documented: refused."""
    if fields.text("source", ("new", "reuse")) == "reuse":
        message: Message = fields.reference("_id", call.account, call.account.messages)
        return message
    return Message(0, call.now, call.now, fields.text("description"), fields.text("email_message"))


def _group(call: Call, fields: Fields, form: Form, campaign_name: str) -> Group:
    """An uploaded group bears the campaign's name."""
    if fields.text("type", ("upload", "reuse")) == "reuse":
        group: Group = fields.reference("_id", call.account, call.account.groups)
        return group
    columns = fields.index("email_index"), fields.index("name_index")
    contacts = contacts_of(form.csv_rows(), *columns, headed=False)
    return Group(0, call.now, call.now, campaign_name, {contact.email: contact for contact in contacts})


def _start(call: Call, text: str, zone: str) -> float:
    """The instant of a local time. Of an hour that comes twice, the first one."""
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONES[zone])
    except ValueError:
        raise invalid("schedule.start_date", "Use the format yyyy-MM-dd HH:mm.") from None
    if local.astimezone(UTC).astimezone(ZONES[zone]).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise invalid("schedule.start_date", "This time does not exist in the time zone.")
    if local.timestamp() < call.now + LEAD:
        raise invalid("schedule.start_date", "The start must lie at least a minute ahead.")
    return local.timestamp()


@routes.route("PUT", "/email/campaign")
def update_campaign_status(call: Call) -> Reply:
    """The status a campaign has already may be asked for again, which a caller does who lost the first answer."""
    campaign: Campaign = call.found(call.account.campaigns)
    wanted = call.fields().text("status", STATUSES)
    if wanted != campaign.status:
        if wanted not in MOVES[campaign.status]:
            raise invalid("status", f"A campaign that is {campaign.status} cannot become {wanted}.")
        change_status(call.account, campaign, wanted, call.now)
    return Reply(204)


def change_status(account: Account, campaign: Campaign, wanted: str, now: float) -> None:
    campaign.status, campaign.modified_at, campaign.lease = wanted, now, campaign.lease + 1
    if wanted == "cancelled":
        campaign.waiting = []
    elif wanted == "active" and campaign.started_at is not None:
        account.pending.plan(now, "wave", campaign.number, campaign.lease)
    elif wanted == "active" and campaign.start_at <= now:  # its hour came while it was paused
        account.pending.plan(now, "start", campaign.number)
