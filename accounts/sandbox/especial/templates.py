"""Templates of the account, and the public blueprints nobody can change."""

from accounts.sandbox.especial.records import Template
from accounts.sandbox.especial.shapes import JSON, NAME, OBJECT, RENAME, Items, Shape, Text, shape
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.wire import Call, attribute, done, ordered, single
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

TYPES = ("html", "text", "bee", "custom")
CONTENT: dict[str, JSON] = {"subject": Text(), "html": RENAME, "text": RENAME, "json": OBJECT}
CREATE = shape(
    name=NAME,
    content=Shape(CONTENT | {"type": Text(required=True, choices=TYPES)}, required=True),
    tags=Items(Text()),
)
PATCH = shape(name=RENAME, content=Shape(CONTENT | {"type": Text(choices=TYPES)}), tags=Items(Text()))
FILTERS = ("tag", "name", "is_owner", "is_not_owner")
SORTS = ("id", "created_on", "updated_on", "name")

LONG_AGO = 1_600_000_000.0


def _blueprint(number: int, name: str, colour: str) -> Template:
    html = (
        '<!doctype html><html lang="en"><body style="margin:0;background:#f2f2f2"><table role="presentation" '
        f'width="100%"><tr><td style="border-top:8px solid {colour};background:#ffffff;padding:24px">'
        f'<h1>{name}</h1><p>Write here.</p><p><a href="[UNSUBSCRIBE]">Unsubscribe</a></p></td></tr></table></body></html>'
    )
    content = {"type": "html", "subject": name, "html": html}
    return Template(number, name, content, LONG_AGO, LONG_AGO + number * 86400, ["blueprint"])


BLUEPRINTS = {
    number: _blueprint(number, name, colour)
    for number, name, colour in (
        (1, "Newsletter", "#1f5f4a"),
        (2, "Invitation", "#7a3b2e"),
        (3, "Announcement", "#2e4a7a"),
    )
}


def add(
    account: Account, name: str, content: dict[str, JSON], now: float, tags: list[str] | None = None
) -> Template:
    row = Template(account.next_id("template"), name, content, now, now, tags or [])
    account.templates[row.id] = row
    return row


def _summary(row: Template) -> dict[str, JSON]:
    return {
        "id": row.id,
        "name": row.name,
        "created_on": int(row.created_on),
        "updated_on": int(row.updated_on),
        "tags": row.tags,
        "thumbnail": None,
        "thumbnail_url": None,
    }


def _wire(row: Template) -> dict[str, JSON]:
    shown = {name: value for name, value in _summary(row).items() if not name.startswith("thumbnail")}
    content = {name: row.content.get(name) for name in ("type", "subject", "html", "text", "json")}
    return shown | {"content": content}


def _listing(call: Call, rows: list[Template], *, own: bool) -> Reply:
    """`is_owner` and `is_not_owner` are taken with any value, and without one only as `is_owner==`."""
    wanted = call.filters(*FILTERS)
    rows = [
        row
        for row in rows
        if wanted.get("name", row.name) == row.name
        and ("tag" not in wanted or wanted["tag"] in row.tags)
        and not ("is_owner" in wanted and not own)
        and not ("is_not_owner" in wanted and own)
    ]
    return call.collection(ordered(rows, call.order(*SORTS, default="id"), attribute), _summary)


def page(row: Template) -> Reply:
    """A rendered template. The answer is HTML whatever the caller accepts."""
    html: str = row.content.get("html") or f"<pre>{row.content.get('text') or ''}</pre>"
    return Reply(200, headers={"Content-Type": "text/html; charset=utf-8"}, content=html.encode())


@routes.route("GET", "/templates")
def list_templates(call: Call) -> Reply:
    return _listing(call, list(call.account.templates.values()), own=True)


@routes.route("POST", "/templates")
def create_template(call: Call) -> Reply:
    given = call.body(CREATE)
    row = add(call.account, given["name"], given["content"], call.now, given.get("tags"))
    return Reply(201, {"id": row.id, "object": "template", "created": True})


def _find(call: Call) -> Template:
    row = call.account.templates.get(call.id("template_id", least=0))
    if row is None:
        raise call.missing("Template")
    return row


@routes.route("GET", "/templates/{template_id}")
def get_template(call: Call) -> Reply:
    return single(_wire(_find(call)))


@routes.route("PATCH", "/templates/{template_id}")
def patch_template(call: Call) -> Reply:
    row, given = _find(call), call.body(PATCH)
    row.name, row.tags = given.get("name", row.name), given.get("tags", row.tags)
    row.content |= given.get("content", {})
    row.updated_on = call.now
    return done("template", "updated", id=row.id, data=_wire(row))


@routes.route("DELETE", "/templates/{template_id}")
def delete_template(call: Call) -> Reply:
    row = _find(call)
    del call.account.templates[row.id]
    return done("template", "deleted", id=row.id)


@routes.route("GET", "/templates/{template_id}/render")
def render_template(call: Call) -> Reply:
    return page(_find(call))


# Blueprints need no token. The call comes with an account that is nobody's.


@routes.route("GET", "/campaign-blueprints")
def list_campaign_blueprints(call: Call) -> Reply:
    return _listing(call, list(BLUEPRINTS.values()), own=False)


def _found(call: Call) -> Template:
    row = BLUEPRINTS.get(call.id("blueprint_id", least=0))
    if row is None:
        raise call.missing("Blueprint")
    return row


@routes.route("GET", "/campaign-blueprints/{blueprint_id}")
def get_campaign_blueprint(call: Call) -> Reply:
    return single(_wire(_found(call)))


@routes.route("GET", "/campaign-blueprints/{blueprint_id}/render")
def render_campaign_blueprint(call: Call) -> Reply:
    return page(_found(call))
