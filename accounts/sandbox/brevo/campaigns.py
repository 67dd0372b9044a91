"""E-mail campaigns: list, read, create, update, delete."""

from accounts.sandbox.brevo import sending
from accounts.sandbox.brevo.people import check_lists
from accounts.sandbox.brevo.senders import find_sender
from accounts.sandbox.brevo.state import JSON, Account, Campaign
from accounts.sandbox.brevo.statistics import HALF_A_YEAR, campaign_statistics
from accounts.sandbox.brevo.wire import (
    Call,
    Fields,
    created,
    done,
    invalid,
    missing,
    not_found,
    read_email,
    read_stamp,
    refuse,
    stamp,
)  # fmt: skip
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

# Words of the list filter → status in replies.
FILTERS = {
    "suspended": "suspended", "archive": "archive", "sent": "sent", "queued": "queued", "draft": "draft",
    "inProcess": "in_process", "inReview": "in_review", "cancelling": "cancelling", "cancelled": "cancelled",
}  # fmt: skip
LIST_KINDS = ("globalStats", "linksStats", "statsByDomain")
READ_KINDS = (*LIST_KINDS, "statsByDevice", "statsByBrowser")
TEXTS = (
    "tag", "subject", "previewText", "toField", "attachmentUrl", "footer", "header", "utmCampaign", "subjectA",
    "subjectB", "unsubscriptionPageId", "updateFormId",
)  # fmt: skip
FLAGS = ("inlineImageActivation", "mirrorActive", "sendAtBestTime", "abTesting", "ipWarmupEnable")
NUMBERS = {"splitRule": (1, 50), "winnerDelay": (1, 168), "initialQuota": (1, None), "increaseRate": (0, 100)}
MOST_CAMPAIGNS, MOST_SCHEDULED = 10_000, 150
LARGEST_INLINE, MOST_INLINE = 4 * 1024 * 1024, 5000
NO_SHARE_LINK = "Share link is only available for sent campaigns"
CHANGEABLE = ("draft", "queued", "suspended")


def wire(call: Call, campaign: Campaign, kind: str | None, *, with_html: bool) -> dict[str, JSON]:
    fields = campaign.fields
    shown: dict[str, JSON] = {
        "id": campaign.id,
        "name": campaign.name,
        "subject": fields.get("subject", ""),
        "previewText": fields.get("previewText", ""),
        "type": campaign.type,
        "status": campaign.status,
        "testSent": campaign.test_sent,
        "header": fields.get("header", "[DEFAULT_HEADER]"),
        "footer": fields.get("footer", "[DEFAULT_FOOTER]"),
        "sender": fields["sender"],
        "replyTo": fields.get("replyTo", "[DEFAULT_REPLY_TO]"),
        "toField": fields.get("toField", ""),
        "htmlContent": fields.get("htmlContent", "") if with_html else "",
        "shareLink": share_url(call, campaign) if campaign.sent_at else NO_SHARE_LINK,
        "tag": fields.get("tag", ""),
        "tags": [fields["tag"]] if fields.get("tag") else [],
        "createdAt": stamp(campaign.created_at),
        "modifiedAt": stamp(campaign.modified_at),
        "inlineImageActivation": fields.get("inlineImageActivation", False),
        "mirrorActive": fields.get("mirrorActive", True),
        "recurring": False,
        "abTesting": fields.get("abTesting", False),
        "sendAtBestTime": fields.get("sendAtBestTime", False),
        "utmCampaignValue": fields.get("utmCampaign", ""),
        "scheduledAt": stamp(campaign.scheduled_at) if campaign.scheduled_at else "",
        "recipients": {
            "lists": fields.get("listIds", []),
            "exclusionLists": fields.get("exclusionListIds", []),
        },
        "statistics": campaign_statistics(call.account, campaign, kind),
    }
    if fields.get("segmentIds"):
        shown["recipients"]["segments"] = fields["segmentIds"]
    if campaign.sent_at:
        shown["sentDate"] = stamp(campaign.sent_at)
    if fields.get("abTesting"):
        shown |= {
            name: fields[name]
            for name in ("subjectA", "subjectB", "splitRule", "winnerCriteria", "winnerDelay")
            if name in fields
        }
    return shown


def share_url(call: Call, campaign: Campaign) -> str:
    return f"{call.request.base_url}/brevo/share/{call.account.name}/{campaign.id}"


def find(call: Call) -> Campaign:
    campaign = call.account.campaigns.get(call.id("campaignId"))
    if campaign is None:
        raise not_found("Campaign ID does not exist")
    return campaign


@routes.route("GET", "/emailCampaigns")
def get_email_campaigns(call: Call) -> Reply:
    kind, status = call.query("statistics", LIST_KINDS), call.query("status", FILTERS)
    wanted_type = call.query("type", ("classic", "trigger"))
    start, end = call.query_stamp("startDate"), call.query_stamp("endDate")
    if (start is None) != (end is None):
        raise missing("endDate" if end is None else "startDate")
    if start is not None and status not in (None, "sent"):
        raise invalid("startDate and endDate can only be used with status sent")
    page, with_html = call.page(50, 100), not call.query_flag("excludeHtmlContent")
    rows = [
        campaign
        for campaign in call.account.campaigns.values()
        if (status is None or campaign.status == FILTERS[status])
        and (wanted_type is None or campaign.type == wanted_type)
        and (start is None or (campaign.sent_at is not None and start <= campaign.sent_at <= (end or 0)))
    ]
    recent = call.now - HALF_A_YEAR
    campaigns = [
        wire(call, row, kind if (row.sent_at or call.now) >= recent else None, with_html=with_html)
        for row in page.cut(rows)
    ]
    return Reply(200, {"count": len(rows), "campaigns": campaigns})


@routes.route("GET", "/emailCampaigns/{campaignId}")
def get_email_campaign(call: Call) -> Reply:
    kind = call.query("statistics", READ_KINDS)
    return Reply(200, wire(call, find(call), kind, with_html=not call.query_flag("excludeHtmlContent")))


@routes.route("POST", "/emailCampaigns")
def create_email_campaign(call: Call) -> Reply:
    """An equal name is no obstacle: asked twice, the provider has two campaigns."""
    account, fields = call.account, call.fields()
    fields.require("name", "sender")
    if len(account.campaigns) >= MOST_CAMPAIGNS:
        raise refuse("out_of_range", f"You cannot have more than {MOST_CAMPAIGNS} campaigns")
    sources = [name for name in ("htmlContent", "htmlUrl", "templateId") if fields.has(name)]
    if len(sources) != 1:
        several = invalid("Only one of htmlContent, htmlUrl or templateId can be passed")
        raise several if sources else missing("htmlContent")
    campaign = Campaign(0, fields.text("name") or "", call.now, call.now, {})
    write(call, campaign, fields)
    campaign.id = account.next_id("campaign")
    account.campaigns[campaign.id] = campaign
    if campaign.scheduled_at is not None:
        enqueue(account, campaign, campaign.scheduled_at)
    return created({"id": campaign.id})


@routes.route("PUT", "/emailCampaigns/{campaignId}")
def update_email_campaign(call: Call) -> Reply:
    campaign, fields = find(call), call.fields()
    if campaign.status not in CHANGEABLE or campaign.started_at is not None:
        refuse_state(campaign)
    if fields.flag("recurring") and campaign.type != "trigger":
        raise invalid("recurring is allowed only for trigger campaigns")
    before = campaign.scheduled_at
    write(call, campaign, fields)
    campaign.modified_at = call.now
    if fields.has("scheduledAt") and campaign.scheduled_at is not None:
        enqueue(call.account, campaign, campaign.scheduled_at)
    else:
        campaign.scheduled_at = before
    return done()


def refuse_state(campaign: Campaign) -> None:
    """The no for whatever is too late for this campaign."""
    if campaign.status == "sent":
        raise refuse("campaign_sent", "Campaign has already been sent")
    if campaign.status in ("in_process", "queued") or campaign.started_at is not None:
        raise refuse("campaign_processing", "Campaign is being processed or already scheduled")
    raise refuse("bad_request", f"Campaign cannot be changed while its status is {campaign.status}")


@routes.route("DELETE", "/emailCampaigns/{campaignId}")
def delete_email_campaign(call: Call) -> Reply:
    campaign = find(call)
    if campaign.status != "draft":
        raise refuse("permission_denied", "Only draft campaigns can be deleted", status=403)
    del call.account.campaigns[campaign.id]
    return done()


def check_scheduled(account: Account, campaign: Campaign) -> None:
    scheduled = sum(other.status == "queued" for other in account.campaigns.values() if other is not campaign)
    if scheduled >= MOST_SCHEDULED:
        raise refuse("out_of_range", f"You cannot schedule more than {MOST_SCHEDULED} campaigns")


def enqueue(account: Account, campaign: Campaign, at: float) -> None:
    campaign.status, campaign.scheduled_at = "queued", at
    account.pending.plan(at, "start", campaign.id)


def write(call: Call, campaign: Campaign, fields: Fields) -> None:
    """Take over what the body says, after the rules across fields have been checked on the result."""
    account, merged = call.account, dict(campaign.fields)
    merged |= {name: value for name in TEXTS if (value := fields.text(name)) is not None}
    merged |= {name: fields.flag(name) for name in FLAGS if fields.has(name)}
    if sender := fields.inner("sender"):
        merged["sender"] = _sender(account, sender)
    if fields.has("replyTo"):
        merged["replyTo"] = _reply_to(fields.text("replyTo") or "")
    if (params := fields.inner("params")) is not None:
        merged["params"] = dict(params.data)
    for name, (low, high) in NUMBERS.items():
        if fields.has(name):
            merged[name] = fields.number(name, low, high)
    if fields.has("winnerCriteria"):
        merged["winnerCriteria"] = fields.text("winnerCriteria", ("open", "click"))
    _take_recipients(account, merged, fields.inner("recipients"))
    _take_content(call, merged, fields)
    at = read_stamp(fields.text("scheduledAt") or "", "scheduledAt") if fields.has("scheduledAt") else None
    if at is not None and merged.get("sendAtBestTime"):
        at = at - at % 86400 + 10 * 3600  # only the date counts
    if at is not None and at < call.now:
        raise invalid("Scheduled date should not be less than current date")
    if at is not None:
        check_scheduled(account, campaign)
    _check(merged, scheduled=at is not None or campaign.status == "queued")
    if at is not None:
        check_inline(account, merged)
    campaign.name = fields.text("name") or campaign.name
    campaign.fields, campaign.scheduled_at = merged, at


def _sender(account: Account, given: Fields) -> dict[str, JSON]:
    sender = find_sender(account, given)
    if sender is None or not sender.active:
        raise invalid("Sender is invalid / inactive")
    return {"id": str(sender.id), "name": given.text("name") or sender.name, "email": sender.email}


def _reply_to(value: str) -> str:
    return value if value == "[DEFAULT_REPLY_TO]" else read_email(value, "replyTo")


def _take_recipients(account: Account, merged: dict[str, JSON], recipients: Fields | None) -> None:
    if recipients is None:
        return
    lists, segments = recipients.list_of("listIds", int), recipients.list_of("segmentIds", int)
    if (segments and merged.get("listIds")) or (lists and merged.get("segmentIds")):
        raise invalid(
            "A campaign created with lists is updated with lists, one created with segments with segments"
        )
    for name in ("listIds", "exclusionListIds"):
        if recipients.has(name):
            merged[name] = list(check_lists(account, recipients.list_of(name, int)))
    if segments is not None:
        if unknown := [n for n in segments if n not in account.segments]:
            raise invalid(f"Segment with id {unknown[0]} does not exist")
        merged["segmentIds"] = segments


def _take_content(call: Call, merged: dict[str, JSON], fields: Fields) -> None:
    """Whatever the source, the content is copied: a template edited later changes nothing here."""
    if fields.has("htmlContent"):
        merged["htmlContent"] = fields.text("htmlContent")
    elif fields.has("htmlUrl"):
        try:
            merged["htmlContent"] = call.store.fetch(fields.text("htmlUrl") or "").decode()
        except (OSError, ValueError):
            raise invalid("htmlUrl could not be read") from None
    elif fields.has("templateId"):
        template = call.account.templates.get(fields.number("templateId") or 0)
        if template is None or not template.is_active:
            raise invalid("Template is not valid or inactive")
        merged["htmlContent"] = template.html


def _check(merged: dict[str, JSON], *, scheduled: bool) -> None:
    """The rules across fields."""
    with_recipients = bool(merged.get("listIds") or merged.get("segmentIds"))
    if merged.get("abTesting"):
        if merged.get("sendAtBestTime"):
            raise invalid("abTesting and sendAtBestTime cannot be used together")
        for name in ("subjectA", "subjectB"):
            if not merged.get(name):
                raise missing(name)
        if merged["subjectA"] == merged["subjectB"]:
            raise invalid("subjectA and subjectB should be different")
        if with_recipients and "splitRule" not in merged:
            raise missing("splitRule")
        if merged.get("splitRule", 50) < 50:
            for name in ("winnerCriteria", "winnerDelay"):
                if name not in merged:
                    raise missing(name)
    elif not merged.get("subject"):
        raise missing("subject")
    if merged.get("ipWarmupEnable"):
        if merged.get("sendAtBestTime"):
            raise invalid("ipWarmupEnable and sendAtBestTime cannot be used together")
        for name in ("initialQuota", "increaseRate"):
            if name not in merged:
                raise missing(name)
    if scheduled and not with_recipients:
        raise missing("recipients.listIds")


def check_inline(account: Account, fields: dict[str, JSON]) -> None:
    """Inline images limit the size of the mail and the number of its recipients."""
    if fields.get("inlineImageActivation"):
        if len(fields.get("htmlContent", "").encode()) > LARGEST_INLINE:
            raise invalid("inlineImageActivation is limited to mails of 4 MB")
        if len(sending.audience(account, fields)) > MOST_INLINE:
            raise invalid("inlineImageActivation is limited to 5000 recipients")
