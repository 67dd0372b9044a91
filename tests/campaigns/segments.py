"""Segments for campaigns: by the language of a person, or by a rule."""

from typing import Any

from accounts.models import Workspace
from audiences.models import Segment


def joined(join: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"join": join, "rules": list(conditions)}


def speaks(language: str) -> dict[str, Any]:
    return {"kind": "field", "of": "language", "op": "is", "value": [language]}


def make_segment(workspace: Workspace, name: str, *conditions: dict[str, Any], **values: Any) -> Segment:
    """Everybody whom all conditions fit."""
    return Segment.objects.create(workspace=workspace, name=name, rule=joined("all", *conditions), **values)


def change_segment(segment: Segment, *conditions: dict[str, Any]) -> None:
    """As a save on its page does it."""
    segment.rule = joined("all", *conditions)
    segment.version += 1
    segment.save()
