"""“did not open the last campaign”, “clicked in our last 3 mails”: things that are named by being the newest."""

import re
from collections.abc import Mapping
from typing import Any

from audiences.rules import matching
from audiences.rules.kinds import KINDS, Kind, Thing
from audiences.rules.nodes import Condition, Group, Node
from audiences.rules.spellings import SAME, denies, words_in

_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
_THE_LAST = re.compile(
    rf"\b(?:(?:in|by) )?(?:(?P<of>none|any|all|each|one) of )?(?:(?:the|our|my) )?(?:very )?(?:last|latest|newest|most recent|previous) (?:(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)}) )?"
    r"(?P<noun>campaign|mail|mailing|e-?mail|newsletter|import|bulk action)s?\b(?! .*days)",
    re.IGNORECASE,
)
# How far back the latest is looked for that tells what is asked.
_TRIED = 20


def of_the_last(
    text: str, things: Mapping[str, Mapping[Any, Thing]], most: int
) -> list[tuple[str, Node, str]] | None:
    """(kind, condition or group, what of it cannot be asked); None where that is not what is said."""
    match = _THE_LAST.search(text)
    if match is None:
        return None
    kind = next(
        (one for one in KINDS.values() if one.is_newest_first and match["noun"].casefold() in _nouns(one)),
        None,
    )
    ofs = list(things.get(kind.key, {}).items()) if kind else []
    if kind is None:
        return None
    said = (match["of"] or "").casefold()
    wanted = _NUMBERS.get(number := (match["number"] or "1").casefold(), 0) or int(number)
    rest = words_in(f"{'not' if said == 'none' else ''} {text[: match.start()]} {text[match.end() :]}")
    told = matching.besides(kind, rest)
    if is_none := any(map(denies, rest)) and not any(
        matching.compared(kind, of, kind.ops(of, thing), told) for of, thing in ofs[:_TRIED]
    ):
        # “did not get the last campaign”: no operator says so.
        told = [word for word in told if not denies(word)]
    found: list[Condition] = []
    untold = []
    for of, thing in ofs[:_TRIED]:
        if len(found) == min(wanted, most):
            break
        compared = matching.compared(kind, of, kind.ops(of, thing), told)
        if compared and compared.condition.value is None:
            found.append(compared.condition)
        else:
            untold.append(f"“{thing.label}”")
    if not found:
        # “the last 5 campaigns” are not those of the last 5 days.
        return [] if match["number"] else None
    but = f"No more than {most} are asked at once." if wanted > len(found) == most else ""
    if untold:
        whose = "its account does" if len(untold) == 1 else "their accounts do"
        but = (
            f"This cannot be asked of {', '.join(untold)}: {whose} not tell it of each person. {but}".strip()
        )
    node: Node = (
        Group("none", tuple(found))
        if is_none
        else found[0]
        if len(found) == 1
        else Group("all" if any(map(denies, rest)) or said in ("all", "each") else "any", tuple(found))
    )
    return [(kind.key, node, but)]


def _nouns(kind: Kind) -> tuple[str, ...]:
    return (kind.noun, *(SAME["campaign"] if kind.noun == "campaign" else ()))
