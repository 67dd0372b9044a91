"""Pieces that many statements share."""

import json
from typing import Any

# Of the contacts as `c`.
SUPPRESSED = (
    "exists (select 1 from audiences_suppression s where s.contact_id = c.id and s.lifted_at is null)"
)


def like(text: str) -> str:
    """Itself, as a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def loaded(value: Any, default: Any = ()) -> Any:
    """jsonb comes as text from a bare cursor."""
    if value is None:
        return default
    return json.loads(value) if isinstance(value, str) else value
