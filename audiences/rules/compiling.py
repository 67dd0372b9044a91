"""A rule as SQL. Names come from tables of ours, everything a person typed is a value."""

from collections.abc import Sequence
from dataclasses import replace
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


def where(rule: Node, known: Known, *, now: datetime | None = None, is_one_by_one: bool = False) -> Where:
    """`now` is what "the last days" count from; `is_one_by_one` as for a Writer. Raises Incomplete where something the rule needs is gone."""
    if gone := missing(rule, known):
        raise Incomplete(f"{gone[0]}. Change the rule, then it can be worked out.")
    write = Writer(known.workspace.pk, now or timezone.now(), known.zone, is_one_by_one=is_one_by_one)
    return Where(_sql(rule, known, write, is_wanted=True, within=()), write.values)


def each(
    nodes: Sequence[Node], known: Known, *, now: datetime | None = None, is_one_by_one: bool = False
) -> tuple[list[str], dict[str, Any]]:
    """The same for several at once, to be asked in one statement: their conditions, and the values of all."""
    write = Writer(known.workspace.pk, now or timezone.now(), known.zone, is_one_by_one=is_one_by_one)
    return [_sql(node, known, write, is_wanted=True, within=()) for node in nodes], write.values


def _sql(node: Node, known: Known, write: Writer, *, is_wanted: bool, within: tuple[int, ...]) -> str:
    """`not` is carried down to the conditions: there the planner makes joins of them."""
    if isinstance(node, Condition):
        if node.kind == "segment":
            return _segment(node, known, write, is_wanted=is_wanted, within=within)
        thing = known.thing(node)
        assert thing is not None  # noqa: S101 - `missing` has looked
        # The values stay those of the one statement.
        sql = KINDS[node.kind].sql(node, thing, write if is_wanted else replace(write, is_denied=True))
        return sql if is_wanted else f"(not {sql})"
    inner_wanted = is_wanted if node.join != "none" else not is_wanted
    is_and = (node.join == "all") == is_wanted if node.join != "none" else is_wanted
    several, others = _apart(node) if node.join != "all" else ([], node.rules)
    parts = [_sql(inner, known, write, is_wanted=inner_wanted, within=within) for inner in others]
    for conditions in several:
        sql = KINDS[conditions[0].kind].sql_of_any(conditions, write)
        parts.append(sql if inner_wanted else f"(not {sql})")
    if not parts:
        return "true" if is_and else "false"
    return f"({(' and ' if is_and else ' or ').join(parts)})"


def _apart(group: Group) -> tuple[list[list[Condition]], list[Node]]:
    """What asks the same of several lists, tags or values, and the rest."""
    found: dict[tuple[str, str], list[Condition]] = {}
    others: list[Node] = []
    for inner in group.rules:
        if isinstance(inner, Condition) and (alike := KINDS[inner.kind].together(inner)):
            found.setdefault((inner.kind, alike), []).append(inner)
        else:
            others.append(inner)
    others += [conditions[0] for conditions in found.values() if len(conditions) == 1]
    return [conditions for conditions in found.values() if len(conditions) > 1], others


def _segment(
    node: Condition, known: Known, write: Writer, *, is_wanted: bool, within: tuple[int, ...]
) -> str:
    id_ = int(node.of)
    if id_ in within or len(within) >= MAX_DEPTH:
        raise Incomplete(
            f"Segments go {MAX_DEPTH} deep into each other at most, and never in a circle. Take one out."
        )
    rule: Group = known.segments[id_]
    is_wanted = is_wanted if node.op == "in" else not is_wanted
    return _sql(rule, known, write, is_wanted=is_wanted, within=(*within, id_))
