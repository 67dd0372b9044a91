"""Conditions out of a few typed words: "on list News", "age over 30 and not clicked for 6 months", "gmail.com addresses".

Not a language to learn: each word must be part of a name, of an operator, or a value; what is understood is shown as a
sentence before it is taken, and what is not is named.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from time import monotonic
from typing import Any

from accounts.names import folded
from audiences.rules import ages, codes, holdings, latest, matching, sayings, spoken
from audiences.rules.joining import MOST, Joining, clauses_of, without_but
from audiences.rules.kinds import KINDS, Kind, Takes, Thing
from audiences.rules.nodes import Condition, Group, conditions
from audiences.rules.offers import GUESSED, Offer, done, each_once, grouped, is_adjective, only
from audiences.rules.spellings import (
    AND,
    COMMA,
    FILLS,
    OR,
    denies,
    one_search,
    unified,
    words_in,
)

# It runs while somebody types: so many pieces, and so long, are enough to guess where a sentence is cut.
_MOST_PIECES = 60
_SECONDS = 0.8
_OR_EMPTY = re.compile(r"[\s,]+or\s+(is\s+)?empty\s*$", re.IGNORECASE)
_SPACE = re.compile(r"(?<=\w)\s+(?=\w)")
_PEOPLE = re.compile(
    r"^all\s+(?=\w)|(?<=\w)\s+(?:people|contacts|readers|customers|subscribers|addresses)$", re.IGNORECASE
)
# What may stand beside a name without an “and”: “VIPs who clicked”, “VIPs in Belgium”.
_BESIDE = re.compile(
    r"(?<=\S)\s+(?:(?:who|that|which)\s+|(?=(?:(?:living|based|speaking|tagged|older|younger|aged|not|only|just) )?"
    r"(?:in|from|with|without|on|over|under|between|tagged|aged|speaking|than)\s))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reader(Joining):
    # kind → of → thing, those that may be meant.
    things: Mapping[str, Mapping[Any, Thing]]
    today: date
    holding: holdings.Holding = lambda _: {}
    # Field → values that people have in it, the most common first.
    values: Callable[[str], Sequence[str]] = lambda _: ()

    # What is found in each piece of what is typed.
    seen: dict[str, list[Offer]] = field(default_factory=dict, compare=False, repr=False)
    until: float = 0.0

    @one_search()
    def offers(self, words: str, *, most: int = MOST) -> list[Offer]:
        """The best first."""
        texts, once = self._texts(words)
        for text in texts:
            if found := once._offers(text, most):
                # “Last month” is the one before this one as well, which moves on with no segment.
                dated = spoken.by_calendar(text, self.today)
                is_said = any(one.op == "month" for one in conditions(found[0].node))
                others = once._offers(dated, 1) if dated != text and not is_said else []
                return each_once([found[0], *others, *found[1:]], most)
        return []

    def _texts(self, words: str) -> tuple[list[str], "Reader"]:
        """Ways to read the words, the best first, and a reader that looks up each of their pieces once.

        Names and values that have a “no” of their own stay as they are: “Zero Waste”, “non-vegan”.
        """
        plain = unified(words)
        once = replace(
            self,
            holding=holdings.at_once(list(dict.fromkeys([words, plain])), self.holding),
            values=cache(self.values),
            seen={},
            until=monotonic() + _SECONDS,
        )
        if plain == words:
            return [plain], once
        names = [
            piece
            for ofs in self.things.values()
            for thing in ofs.values()
            for piece in matching.spelled(thing.label, words)
            # A tag called “outside” leaves the word its meaning beside others, as half a name does.
            if unified(f"– {piece}") != f"– {piece}"
            or (" " in piece and piece.casefold() == thing.label.casefold())
        ]
        kept = unified(words, [*names, *once._values_in(words)])
        return list(dict.fromkeys([kept, plain])), once

    def _values_in(self, words: str) -> Iterator[str]:
        """What is the value of a field as it is typed: where people have it, or where any text may be."""
        for clause in re.split("|".join(cut.pattern for cut in (AND, OR, COMMA)), words, flags=re.IGNORECASE):
            for one in (one for offer in self._named(clause) for one in conditions(offer.node)):
                if one.kind != "field" or not isinstance(one.value, (str, list)):
                    continue
                choices = self.things["field"][one.of].data.get("choices") or ()
                for value in [one.value] if isinstance(one.value, str) else map(str, one.value):
                    is_held = folded(value) in map(
                        folded, [*choices, *self.holding((folded(value),)).get(str(one.of), ())]
                    )
                    if one.op not in ("is", "is_not") or is_held:
                        yield value

    def _offers(self, text: str, most: int) -> list[Offer]:
        found = [*self._simple(text)]
        if together := self._joined("all", " and ", clauses_of(text)):
            found.insert(0, together)
        # “Language fr or de” is one condition, “city empty or phone empty” are two.
        best = max((offer.score for offer in found), default=0.0)
        either = self._joined("any", " or ", OR.split(text)) if found else None
        if found and best < GUESSED and (listed := self._listed(text)):
            # “in News, Offers or Guests” are no cities.
            either = listed
        if either:
            # “in Gent or opened”
            found = [offer for offer in found if not self._is_guessed(offer)]
            best = max((offer.score for offer in found), default=0.0)
        if either and either.score > best + 0.25:
            found.insert(0, either)
        if not found:
            found = [
                offer for offer in (self._joined("any", " or ", OR.split(text)), self._listed(text)) if offer
            ]
        if not found:
            # “all women”, “Swiss people”
            bare = _PEOPLE.sub("", text)
            alone = (
                self._alone(text)
                or self._beside_each_other(text)
                or (self._alone(bare) if bare != text else None)
            )
            found = [alone] if alone else []
        if found and all(offer.score < GUESSED for offer in found) and (cut := self._beside_each_other(text)):
            # “in Norway on News” is no city called so.
            found.append(cut)
        found = each_once(sorted(found, key=lambda offer: -offer.score), most)
        return [offer for offer in found if offer.score >= found[0].score / 2]

    def _beside_each_other(self, text: str) -> Offer | None:
        """“VIPs who clicked”, “women over 30 in Paris”: cut where the parts say most."""

        def cut(text: str, parts: int) -> Offer | None:
            found = []
            for match in [*_BESIDE.finditer(text), *_SPACE.finditer(text)][:MOST]:
                if len(self.seen) >= _MOST_PIECES or monotonic() > self.until:
                    break
                rest = text[match.end() :]
                last = text[: match.start()].split()[-1]
                if denies(last) or matching.joins([last, *rest.split()[:1]]):
                    # “VIPs without consent or on News”, “from Gent or Brugge not on News”
                    continue
                left = self._alone(text[: match.start()])
                if left is None or not (_BESIDE.match(text, match.start()) or is_adjective(left)):
                    continue
                is_number = isinstance(left.node, Condition) and spoken.number(rest)
                # “points more than 10 less than 20” says nothing of an age.
                right = self._next("all", rest, [left]) if is_number else self._alone(rest)
                if parts > 2 and (right is None or right.score < GUESSED):
                    right = cut(rest, parts - 1) or right
                if right is not None:
                    found.append(grouped("all", [left, right], (left.score + right.score) / 2))
            return max(found, key=lambda offer: offer.score, default=None)

        return cut(text, 6)

    def _alone(self, text: str) -> Offer | None:
        """The best for what is all of it one thing, an age as well."""
        if found := self._simple(text):
            return max(found, key=lambda offer: offer.score)
        node = ages.aged(text, self.things.get("field", {}), self.today, is_alone=True)
        return Offer("field", node, 1.0) if node else None

    @one_search()
    def lost(self, words: str) -> list[str]:
        """Which words keep the rest from being understood; asked where nothing is offered."""
        texts, once = self._texts(words)
        failed = [
            clause
            for clause in map(without_but, clauses_of(COMMA.sub(" and ", texts[0]))[:MOST])
            if once._next("all", clause, []) is None
        ]
        return [word for clause in failed for word in self._left(words_in(clause))] or words_in(words)

    def _simple(self, text: str) -> list[Offer]:
        """What it says of one thing."""
        if text not in self.seen:
            found = self._named(text)
            self.seen[text] = [*found, *self._said(text, is_alone=not found)]
        return self.seen[text]

    def _named(self, text: str) -> list[Offer]:
        """By the name of a thing, by a value people have, or by addresses."""
        if len(OR.split(COMMA.split(text)[-1])) > 1:
            # “language nl, fr or de”
            text = COMMA.sub(" or ", text)
        or_empty = _OR_EMPTY.search(text)
        typed = words_in(text[: or_empty.start()] if or_empty else text)
        if not typed:
            return []
        hits = matching.hits_of(typed)
        found = [
            offer
            for kind, ofs in self.things.items()
            for of, thing in ofs.items()
            if (offer := self._offer(KINDS[kind], of, thing, text, typed, hits, or_empty=bool(or_empty)))
        ]
        if or_empty:
            return found
        if (said := latest.of_the_last(text, self.things, MOST)) is not None:
            return [Offer(kind, node, 2.1, but) for kind, node, but in said]
        if "field" in self.things:
            people = holdings.People(self.things["field"], self.holding, self.values)
            found += map(_held, people.by_address(typed, is_last_resort=not found))
            found += map(_held, people.by_value(text, is_last_resort=not found))
        return found

    def _said(self, text: str, *, is_alone: bool) -> list[Offer]:
        """What marketers say without a name."""
        typed = words_in(text)
        # “new” begins names as well.
        score = 1.9 if len(typed) > 1 else 1.2
        found = [
            # Lists and tags are meant rather than a field of that name.
            Offer(one.kind, one, (2.1 if one.op in ("has", "has_not", "on", "not_on") else 1.9) - number / 10)
            for number, one in enumerate(sayings.conditions(typed, self.things))
        ]
        if everybody := sayings.everybody(text, self.things):
            found.append(Offer("mailable", everybody, 2.0, sayings.NO_CONDITION))
        if on_lists := sayings.on_lists(text, self.things):
            found.append(Offer("any", on_lists, 2.0))
        for number, way in enumerate(sayings.ways(text)):
            if best := max(self._named(way), key=lambda offer: offer.score, default=None):
                found.append(best._replace(score=score - number / 10))
        if told := sayings.together(text):
            parts = [max(self._simple(way), key=lambda offer: offer.score, default=None) for way in told[1]]
            known = [part for part in parts if part is not None]
            if len(known) == len(parts) and all(map(_says_so, told[1], known)):
                # Before “no phone and city …”, which may go on.
                found.append(grouped(told[0], known, 2.1))
        if only_on := self._only_on(text):
            found.append(only_on)
        if turning := ages.turning(text, self.things.get("field", {}), self.today):
            found.append(Offer("field", turning, 2.0))
        if is_alone and not found and (node := ages.aged(text, self.things.get("field", {}), self.today)):
            found.append(Offer("field", node, 1.0))
        return found

    def _offer(
        self,
        kind: Kind,
        of: Any,
        thing: Thing,
        text: str,
        typed: list[str],
        hits: matching.Hits,
        *,
        or_empty: bool,
    ) -> Offer | None:
        name = matching.parts(thing.label)
        if kind.key == "engagement" and not hits(name[0]):
            # “without email” says nothing of what people did.
            return None
        rest, taken = matching.unnamed(name, typed, hits)
        # Who denies twice may mean either.
        if not taken or sum(map(denies, rest)) > 1:
            return None
        if matching.is_of_another(kind, name, rest):
            return None
        ops = kind.ops(of, thing)
        rest = matching.dated(typed, rest, self.today)
        # What ends with an “or” is still being typed.
        is_joined = matching.joins(rest) and not matching.joins(typed[-1:])
        compared = (
            matching.at_all(kind, of, ops, rest)
            or (
                matching.yearly(of, rest, self.today) if kind.key == "field" and ages.is_born(thing) else None
            )
            or matching.everyday(kind, of, ops, rest, self.today)
            or matching.compared(kind, of, ops, matching.besides(kind, rest))
        )
        if compared is None and kind.takes_ids and any(map(denies, rest)):
            undone = None if is_joined else done(kind, of, ops, matching.besides(kind, rest))
            return Offer(kind.key, undone, taken / sum(map(len, name)) + 1) if undone else None
        if compared is None or holdings.is_nobodys(compared.condition):
            return None
        if kind.narrows and any(map(denies, rest)) and (undone := done(kind, of, ops, rest)):
            return Offer(kind.key, undone, taken / sum(map(len, name)) + 1)
        if (
            2 * taken < sum(map(len, name))
            and isinstance(value := compared.condition.value, list)
            and matching.says_more(value)
        ):
            return None
        if matching.says_how(compared.condition):
            # “city does not start with G”, for which there is no operator
            undone = None if is_joined else matching.not_so(kind, of, ops, rest)
            return Offer(kind.key, undone, taken / sum(map(len, name)) + 1) if undone else None
        if compared.condition.op == "is_not" and not any(map(_says_not, rest)):
            # “vips without consent” says of no field that it is not “vips”.
            return None
        is_whole = compared.condition.value is not None and ops[compared.condition.op].takes is not Takes.DAYS
        if matching.goes_on(compared.condition.value) or (is_joined and not is_whole):
            # One side of an “and” or an “or”, which stand between numbers or values otherwise.
            return None
        if ops[compared.condition.op].takes in (Takes.TEXT, Takes.TEXTS) and (
            not matching.is_typed(values := _texts(compared.condition.value), text)
            or matching.is_of_two(values, typed, rest)
            or (is_joined and matching.loses(values, typed, rest))
            or (len(values) > 1 and any(map(matching.is_followed, values)) and not self._holds(of, values))
        ):
            return None
        condition = self._coded(compared.condition)
        score = (taken + compared.told) / sum(map(len, typed)) + taken / sum(map(len, name))
        if or_empty:
            if "empty" not in ops:
                return None
            return Offer(kind.key, Group("any", (condition, Condition(kind.key, of, "empty"))), score)
        return Offer(kind.key, condition, score, compared.but)

    def _is_guessed(self, offer: Offer) -> bool:
        """Whether it says of values that nobody has what may be another condition: “city is Gent or opened”."""
        one = only(offer.node)
        if one is None or one.kind != "field" or one.op not in ("is", "is_not"):
            return False
        return len(values := _texts(one.value)) > 1 and not self._holds(one.of, values)

    def _holds(self, of: Any, values: Sequence[str]) -> bool:
        """Whether people have each in the field."""
        plain = tuple(map(folded, values))
        return set(plain) <= set(map(folded, self.holding(plain).get(of, ())))

    def _coded(self, condition: Condition) -> Condition:
        """“Language is French”, “gender is female”: as people have it."""
        if condition.kind != "field" or condition.op not in ("is", "is_not"):
            return condition
        of, label = str(condition.of), self.things["field"][condition.of].label

        def meant(typed: str) -> Sequence[str]:
            found = holdings.meant(of, label, typed, lambda: self.values(of))
            # “language nl and fr”, but “Trinidad and Tobago” is one.
            several = AND.split(typed) if of in codes.CODED and not found else [typed]
            return found or ([value for one in several for value in meant(one)] if several[1:] else several)

        values = [value for typed in condition.value or () for value in meant(typed)]
        return replace(condition, value=list(dict.fromkeys(values)) or None)

    def _left(self, typed: list[str]) -> list[str]:
        """The fewest words that are in no name, no operator and no value of one thing; those that deny each other."""
        if len(denials := [word for word in typed if denies(word)]) > 1:
            return denials
        said = [word for word in typed if word.casefold() not in FILLS]
        best = [word for word in said if not denies(word)] or said
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


def _texts(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or ()


def _says_not(word: str) -> bool:
    return denies(word) and word.casefold() not in ("no", "without")


def _says_so(way: str, offer: Offer) -> bool:
    """“Gent is empty” is no city."""
    said = only(offer.node)
    return not way.endswith(" empty") or (said is not None and said.op in ("empty", "filled"))


def _held(held: holdings.Held) -> Offer:
    return Offer("field", held.condition, held.score, held.but)
