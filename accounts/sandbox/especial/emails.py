"""Transactional e-mail: one mail to one address, its log and its daily figures."""

import re
from collections import Counter

from accounts.sandbox import readers
from accounts.sandbox.especial import hooks, senders
from accounts.sandbox.especial.logs import DSN, user_agent
from accounts.sandbox.especial.records import EmailEvent
from accounts.sandbox.especial.sending import TYPES, Context
from accounts.sandbox.especial.shapes import (
    ADDRESS,
    JSON,
    LAST_SECOND,
    NAME,
    RENAME,
    Flag,
    Items,
    Shape,
    Text,
    Whole,
    shape,
)  # fmt: skip
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.statistics import rate
from accounts.sandbox.especial.wire import Call, invalid, refuse, single
from accounts.sandbox.especial.words import ENCODINGS
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
VALUE = shape(name=NAME, value=Text(required=True))
CONTENT = shape(
    subject=NAME, html=RENAME, text=RENAME, encoding=Text(required=True, choices=ENCODINGS),
    template=shape(id=Whole(required=True), custom_attributes=Items(VALUE, least=1)),
)  # fmt: skip
ATTACHMENT = shape(
    filename=Text(required=True, pattern=r"^[a-zA-Z0-9-_]+\.(ics|pdf)$"),
    type=Text(required=True, choices=("calendar", "pdf")),
    content=Text(required=True, pattern=BASE64),
)
EMAIL = shape(
    email=ADDRESS, group_id=Whole(least=1), sender=Shape({"id": NAME, "name": RENAME}, required=True),
    tracking=shape(opens=Flag(), clicks_html=Flag(), clicks_text=Flag()), attachment=ATTACHMENT,
    additional_headers=Items(shape(name=Text(required=True), value=Text(required=True))),
    content=Shape(CONTENT.fields, required=True),
)  # fmt: skip
LOG_TYPES = {
    "bounce": ("bounce_hb", "bounce_sb"), "clickthru": ("clickthru",), "sent": ("sent",), "open": ("open",),
    "unsubscribe": ("unsubscribe",), "resubscribe": (),
}  # fmt: skip
WEBHOOKS = {
    "sent": "Email.Sent", "open": "Email.Opened", "clickthru": "Email.Clicked", "bounce_hb": "Email.Bounced",
    "bounce_sb": "Email.Bounced", "spam": "Email.ReportedAsSpam",
}  # fmt: skip


@routes.route("POST", "/emails")
def send_email(call: Call) -> Reply:
    account, given = call.account, call.body(EMAIL)
    sender, content = senders.find(account, given["sender"]["id"], "sender", "id"), dict(given["content"])
    if not sender.confirmed:
        raise refuse("The sender is not confirmed", "body", "sender", "id")
    if reference := content.get("template"):
        template = account.templates.get(reference["id"])
        if template is None:
            raise refuse("Template not found", "body", "content", "template")
        content["html"] = content.get("html") or template.content.get("html") or ""
    if not (content.get("html") or content.get("text")):
        raise refuse("The email has no content", "body", "content")
    email, number = given["email"].lower(), account.next_id("email")
    if account.suppresses(email):
        raise refuse("This email is suppressed", "body", "email")
    account.emails[number] = {
        "email": email, "group_id": given.get("group_id"), "sender_name": given["sender"].get("name") or sender.name,
        "sender_email": sender.email, "headers": given.get("additional_headers"), "subject": content["subject"],
    }  # fmt: skip
    context = Context(call.store, call.now)
    happen(account, number, "sent", context=context)
    links = readers.links_of(content.get("html") or "")
    for deed in readers.reactions(email, f"email {number}", call.now, links, react=account.pace.react):
        if deed.kind in TYPES and deed.kind != "delivered":
            bot = deed.kind == "proxy"
            account.pending.plan(
                deed.at, "email", number, TYPES[deed.kind], deed.url, deed.device, deed.browser, bot
            )
    return Reply(201, {"email": email, "object": "email", "sent": True, "data": {"id": number}})


def happen(
    account: Account, number: int, kind: str, url: str = "", device: str = "", browser: str = "", bot: bool = False,
    *, context: Context,
) -> None:  # fmt: skip
    event = EmailEvent(account.next_id("log"), context.now, kind, number, url, device, browser, bot)
    account.email_events.append(event)
    if kind in WEBHOOKS:
        data = {"id": number, "email": account.emails[number]["email"], "type": kind}
        hooks.post(account, context.store, WEBHOOKS[kind], data, context.now)


@routes.route("GET", "/logs/emails")
def get_email_logs(call: Call) -> Reply:
    kind = call.query("log_type")
    if kind is None:
        raise invalid("query", "log_type", message="field required", kind="value_error.missing")
    types = LOG_TYPES[call.query_choice("log_type", LOG_TYPES, "")]
    wanted, (start, end) = call.filters("group_id", "email", "email_id"), call.window()

    def fits(event: EmailEvent) -> bool:
        mail = call.account.emails[event.email_id]
        held = {"group_id": str(mail["group_id"]), "email": mail["email"], "email_id": str(event.email_id)}
        return (
            event.type in types
            and start <= event.at <= end
            and all(held[t] == value for t, value in wanted.items())
        )

    return call.collection(
        list(filter(fits, call.account.email_events)), lambda event: _wire(call.account, event)
    )


def _wire(account: Account, event: EmailEvent) -> dict[str, JSON]:
    mail = account.emails[event.email_id]
    line: dict[str, JSON] = {
        "id": event.id,
        "sent_id": event.email_id,
        "email_id": event.email_id,
        "group_id": mail["group_id"],
        "email": mail["email"],
        "type": event.type,
        "timestamp": int(event.at),
        "clickthru_url": event.url or None,
        "dsn_message": DSN.get(event.type),
        "sender_name": mail["sender_name"],
        "sender_email": mail["sender_email"],
        "source_ip": None,
        "envelope_from": None,
        "additional_headers": mail["headers"],
    }
    if event.device:
        line["user_agent"] = user_agent(mail["email"], event.device, event.browser, event.bot)
    return line


@routes.route("GET", "/reports/emails")
def get_emails_stats(call: Call) -> Reply:
    """A row for each day (UTC) on which mails were sent, by the day something happened."""
    for name in ("start_time", "end_time"):
        if call.query(name) is None:
            raise invalid("query", name, message="field required", kind="value_error.missing")
    start, end = (
        call.query_number("start_time", 1, LAST_SECOND),
        call.query_number("end_time", 1, LAST_SECOND),
    )
    days: dict[int, Counter[str]] = {}
    for event in call.account.email_events:
        if (start or 0) <= event.at <= (end or 0):
            kind = re.sub("^bounce_.*", "bounce", event.type)
            days.setdefault(int(event.at - event.at % 86400), Counter())[kind] += 1
    return single([_day(at, counted) for at, counted in sorted(days.items())])


def _day(at: int, counted: Counter[str]) -> dict[str, JSON]:
    sent = counted["sent"]
    return {
        "date": at,
        "sent_emails": sent,
        "open_rate": rate(counted["open"], sent),
        "bounce_rate": rate(counted["bounce"], sent),
        "click_rate": rate(counted["clickthru"], sent),
        "spam_rate": rate(counted["spam"], sent),
    }
