"""The tree, and how it is read from JSON that nobody has looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from accounts.refusals import CannotDo
from audiences.rules.kinds import KINDS, Takes

MAX_DEPTH = 5
MAX_CONDITIONS = 100
JOINS = {"all": "all of these", "any": "any of these", "none": "none of these"}


class BadRule(CannotDo):
    """`at` is the place of the condition in the tree: the indexes that lead to it."""

    def __init__(self, sentence: str, at: tuple[int, ...] = ()) -> None:
        super().__init__(sentence)
        self.at = at


@dataclass(frozen=True, slots=True)
class Condition:
    kind: str
    # Which one of the kind: the key of a field, the id of a list.
    of: str | int
    op: str
    # As the operator takes it; see Takes.
    value: Any = None
    # What `of` was called when the rule was saved: tells what is missed when it is gone.
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """`all` of no conditions is everybody, `any` of none is nobody."""

    join: str
    rules: tuple["Node", ...] = ()


Node = Condition | Group


def read(data: Any) -> Group:
    """Raises BadRule, with the place, where a person can mend it and where it is nonsense."""
    if not isinstance(data, dict) or "join" not in data:
        raise BadRule("This rule cannot be read. Build it again.")
    group = _group(data, ())
    if sum(1 for _ in conditions(group)) > MAX_CONDITIONS:
        raise BadRule(f"A rule holds {MAX_CONDITIONS} conditions at most. Put some of them into a segment.")
    return group


def typed(data: Any) -> Condition:
    """One condition as somebody says it now; raises BadRule."""
    return _condition(data, (), Takes.typed)


def as_json(node: Node) -> dict[str, Any]:
    if isinstance(node, Group):
        return {"join": node.join, "rules": [as_json(inner) for inner in node.rules]}
    told: dict[str, Any] = {"kind": node.kind, "of": node.of, "op": node.op}
    if node.value is not None:
        told["value"] = node.value
    if node.name:
        told["name"] = node.name
    return told


def conditions(node: Node) -> Iterator[Condition]:
    """All of them, from left to right."""
    if isinstance(node, Condition):
        yield node
        return
    for inner in node.rules:
        yield from conditions(inner)


def changed(node: Node, change: Callable[[Condition], Condition]) -> Any:
    """The same tree, each condition as `change` makes it."""
    if isinstance(node, Condition):
        return change(node)
    return Group(node.join, tuple(changed(inner, change) for inner in node.rules))


def together(*nodes: Node | None) -> Group | None:
    """All of them at once; None if there is none."""
    found = tuple(node for node in nodes if node is not None)
    if len(found) == 1 and isinstance(found[0], Group):
        return found[0]
    return Group("all", found) if found else None


def _node(data: Any, at: tuple[int, ...]) -> Node:
    if not isinstance(data, dict):
        raise BadRule("This condition cannot be read. Take it out and add it again.", at)
    return _group(data, at) if "join" in data else _condition(data, at)


def _group(data: dict[str, Any], at: tuple[int, ...]) -> Group:
    join, inner = data.get("join"), data.get("rules")
    if join not in JOINS or not isinstance(inner, list):
        raise BadRule("This group cannot be read. Take it out and add it again.", at)
    if len(at) >= MAX_DEPTH:
        raise BadRule(f"Groups go {MAX_DEPTH} deep at most. Put the inner ones into a segment.", at)
    if len(inner) > MAX_CONDITIONS:
        raise BadRule(f"A rule holds {MAX_CONDITIONS} conditions at most. Put some into a segment.", at)
    return Group(join, tuple(_node(one, (*at, index)) for index, one in enumerate(inner)))


def _condition(
    data: dict[str, Any], at: tuple[int, ...], read: Callable[[Takes, Any], Any] = Takes.read
) -> Condition:
    kind = KINDS.get(str(data.get("kind", "")))
    of, op = data.get("of"), data.get("op")
    if kind is None or isinstance(of, bool) or not isinstance(of, str | int) or of == "":
        raise BadRule("Choose what this condition is about.", at)
    if kind.takes_ids != isinstance(of, int) or (
        isinstance(of, str) and (len(of) > 100 or not of.isprintable())
    ):
        raise BadRule("This condition cannot be read. Take it out and add it again.", at)
    if isinstance(of, int) and not 0 < of < 2**63:
        raise BadRule("This condition cannot be read. Take it out and add it again.", at)
    known = kind.all_ops()
    if not isinstance(op, str) or op not in known:
        raise BadRule("Choose how this condition compares.", at)
    try:
        value = read(known[op].takes, data.get("value"))
    except ValueError as error:
        raise BadRule(str(error), at) from error
    name = data.get("name")
    printable = "".join(filter(str.isprintable, name)) if isinstance(name, str) else ""
    return Condition(kind.key, of, op, value, printable[:200])
