"""Conditions by what people hold, without the name of a field: “gmail addresses”, “lives in Gent or Brugge”, “women”."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accounts.names import folded
from audiences.rules import codes, genders, sayings
from audiences.rules.kinds import KINDS, Thing
from audiences.rules.matching import begins_anew, goes_on, is_followed, says_more
from audiences.rules.nodes import Condition
from audiences.rules.spellings import AND, COMMA, FILLS, OR, denies

# Folded values → field → those of its values that people have, as they are written.
Holding = Callable[[tuple[str, ...]], Mapping[str, Sequence[str]]]

# No domain ends like a file.
_DOMAIN = re.compile(r"@?((?:[a-z0-9-]+\.)+(?!(?:csv|tsv|txt|xlsx?|ods|json|zip)$)[a-z]{2,})", re.IGNORECASE)
# "who do not" live somewhere.
_WHO = re.compile(r"\s*(?:(?:who|that|people|they|does|do|is|are|an?|not|\w+n['’]t)\s+)+", re.IGNORECASE)
_LIVES = re.compile(
    r"(?:(lives?|living|based|located)\s+)?(?:in|from)\s+(?:the (?:city|town) of )?(.+)", re.IGNORECASE
)
_PLACES = ("city", "country")
_OF_ADDRESSES = frozenset(["address", "addresses", "email", "emails", "e-mail", "mail", "domain", "domains", "at", "using", "ends", "ending"])  # fmt: skip

# Of a domain they are said only with what is plainly one.
_ENDS = frozenset(["ends", "ending", "at", "using"])

# How often the people are looked at for what a sentence may hold: once for all its pieces, then for other words for them.
_MOST_LOOKS = 4
_MOST_WORDS = 12


def at_once(texts: Sequence[str], holding: Holding) -> Holding:
    """The same, with all pieces of the texts looked up by the first that asks."""
    asked: set[str] = set()
    found: dict[str, list[str]] = {}
    looks = 0

    def held(values: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
        nonlocal looks
        if not asked.issuperset(values) and looks < _MOST_LOOKS:
            new = {*values, *(() if looks else (piece for text in texts for piece in _pieces(text)))} - asked
            looks += 1
            asked.update(new)
            for of, there in holding(tuple(sorted(new))).items():
                found.setdefault(of, []).extend(there)
        return {
            of: here
            for of, there in found.items()
            if (here := [value for value in there if folded(value) in values])
        }

    return held


def _pieces(text: str) -> Iterator[str]:
    words = list(re.finditer(r"[^\s,;]+", text))
    for begin, first in enumerate(words):
        for last in words[begin : begin + _MOST_WORDS]:
            yield folded(text[first.start() : last.end()])


class Held(NamedTuple):
    score: float
    condition: Condition
    but: str = ""


# What people do, and no value of theirs.
_DEEDS = frozenset(["opened", "clicked", "received", "joined", "left", "unsubscribed", "read"])


def is_nobodys(condition: Condition) -> bool:
    """“has a Gmail address”, “opened on a phone”: nobody's address is “Gmail”, and no phone is “opened”."""
    if (
        condition.kind != "field"
        or condition.op not in ("is", "is_not")
        or not isinstance(condition.value, list)
    ):
        return False
    sign = {"@email": "@", "@domain": "."}.get(str(condition.of), "")
    return any(sign not in value or value.casefold() in _DEEDS for value in condition.value)


@dataclass(frozen=True, slots=True)
class People:
    fields: Mapping[Any, Thing]
    holding: Holding
    # Field → values that people have in it, the most common first.
    values: Callable[[str], Sequence[str]]

    def by_address(self, typed: Sequence[str], *, is_last_resort: bool) -> list[Held]:
        """“gmail.com addresses”, “gmail addresses”, and an address itself."""
        op = "is_not" if any(map(denies, typed)) else "is"
        words = [word for word in typed if word.casefold() not in FILLS | _OF_ADDRESSES and not denies(word)]
        if words and all(0 < word.find("@") < len(word) - 1 for word in words):
            return [Held(1.0, Condition("field", "@email", op, [word.casefold() for word in words]))]
        about = {word.casefold() for word in typed} & _OF_ADDRESSES
        is_said = bool(about)
        if (
            is_said
            and len(words) == 1
            and re.fullmatch(r"(?:\.[a-z]{2,})+", words[0], re.IGNORECASE)
            and op == "is"
        ):
            return [Held(1.0, Condition("field", "@email", "ends", words[0].casefold()))]
        domains: list[str] = []
        for word in words:
            if match := _DOMAIN.fullmatch(word):
                domains.append(match[1].casefold())
            elif (is_said or is_last_resort) and (
                there := [one for one in self.values("@domain") if one.split(".")[0] == word.casefold()]
            ):
                domains += there
            elif about - _ENDS and is_last_resort and len(words) == 1 and word.isalnum():
                op = "not_contains" if op == "is_not" else "contains"
                return [Held(1.0, Condition("field", "@email", op, f"@{word.casefold()}."))]
            else:
                return []
        return [Held(1.0, Condition("field", "@domain", op, domains))] if domains else []

    def by_value(self, text: str, *, is_last_resort: bool) -> list[Held]:
        """“lives in Gent or Brugge”; and a mere value, where people have it in a field."""
        lead = _WHO.match(text)
        said = text[lead.end() :] if lead else text
        lives = _LIVES.fullmatch(said)
        typed = [
            value
            for value in re.split(OR.pattern + "|" + COMMA.pattern, lives[2] if lives else said)
            if value
        ]
        if not typed or not (lives or is_last_resort) or any(map(begins_anew, typed)) or goes_on(typed):
            return []
        op = "is_not" if any(map(denies, text[: lead.end()].split() if lead else ())) else "is"
        found = [] if lives else self._by_gender(typed, op)
        for of in codes.CODED:
            named = [codes.written(of, value, self.values(of)) for value in typed]
            if all(named) and of in self.fields and (of == "country" or not lives):
                values = list(dict.fromkeys(value for one in named for value in one))
                found.append(Held(2.0, Condition("field", of, op, values)))
        for of, there in self.holding(tuple(map(folded, typed))).items():
            as_written = {folded(value): value for value in there}
            in_order = [as_written.get(folded(value), value) for value in typed]
            # Of places, one that people live in is enough to know what is meant.
            is_known = len(as_written) == len(typed) or (lives and of in _PLACES)
            if any(is_followed(value) for value in typed if folded(value) not in as_written):
                continue
            is_new = of not in [held.condition.of for held in found]
            if is_new and is_known and of in self.fields and op in KINDS["field"].ops(of, self.fields[of]):
                found.append(Held(1.0 + (of in _PLACES), Condition("field", of, op, in_order)))
        if not found and lives and "city" in self.fields and not (AND.search(text) or says_more(typed)):
            if lives[1]:
                found.append(Held(1.0, Condition("field", "city", op, typed)))
            elif (
                is_last_resort
                and not sayings.untold(typed)
                and all(value[0].isupper() and value.replace(" ", "").isalpha() for value in typed)
            ):
                said = " or ".join(f"“{value}”" for value in typed)
                found.append(
                    Held(0.5, Condition("field", "city", op, typed), f"Nobody’s city is {said} so far.")
                )
        return found

    def _by_gender(self, typed: Sequence[str], op: str) -> list[Held]:
        """“women”, “not male”: in the fields that say so."""
        if not all(map(genders.named, typed)):
            return []
        found = []
        for of, thing in self.fields.items():
            if not genders.is_told_by(thing.label) or op not in KINDS["field"].ops(of, thing):
                continue
            there = self.values(of)
            values = [genders.written(value, there) for value in typed]
            if all(values):
                together = list(dict.fromkeys(value for some in values for value in some))
                found.append(Held(2.0, Condition("field", of, op, together)))
        return found


def meant(of: str, label: str, typed: str, there: Callable[[], Sequence[str]]) -> list[str]:
    """The values people have that are meant by a word typed beside the name of the field; nothing where it is no such word."""
    if of in codes.CODED:
        return codes.written(of, typed, there())
    return genders.written(typed, there()) if genders.is_told_by(label) and genders.named(typed) else []
