"""Clauses of a sentence taken together, with “and”, “or” and “but”: what one leaves out, the one before it says."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from audiences.rules import ages, matching, sayings
from audiences.rules.fields import ADDED
from audiences.rules.kinds import KINDS, Takes, Thing
from audiences.rules.nodes import Condition, Group, Node, conditions
from audiences.rules.offers import Offer, done, grouped, is_open, of_one_value, only
from audiences.rules.spellings import COMMA, IT, OR, denies, words_in

# How many clauses are taken together, and how many of anything are offered.
MOST = 8
# A “but” stays with its clause.
_CLAUSE = re.compile(r"\s+(?:(?:and|&)\s+|(?=but\s))", re.IGNORECASE)
# "between 3 and …" goes on.
_BETWEEN = re.compile(r"\bbetween(?:\s+(?!and\b)\S+){1,3}$", re.IGNORECASE)
_WITH_IT = 1.5
_LEFT_IT = re.compile(r"(?:(?:who|then|have|has) )*(?:left|unsubscribed from) (?:it|them)", re.IGNORECASE)
# “only on News”, “on News only”
_ONLY = re.compile(r"\b(?:only|just|solely) on |\bon (?:only|just) |\bon .+ (?:only|alone)$", re.IGNORECASE)


class Joining(ABC):
    """Of whoever reads one clause."""

    __slots__ = ()

    things: Mapping[str, Mapping[Any, Thing]]
    today: date

    @abstractmethod
    def _simple(self, text: str) -> list[Offer]:
        """What it says of one thing."""

    @abstractmethod
    def _beside_each_other(self, text: str) -> Offer | None:
        """What it says of several, without a word between them."""

    @abstractmethod
    def _alone(self, text: str) -> Offer | None:
        """The best that it says where it stands by itself."""

    def _joined(self, join: str, glue: str, clauses: Sequence[str]) -> Offer | None:
        """Each of them understood, or nothing. A clause that says nothing new may go on with the one before: “Dogs and cats”."""
        if join == "any":
            clauses = _with_neither(clauses)
        if not 1 < len(clauses) <= MOST:
            return None
        found: list[Offer] = []
        said, carried = "", 0
        for told in clauses:
            clause = without_but(told)
            # “not on News and Offers” is on neither, “not on News but Offers” on the other.
            is_no_held = clause == told
            if found and _ONLY.search(said):
                both = f"{said}{glue}{clause}"
                more = self._only_on(both)
                if more is None and not sayings.only_on(said):
                    # “VIPs only on News and Offers”
                    more = self._beside_each_other(both)
                if more:
                    found[-1], said = more, both
                    continue
            again = self._again(said, clause, found, is_no_held=is_no_held)
            offer = again or self._with_it(clause, found) or self._next(join, clause, found)
            if offer and not again and is_no_held and self._is_bare_but_dated(offer, said, clause):
                # “not on News or Offers this year”
                return None
            before, said = said, clause
            if again:
                said = self._with_verb(before, clause, found, is_no_held=is_no_held)
                carried += 1
            if found and (offer is None or offer.node in [other.node for other in found]):
                found.pop()
                said = f"{before}{glue}{clause}"
                offer = self._next(join, said, found)
            if offer is None:
                return None
            found.append(_as_before(found[-1].node, offer) if found else offer)
        if len(found) > 1 and (first := self._with_it(clauses[0], found[1:2])):
            # “opened but did not click Spring Sale”
            found[0] = first
        if len(found) == 1:
            return None
        found = self._in_that_time(found, clauses, is_all=carried == len(clauses) - 1)
        found = of_one_value(found, clauses, join)
        if join == "any" and carried == len(clauses) - 1 and any(map(denies, words_in(clauses[0]))):
            # “not on News or Offers” is on neither.
            join = "all"
        score = sum(offer.score for offer in found) / len(found)
        return grouped(join, found, score) if len(found) > 1 else found[0]

    def _in_that_time(self, found: Sequence[Offer], clauses: Sequence[str], *, is_all: bool) -> list[Offer]:
        """“clicked or opened this month”, “left News or Offers this year”: what says when is said of all."""
        when = matching.period(words_in(clauses[-1]), self.today) if len(found) == len(clauses) else ""
        last = only(found[-1].node)
        # “opened or born in May”
        if not when or last is None or (last.kind == "field" and last.of != ADDED):
            return list(found)

        def then(offer: Offer, clause: str) -> Offer:
            one = offer.node
            if not isinstance(one, Condition) or not (is_all or is_open(one, self.things)):
                return offer
            dated = [
                more
                for more in self._simple(f"{clause} {when}")
                if (same := only(more.node)) and (same.kind, same.of) == (one.kind, one.of)
            ]
            return max(dated, key=lambda more: more.score, default=offer)

        return [*map(then, found[:-1], map(without_but, clauses[:-1])), found[-1]]

    def _with_it(self, clause: str, before: Sequence[Offer]) -> Offer | None:
        """What follows without an object was done with the one before: “opened Spring Sale but did not click it”."""
        last = only(before[-1].node) if before else None
        if last and last.kind == "list" and _LEFT_IT.fullmatch(clause):
            return Offer("list", Condition("list", last.of, "left"), _WITH_IT)
        lasts: list[Condition] = []
        for offer in reversed(before):
            these = [one for one in conditions(offer.node) if KINDS[one.kind].narrows]
            # “opened Spring Sale and Summer tours but did not click”
            if lasts and [one.op for one in these] != [lasts[0].op]:
                break
            lasts = [*these, *lasts]
        if not lasts:
            return None
        if told := sayings.together(clause):
            parts = [self._with_it(way, before) for way in told[1]]
            found = [part for part in parts if part is not None]
            return grouped(told[0], found, _WITH_IT) if len(found) == len(parts) else None
        kind, typed = KINDS[lasts[0].kind], words_in(clause)
        bare = [word for word in typed if word.casefold() not in IT or "never" in typed]
        alone = max(self._simple(" ".join(bare)), key=lambda offer: offer.score, default=None)
        if alone is None or alone.kind != kind.narrows:
            return None
        is_denied = any(map(denies, bare))
        verb = [word for word in bare if not denies(word)] if len(lasts) > 1 else bare
        did = [
            node
            for last in lasts
            if (node := done(kind, last.of, kind.ops(last.of, self.things[last.kind][last.of]), verb))
        ]
        if len(did) != len(lasts):
            return None
        join = "none" if is_denied else "any"
        return Offer(kind.key, Group(join, tuple(did)) if len(did) > 1 else did[0], _WITH_IT)

    def _again(self, said: str, clause: str, before: Sequence[Offer], *, is_no_held: bool) -> Offer | None:
        """Where only a name follows, the verb before it holds on: “opened the spring letter but not the summer tours”."""
        last = only(before[-1].node) if before else None
        if last is None or not KINDS[last.kind].takes_ids:
            return None
        told = self._with_verb(said, clause, before, is_no_held=is_no_held)
        best = max(
            (one for one in self._simple(told) if one.kind == last.kind),
            key=lambda one: one.score,
            default=None,
        )
        named = only(best.node) if best else None
        beside = self._beside(named, words_in(clause)) if named else []
        return best if named and matching.period(["", *beside], self.today) == " ".join(beside) else None

    def _is_bare_but_dated(self, offer: Offer, said: str, clause: str) -> bool:
        """Whether a “not” before is lost on it, which has a name and a time and nothing else."""
        named = only(offer.node)
        if not named or not KINDS[named.kind].takes_ids or not any(map(denies, words_in(said))):
            return False
        beside = self._beside(named, words_in(clause))
        return bool(beside) and matching.period(["", *beside], self.today) == " ".join(beside)

    def _with_verb(self, said: str, clause: str, before: Sequence[Offer], *, is_no_held: bool) -> str:
        last = only(before[-1].node)
        verb = self._beside(last, words_in(said)) if last else []
        is_denied = is_no_held and any(map(denies, words_in(said))) and not any(map(denies, words_in(clause)))
        return " ".join([*verb, *(["not"] if is_denied else []), clause])

    def _beside(self, condition: Condition, typed: list[str]) -> list[str]:
        """What was said beside its name."""
        name = matching.parts(self.things[condition.kind][condition.of].label)
        rest, _ = matching.unnamed(name, typed, matching.hits_of(typed))
        return [word for word in rest if not denies(word) and word.casefold() not in ("a", "an", "the")]

    def _next(self, join: str, clause: str, before: Sequence[Offer]) -> Offer | None:
        """Of the kind that was spoken of before, if it may be: “tagged vip but not lost”."""
        like = before[-1].kind if before else ""
        if found := self._simple(clause):
            # What a field is called says less: “city is Gent and consent given” is of no field “Consent: Club”.
            return max(found, key=lambda offer: offer.score + (offer.kind == like != "field"))
        if before and isinstance(last := before[-1].node, Condition):
            # “points over 3 and under 9”
            ops = KINDS[last.kind].ops(last.of, self.things[last.kind][last.of])
            rest = words_in(clause)
            is_born = last.kind == "field" and ages.is_born(self.things[last.kind][last.of])
            again = matching.yearly(last.of, rest, self.today) if is_born else None
            again = again or matching.everyday(KINDS[last.kind], last.of, ops, rest, self.today)
            if again is None and (over := matching.compared(KINDS[last.kind], last.of, ops, rest)):
                # “clicked last month but not last week”
                # and “city starts with G and ends with t”
                is_whole = over.condition.value and ops[over.condition.op].takes in (Takes.DAYS, Takes.TEXT)
                again = over if is_whole else None
            if again:
                return Offer(last.kind, again.condition, 1.0, again.but)
            if (
                join == "any"
                and last.op in ("contains", "begins", "ends")
                and not matching.begins_anew(clause)
                and not matching.is_followed(clause)
            ):
                # “city starts with G or B”
                return Offer(last.kind, replace(last, value=clause), 1.0)
        if join != "all":
            return None
        return (
            self._joined("any", " or ", OR.split(clause))
            or (self._listed(clause) if COMMA.search(clause) else None)
            or self._beside_each_other(clause)
            or self._alone(clause)
        )

    def _listed(self, text: str) -> Offer | None:
        """A comma between things of one kind says what stands before the last: “on News, Offers or Guests”."""
        if len(OR.split(COMMA.split(text)[-1])) > 1:
            either = self._joined("any", " or ", OR.split(COMMA.sub(" or ", text)))
            if either and len({(one.kind, one.op) for one in conditions(either.node)}) == 1:
                return either
        together = COMMA.sub(" and ", text)
        # “language nl, fr” is one condition.
        return self._joined("all", " and ", clauses_of(together)) or (
            max(self._simple(together), key=lambda offer: offer.score, default=None)
            if together != text
            else None
        )

    def _only_on(self, text: str) -> Offer | None:
        """“only on News and Offers”: on both, and on no third."""
        names = sayings.only_on(text)
        if not names or "list" not in self.things.get("any", {}):
            return None
        told = f"on {names}"
        on = (
            self._joined("all", " and ", clauses_of(COMMA.sub(" and ", told)))
            or self._joined("any", " or ", OR.split(told))
            or max(self._simple(told), key=lambda offer: offer.score, default=None)
        )
        if on is None or any((one.kind, one.op) != ("list", "on") for one in conditions(on.node)):
            return None
        lists = on.node.rules if isinstance(on.node, Group) else (on.node,)
        if any(isinstance(one, Group) for one in lists):
            return None
        is_all = isinstance(on.node, Group) and on.node.join == "all"
        limit = Condition("any", "list", "exactly", len(lists) if is_all else 1)
        return grouped("all", [on, Offer("any", limit, 2.0)], 2.0)


def clauses_of(text: str) -> list[str]:
    found: list[str] = []
    for clause in _CLAUSE.split(text.strip()):
        if found and _BETWEEN.search(found[-1]):
            found[-1] += f" and {clause}"
        else:
            found.append(clause)
    return found


def _with_neither(clauses: Sequence[str]) -> list[str]:
    """“never opened or clicked” is one of them."""
    found: list[str] = []
    for clause in clauses:
        if found and sayings.is_neither(both := f"{found[-1]} or {clause}"):
            found[-1] = both
        else:
            found.append(clause)
    return found


def without_but(clause: str) -> str:
    return clause[4:] if clause[:4].casefold() == "but " else clause


def _as_before(last: Node, offer: Offer) -> Offer:
    """“with city and phone but no birthday”: a mere name is known or missing like the one before."""
    node = offer.node
    if (
        not isinstance(last, Condition)
        or not isinstance(node, Condition)
        or last.op not in ("empty", "filled")
    ):
        return offer
    is_mere = (last.kind, node.kind, node.op, node.value) == ("field", "field", "is", None)
    return offer._replace(node=replace(node, op=last.op)) if is_mere else offer
