"""What became of each recipient: a row once the mail has left, complete once its end is known."""

import re
from datetime import UTC, datetime, timedelta

from accounts.sandbox.emailcampaigns.choices import LAST_DAY_COUNTS, ROW_ENDED, ROW_OPEN
from accounts.sandbox.emailcampaigns.state import JSON, Account, Campaign
from accounts.sandbox.emailcampaigns.wire import Call, invalid, missing, oid, stamp
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


@routes.route("GET", "/email/result/filter")
def get_results(call: Call) -> Reply:
    """By the day (UTC) a mail left on. An unknown campaign is one without results."""
    account, start, end = call.account, _day(call, "start_date"), _day(call, "end_date")
    if LAST_DAY_COUNTS:
        end += timedelta(days=1)
    campaigns = account.campaigns
    if call.query("campaign_id"):
        number = account.number_of(call.query("campaign_id"))
        campaigns = {number: campaigns[number]} if number in campaigns else {}
    window = start.timestamp(), end.timestamp()
    return Reply(
        200, [row for campaign in campaigns.values() for row in _rows(account, campaign, *window, call.now)]
    )


def _day(call: Call, name: str) -> datetime:
    text = call.query(name)
    if not text:
        raise missing(name)
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise invalid(name, "Use the format yyyy-MM-dd.") from None


def _rows(account: Account, campaign: Campaign, start: float, end: float, now: float) -> list[JSON]:
    shared = {
        "client_id": oid(account, 0),
        "queue_id": oid(account, campaign.queue),
        "campaign_id": oid(account, campaign.number),
        "campaign_name": campaign.name,
        "email_from_id": campaign.sender_email,
    }
    return [
        {
            "$_id": oid(account, row.number),
            **shared,
            "email_to": row.email,
            "contact": {"name": row.name, "email": row.email, **row.columns},
            "start_date": stamp(row.sent_at),
            "modified_on": stamp(row.ends_at if row.ends_at <= now else row.sent_at),
            "disposition": row.disposition if row.ends_at <= now else "",
            "complete": row.ends_at <= now,
            "status": ROW_ENDED if row.ends_at <= now else ROW_OPEN,
        }
        for row in campaign.results
        if start <= row.sent_at < end
    ]
