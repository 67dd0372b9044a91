"""Newsletters: list, read, write while they are drafts."""

import re
from html import unescape

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import lists
from accounts.sandbox.mailmojo.sending import recipients
from accounts.sandbox.mailmojo.state import JSON, Account, Newsletter
from accounts.sandbox.mailmojo.statistics import statistics
from accounts.sandbox.mailmojo.wire import Call, Fields, Guarded, not_found, stamp

routes = Guarded()

READ = ("newsletters:read", "newsletters")
PER_PAGE, MOST_PER_PAGE = 20, 100  # not stated; the largest page is cut without a word, as `meta` then tells
# The `type` of the list → statuses. Where those on their way and those stopped belong is not stated.
TYPES = {"draft": ("draft",), "scheduled": ("scheduled",), "sent": ("sending", "sent", "aborted")}
TEXTS = ("subject", "title", "preview_text", "utm_campaign")


def wire(call: Call, row: Newsletter) -> dict[str, JSON]:
    """Moments that have not come are absent, not null. The planned moment of a scheduled one is shown nowhere."""
    account = call.account
    number = row.num_recipients if row.started else len(recipients(account, row))
    shown: dict[str, JSON] = {
        "id": row.id,
        "subject": row.subject,
        "title": row.title,
        "preview_text": row.preview_text,
        "utm_campaign": row.utm_campaign,
        "html": row.html,
        "editor_html": row.html,
        "plain": plain(row.html),
        "list": lists.wire(call, account.lists[row.list_id]),
        "segments": [{"id": n, "name": account.segments[n].name} for n in row.segment_ids],
        "is_draft": row.status == "draft",
        "is_scheduled": row.status == "scheduled",
        "is_sending": row.status == "sending",
        "is_sent": row.status == "sent",
        "is_aborted": row.status == "aborted",
        "is_in_automation": False,
        "medium": "email",
        "num_recipients": number,
        "credits_required": number,
        "saved": stamp(row.saved),
        "statistics": statistics(account, row),
        "screenshot_url": "",
        "view_url": call.public_url("view", row.id),
    }
    shown |= {name: stamp(at) for name in ("started", "completed") if (at := getattr(row, name))}
    return shown if row.template_id is None else shown | {"template_id": row.template_id}


def plain(html: str) -> str:
    """The mail without its markup, as the provider makes it."""
    text = re.sub(r"(?is)<(style|script|title)\b.*?</\1>", "", html)
    text = re.sub(r"(?i)<(?:br|/p|/h\d|/tr|/div)\b[^>]*>", "\n", text)
    text = unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def find(call: Call) -> Newsletter:
    row = call.account.newsletters.get(call.id("newsletter_id"))
    if row is None:
        raise not_found()
    return row


@routes.on("GET", "/newsletters/", *READ)
def get_newsletters(call: Call) -> Reply:
    """Newest first. A `type` nobody knows filters nothing, and a page beyond the last is empty: no 400 is documented."""
    statuses = TYPES.get(call.query("type") or "")
    rows = [row for row in call.account.newsletters.values() if statuses is None or row.status in statuses]
    rows.reverse()
    page = call.query_number("page") or 1
    per_page = min(call.query_number("per_page") or PER_PAGE, MOST_PER_PAGE)
    end = page * per_page
    meta = {
        "page": page,
        "per_page": per_page,
        "total": len(rows),
        "next_page": page + 1 if end < len(rows) else None,
        "prev_page": page - 1 if page > 1 else None,
    }
    return Reply(200, {"data": [wire(call, row) for row in rows[end - per_page : end]], "meta": meta})


@routes.on("POST", "/newsletters/", "newsletters")
def create_newsletter(call: Call) -> Reply:
    """An equal title is no obstacle: asked twice, the provider has two drafts."""
    fields = call.fields("list_id", "subject")
    row = Newsletter(0, 0, "", call.now)
    write(call, row, fields)
    row.title = row.title or row.subject
    add(call.account, row)
    return Reply(201, wire(call, row))


def add(account: Account, row: Newsletter) -> None:
    row.id = account.next_id("newsletter")
    account.newsletters[row.id] = row


@routes.on("GET", "/newsletters/{newsletter_id}/", *READ)
def get_newsletter_by_id(call: Call) -> Reply:
    return Reply(200, wire(call, find(call)))


@routes.on("PATCH", "/newsletters/{newsletter_id}/", "newsletters")
def update_newsletter(call: Call) -> Reply:
    """Whatever is no draft does not exist here."""
    row = find(call)
    if row.status != "draft":
        raise not_found()
    write(call, row, call.fields())
    row.saved = call.now
    return Reply(200, wire(call, row))


def write(call: Call, row: Newsletter, fields: Fields) -> None:
    """Take over what the body says. Raises a 400 before anything is changed."""
    account = call.account
    values: dict[str, JSON] = {name: fields.text(name) for name in TEXTS if fields.has(name)}
    if "subject" in values and not values["subject"]:
        fields.wrong("subject", "This field may not be empty.")
    if fields.has("list_id"):
        values["list_id"] = fields.number("list_id")
        if values["list_id"] not in account.lists:
            fields.wrong("list_id", "No such list.")
    values["segment_ids"] = _segments(account, row, values, fields)
    values |= _content(call, fields)
    fields.check()
    for name, value in values.items():
        setattr(row, name, value)


def _segments(account: Account, row: Newsletter, values: dict[str, JSON], fields: Fields) -> list[int]:
    """Segments belong to one list: with another list those chosen before are dropped."""
    list_id = values.get("list_id", row.list_id)
    if not fields.has("segment_ids"):
        return row.segment_ids if list_id == row.list_id else []
    given: list[int] = fields.list_of("segment_ids", int)
    if any(n not in account.segments or account.segments[n].list_id != list_id for n in given):
        fields.wrong("segment_ids", "Must be segments of the list.")
    return list(dict.fromkeys(given))


def _content(call: Call, fields: Fields) -> dict[str, JSON]:
    """`html` goes before `html_url`, that before `template_id`. Which really wins is not stated."""
    values: dict[str, JSON] = {}
    if (number := fields.number("template_id")) is not None:
        template = call.account.templates.get(number)
        if template is None:
            fields.wrong("template_id", "No such template.")
        else:
            values = {"template_id": number, "html": template.html}
    if url := fields.url("html_url"):
        try:
            values["html"] = call.store.fetch(url).decode()
        except (OSError, ValueError):
            fields.wrong("html_url", "The address could not be read.")
    if fields.data.get("html") is not None:
        values["html"] = fields.text("html")
    return values
