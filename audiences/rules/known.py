"""What the ids in rules stand for, read once, so that words and SQL need no look-ups of their own."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Workspace
from accounts.refusals import CannotDo
from audiences.rules.kinds import KINDS, Thing
from audiences.rules.nodes import MAX_DEPTH, BadRule, Condition, Group, Node, conditions, read


class Incomplete(CannotDo):
    """A rule depends on something that is gone, or on itself: nobody can say who fits."""


@dataclass(frozen=True, slots=True)
class Known:
    workspace: Workspace
    zone: ZoneInfo
    # kind → of → thing
    things: Mapping[str, Mapping[Any, Thing]]
    # Segment id → its rule, of every segment that is reached.
    segments: dict[int, Group]

    @classmethod
    def of(cls, workspace: Workspace, *rules: Node | None) -> "Known":
        """One query for each kind that occurs; with segments in segments, again for each level."""
        things: dict[str, dict[Any, Thing]] = defaultdict(dict)
        known = cls(workspace, ZoneInfo(workspace.time_zone), things, {})
        level = [rule for rule in rules if rule is not None]
        for _ in range(MAX_DEPTH):
            wanted: dict[str, set[str | int]] = defaultdict(set)
            for condition in (found for rule in level for found in conditions(rule)):
                if condition.of not in things[condition.kind]:
                    wanted[condition.kind].add(condition.of)
            for kind, ofs in wanted.items():
                things[kind].update(KINDS[kind].things(workspace, ofs))
            level = []
            for id_ in wanted.get("segment", ()):
                if thing := things["segment"].get(id_):
                    try:
                        known.segments[int(id_)] = read(thing.data["rule"])
                    except BadRule:  # saved with a kind of condition there is no more
                        del things["segment"][id_]
                        continue
                    level.append(known.segments[int(id_)])
            if not level:
                break
        return known

    def thing(self, condition: Condition) -> Thing | None:
        return self.things.get(condition.kind, {}).get(condition.of)
