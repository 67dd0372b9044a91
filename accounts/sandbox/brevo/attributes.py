"""Contact attributes: their definitions, and how a value is read, kept and shown."""

import re
from datetime import date
from typing import Any

from accounts.sandbox.brevo.state import JSON, Account, Attribute
from accounts.sandbox.brevo.wire import Call, Fields, created, done, invalid, missing, not_found, refuse
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()

CATEGORIES = ("normal", "transactional", "category", "calculated", "global")
NORMAL_TYPES = ("text", "date", "float", "boolean", "multiple-choice", "user")
TYPES = {
    "normal": NORMAL_TYPES,
    "transactional": ("id", *NORMAL_TYPES),
    "category": ("category",),
    "calculated": (),
    "global": (),
}
RESERVED = {"EMAIL", "SMS", "WHATSAPP", "EXT_ID"}
NAME = re.compile(r"[A-Z0-9_]{1,50}")
PHONE = re.compile(r"(?:\+|00)?([1-9]\d{5,14})")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


def read_phone(value: Any) -> str | None:
    """`91…`, `+91…` and `0091…` are one number; kept as digits. None when it is no number."""
    match = PHONE.fullmatch(re.sub(r"[\s().-]", "", str(value)))
    return match.group(1) if match else None


def _read_date(value: JSON) -> str | None:
    text = str(value)[:10]
    if re.fullmatch(r"\d\d-\d\d-\d{4}", text):
        text = "-".join(reversed(text.split("-")))
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _read_number(value: JSON) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e15 else None  # neither infinite nor NaN


def _read_flag(value: JSON) -> bool | None:
    word = str(value).lower()
    return True if word in TRUE else False if word in FALSE else None


def read_value(attribute: Attribute, value: JSON) -> JSON:
    """The value as it is kept; None when it does not fit the type, which the provider drops without a word."""
    if attribute.category == "category":
        for number, label in attribute.enumeration.items():
            if str(value) in (str(number), label):
                return number
        return None
    match attribute.type:
        case "text" | "user":
            return (
                str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
            )
        case "date":
            return _read_date(value)
        case "float":
            return None if isinstance(value, bool) else _read_number(value)
        case "boolean":
            return _read_flag(value)
        case "multiple-choice":
            given = value if isinstance(value, list) else str(value).strip("[]").split(",")
            return [
                option for option in attribute.options if option in [str(v).strip(" '\"") for v in given]
            ] or None
    return None


def show_value(attribute: Attribute, value: JSON) -> JSON:
    """The value as a read answers it: dates at midnight UTC, categories by their label."""
    if attribute.category == "category":
        return attribute.enumeration.get(value, str(value))
    return f"{value}T00:00:00.000Z" if attribute.type == "date" else value


def _read_definition(call: Call, category: str, attribute: Attribute) -> Attribute:
    """Take what the body defines. Each category has its own way to say what it holds."""
    fields = call.fields()
    if category == "category":
        attribute.enumeration = _read_enumeration(fields) or attribute.enumeration
        if not attribute.enumeration:
            raise missing("enumeration")
    elif fields.has("enumeration"):
        raise invalid("enumeration is allowed only for category attributes")
    if category in ("calculated", "global"):
        fields.require("value")
        attribute.formula = fields.text("value") or ""
        attribute.is_recurring = fields.flag("isRecurring")
    elif fields.has("value"):
        raise invalid("value is allowed only for calculated and global attributes")
    options = fields.list_of("multiCategoryOptions", str)
    if options is not None:
        if attribute.type != "multiple-choice":
            raise invalid("multiCategoryOptions is allowed only for multiple-choice attributes")
        if any(len(option) > 200 for option in options):
            raise refuse("out_of_range", "Each option must not exceed 200 characters")
        attribute.options += [option for option in options if option not in attribute.options]
    return attribute


def _read_enumeration(fields: Fields) -> dict[int, str]:
    enumeration: dict[int, str] = {}
    for n, item in enumerate(fields.list_of("enumeration", dict) or []):
        entry = Fields(item, f"enumeration[{n}]")
        entry.require("value", "label")
        value, label = entry.number("value"), entry.text("label")
        if value is None or label is None or len(label) > 200:
            raise invalid("enumeration needs an integer value and a label of at most 200 characters")
        enumeration[value] = label
    return enumeration


@routes.route("GET", "/contacts/attributes")
def get_attributes(call: Call) -> Reply:
    return Reply(200, {"attributes": [_wire(attribute) for attribute in call.account.attributes.values()]})


def _wire(attribute: Attribute) -> dict[str, JSON]:
    wire: dict[str, JSON] = {"name": attribute.name, "category": attribute.category}
    if attribute.type and attribute.category in ("normal", "transactional"):
        wire["type"] = attribute.type
    if attribute.enumeration:
        wire["enumeration"] = [
            {"value": value, "label": label} for value, label in attribute.enumeration.items()
        ]
    if attribute.options:
        wire["multiCategoryOptions"] = attribute.options
    if attribute.formula:
        wire["calculatedValue"] = attribute.formula
    return wire


def _category(call: Call) -> str:
    category = call.args["attributeCategory"]
    if category not in CATEGORIES:
        raise invalid("Attribute category is not valid")
    return category


@routes.route("POST", "/contacts/attributes/{attributeCategory}/{attributeName}")
def create_attribute(call: Call) -> Reply:
    category, name = _category(call), call.args["attributeName"].upper()
    if not NAME.fullmatch(name) or name in RESERVED:
        raise invalid(
            "Attribute name must contain Latin letters, digits and underscores only and not be reserved"
        )
    if name in call.account.attributes:
        raise refuse("duplicate_parameter", "Attribute name must be unique")
    kind = call.fields().text("type")
    if category in ("normal", "transactional"):
        if kind is None:
            raise missing("type")
        if kind not in TYPES[category]:
            raise invalid("Attribute type is not valid for this category")
    attribute = _read_definition(call, category, Attribute(name, category, kind or ""))
    if attribute.type == "multiple-choice" and not attribute.options:
        raise missing("multiCategoryOptions")
    call.account.attributes[name] = attribute
    return created()


def _find(call: Call) -> Attribute:
    attribute = call.account.attributes.get(call.args["attributeName"].upper())
    if attribute is None or attribute.category != _category(call):
        raise not_found("Attribute does not exist")
    return attribute


@routes.route("PUT", "/contacts/attributes/{attributeCategory}/{attributeName}")
def update_attribute(call: Call) -> Reply:
    if _category(call) == "transactional":
        raise invalid("Attribute category is not valid")
    attribute = _find(call)
    _read_definition(call, attribute.category, attribute)
    return done()


@routes.route("DELETE", "/contacts/attributes/{attributeCategory}/{attributeName}")
def delete_attribute(call: Call) -> Reply:
    attribute = _find(call)
    del call.account.attributes[attribute.name]
    for contact in call.account.contacts.values():
        contact.attributes.pop(attribute.name, None)
    return done()


def default_attributes(account: Account) -> None:
    for name in ("FIRSTNAME", "LASTNAME"):
        account.attributes[name] = Attribute(name, "normal", "text")
