"""What can be done to a campaign besides editing it: send, pause, archive, copy, test, report, export."""

import csv
import io
from collections import Counter

from accounts.sandbox.brevo import processes, sending
from accounts.sandbox.brevo.campaigns import (
    check_inline,
    check_scheduled,
    enqueue,
    find,
    refuse_state,
    share_url,
)
from accounts.sandbox.brevo.state import JSON, Account, Campaign, Process
from accounts.sandbox.brevo.statistics import MIRROR, Tally, tallies
from accounts.sandbox.brevo.tests_sent import send_test
from accounts.sandbox.brevo.wire import Call, done, invalid, missing, read_email, refuse, stamp
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

ACTIONS = (
    "suspended",
    "archive",
    "darchive",
    "sent",
    "queued",
    "replicate",
    "replicateTemplate",
    "draft",
    "cancel",
)
# What `status` may ask for, by the status the campaign has. `sent` and `draft` are accepted words without an effect
# anybody has documented, `replicateTemplate` is for templates: all three are refused.
MOVES = {
    "queued": {"suspended", "cancel"},
    "in_process": {"suspended", "cancel"},
    "suspended": {"queued", "archive", "cancel"},
    "sent": {"archive"},
    "archive": {"darchive"},
}
EXPORTS = {
    "all": ("sent",), "openers": ("open", "proxy"), "clickers": ("click",), "softBounces": ("soft",),
    "hardBounces": ("hard",), "unsubscribed": ("unsubscribe",),
}  # fmt: skip
EXCEPT = {"nonOpeners": "openers", "nonClickers": "clickers"}


@routes.route("POST", "/emailCampaigns/{campaignId}/sendNow")
def send_email_campaign_now(call: Call) -> Reply:
    account, campaign = call.account, find(call)
    if campaign.status != "draft":
        refuse_state(campaign)
    people = sending.audience(account, campaign.fields)
    if not (campaign.fields.get("listIds") or campaign.fields.get("segmentIds")):
        raise missing("recipients.listIds")
    if not people:
        raise invalid("There are no recipients to send this campaign to")
    if len(people) > account.credits:
        raise refuse("not_enough_credits", "You do not have enough credit to send this campaign", status=402)
    check_inline(account, campaign.fields)
    check_scheduled(account, campaign)
    enqueue(account, campaign, call.now)
    return done()


@routes.route("PUT", "/emailCampaigns/{campaignId}/status")
def update_campaign_status(call: Call) -> Reply:
    account, campaign, fields = call.account, find(call), call.fields()
    fields.require("status")
    action = fields.text("status", ACTIONS)
    if action == "replicate":
        _replicate(account, campaign, call.now)
        return done()
    if action not in MOVES.get(campaign.status, ()):
        raise invalid(f"Campaign status cannot be changed from {campaign.status} to {action}")
    match action:
        case "suspended":
            campaign.status, campaign.lease = "suspended", campaign.lease + 1
        case "cancel":
            campaign.status, campaign.lease = "cancelled", campaign.lease + 1
            campaign.waves, campaign.held_back = [], []
        case "archive":
            campaign.previous_status, campaign.status = campaign.status, "archive"
        case "darchive":
            campaign.status = campaign.previous_status
        case "queued":
            _queue_again(account, campaign, call.now)
    campaign.modified_at = call.now
    return done()


def _queue_again(account: Account, campaign: Campaign, now: float) -> None:
    """A campaign that was going out goes on; one that was waiting needs its date still ahead."""
    check_scheduled(account, campaign)
    if campaign.started_at is not None:
        enqueue(account, campaign, now)
    elif campaign.scheduled_at is None:
        raise missing("scheduledAt")
    elif campaign.scheduled_at < now:
        raise invalid("Scheduled date should not be less than current date")
    else:
        enqueue(account, campaign, campaign.scheduled_at)


def _replicate(account: Account, campaign: Campaign, now: float) -> None:
    """A new draft with the same content, as if written now. Nobody is told its id."""
    copy = Campaign(
        account.next_id("campaign"), campaign.name, now, now, dict(campaign.fields), type=campaign.type
    )
    account.campaigns[copy.id] = copy


@routes.route("POST", "/emailCampaigns/{campaignId}/sendTest")
def send_test_email(call: Call) -> Reply:
    campaign = find(call)
    send_test(call, f"campaign {campaign.id}")
    campaign.test_sent = True
    return done()


@routes.route("POST", "/emailCampaigns/{campaignId}/sendReport")
def send_report(call: Call) -> Reply:
    campaign, fields = find(call), call.fields()
    fields.require("email")
    email = fields.inner("email")
    assert email is not None
    email.require("to", "body")
    to = [read_email(address, "email.to") for address in email.list_of("to", str) or []]
    if not to:
        raise missing("email.to")
    if campaign.started_at is None:
        raise invalid("A report is only available for sent campaigns")
    report = {"campaignId": campaign.id, "to": to, "body": email.text("body"), "at": call.now}
    language = fields.text("language", ("fr", "es", "pt", "it", "de", "en")) or "fr"
    call.account.reports_sent.append(report | {"language": language})
    return done()


@routes.route("GET", "/emailCampaigns/{campaignId}/sharedUrl")
def get_shared_template_url(call: Call) -> Reply:
    campaign = find(call)
    if campaign.type != "classic":
        raise refuse("method_not_allowed", "Share link is only available for classic campaigns", status=405)
    return Reply(200, {"sharedUrl": share_url(call, campaign)})


@routes.route("GET", "/emailCampaigns/{campaignId}/abTestCampaignResult")
def get_ab_test_campaign_result(call: Call) -> Reply:
    account, campaign = call.account, find(call)
    if not campaign.fields.get("abTesting"):
        raise refuse("method_not_allowed", "Campaign is not an A/B test campaign", status=405)
    pair = {f"Version {v}": tallies(account, campaign.id).by_version.get(v, Tally()) for v in "AB"}

    def rates(*kinds: str) -> dict[str, str]:
        return {name: _percent(tally.unique(*kinds), tally.delivered) for name, tally in pair.items()}

    version, best = _winner(account, campaign), tallies(account, campaign.id).by_version.get
    leader = (best(version) if version in ("A", "B") else None) or Tally()
    by_click = campaign.fields.get("winnerCriteria") == "click"
    opened, clicked = (
        _percent(leader.unique("open", "proxy"), leader.delivered),
        _percent(leader.unique("click"), leader.delivered),
    )
    return Reply(
        200,
        {
            "winningVersion": version,
            "winningCriteria": "Click" if by_click else "Open",
            "winningSubjectLine": campaign.fields.get(f"subject{version}", ""),
            "openRate": opened,
            "clickRate": clicked,
            "winningVersionRate": clicked if by_click else opened,
            "statistics": {
                "openers": rates("open", "proxy"),
                "clicks": rates("click"),
                "unsubscribed": rates("unsubscribe"),
                "hardBounces": rates("hard"),
                "softBounces": rates("soft"),
                "complaints": rates("spam"),
            },
            "clickedLinks": {f"Version {v}": _links(account, campaign, v) for v in "AB"},
        },
    )


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole, 2) if whole else 0}%"


def _winner(account: Account, campaign: Campaign) -> str:
    if campaign.started_at is None:
        return "notAvailable"
    if campaign.status in ("queued", "in_process", "suspended"):
        return "pending"
    return campaign.winner or sending.leading_version(account, campaign) or "tie"


def _links(account: Account, campaign: Campaign, version: str) -> list[dict[str, JSON]]:
    links = tallies(account, campaign.id).version_links.get(version, Counter())
    clicks = {url: n for url, n in links.items() if url != MIRROR}
    return [
        {"link": url, "clicksCount": n, "clickRate": _percent(n, sum(clicks.values()))}
        for url, n in clicks.items()
    ]


@routes.route("POST", "/emailCampaigns/{campaignId}/exportRecipients")
def email_export_recipients(call: Call) -> Reply:
    campaign, fields = find(call), call.fields()
    fields.require("recipientsType")
    wanted = fields.text("recipientsType", (*EXPORTS, *EXCEPT))
    if campaign.started_at is None:
        raise invalid("Recipients can only be exported once the campaign has been sent")
    arguments = {"campaignId": campaign.id, "recipientsType": wanted}
    process = processes.start(
        call, "CAMPAIGN_USER_DETAILS", "export_recipients", arguments, fields.text("notifyURL")
    )
    return Reply(202, {"processId": process.id})


def recipients(account: Account, campaign_id: int, wanted: str) -> dict[int, str]:
    """Contact id → address of those an export of this type holds, in the order they were written to."""
    kinds = EXPORTS.get(wanted, ("sent",))
    chosen = {e.contact_id: e.email for e in account.events.get(campaign_id, []) if e.kind in kinds}
    if wanted in EXCEPT:
        others = recipients(account, campaign_id, EXCEPT[wanted])
        arrived = tallies(account, campaign_id).whole.people["delivered"]
        return {n: email for n, email in chosen.items() if n not in others and n in arrived}
    return chosen


@processes.work("export_recipients")
def export_recipients(account: Account, process: Process, context: processes.Context) -> None:
    campaign_id, wanted = process.arguments["campaignId"], process.arguments["recipientsType"]
    sent, kinds = {}, EXPORTS.get(wanted, ("sent",))
    latest: dict[int, float] = {}
    for event in account.events.get(campaign_id, []):
        if event.kind == "sent":
            sent[event.contact_id] = event.at
        if event.kind in kinds:
            latest[event.contact_id] = event.at
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\n")
    rows.writerow(["Email_ID", "Send_Date", "Event_Date", "Contact_ID"])
    for contact_id, email in recipients(account, campaign_id, wanted).items():
        rows.writerow([email, stamp(sent[contact_id]), stamp(latest[contact_id]), contact_id])
    process.export_url = processes.keep_file(
        account, process, f"campaign-{campaign_id}-{wanted}", text.getvalue()
    )
