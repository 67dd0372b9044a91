"""Segments: their rules as the account wrote them, to be shown, and ours in its words, to be made.

Three languages say one rule; a segment has exactly one of them. Published are comparisons of one attribute (JSON) and tags
(the SQL-like one). How conditions are joined is published nowhere, and a wrong guess would choose the wrong people: so
a rule of several is refused.
"""

import json
from collections.abc import Mapping
from typing import Any

from accounts.providers.especial.mapping import attribute_value, remote_id
from accounts.providers.reading import text
from accounts.providers.records import SegmentRecord

Json = Any

# our word, and whether it is denied → operator.
_OPERATORS = {
    ("equal", False): "eq",
    ("equal", True): "neq",
    ("less", False): "lt",
    ("less", True): "gte",
    ("more", False): "gt",
    ("more", True): "lte",
    ("contains", False): "like",
    ("contains", True): "unlike",
    ("begins", False): "like",
    ("begins", True): "unlike",
}
# `*` stands for anything.
_PATTERNS = {"contains": "*{}*", "begins": "{}*"}


def segment_record(raw: Json, list_id: str) -> SegmentRecord:
    return SegmentRecord(remote_id(raw), text(raw.get("name")), list_id, rule_of(raw))


def rule_of(raw: Json) -> str:
    """In whichever of the three languages it is told."""
    found = text(raw.get("query")) or text(raw.get("fiql"))
    return found or (text(json.dumps(raw["json"], ensure_ascii=False)) if raw.get("json") else "")


def segment_body(name: str, rule: Mapping[str, Any]) -> Json:
    """Raises ValueError for a rule that cannot be said for certain."""
    return {"name": name, **_condition(rule, denied=False)}


def _condition(rule: Mapping[str, Any], *, denied: bool) -> Json:
    match dict(rule):
        case {"all": [only]} | {"any": [only]} if isinstance(only, Mapping):
            return _condition(only, denied=denied)
        case {"not": inner} if isinstance(inner, Mapping):
            return _condition(inner, denied=not denied)
        case {"tag": str(tag)} if tag and '"' not in tag and "\\" not in tag:
            return {"query": f'TAG IS {"NOT " if denied else ""}"{tag}"'}
        case {"field": str(field), "is": str(word), "value": value} if (word, denied) in _OPERATORS:
            told = attribute_value(value, "")
            pattern = _PATTERNS.get(word)
            if pattern and (not told or "*" in told):
                raise ValueError("a pattern in a pattern")
            return {"json": {_OPERATORS[word, denied]: {field: pattern.format(told) if pattern else told}}}
    raise ValueError("not one condition")
