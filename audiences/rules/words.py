"""A rule as a sentence, with the names of today; and what of it is gone."""

from dataclasses import replace
from typing import Any

from audiences.rules.kinds import KINDS, Takes, Thing
from audiences.rules.known import Known
from audiences.rules.nodes import Condition, Node, changed, conditions

_JOINED = {"all": " and ", "any": " or ", "none": " or "}
_EMPTY = {"all": "everybody", "any": "nobody", "none": "everybody"}


def sentence(node: Node, known: Known) -> str:
    """`on the list “News” and clicked a campaign in the last 90 days and (Language is “fr” or Language is empty)`"""
    return _said(node, known, is_outer=True)


def told(condition: Condition, known: Known) -> str:
    """One condition in words; `…` for a value that is still to come."""
    kind, thing = KINDS[condition.kind], known.thing(condition)
    ops = kind.all_ops() if thing is None else kind.ops(condition.of, thing)
    op = ops.get(condition.op) or kind.all_ops()[condition.op]
    label = _label(condition, thing, is_quoted=kind.takes_ids)
    is_open = condition.value is None and op.takes is not Takes.NOTHING
    value = "…" if is_open else kind.value(condition, thing or Thing(condition.name))
    return kind.says(condition, op).format(of=label, value=value)


def missing(node: Node, known: Known) -> list[str]:
    """What the rule and the segments in it depend on and is no more, or no longer fits; a clause each."""
    gone: dict[str, None] = {}
    for rule in (node, *known.segments.values()):
        for condition in conditions(rule):
            kind, thing = KINDS[condition.kind], known.thing(condition)
            if thing is None:
                name = f" “{condition.name}”" if condition.name else ""
                gone[f"The {kind.noun}{name} is gone"] = None
            elif condition.op not in kind.ops(condition.of, thing):
                gone[f"The {kind.noun} “{thing.label}” is of another kind now"] = None
    return list(gone)


def named(node: Node, known: Known) -> Any:
    """The same rule with the names of today beside its ids: what a deleted thing was called stays known."""

    def name(condition: Condition) -> Condition:
        thing = known.thing(condition)
        return replace(condition, name=thing.label[:200]) if thing else condition

    return changed(node, name)


def _said(node: Node, known: Known, *, is_outer: bool) -> str:
    if isinstance(node, Condition):
        return told(node, known)
    if not node.rules:
        return _EMPTY[node.join]
    text = _JOINED[node.join].join(_said(inner, known, is_outer=False) for inner in node.rules)
    if node.join == "none":
        return f"none of ({text})"
    return text if is_outer or len(node.rules) == 1 else f"({text})"


def _label(condition: Condition, thing: Thing | None, *, is_quoted: bool) -> str:
    name = thing.label if thing else condition.name or "?"
    note = thing.note if thing else "gone"
    return f"{f'“{name}”' if is_quoted else name}{f' ({note})' if note else ''}"
