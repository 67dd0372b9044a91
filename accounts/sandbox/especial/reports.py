"""Reports: of lists, campaigns, their links, and the account."""

from collections import Counter

from accounts.sandbox import readers
from accounts.sandbox.especial import campaigns, lists, sending, statistics
from accounts.sandbox.especial.shapes import JSON
from accounts.sandbox.especial.statistics import Tally, rate
from accounts.sandbox.especial.tokens import sub_account
from accounts.sandbox.especial.wire import Call, ordered, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

PER_MONTH, MOST_CONTACTS = 500_000, 250_000  # what the account's plan allows


@routes.route("GET", "/reports/lists/{list_id}")
def get_list_stats(call: Call) -> Reply:
    row = lists.find(call)
    held = Counter(contact.status for contact in row.contacts.values())
    tally = statistics.of_list(call.account, row.id)
    counted = {
        "active_contacts": held["active"],
        "pending_contacts": held["pending"],
        "invalid_contacts": held[sending.BOUNCED],
        "unsubscribed_contacts": held["unsubscribed"],
        "flagged_contacts": held["spam"],
        "deleted_contacts": row.deleted,
        "sent_emails": tally.unique("sent"),
    }
    return single(counted | tally.rates())


@routes.route("GET", "/reports/campaigns/{campaign_id}")
def get_campaign_stats(call: Call) -> Reply:
    return single(statistics.campaign_report(call.account, campaigns.find(call).id))


@routes.route("GET", "/reports/campaigns/{campaign_id}/links")
def get_campaign_links_stats(call: Call) -> Reply:
    campaign = campaigns.find(call)
    start, end = call.query_number("start_time"), call.query_number("end_time")
    events = call.account.by_campaign.get(campaign.id, [])
    if start is not None or end is not None:
        events = statistics.between(events, (start or 0, float("inf") if end is None else end))
    links = readers.links_of(campaign.content.get("html", ""))
    sent = statistics.of_campaign(call.account, campaign.id).active
    rows = statistics.link_report(events, links, sent)
    rows = ordered(rows, call.order("unique", "total", "link"), lambda row, term: row[term])
    return call.collection(rows, lambda row: row)


@routes.route("GET", "/reports/accounts/self")
def get_self_account_stats(call: Call) -> Reply:
    return single(_account_report(call))


@routes.route("GET", "/reports/accounts/{account_id}")
def get_account_stats(call: Call) -> Reply:
    number = call.id("account_id")
    if number != call.account.number:
        call.account = sub_account(call.account, number, call.store)
    return single(_account_report(call))


def _account_report(call: Call) -> dict[str, JSON]:
    account, window = call.account, call.window()
    whole = [event for event in account.events if event.campaign_id]
    tally = Tally().read(statistics.between(whole, window))
    mails = [e for e in account.email_events if e.type == "sent" and window[0] <= e.at <= window[1]]
    people = sum(len(row.contacts) for row in account.lists.values())
    active = sum(c.status == "active" for row in account.lists.values() for c in row.contacts.values())
    counted, rates, sent = tally.counters(), tally.rates(), tally.unique("sent")
    month = call.now - 30 * 86400
    recent = sum(event.type == "sent" and event.at >= month for event in whole)
    return {
        "active_contacts": active,
        "sent_emails": sent + len(mails),
        "sent_campaign_emails": sent,
        "sent_action_emails": 0,
        "sent_email_emails": len(mails),
        "open_rate": rates["open_rate"],
        "bounce_rate": rates["bounce_rate"],
        "click_rate": rates["click_rate"],
        "spam_rate": rates["spam_rate"],
        "unsubscribe_rate": rates["unsubscribe_rate"],
        "emails_usage": rate(recent, PER_MONTH),
        "contacts_usage": rate(people, MOST_CONTACTS),
        "bounces_hard": counted["bounces_hard"],
        "bounce_hard_rate": rate(counted["bounces_hard"], counted["sent_emails"]),
        "spams": counted["spams"],
        "current_lists": sum(row.status == "active" for row in account.lists.values()),
    }
