"""Forms, landing pages, automations and the embedded editor: as far as they are cheap to play."""

import re
from html import escape

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo import people
from accounts.sandbox.mailmojo.state import JSON, Account
from accounts.sandbox.mailmojo.wire import Call, Fields, Guarded, not_found, stamp

routes = Guarded()

TYPES = ("embedded", "subscribe", "subscribe_popup", "unsubscribe", "profile", "forward")
LOCALES = ("en_US", "nb_NO", "sv_SE")
# What can be written to a form or a page, by the kind of value.
TEXTS = ("name", "html", "confirmation_html", "slug")


def add_form(account: Account, name: str, list_id: int, now: float, *, published: bool = True) -> int:
    number = account.next_id("form")
    account.forms[number] = _document(number, name, list_id, now, published=published) | {
        "type": "subscribe",
        "trigger": [{"rules": [{"trigger_type": "delay", "value": 5}]}],
        "styles": "",
    }
    return number


def add_page(account: Account, name: str, list_id: int, now: float) -> int:
    number = account.next_id("page")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    extra: dict[str, JSON] = {"slug": slug, "styles": "", "subscribe_tags": [], "domain_id": None}
    account.pages[number] = _document(number, name, list_id, now, published=True) | extra
    return number


def add_automation(account: Account, name: str, sender: tuple[str, str]) -> int:
    number = account.next_id("automation")
    account.automations[number] = {
        "id": number,
        "name": name,
        "from_name": sender[0],
        "from_email": sender[1],
        "utm_campaign": "",
        "statistics": {"open_rate": 0.0, "click_rate": 0.0, "bounce_rate": 0.0, "num_recipients": 0},
    }
    return number


def _document(number: int, name: str, list_id: int, now: float, *, published: bool) -> dict[str, JSON]:
    document = {
        "id": number,
        "name": name,
        "lid": list_id,
        "config": {},
        "html": f"<h1>{escape(name)}</h1>",
        "confirmation_html": "<p>Thank you</p>",
        "created_at": stamp(now),
        "updated_at": stamp(now),
    }
    return document | {"published_at": stamp(now)} if published else document


def _shown(call: Call, kind: str, document: dict[str, JSON]) -> dict[str, JSON]:
    html, thanks = document["html"], document["confirmation_html"]
    return document | {
        "editor_html": html,
        "final_html": html,
        "editor_confirmation_html": thanks,
        "final_confirmation_html": thanks,
        "public_url": call.public_url(kind, document["id"]),
    }


def _find(call: Call, rows: dict[int, dict[str, JSON]], name: str = "id") -> dict[str, JSON]:
    row = rows.get(call.id(name))
    if row is None:
        raise not_found()
    return row


def _write(call: Call, document: dict[str, JSON]) -> None:
    fields = call.fields()
    values: dict[str, JSON] = {
        name: fields.text(name) for name in TEXTS if fields.has(name) and name in document
    }
    if fields.has("lid"):
        values["lid"] = fields.number("lid")
        if values["lid"] not in call.account.lists:
            fields.wrong("lid", "No such list.")
    if fields.has("config"):
        values["config"] = fields.mapping("config")
    if fields.has("type") and "type" in document:
        values["type"] = fields.text("type")
        if values["type"] not in TYPES:
            fields.wrong("type", f"Must be one of {', '.join(TYPES)}.")
    if fields.has("subscribe_tags") and "subscribe_tags" in document:
        values["subscribe_tags"] = fields.list_of("subscribe_tags", str)
    fields.check()
    document |= values | {"updated_at": stamp(call.now)}


@routes.on("GET", "/forms/", "forms:read", "forms")
def get_forms(call: Call) -> Reply:
    wanted = {"true": True, "false": False}.get(call.query("is_published") or "")
    rows = call.account.forms.values()
    return Reply(
        200, [_shown(call, "form", r) for r in rows if wanted is None or ("published_at" in r) == wanted]
    )


@routes.on("GET", "/forms/{id}/", "forms:read", "forms")
def get_form_by_id(call: Call) -> Reply:
    return Reply(200, _shown(call, "form", _find(call, call.account.forms)))


@routes.on("PATCH", "/forms/{id}/", "forms")
def update_form(call: Call) -> Reply:
    form = _find(call, call.account.forms)
    _write(call, form)
    return Reply(200, _shown(call, "form", form))


@routes.on("PATCH", "/forms/{id}/subscribers/", "events")
def form_add_subscriber(call: Call) -> Reply:
    """A PATCH that creates. Who fills in a form means it: they come back even when they had left."""
    account, form = call.account, _find(call, call.account.forms)
    fields = call.fields("contact", "view_id")
    fields.number("view_id")
    given = Fields(fields.mapping("contact"), "email")
    email, values = given.email(), people.read_values(given)
    fields.errors |= {f"contact.{name}": reason for name, reason in given.errors.items()}
    fields.check()
    contact = account.contacts.get(email) or people.create(account, email, call.now)
    people.add_to(contact, values)
    people.subscribe(account, call.store, contact, form["lid"], call.now, force=True)
    return Reply(201, {"id": account.next_id("conversion"), "converted_at": stamp(call.now)})


@routes.on("GET", "/pages/", "pages:read", "pages")
def get_pages(call: Call) -> Reply:
    return Reply(200, [_shown(call, "page", row) for row in call.account.pages.values()])


@routes.on("GET", "/pages/{id}/", "pages:read", "pages")
def get_page_by_id(call: Call) -> Reply:
    return Reply(200, _shown(call, "page", _find(call, call.account.pages)))


@routes.on("PATCH", "/pages/{id}/", "pages")
def update_page(call: Call) -> Reply:
    page = _find(call, call.account.pages)
    _write(call, page)
    return Reply(200, _shown(call, "page", page))


@routes.on("GET", "/automations/{automation_id}/", "automations:read", "automations")
def get_automation_by_id(call: Call) -> Reply:
    return Reply(200, _find(call, call.account.automations, "automation_id"))


@routes.on("PATCH", "/automations/{automation_id}/", "automations")
def update_automation(call: Call) -> Reply:
    automation, fields = _find(call, call.account.automations, "automation_id"), call.fields()
    values = {name: fields.text(name) for name in ("name", "from_name", "utm_campaign") if fields.has(name)}
    if fields.has("from_email"):
        values["from_email"] = fields.email("from_email")
    fields.check()
    automation |= values
    return Reply(200, automation)


@routes.on("POST", "/embed/", "embed")
def create_embed_session(call: Call) -> Reply:
    """HTML to put into one's own page. `user_ip` must be the person's, so it is asked for."""
    fields = call.fields("session_type", "user_ip")
    if fields.text("session_type") not in ("", "newsletters"):
        fields.wrong("session_type", "Must be newsletters.")
    fields.text("user_ip")
    locale = fields.mapping("options").get("locale", LOCALES[0])
    if locale not in LOCALES:
        fields.wrong("options", f"locale must be one of {', '.join(LOCALES)}.")
    fields.check()
    url = call.public_url("embed", call.account.next_id("embed"))
    html = f'<script src="{escape(url)}" async></script>'
    headers = {"Content-Type": "text/html; charset=utf-8", "Location": url}
    return Reply(200, headers=headers, content=html.encode())
