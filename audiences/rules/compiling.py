"""A rule as SQL. Names come from tables of ours, everything a person typed is a value."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.utils import timezone

from audiences.rules.kinds import KINDS, Writer
from audiences.rules.known import Incomplete, Known
from audiences.rules.nodes import MAX_DEPTH, Condition, Group, Node
from audiences.rules.words import missing


class Where(NamedTuple):
    # True or false of `audiences_contact c`; the values' names begin with "rule".
    sql: str
    values: dict[str, Any]


def where(rule: Node, known: Known, *, now: datetime | None = None) -> Where:
    """`now` is what "the last days" count from. Raises Incomplete where something the rule needs is gone."""
    if gone := missing(rule, known):
        raise Incomplete(f"{gone[0]}. Change the rule, then it can be worked out.")
    write = Writer(known.workspace.pk, now or timezone.now(), known.zone)
    return Where(_sql(rule, known, write, is_wanted=True, within=()), write.values)


def each(
    nodes: Sequence[Node], known: Known, *, now: datetime | None = None
) -> tuple[list[str], dict[str, Any]]:
    """The same for several at once, to be asked in one statement: their conditions, and the values of all."""
    write = Writer(known.workspace.pk, now or timezone.now(), known.zone)
    return [_sql(node, known, write, is_wanted=True, within=()) for node in nodes], write.values


def _sql(node: Node, known: Known, write: Writer, *, is_wanted: bool, within: tuple[int, ...]) -> str:
    """`not` is carried down to the conditions: there the planner makes joins of them."""
    if isinstance(node, Condition):
        if node.kind == "segment":
            return _segment(node, known, write, is_wanted=is_wanted, within=within)
        thing = known.thing(node)
        assert thing is not None  # noqa: S101 - `missing` has looked
        sql = KINDS[node.kind].sql(node, thing, write)
        return sql if is_wanted else f"(not {sql})"
    inner_wanted = is_wanted if node.join != "none" else not is_wanted
    is_and = (node.join == "all") == is_wanted if node.join != "none" else is_wanted
    several, others = _apart(node) if node.join != "all" else ({}, node.rules)
    parts = [_sql(inner, known, write, is_wanted=inner_wanted, within=within) for inner in others]
    for (kind, op), ofs in several.items():
        sql = KINDS[kind].sql_of_any(op, ofs, write)
        parts.append(sql if inner_wanted else f"(not {sql})")
    if not parts:
        return "true" if is_and else "false"
    return f"({(' and ' if is_and else ' or ').join(parts)})"


def _apart(group: Group) -> tuple[dict[tuple[str, str], list[int]], list[Node]]:
    """What asks the same of several lists or tags, and the rest: one look-up for all of them can be joined, an "or" cannot."""
    found: dict[tuple[str, str], list[int]] = {}
    for inner in group.rules:
        if isinstance(inner, Condition) and inner.op in KINDS[inner.kind].ops_of_several:
            found.setdefault((inner.kind, inner.op), []).append(int(inner.of))
    found = {key: ofs for key, ofs in found.items() if len(ofs) > 1}
    return found, [
        inner for inner in group.rules if isinstance(inner, Group) or (inner.kind, inner.op) not in found
    ]


def _segment(
    node: Condition, known: Known, write: Writer, *, is_wanted: bool, within: tuple[int, ...]
) -> str:
    id_ = int(node.of)
    if id_ in within or len(within) >= MAX_DEPTH:
        raise Incomplete("These segments use each other in a circle. Take one out.")
    rule: Group = known.segments[id_]
    is_wanted = is_wanted if node.op == "in" else not is_wanted
    return _sql(rule, known, write, is_wanted=is_wanted, within=(*within, id_))
