"""What is offered for typed words, and how several offers become one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from audiences.rules import matching
from audiences.rules.kinds import KINDS, Kind, Op, Takes, Thing
from audiences.rules.nodes import Condition, Group, Node, conditions
from audiences.rules.spellings import FILLS, denies

# A name that nobody’s city has is but a guess.
GUESSED = 0.6


class Offer(NamedTuple):
    # Empty for several of different kinds.
    kind: str
    # One condition, perhaps without its value yet; or a group of what was said in one breath.
    node: Node
    # How much of what was typed is the name or the operator, and how much of the name was typed.
    score: float
    # What of the words it does not say: then it is the nearest that can be asked.
    but: str = ""


def done(kind: Kind, of: Any, ops: Mapping[str, Op], words: Sequence[str]) -> Node | None:
    """What one verb says of it, or that it was not done: “did not get it” is no “got it but …”."""
    did = matching.compared(kind, of, ops, [word for word in words if not denies(word)])
    if did is None or ops[did.condition.op].takes is not Takes.NOTHING:
        return None
    if not any(map(denies, words)):
        return did.condition
    op = f"not_{did.condition.op}"
    return replace(did.condition, op=op) if op in ops else Group("none", (did.condition,))


def is_adjective(offer: Offer) -> bool:
    """“French VIPs”, “inactive women”: what people hold or are, all said."""
    if offer.kind == "mailable" and not offer.but:
        return True
    return (offer.kind == "field" or isinstance(offer.node, Group)) and all(
        one.value for one in conditions(offer.node)
    )


def is_open(condition: Condition, things: Mapping[str, Mapping[Any, Thing]]) -> bool:
    """Whether its value is still to come."""
    ops = KINDS[condition.kind].ops(condition.of, things[condition.kind][condition.of])
    return condition.value is None and ops[condition.op].takes is not Takes.NOTHING


def only(node: Node) -> Condition | None:
    """The one condition it is, denied or not."""
    found = list(conditions(node))
    return found[0] if len(found) == 1 else None


def of_one_value(offers: Sequence[Offer], clauses: Sequence[str], join: str) -> list[Offer]:
    """“in Germany and Austria”: nobody has two values in one field, so that either is meant, or neither."""
    found: list[Offer] = []
    for offer, clause in zip(offers, clauses[-len(offers) :], strict=True):
        last, node = found[-1].node if found else None, offer.node
        if isinstance(last, Condition) and isinstance(node, Condition):
            is_bare = node.op == "is" and not FILLS.intersection(clause.casefold().split())
            op = "is_not" if is_bare and last.op == "is_not" else node.op
            if (last.kind, last.of, last.op) == ("field", node.of, op) and op in (
                ("is", "is_not") if join == "all" or is_bare else ("is",)
            ):
                both = replace(last, value=list(dict.fromkeys([*(last.value or ()), *(node.value or ())])))
                found[-1] = found[-1]._replace(node=both)
                continue
        found.append(offer)
    return found


def each_once(offers: Sequence[Offer], most: int) -> list[Offer]:
    """The first so many that differ."""
    found: list[Offer] = []
    for offer in offers:
        if len(found) == most:
            break
        if offer.node not in [one.node for one in found]:
            found.append(offer)
    return found


def grouped(join: str, offers: Sequence[Offer], score: float) -> Offer:
    kinds = {offer.kind for offer in offers}
    but = " ".join(dict.fromkeys(offer.but for offer in offers if offer.but))
    kind = kinds.pop() if len(kinds) == 1 else ""
    nodes: list[Node] = []
    for offer in offers:
        is_alike = isinstance(offer.node, Group) and offer.node.join == join
        nodes += offer.node.rules if isinstance(offer.node, Group) and is_alike else [offer.node]
    return Offer(kind, Group(join, tuple(nodes)), score, but)
