"""What an action of a workflow looks like, and the public blueprints workflows can be made from."""

from typing import Any

from accounts.sandbox.especial.shapes import (
    JSON,
    NAME,
    OBJECT,
    RENAME,
    SENDER,
    Flag,
    Shape,
    Text,
    Whole,
    shape,
)
from accounts.sandbox.especial.templates import LONG_AGO
from accounts.sandbox.especial.words import ENCODINGS

CONDITIONS = ("opened", "not_opened", "clicked", "not_clicked", "none")
CONTENT: dict[str, Any] = {
    "subject": RENAME, "html": RENAME, "text": RENAME, "json": OBJECT, "type": Text(choices=("custom", "html", "bee")),
    "encoding": Text(choices=ENCODINGS),
}  # fmt: skip
TRACKING = shape(opens=Flag(), clicks_html=Flag(), clicks_text=Flag())
SETTINGS = shape(
    tracking=TRACKING,
    content=Shape(CONTENT | {"template": shape(id=Whole(required=True))}, required=True),
    sender=Shape(SENDER.fields, required=True),
)
ACTION = shape(
    name=Text(required=True), parent_id=Text(), condition=Text(required=True, choices=CONDITIONS),
    delay=Whole(required=True), type=Text(required=True, choices=("email",)), email_settings=SETTINGS,
)  # fmt: skip
PATCH_ACTION = shape(
    name=Text(), parent_id=Text(), condition=Text(choices=CONDITIONS), delay=Whole(), type=Text(choices=("email",)),
    email_settings=shape(tracking=TRACKING, content=Shape(CONTENT), sender=Shape({"id": NAME})),
)  # fmt: skip
SHOWN = ("id", "name", "parent_id", "condition", "delay", "type", "created_on", "updated_on")


def wire(action: dict[str, JSON], *, whole: bool = True) -> dict[str, JSON]:
    shown = {name: action.get(name) for name in SHOWN} | {"thumbnail_url": ""}
    if whole and action.get("email_settings"):
        shown["email_settings"] = action["email_settings"]
    return shown


def _blueprint(name: str, title: str, subject: str) -> dict[str, Any]:
    at = int(LONG_AGO)
    html = f'<h1>{subject}</h1><p><a href="[UNSUBSCRIBE]">Unsubscribe</a></p>'
    action = {
        "id": f"{name}-1", "name": subject, "parent_id": None, "condition": "none", "delay": 0, "type": "email",
        "created_on": at, "updated_on": at,
        "email_settings": {"content": {"subject": subject, "html": html, "type": "html"}},
    }  # fmt: skip
    return {
        "id": name, "name": title, "description": None, "goal": title, "trigger": "subscribed", "created_on": at,
        "updated_on": at, "actions": {action["id"]: action},
    }  # fmt: skip


BLUEPRINTS = {
    "welcome": _blueprint("welcome", "Welcome series", "Good to have you here"),
    "goodbye": _blueprint("goodbye", "After somebody left", "You are off the list"),
}


def blueprint_wire(row: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in row.items() if name != "actions"}
