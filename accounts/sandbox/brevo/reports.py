"""Statistics of transactional mails: those some other system sends through this account every day.

The sandbox sends none itself. An account with `transactional_daily` has that many each day, made up from the date
alone; all three reports read the same events, so they agree.
"""

import json
from collections import Counter
from typing import NamedTuple

from accounts.sandbox.brevo.state import JSON, Account
from accounts.sandbox.brevo.wire import Call, invalid, read_email, stamp
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import chance

routes: Routes[Call] = Routes()

EVENTS = (
    "bounces", "hardBounces", "softBounces", "delivered", "spam", "requests", "opened", "clicks", "invalid", "deferred",
    "blocked", "unsubscribed", "error", "loadedByProxy",
)  # fmt: skip
TAGS = ("order", "password", "receipt")


class Mail(NamedTuple):
    at: float
    event: str
    email: str
    message_id: str
    tag: str
    link: str = ""


def day_of(account: Account, day: float, now: float) -> list[Mail]:
    """All events of the mails sent on this day that have happened by now."""
    luck = chance(account.name, "transactional", int(day))
    mails: list[Mail] = []
    for n in range(account.transactional_daily):
        at = day + luck.uniform(0, 86000)
        request = Mail(
            at,
            "requests",
            f"customer{luck.randrange(900)}@example.net",
            f"<{int(day)}.{n}@smtp-relay.mailin.fr>",
            luck.choice(TAGS),
        )
        mails.append(request)
        roll = luck.random()
        if roll < 0.01:
            mails.append(request._replace(at=at + 3, event="hardBounces"))
        elif roll < 0.02:
            mails.append(request._replace(at=at + 3, event="softBounces"))
        else:
            mails.append(request._replace(at=at + 2, event="delivered"))
            if luck.random() < 0.6:
                mails.append(request._replace(at=at + 40, event="opened"))
                if luck.random() < 0.3:
                    mails.append(
                        request._replace(at=at + 60, event="clicks", link="https://shop.example.com/orders")
                    )
    return [mail for mail in mails if mail.at <= now]


def _days(start: float, end: float, now: float) -> list[float]:
    return [start + n * 86400 for n in range(int((end - start) // 86400)) if start + n * 86400 <= now]


def _counters(mails: list[Mail]) -> dict[str, JSON]:
    count, unique = (
        Counter(m.event for m in mails),
        Counter(e for e, _ in {(m.event, m.message_id) for m in mails}),
    )
    return {
        "requests": count["requests"],
        "delivered": count["delivered"],
        "hardBounces": count["hardBounces"],
        "softBounces": count["softBounces"],
        "clicks": count["clicks"],
        "uniqueClicks": unique["clicks"],
        "opens": count["opened"],
        "uniqueOpens": unique["opened"],
        "spamReports": count["spam"],
        "blocked": count["blocked"],
        "invalid": count["invalid"],
        "unsubscribed": count["unsubscribed"],
    }


def _tagged(mails: list[Mail], tag: str | None) -> list[Mail]:
    return mails if tag is None else [mail for mail in mails if mail.tag == tag]


@routes.route("GET", "/smtp/statistics/aggregatedReport")
def get_aggregated_smtp_report(call: Call) -> Reply:
    start, end = call.days(90, with_days=True)
    mails = [mail for day in _days(start, end, call.now) for mail in day_of(call.account, day, call.now)]
    report = {"range": f"{stamp(start)[:10]}|{stamp(end - 1)[:10]}"}
    return Reply(200, report | _counters(_tagged(mails, call.query("tag"))))


@routes.route("GET", "/smtp/statistics/reports")
def get_smtp_report(call: Call) -> Reply:
    start, end = call.days(90, with_days=True)
    days = call.page(10, 30).cut(_days(start, end, call.now))
    tag = call.query("tag")
    reports = [
        {"date": stamp(day)[:10]} | _counters(_tagged(day_of(call.account, day, call.now), tag))
        for day in days
    ]
    return Reply(200, {"reports": reports})


@routes.route("GET", "/smtp/statistics/events")
def get_email_event_report(call: Call) -> Reply:
    (start, end), page = call.days(90, with_days=True), call.page(2500, 5000)
    event, message_id = call.query("event", EVENTS), call.query("messageId")
    email = read_email(call.query("email") or "") if call.query("email") else None
    tags, template_id = _tags(call.query("tags")), call.query_number("templateId")
    kinds = ("hardBounces", "softBounces") if event == "bounces" else (event,)
    mails = [
        mail
        for day in _days(start, end, call.now)
        for mail in day_of(call.account, day, call.now)
        if (event is None or mail.event in kinds)
        and email in (None, mail.email)
        and message_id in (None, mail.message_id)
        and (not tags or mail.tag in tags)
        and template_id is None
    ]
    return Reply(200, {"events": [_event(mail) for mail in page.cut(sorted(mails))]})


def _tags(text: str | None) -> list[str]:
    """An array serialised into one value; a plain word is taken as one tag."""
    if not text:
        return []
    try:
        tags = json.loads(text) if text.startswith("[") else text.split(",")
    except ValueError:
        raise invalid("tags is not valid") from None
    return [str(tag) for tag in tags]


def _event(mail: Mail) -> dict[str, JSON]:
    wire: dict[str, JSON] = {
        "email": mail.email,
        "date": stamp(mail.at),
        "subject": f"Your {mail.tag}",
        "messageId": mail.message_id,
        "event": mail.event,
        "tag": mail.tag,
        "from": "shop@example.com",
    }
    if mail.link:
        wire["link"] = mail.link
    if mail.event.endswith("Bounces"):
        wire["reason"] = "mailbox unavailable"
    return wire
