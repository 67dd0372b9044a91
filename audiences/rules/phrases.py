"""Conditions out of a few typed words: "on list News", "age over 30 and not clicked for 6 months", "gmail.com addresses".

Not a language to learn: each word must be part of a name, of an operator, or a value; what is understood is shown as a
sentence before it is taken, and what is not is named.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from audiences.rules import codes, matching, sayings
from audiences.rules.kinds import KINDS, Kind, Thing
from audiences.rules.nodes import Condition, Group, Node
from audiences.rules.spellings import (
    COMMA,
    FILLS,
    OR,
    SAME,
    denies,
    one_search,
    unified,
    words_in,
)

MOST = 8
_OR_EMPTY = re.compile(r"[\s,]+or\s+(is\s+)?empty\s*$", re.IGNORECASE)
_AND = re.compile(r"\s+(?:and|but|&)\s+", re.IGNORECASE)
# "between 3 and …" goes on.
_BETWEEN = re.compile(r"\bbetween(?:\s+(?!and\b)\S+){1,3}$", re.IGNORECASE)
_DOMAIN = re.compile(r"@?((?:[a-z0-9-]+\.)+[a-z]{2,})", re.IGNORECASE)
# "who do not" live somewhere.
_WHO = re.compile(r"\s*(?:(?:who|that|people|they|does|do|is|are|not|\w+n['’]t)\s+)+", re.IGNORECASE)
_LIVES = re.compile(r"(?:(lives?|living|based|located)\s+)?(?:in|from)\s+(.+)", re.IGNORECASE)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
_THE_LAST = re.compile(
    rf"\b(?:(?:in|by) )?(?:(?P<of>none|any|all|each|one) of )?(?:(?:the|our|my) )?(?:very )?(?:last|latest|newest|most recent|previous) (?:(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)}) )?"
    r"(?P<noun>campaign|mail|mailing|e-?mail|newsletter|import|bulk action)s?\b(?! .*days)",
    re.IGNORECASE,
)
# How far back the latest is looked for that tells what is asked.
_LATEST_TRIED = 20
_PLACES = ("city", "country")
# What may stand beside a name without an “and”: “VIPs who clicked”, “VIPs in Belgium”.
_BESIDE = (
    re.compile(r"(?<=\S)\s+(?:who|that|which)\s+", re.IGNORECASE),
    re.compile(r"(?<=\S)\s+(?=(?:(?:living|based) )?(?:in|from)\s)", re.IGNORECASE),
)
_OF_ADDRESSES = frozenset(["address", "addresses", "email", "emails", "e-mail", "mail", "domain", "domains", "at", "using", "ends", "ending"])  # fmt: skip
# Lower-cased values → field → those of its values that people have, as they are written.
Holding = Callable[[tuple[str, ...]], Mapping[str, Sequence[str]]]


class Offer(NamedTuple):
    # Empty for several of different kinds.
    kind: str
    # One condition, perhaps without its value yet; or a group of what was said in one breath.
    node: Node
    # How much of what was typed is the name or the operator, and how much of the name was typed.
    score: float
    # What of the words it does not say: then it is the nearest that can be asked.
    but: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    # kind → of → thing, those that may be meant.
    things: Mapping[str, Mapping[Any, Thing]]
    today: date
    holding: Holding = lambda _: {}
    # Field → values that people have in it, the most common first.
    values: Callable[[str], Sequence[str]] = lambda _: ()

    @one_search()
    def offers(self, words: str, *, most: int = MOST) -> list[Offer]:
        """The best first."""
        text = unified(words)
        found = self._simple(text)
        if together := self._joined("all", " and ", _clauses(text)):
            found.append(together)
        if not found:
            found = [
                offer
                for offer in (
                    self._joined("any", " or ", OR.split(text)),
                    self._joined("all", ", ", COMMA.split(text)),
                )
                if offer
            ]
        if not found and (
            node := sayings.aged(text, self.things.get("field", {}), self.today, is_alone=True)
        ):
            found = [Offer("field", node, 1.0)]
        if not found:
            found = [offer for split in _BESIDE if (offer := self._joined("all", " ", split.split(text)))]
        found = _each_once(sorted(found, key=lambda offer: -offer.score), most)
        return [offer for offer in found if offer.score >= found[0].score / 2]

    @one_search()
    def lost(self, words: str) -> list[str]:
        """Which words keep the rest from being understood; asked where nothing is offered."""
        failed = [
            clause for clause in _clauses(unified(words))[:MOST] if self._next("all", clause, []) is None
        ]
        return [word for clause in failed for word in self._left(words_in(clause))] or words_in(words)

    def _joined(self, join: str, glue: str, clauses: Sequence[str]) -> Offer | None:
        """Each of them understood, or nothing. A clause that says nothing new may go on with the one before: “Dogs and cats”."""
        if not 1 < len(clauses) <= MOST:
            return None
        found: list[Offer] = []
        for number, clause in enumerate(clauses):
            offer = self._again(clauses[number - 1], clause, found) or self._next(join, clause, found)
            if found and (offer is None or offer.node in [other.node for other in found]):
                found.pop()
                offer = self._next(join, f"{clauses[number - 1]}{glue}{clause}", found)
            if offer is None:
                return None
            found.append(offer)
        if len(found) == 1:
            return None
        score = sum(offer.score for offer in found) / len(found)
        return _grouped(join, found, score)

    def _again(self, said: str, clause: str, before: Sequence[Offer]) -> Offer | None:
        """Where only a name follows, the verb before it holds on: “opened the spring letter but not the summer tours”."""
        last = before[-1].node if before else None
        if not isinstance(last, Condition) or not KINDS[last.kind].takes_ids:
            return None
        verb = self._beside(last, words_in(said))
        found = [one for one in self._simple(" ".join([*verb, clause])) if one.kind == last.kind]
        best = max(found, key=lambda one: one.score, default=None)
        is_bare = (
            best is not None
            and isinstance(best.node, Condition)
            and not self._beside(best.node, words_in(clause))
        )
        return best if is_bare else None

    def _beside(self, condition: Condition, typed: list[str]) -> list[str]:
        """What was said beside its name."""
        name = matching.parts(self.things[condition.kind][condition.of].label)
        rest, _ = matching.unnamed(name, typed, matching.hits_of(typed))
        return [word for word in rest if not denies(word) and word.casefold() not in ("a", "an", "the")]

    def _next(self, join: str, clause: str, before: Sequence[Offer]) -> Offer | None:
        """Of the kind that was spoken of before, if it may be: “tagged vip but not lost”."""
        like = before[-1].kind if before else ""
        if found := self._simple(clause):
            return max(found, key=lambda offer: offer.score + (offer.kind == like))
        if before and isinstance(last := before[-1].node, Condition):
            # “points over 3 and under 9”
            ops = KINDS[last.kind].ops(last.of, self.things[last.kind][last.of])
            if again := matching.everyday(KINDS[last.kind], last.of, ops, words_in(clause), self.today):
                return Offer(last.kind, again.condition, 1.0, again.but)
        return self._joined("any", " or ", OR.split(clause)) if join == "all" else None

    def _simple(self, text: str) -> list[Offer]:
        """What it says of one thing."""
        found = self._named(text)
        return [*found, *self._said(text, is_alone=not found)]

    def _named(self, text: str) -> list[Offer]:
        """By the name of a thing, by a value people have, or by addresses."""
        or_empty = _OR_EMPTY.search(text)
        typed = words_in(text[: or_empty.start()] if or_empty else text)
        if not typed:
            return []
        hits = matching.hits_of(typed)
        found = [
            offer
            for kind, ofs in self.things.items()
            for of, thing in ofs.items()
            if (offer := self._offer(KINDS[kind], of, thing, typed, hits, or_empty=bool(or_empty)))
        ]
        if or_empty:
            return found
        if (last := self._of_the_last(text)) is not None:
            return last
        if "field" in self.things:
            found += self._of_addresses(typed, is_last_resort=not found)
            found += self._held(text, is_last_resort=not found)
        return found

    def _said(self, text: str, *, is_alone: bool) -> list[Offer]:
        """What marketers say without a name."""
        typed = words_in(text)
        # “new” begins names as well.
        score = 1.9 if len(typed) > 1 else 1.2
        found = [
            Offer(one.kind, one, 1.9 - number / 10)
            for number, one in enumerate(sayings.conditions(typed, self.things))
        ]
        for number, way in enumerate(sayings.ways(text)):
            if best := max(self._named(way), key=lambda offer: offer.score, default=None):
                found.append(best._replace(score=score - number / 10))
        if told := sayings.together(text):
            parts = [max(self._named(way), key=lambda offer: offer.score, default=None) for way in told[1]]
            if known := [part for part in parts if part is not None]:
                found.append(_grouped(told[0], known, 2.0))
        if is_alone and not found and (node := sayings.aged(text, self.things.get("field", {}), self.today)):
            found.append(Offer("field", node, 1.0))
        return found

    def _offer(
        self, kind: Kind, of: Any, thing: Thing, typed: list[str], hits: matching.Hits, *, or_empty: bool
    ) -> Offer | None:
        name = matching.parts(thing.label)
        rest, taken = matching.unnamed(name, typed, hits)
        # Who denies twice may mean either.
        if not taken or sum(map(denies, rest)) > 1:
            return None
        if matching.is_of_another(kind, name, rest):
            return None
        ops = kind.ops(of, thing)
        compared = (
            matching.at_all(kind, of, ops, rest)
            or (
                matching.yearly(of, rest, self.today)
                if kind.key == "field" and sayings.is_born(thing)
                else None
            )
            or matching.everyday(kind, of, ops, rest, self.today)
            or matching.compared(kind, of, ops, matching.besides(kind, rest))
        )
        if compared is None:
            return None
        condition = self._coded(compared.condition)
        score = (taken + compared.told) / sum(map(len, typed)) + taken / sum(map(len, name))
        if or_empty:
            if "empty" not in ops:
                return None
            return Offer(kind.key, Group("any", (condition, Condition(kind.key, of, "empty"))), score)
        return Offer(kind.key, condition, score, compared.but)

    def _coded(self, condition: Condition) -> Condition:
        """“Language is French”: by the codes that people have."""
        of = str(condition.of)
        if condition.kind != "field" or of not in codes.CODED or condition.op not in ("is", "is_not"):
            return condition
        there = self.values(of)
        values = [
            value for typed in condition.value or () for value in codes.written(of, typed, there) or [typed]
        ]
        return replace(condition, value=list(dict.fromkeys(values)) or None)

    def _of_the_last(self, text: str) -> list[Offer] | None:
        """“did not open the last campaign”, “clicked in our last 3 mails”; None where that is not what is said."""
        match = _THE_LAST.search(text)
        if match is None:
            return None
        kind = next(
            (
                one
                for one in KINDS.values()
                if one.is_newest_first and match["noun"].casefold() in _nouns(one)
            ),
            None,
        )
        ofs = list(self.things.get(kind.key, {}).items()) if kind else []
        if kind is None:
            return None
        said = (match["of"] or "").casefold()
        wanted = _NUMBERS.get(number := (match["number"] or "1").casefold(), 0) or int(number)
        rest = words_in(f"{'not' if said == 'none' else ''} {text[: match.start()]} {text[match.end() :]}")
        found: list[Condition] = []
        untold = []
        for of, thing in ofs[:_LATEST_TRIED]:
            if len(found) == min(wanted, MOST):
                break
            compared = matching.compared(kind, of, kind.ops(of, thing), matching.besides(kind, rest))
            if compared and compared.condition.value is None:
                found.append(compared.condition)
            else:
                untold.append(f"“{thing.label}”")
        if not found:
            # “the last 5 campaigns” are not those of the last 5 days.
            return [] if match["number"] else None
        but = f"No more than {MOST} are asked at once." if wanted > len(found) == MOST else ""
        if untold:
            whose = "its account does" if len(untold) == 1 else "their accounts do"
            but = f"This cannot be asked of {', '.join(untold)}: {whose} not tell it of each person. {but}".strip()
        node = (
            found[0]
            if len(found) == 1
            else Group("all" if any(map(denies, rest)) or said in ("all", "each") else "any", tuple(found))
        )
        return [Offer(kind.key, node, 2.1, but)]

    def _of_addresses(self, typed: Sequence[str], *, is_last_resort: bool) -> list[Offer]:
        """“gmail.com addresses”, “gmail addresses”, and an address itself."""
        op = "is_not" if any(map(denies, typed)) else "is"
        words = [word for word in typed if word.casefold() not in FILLS | _OF_ADDRESSES and not denies(word)]
        if words and all(0 < word.find("@") < len(word) - 1 for word in words):
            return [
                Offer("field", Condition("field", "@email", op, [word.casefold() for word in words]), 1.0)
            ]
        is_said = any(word.casefold() in _OF_ADDRESSES for word in typed)
        domains: list[str] = []
        for word in words:
            if match := _DOMAIN.fullmatch(word):
                domains.append(match[1].casefold())
            elif (is_said or is_last_resort) and (
                there := [one for one in self.values("@domain") if one.split(".")[0] == word.casefold()]
            ):
                domains += there
            elif is_said and is_last_resort and len(words) == 1 and word.isalnum():
                op = "not_contains" if op == "is_not" else "contains"
                return [Offer("field", Condition("field", "@email", op, f"@{word.casefold()}."), 1.0)]
            else:
                return []
        return [Offer("field", Condition("field", "@domain", op, domains), 1.0)] if domains else []

    def _held(self, text: str, *, is_last_resort: bool) -> list[Offer]:
        """“lives in Gent or Brugge”; and a mere value, where people have it in a field."""
        lead = _WHO.match(text)
        said = text[lead.end() :] if lead else text
        lives = _LIVES.fullmatch(said)
        typed = [
            value
            for value in re.split(OR.pattern + "|" + COMMA.pattern, lives[2] if lives else said)
            if value
        ]
        if not typed or not (lives or is_last_resort):
            return []
        op = "is_not" if any(map(denies, text[: lead.end()].split() if lead else ())) else "is"
        fields = self.things["field"]
        found = []
        for of in codes.CODED:
            named = [codes.written(of, value, self.values(of)) for value in typed]
            if all(named) and of in fields and (of == "country" or not lives):
                values = list(dict.fromkeys(value for one in named for value in one))
                found.append(Offer("field", Condition("field", of, op, values), 2.0))
        for of, there in self.holding(tuple(value.lower() for value in typed)).items():
            as_written = {value.lower(): value for value in there}
            in_order = [as_written[value.lower()] for value in typed if value.lower() in as_written]
            is_new = of not in [offer.node.of for offer in found if isinstance(offer.node, Condition)]
            if (
                is_new
                and len(in_order) == len(typed)
                and of in fields
                and op in KINDS["field"].ops(of, fields[of])
            ):
                found.append(Offer("field", Condition("field", of, op, in_order), 1.0 + (of in _PLACES)))
        if not found and lives and lives[1] and "city" in fields:
            found.append(Offer("field", Condition("field", "city", op, typed), 1.0))
        return found

    def _left(self, typed: list[str]) -> list[str]:
        """The fewest words that are in no name, no operator and no value of one thing; those that deny each other."""
        if len(denials := [word for word in typed if denies(word)]) > 1:
            return denials
        best = [word for word in typed if word.casefold() not in FILLS]
        hits = matching.hits_of(typed)
        for key, ofs in self.things.items():
            for of, thing in ofs.items():
                rest, taken = matching.unnamed(matching.parts(thing.label), typed, hits)
                if not taken:
                    continue
                known = set().union(
                    *(matching.words_of(op) for op in KINDS[key].ops(of, thing).values()), FILLS
                )
                left = [
                    word
                    for word in matching.besides(KINDS[key], rest)
                    if word.casefold() not in known and not denies(word)
                ]
                best = min(best, left or typed, key=lambda words: sum(map(len, words)))
        return best or typed


def _clauses(text: str) -> list[str]:
    found: list[str] = []
    for clause in _AND.split(text.strip()):
        if found and _BETWEEN.search(found[-1]):
            found[-1] += f" and {clause}"
        else:
            found.append(clause)
    return found


def _each_once(offers: Sequence[Offer], most: int) -> list[Offer]:
    """The first so many that differ."""
    found: list[Offer] = []
    for offer in offers:
        if len(found) == most:
            break
        if offer.node not in [one.node for one in found]:
            found.append(offer)
    return found


def _grouped(join: str, offers: Sequence[Offer], score: float) -> Offer:
    kinds = {offer.kind for offer in offers}
    but = " ".join(dict.fromkeys(offer.but for offer in offers if offer.but))
    kind = kinds.pop() if len(kinds) == 1 else ""
    return Offer(kind, Group(join, tuple(offer.node for offer in offers)), score, but)


def _nouns(kind: Kind) -> tuple[str, ...]:
    return (kind.noun, *(SAME["campaign"] if kind.noun == "campaign" else ()))
