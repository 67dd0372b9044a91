"""Campaigns as they are written: create, read, change, delete, revisions."""

from datetime import UTC, datetime
from typing import Any

from accounts.sandbox.especial import hooks, senders
from accounts.sandbox.especial.records import Campaign
from accounts.sandbox.especial.shapes import (
    JSON,
    NAME,
    OBJECT,
    RENAME,
    Flag,
    Shape,
    Text,
    Whole,
    shape,
)  # fmt: skip
from accounts.sandbox.especial.state import Account
from accounts.sandbox.especial.templates import BLUEPRINTS
from accounts.sandbox.especial.wire import Call, attribute, created, done, ordered, refuse, seconds, single
from accounts.sandbox.especial.words import ENCODINGS
from accounts.sandbox.http import Reply, Routes
from accounts.sandbox.timeline import secret

routes: Routes[Call] = Routes()

TYPES = ("html", "bee", "custom")
AUDIENCE = shape(list_id=Whole(least=1), segment_id=Whole(least=1))
TRACKING = shape(opens=Flag(), clicks_html=Flag(), clicks_text=Flag(), additional_params=RENAME)
SENDER = shape(id=NAME, name=RENAME)
CONTENT: dict[str, Any] = {
    "subject": RENAME, "html": RENAME, "text": RENAME, "json": OBJECT, "type": Text(choices=TYPES),
    "encoding": Text(choices=ENCODINGS), "default_unsubscribe_link": Flag(),
}  # fmt: skip
REFERENCE = shape(id=Whole(required=True))
FIELDS: dict[str, Any] = {
    "audience": AUDIENCE, "tracking": TRACKING, "sender": SENDER, "reply_to_email": Text(email=True),
}  # fmt: skip
CREATE = Shape(
    FIELDS | {"name": NAME, "content": Shape(CONTENT | {"template": REFERENCE, "blueprint": REFERENCE})}
)
PATCH = Shape(FIELDS | {"name": RENAME, "content": Shape(CONTENT)})
TRACKED = {"opens": True, "clicks_html": True, "clicks_text": True}


def next_step(campaign: Campaign) -> str | None:
    """What is missing before the campaign can go out; nothing is said of one that is complete."""
    has = campaign.content.get
    missing = {
        "audience": not campaign.audience.get("list_id"),
        "sender": not campaign.sender,
        "subject": not has("subject"),
        "content": not (has("html") or has("text")),
    }
    return next((step for step, lacks in missing.items() if lacks), None)


def _summary(call: Call, campaign: Campaign) -> dict[str, JSON]:
    audience = {
        "list_id": campaign.audience.get("list_id"),
        "segment_id": campaign.audience.get("segment_id"),
    }
    link = f"{call.request.base_url}/especial/share/{call.account.name}/{share_key(call.account, campaign)}"
    return {
        "id": campaign.id,
        "name": campaign.name,
        "audience": audience,
        "type": "standard",
        "created_on": seconds(campaign.created_on),
        "scheduled_for": seconds(campaign.scheduled_for),
        "scheduled_on": seconds(campaign.scheduled_on),
        "sender": senders.as_shown(call.account, campaign.sender.get("id"), campaign.sender.get("name", "")),
        "next_building_step": next_step(campaign),
        "status": campaign.status,
        "suspended": campaign.suspended,
        "web_email_link": link if campaign.started_on is not None else None,
        "thumbnail_url": None,
        "updated_on": seconds(campaign.updated_on),
    }


def share_key(account: Account, campaign: Campaign) -> str:
    return f"{campaign.id}-{secret(account.name, 'share', campaign.id)}"


def wire(call: Call, campaign: Campaign, content: dict[str, JSON] | None = None) -> dict[str, JSON]:
    """`content`: that of a revision."""
    written = campaign.content if content is None else content
    row = call.account.lists.get(campaign.audience.get("list_id", 0))
    shown = {name: written.get(name) for name in ("subject", "html", "text", "json")}
    text = f"{written.get('html')}{written.get('text')}"
    summary = _summary(call, campaign)
    return summary | {
        "audience": summary["audience"] | {"name": row.name if row else None},
        "tracking": TRACKED | {"additional_params": None} | campaign.tracking,
        "delivery_finished_on": seconds(campaign.finished_on),
        "reply_to_email": campaign.reply_to_email or None,
        "content": shown
        | {
            "type": written.get("type", "html"),
            "hash": secret(text),
            "last_updated_on": seconds(campaign.content_updated_on),
            "encoding": written.get("encoding", "utf-8"),
            "default_unsubscribe_link": written.get("default_unsubscribe_link", True),
            "social_bar": False,
            "footer": None,
        },
    }


def find(call: Call) -> Campaign:
    campaign = call.account.campaigns.get(call.id("campaign_id"))
    if campaign is None:
        raise call.missing("Campaign")
    return campaign


def write(account: Account, campaign: Campaign, given: dict[str, JSON], now: float) -> None:
    """Change what was given. Raises a 400 for a list, segment, sender, template or blueprint that is not there."""
    audience = _audience(account, campaign, given.get("audience", {}))
    sender = given.get("sender")
    if sender:
        senders.find(account, sender["id"], "sender", "id")
    content = dict(given.get("content", {}))
    for kind, rows in (("template", account.templates), ("blueprint", BLUEPRINTS)):
        if reference := content.pop(kind, None):
            row = rows.get(reference["id"])
            if row is None:
                raise refuse(f"{kind.title()} not found", "body", "content", kind)
            copied = {name: value for name, value in row.content.items() if value is not None}
            if copied.get("type") == "text":  # templates know this type, campaigns do not
                copied["type"] = "html"
            content = copied | content
    campaign.name = given.get("name", campaign.name)
    campaign.audience, campaign.sender = audience, sender or campaign.sender
    campaign.tracking |= given.get("tracking", {})
    campaign.reply_to_email = given.get("reply_to_email", campaign.reply_to_email)
    campaign.content = campaign.content | content
    campaign.updated_on = now
    if content:
        campaign.content_updated_on = now
        revision = {"id": account.next_id("revision"), "at": now, "content": dict(campaign.content)}
        campaign.revisions.append(revision)


def _audience(account: Account, campaign: Campaign, given: dict[str, int]) -> dict[str, int]:
    """A list replaces the audience as a whole; a segment alone narrows the one there is."""
    audience = dict(given) if "list_id" in given else campaign.audience | given
    row = account.lists.get(audience.get("list_id", 0))
    if "list_id" in audience and row is None:
        raise refuse("List not found", "body", "audience", "list_id")
    if "segment_id" in audience:
        segment = account.segments.get(audience["segment_id"])
        if segment is None or row is None or segment.list_id != row.id:
            raise refuse("Segment not found", "body", "audience", "segment_id")
    return audience


@routes.route("GET", "/campaigns")
def list_campaigns(call: Call) -> Reply:
    wanted = call.filters("status", "name", "type", "list_id")

    def fits(campaign: Campaign) -> bool:
        held = {
            "status": campaign.status,
            "name": campaign.name,
            "type": "standard",
            "list_id": str(campaign.audience.get("list_id", "")),
        }
        return all(held[term] == value for term, value in wanted.items())

    order = call.order("name", "created_on", "scheduled_for", "scheduled_on", "updated_on", "type")
    rows = ordered(
        filter(fits, call.account.campaigns.values()),
        order,
        lambda row, term: None if term == "type" else attribute(row, term),
    )
    return call.collection(rows, lambda campaign: _summary(call, campaign))


def add(account: Account, given: dict[str, JSON], now: float) -> Campaign:
    campaign = Campaign(0, given["name"], now, now)
    write(account, campaign, given, now)
    campaign.id = account.next_id("campaign")
    account.campaigns[campaign.id] = campaign
    return campaign


@routes.route("POST", "/campaigns")
def create_campaign(call: Call) -> Reply:
    campaign = add(call.account, call.body(CREATE), call.now)
    tell(call, "Campaign.Created", campaign)
    return created("campaign", id=campaign.id, data=wire(call, campaign))


def tell(call: Call, event: str, campaign: Campaign) -> None:
    data = {"id": campaign.id, "name": campaign.name, "status": campaign.status}
    hooks.post(call.account, call.store, event, data | {"suspended": campaign.suspended}, call.now)


@routes.route("GET", "/campaigns/{campaign_id}")
def get_campaign(call: Call) -> Reply:
    campaign, number = find(call), call.query_number("revision_id")
    if number is None:
        return single(wire(call, campaign))
    revision = next((row for row in campaign.revisions if row["id"] == number), None)
    if revision is None:
        raise call.missing("Revision")
    return single(wire(call, campaign, revision["content"]))


@routes.route("PATCH", "/campaigns/{campaign_id}")
def patch_campaign(call: Call) -> Reply:
    campaign = find(call)
    given = call.body(PATCH)
    if campaign.status != "incomplete":
        raise refuse(f"A campaign that is {campaign.status} cannot be changed")
    write(call.account, campaign, given, call.now)
    tell(call, "Campaign.Updated", campaign)
    return done("campaign", "updated", id=campaign.id, data=wire(call, campaign))


@routes.route("DELETE", "/campaigns/{campaign_id}")
def delete_campaign(call: Call) -> Reply:
    campaign = find(call)
    if campaign.status != "incomplete":
        raise refuse("Only incomplete campaigns can be deleted, archive it instead")
    del call.account.campaigns[campaign.id]
    return done("campaign", "deleted", id=campaign.id)


@routes.route("GET", "/campaigns/{campaign_id}/revisions")
def get_campaign_revisions(call: Call) -> Reply:
    def shown(row: dict[str, JSON]) -> dict[str, JSON]:
        return {"id": row["id"], "date": datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="seconds")}

    return call.collection(find(call).revisions, shown)
