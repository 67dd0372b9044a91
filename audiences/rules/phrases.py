"""Conditions out of a few typed words: "on list News", "clicked in the last 90 days", "language is fr or empty".

Not a language to learn: each word must be part of a name, of an operator, or a value; what is understood is shown as a
sentence before it is taken.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from audiences.rules.kinds import KINDS, Kind, Op, Takes, Thing
from audiences.rules.nodes import Condition, Group, Node

MOST = 8
_WORD = re.compile(r"[^\s,;:“”\"'()]+")
_OR_EMPTY = re.compile(r"[\s,]+or\s+(is\s+)?empty\s*$", re.IGNORECASE)
# Say nothing of their own.
_FILLS = frozenset(["a", "an", "and", "are", "be", "been", "did", "do", "does", "for", "have", "has", "had", "in", "is", "it", "its", "of", "on", "or", "people", "that", "the", "their", "them", "they", "to", "was", "were", "who", "with", "day", "days"])  # fmt: skip
_NOT = frozenset(["not", "isn't", "doesn't", "didn't", "hasn't", "no", "without", "never"])
_UNITS = {"week": 7, "weeks": 7, "month": 30, "months": 30, "year": 365, "years": 365}


class Offer(NamedTuple):
    kind: str
    # One condition, perhaps without its value yet; or two, of which one is enough.
    node: Node
    # How much of what was typed is the name or the operator, and how much of the name was typed.
    score: float


def offers(words: str, things: Mapping[str, Mapping[Any, Thing]], *, most: int = MOST) -> list[Offer]:
    """The best first. `things`: kind → of → thing, those that may be meant."""
    or_empty = _OR_EMPTY.search(words)
    typed = _WORD.findall(words[: or_empty.start()] if or_empty else words)[:30]
    if not typed:
        return []
    found = []
    for kind, ofs in things.items():
        for of, thing in ofs.items():
            if (offer := _offer(KINDS[kind], of, thing, typed, or_empty=bool(or_empty))) is not None:
                found.append(offer)
    return sorted(found, key=lambda offer: -offer.score)[:most]


def _offer(kind: Kind, of: Any, thing: Thing, typed: list[str], *, or_empty: bool) -> Offer | None:
    name = [word.casefold() for word in _WORD.findall(thing.label)]
    # Each word of the name takes one that was typed; the rest says how it compares, and with what.
    rest, taken, is_named = list(typed), 0, False
    for part in name:
        hit = next((word for word in rest if _begins(part, word.casefold())), None)
        if hit is not None:
            rest.remove(hit)
            taken += len(hit)
            is_named |= hit.casefold() not in _FILLS
    if not is_named:
        return None
    about = {*kind.noun.split(), *kind.title.casefold().split(), kind.noun + "s"}
    rest = [word for word in rest if word.casefold() not in about or word.casefold() in _NOT]
    ops = kind.ops(of, thing)
    compared = _compared(kind, of, ops, rest)
    if compared is None:
        return None
    told, condition = compared
    score = (taken + told) / sum(map(len, typed)) + taken / sum(map(len, name))
    if or_empty:
        if "empty" not in ops:
            return None
        return Offer(kind.key, Group("any", (condition, Condition(kind.key, of, "empty"))), score)
    return Offer(kind.key, condition, score)


def _begins(part: str, word: str) -> bool:
    return part == word or (len(word) > 1 and part.startswith(word))


def _compared(
    kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]
) -> tuple[int, Condition] | None:
    """The operator whose words are among the rest, with their letters, and what remains as its value; None if words are left."""
    denies = any(word.casefold() in _NOT for word in rest)
    best: tuple[int, int, Condition] | None = None
    for key, op in ops.items():
        words = {word.casefold() for word in _WORD.findall(f"{op.label} {op.says}")}
        if denies != bool(words & _NOT):
            continue
        left = [word for word in rest if word.casefold() not in words | _NOT]
        told = len({word.casefold() for word in rest} & words)
        value = _value(op.takes, left)
        if value is None and any(word.casefold() not in _FILLS for word in left):
            continue
        rank = 2 * told + (value is not None)
        if best is None or rank > best[0]:
            letters = sum(len(word) for word in rest if word not in left or word.isdecimal())
            best = (rank, letters, Condition(kind.key, of, key, value))
    return best[1:] if best else None


def _value(takes: Takes, words: Sequence[str]) -> Any:
    """None where the words are no such value, or there are none."""
    try:
        if takes is Takes.TEXTS:
            parts = re.split(r"\s+or\s+", " ".join(_without_fills(words)), flags=re.IGNORECASE)
            return takes.read(parts)
        if takes is Takes.TEXT:
            return takes.read(" ".join(_without_fills(words)))
        if takes is Takes.DAYS:
            numbers = [word for word in words if word.isdecimal()]
            units = [_UNITS[word.casefold()] for word in words if word.casefold() in _UNITS]
            fills = [word for word in words if word.casefold() in _FILLS]
            if len(numbers) != 1 or len(numbers) + len(units) + len(fills) != len(words):
                return None
            return takes.read(int(numbers[0]) * (units or [1])[0])
        if takes in (Takes.NUMBER, Takes.DATE) and len(kept := _without_fills(words)) == 1:
            return takes.read(kept[0])
    except ValueError:
        return None
    return None


def _without_fills(words: Sequence[str]) -> list[str]:
    """Fills stay within a value, not around it: “Isle of Man”."""
    kept = list(words)
    while kept and kept[0].casefold() in _FILLS:
        kept.pop(0)
    while kept and kept[-1].casefold() in _FILLS:
        kept.pop()
    return kept
