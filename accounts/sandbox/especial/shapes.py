"""The shapes of request bodies, read as strictly as the contract has them. Every fault is named, not only the first.

A shape reads a value or adds to `faults`. Unknown fields are ignored; null counts as absent unless the field says `empties`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from accounts.sandbox.especial.words import LANGUAGES

JSON = Any
Where = tuple[str | int, ...]

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
URI = re.compile(r"https?://[^\s]{1,2075}")
LAST_SECOND = 2147483647


@dataclass(slots=True)
class Faults:
    """What is wrong with a request, in the words of a 422."""

    items: list[dict[str, JSON]] = field(default_factory=list)

    def add(self, where: Where, message: str, kind: str = "value_error") -> None:
        self.items.append({"loc": list(where), "msg": message, "type": kind})


class Kind(Protocol):
    @property
    def required(self) -> bool: ...

    @property
    def empties(self) -> bool: ...

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON: ...


@dataclass(frozen=True, slots=True)
class Text:
    required: bool = False
    least: int = 0
    most: int = 0
    pattern: str = ""
    choices: Collection[str] = ()
    email: bool = False
    uri: bool = False
    empties: bool = False  # null is a value of its own

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON:
        if not isinstance(value, str):
            faults.add(where, "str type expected", "type_error.str")
        elif len(value) < self.least:
            faults.add(
                where,
                f"ensure this value has at least {self.least} characters",
                "value_error.any_str.min_length",
            )
        elif self.most and len(value) > self.most:
            faults.add(
                where,
                f"ensure this value has at most {self.most} characters",
                "value_error.any_str.max_length",
            )
        elif self.choices and value not in self.choices:
            faults.add(where, "value is not a valid enumeration member", "type_error.enum")
        elif self.pattern and not re.search(self.pattern, value):
            faults.add(where, f'string does not match regex "{self.pattern}"', "value_error.str.regex")
        elif self.email and not EMAIL.fullmatch(value):
            faults.add(where, "value is not a valid email address", "value_error.email")
        elif self.uri and not URI.fullmatch(value):
            faults.add(where, "invalid or missing URL scheme", "value_error.url.scheme")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    required: bool = False
    least: int | None = None
    most: int | None = None
    empties: bool = False

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON:
        if not isinstance(value, int) or isinstance(value, bool):
            faults.add(where, "value is not a valid integer", "type_error.integer")
        elif self.least is not None and value < self.least:
            faults.add(
                where,
                f"ensure this value is greater than or equal to {self.least}",
                "value_error.number.not_ge",
            )
        elif self.most is not None and value > self.most:
            faults.add(
                where, f"ensure this value is less than or equal to {self.most}", "value_error.number.not_le"
            )
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    required: bool = False
    empties: bool = False

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON:
        if not isinstance(value, bool):
            faults.add(where, "value could not be parsed to a boolean", "type_error.bool")
        return value


@dataclass(frozen=True, slots=True)
class Items:
    of: Kind
    required: bool = False
    least: int = 0
    most: int = 0
    empties: bool = False

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON:
        if not isinstance(value, list):
            faults.add(where, "value is not a valid list", "type_error.list")
            return []
        if len(value) < self.least:
            faults.add(
                where, f"ensure this value has at least {self.least} items", "value_error.list.min_items"
            )
        if self.most and len(value) > self.most:
            faults.add(
                where, f"ensure this value has at most {self.most} items", "value_error.list.max_items"
            )
        return [self.of.read(item, (*where, n), faults) for n, item in enumerate(value)]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known fields; without any, an object left as it is."""

    fields: Mapping[str, Kind] = field(default_factory=dict)
    required: bool = False
    empties: bool = False

    def read(self, value: JSON, where: Where, faults: Faults) -> JSON:
        if not isinstance(value, dict):
            faults.add(where, "value is not a valid dict", "type_error.dict")
            return {}
        if not self.fields:
            return value
        known: dict[str, JSON] = {}
        for name, kind in self.fields.items():
            given = value.get(name)
            if given is not None:
                known[name] = kind.read(given, (*where, name), faults)
            elif kind.empties and name in value:
                known[name] = None
            elif kind.required:
                faults.add((*where, name), "field required", "value_error.missing")
        return known


def shape(required: bool = False, **fields: Kind) -> Shape:
    return Shape(fields, required)


NAME = Text(required=True, least=1)
RENAME = Text(least=1)
ADDRESS = Text(required=True, email=True)
LANGUAGE = Text(choices=LANGUAGES)
LINK = Text(uri=True, most=2083)
SENDER = shape(id=NAME)
OBJECT = Shape()
TAG = Text(least=1, most=64, pattern=r"^[A-Za-z0-9.\-+_]+$")
INTEREST = Text(least=1, most=255, pattern=r"^[+@\-_#a-zA-Z0-9]+$")
ATTRIBUTES = shape(name=NAME, value=Text())
REDIRECTIONS = shape(after_opt_in=LINK, after_double_opt_in=LINK, after_opt_out=LINK)
SELECTORS: dict[str, Kind] = {"query": Text(), "fiql": Text(), "json": OBJECT}
