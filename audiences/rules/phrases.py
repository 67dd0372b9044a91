"""Conditions out of a few typed words: "on list News", "age over 30 and not clicked for 6 months", "gmail.com addresses".

Not a language to learn: each word must be part of a name, of an operator, or a value; what is understood is shown as a
sentence before it is taken, and what is not is named.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any, NamedTuple

from audiences.rules import spoken
from audiences.rules.kinds import KINDS, Kind, Op, Takes, Thing
from audiences.rules.nodes import Condition, Group, Node

MOST = 8
# Marks that keep a name of another writing direction apart are no letters of it.
_APART = "\u2066-\u2069"
_WORD = re.compile(rf"[^\s,;:“”\"'(){_APART}]+(?:'[^\s,;:“”\"'(){_APART}]+)*")
_OR_EMPTY = re.compile(r"[\s,]+or\s+(is\s+)?empty\s*$", re.IGNORECASE)
_AND = re.compile(r"\s+(?:and|but|&)\s+", re.IGNORECASE)
_OR = re.compile(r"\s+(?i:or)\s+")
_COMMA = re.compile(r"\s*[,;]\s*")
# "between 3 and …" goes on.
_BETWEEN = re.compile(r"\bbetween(?:\s+(?!and\b)\S+){1,3}$", re.IGNORECASE)
_SIGN = re.compile(r"\s*(<=|>=|!=|<>|[<>=≤≥≠])\s*(?=-?\d)")
_DOMAIN = re.compile(r"@?((?:[a-z0-9-]+\.)+[a-z]{2,})", re.IGNORECASE)
# "who do not" live somewhere.
_WHO = re.compile(r"\s*(?:(?:who|that|people|they|does|do|is|are|not|\w+n['’]t)\s+)+", re.IGNORECASE)
_LIVES = re.compile(r"(?:(lives?|living|based|located)\s+)?(?:in|from)\s+(.+)", re.IGNORECASE)
_PLACES = ("city", "country")
# Say nothing of their own.
_FILLS = frozenset(["a", "an", "and", "are", "be", "been", "did", "do", "does", "for", "from", "have", "has", "had", "in", "is", "it", "its", "of", "on", "or", "people", "that", "the", "their", "them", "they", "to", "was", "were", "who", "with", "day", "days"])  # fmt: skip
_OF_ADDRESSES = frozenset(["address", "addresses", "email", "emails", "e-mail", "mail", "domain", "domains", "at", "using"])  # fmt: skip
_NOT = frozenset(["not", "no", "without", "never"])
# Parts of many names and operators alike: with other words they name nothing by themselves.
_WEAK = frozenset(["last", "next", "first", "new"])
# Beside the name of a field, all that is said: whether people have a value in it.
_ABSENT = frozenset(["missing", "unknown", "empty"])
_PRESENT = frozenset(["has", "have", "with", "known", "given", "filled"])
_OF_ALL = frozenset(["a", "an", "any", "are", "do", "does", "is", "of", "people", "who"])
# Word of a name or an operator → others that say the same.
_SAME: Mapping[str, tuple[str, ...]] = {
    "last": ("past", "previous", "within"),
    "next": ("coming", "following"),
    "begins": ("begin", "starts", "start", "starting"),
    "ends": ("end", "ending"),
    "contains": ("contain", "containing", "includes", "include", "including", "like"),
    "received": ("receives", "got", "get"),
    "opened": ("opens", "opening"),
    "clicked": ("clicks", "clicking"),
    "campaign": ("campaigns", "anything", "something", "any", "mail", "mails", "email", "emails", "newsletter", "newsletters"),
    "tagged": ("tag", "tags"),
    "on": ("subscribed", "subscribers", "members"),
    "left": ("unsubscribed",),
}  # fmt: skip
_UNITS = {
    "week": 7, "weeks": 7, "month": 30, "months": 30, "quarter": 90, "quarters": 90, "year": 365, "years": 365,
}  # fmt: skip
Hits = Callable[[str], Sequence[str]]
# Lower-cased values → field → those of its values that people have, as they are written.
Holding = Callable[[tuple[str, ...]], Mapping[str, Sequence[str]]]


class Offer(NamedTuple):
    # Empty for several of different kinds.
    kind: str
    # One condition, perhaps without its value yet; or a group of what was said in one breath.
    node: Node
    # How much of what was typed is the name or the operator, and how much of the name was typed.
    score: float


@dataclass(frozen=True, slots=True)
class Reader:
    # kind → of → thing, those that may be meant.
    things: Mapping[str, Mapping[Any, Thing]]
    today: date
    holding: Holding = lambda _: {}

    def offers(self, words: str, *, most: int = MOST) -> list[Offer]:
        """The best first."""
        text = _plain(words)
        found = self._simple(text)
        if together := self._joined("all", " and ", _clauses(text)):
            found.append(together)
        if not found:
            found = [
                offer
                for offer in (
                    self._joined("any", " or ", _OR.split(text)),
                    self._joined("all", ", ", _COMMA.split(text)),
                )
                if offer
            ]
        found.sort(key=lambda offer: -offer.score)
        return [offer for offer in found[:most] if offer.score >= found[0].score / 2]

    def lost(self, words: str) -> list[str]:
        """Which words keep the rest from being understood; asked where nothing is offered."""
        failed = [
            clause for clause in _clauses(_plain(words))[:MOST] if self._next("all", clause, []) is None
        ]
        return [word for clause in failed for word in self._left(_typed(clause))] or _typed(words)

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
        kinds = {offer.kind for offer in found}
        score = sum(offer.score for offer in found) / len(found)
        return Offer(
            kinds.pop() if len(kinds) == 1 else "", Group(join, tuple(one.node for one in found)), score
        )

    def _again(self, said: str, clause: str, before: Sequence[Offer]) -> Offer | None:
        """Where only a name follows, the verb before it holds on: “opened the spring letter but not the summer tours”."""
        last = before[-1].node if before else None
        if not isinstance(last, Condition) or not KINDS[last.kind].takes_ids:
            return None
        verb = self._beside(last, _typed(said))
        found = [one for one in self._simple(" ".join([*verb, clause])) if one.kind == last.kind]
        best = max(found, key=lambda one: one.score, default=None)
        is_bare = (
            best is not None
            and isinstance(best.node, Condition)
            and not self._beside(best.node, _typed(clause))
        )
        return best if is_bare else None

    def _beside(self, condition: Condition, typed: list[str]) -> list[str]:
        """What was said beside its name."""
        name = _parts(self.things[condition.kind][condition.of].label)
        rest, _ = _unnamed(name, typed, _hits(typed))
        return [word for word in rest if not _denies(word) and word.casefold() not in ("a", "an", "the")]

    def _next(self, join: str, clause: str, before: Sequence[Offer]) -> Offer | None:
        """Of the kind that was spoken of before, if it may be: “tagged vip but not lost”."""
        like = before[-1].kind if before else ""
        if found := self._simple(clause):
            return max(found, key=lambda offer: offer.score + (offer.kind == like))
        if before and isinstance(last := before[-1].node, Condition):
            # “points over 3 and under 9”
            ops = KINDS[last.kind].ops(last.of, self.things[last.kind][last.of])
            if again := self._spoken(KINDS[last.kind], last.of, ops, _typed(clause)):
                return Offer(last.kind, again[1], 1.0)
        return self._joined("any", " or ", _OR.split(clause)) if join == "all" else None

    def _simple(self, text: str) -> list[Offer]:
        """What it says of one thing."""
        or_empty = _OR_EMPTY.search(text)
        typed = _typed(text[: or_empty.start()] if or_empty else text)
        if not typed:
            return []
        hits = _hits(typed)
        found = [
            offer
            for kind, ofs in self.things.items()
            for of, thing in ofs.items()
            if (offer := self._offer(KINDS[kind], of, thing, typed, hits, or_empty=bool(or_empty)))
        ]
        if "field" in self.things and not or_empty:
            found += _of_addresses(typed)
            found += self._held(text, is_last_resort=not found)
        return found

    def _offer(
        self, kind: Kind, of: Any, thing: Thing, typed: list[str], hits: Hits, *, or_empty: bool
    ) -> Offer | None:
        name = _parts(thing.label)
        rest, taken = _unnamed(name, typed, hits)
        if not taken:
            return None
        if _is_of_another(kind, name, rest):
            return None
        ops = kind.ops(of, thing)
        compared = (
            _at_all(kind, of, ops, rest)
            or self._spoken(kind, of, ops, rest)
            or _compared(kind, of, ops, _besides(kind, rest))
        )
        if compared is None:
            return None
        told, condition = compared
        score = (taken + told) / sum(map(len, typed)) + taken / sum(map(len, name))
        if or_empty:
            if "empty" not in ops:
                return None
            return Offer(kind.key, Group("any", (condition, Condition(kind.key, of, "empty"))), score)
        return Offer(kind.key, condition, score)

    def _spoken(
        self, kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]
    ) -> tuple[int, Condition] | None:
        """A number or a day in everyday words."""
        text = " ".join(rest)
        said = spoken.number(text) if "at_least" in ops else None
        said = said or (spoken.days(text, self.today) if "before" in ops else None)
        if said is None or said[0] not in ops:
            return None
        op, value = said
        try:
            read = ops[op].takes.read(value)
        except ValueError:
            return None
        return sum(map(len, rest)), Condition(kind.key, of, op, read)

    def _held(self, text: str, *, is_last_resort: bool) -> list[Offer]:
        """“lives in Gent or Brugge”; and a mere value, where people have it in a field."""
        lead = _WHO.match(text)
        said = text[lead.end() :] if lead else text
        lives = _LIVES.fullmatch(said)
        typed = [
            value
            for value in re.split(_OR.pattern + "|" + _COMMA.pattern, lives[2] if lives else said)
            if value
        ]
        if not typed or not (lives or is_last_resort):
            return []
        op = "is_not" if any(map(_denies, text[: lead.end()].split() if lead else ())) else "is"
        fields = self.things["field"]
        found = []
        for of, values in self.holding(tuple(value.lower() for value in typed)).items():
            as_written = {value.lower(): value for value in values}
            in_order = [as_written[value.lower()] for value in typed if value.lower() in as_written]
            if len(in_order) == len(typed) and of in fields and op in KINDS["field"].ops(of, fields[of]):
                found.append(Offer("field", Condition("field", of, op, in_order), 1.0 + (of in _PLACES)))
        if not found and lives and lives[1] and "city" in fields:
            found.append(Offer("field", Condition("field", "city", op, typed), 1.0))
        return found

    def _left(self, typed: list[str]) -> list[str]:
        """The fewest words that are in no name, no operator and no value of one thing."""
        best = [word for word in typed if word.casefold() not in _FILLS]
        hits = _hits(typed)
        for key, ofs in self.things.items():
            for of, thing in ofs.items():
                rest, taken = _unnamed(_parts(thing.label), typed, hits)
                if not taken:
                    continue
                known = set().union(*(_words_of(op) for op in KINDS[key].ops(of, thing).values()), _FILLS)
                left = [
                    word
                    for word in _besides(KINDS[key], rest)
                    if word.casefold() not in known and not _denies(word)
                ]
                best = min(best, left or typed, key=lambda words: sum(map(len, words)))
        return best or typed


def _plain(words: str) -> str:
    """With its signs apart, decimals with a point, and one word for what pages here call mailable."""
    text = _SIGN.sub(r" \1 ", words)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"\bnot mailable\b", "suppressed", text, flags=re.IGNORECASE)
    return re.sub(r"\bmailable\b", "not suppressed", text, flags=re.IGNORECASE)


def _clauses(text: str) -> list[str]:
    found: list[str] = []
    for clause in _AND.split(text.strip()):
        if found and _BETWEEN.search(found[-1]):
            found[-1] += f" and {clause}"
        else:
            found.append(clause)
    return found


def _typed(text: str) -> list[str]:
    return [word.replace("’", "'") if _denies(word) else word for word in _WORD.findall(text)]


@lru_cache(maxsize=20_000)
def _parts(label: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(label))


def _hits(typed: Sequence[str]) -> Hits:
    """Part of a name → the typed words that may stand for it; worked out once for the many names that share a part."""
    return cache(lambda part: [word for word in typed if _begins(part, word.casefold())])


def _unnamed(name: Sequence[str], typed: list[str], hits: Hits) -> tuple[list[str], int]:
    """What is not of the name, and the letters that are: each part of the name takes one word that was typed."""
    rest, taken, is_named = typed, 0, False
    for part in name:
        there = [word for word in hits(part) if word in rest]
        # “list Trial Liste”: the whole word rather than one that begins it.
        hit = next((word for word in there if word.casefold() == part), there[0] if there else None)
        if hit is not None:
            rest = list(rest)
            rest.remove(hit)
            taken += len(hit)
            is_named |= hit.casefold() not in (_FILLS if len(typed) == 1 else _FILLS | _WEAK)
    return rest, taken if is_named else 0


def _begins(part: str, word: str) -> bool:
    return (
        part == word
        or (len(word) > 1 and part.startswith(word))
        or word == f"{part}s"
        or word in _SAME.get(part, ())
    )


def _is_of_another(kind: Kind, name: Sequence[str], rest: Sequence[str]) -> bool:
    """“on the list News” asks for no field whose name has News in it."""
    said = {word.casefold().removesuffix("s") for word in rest}
    nouns = {other.noun for other in KINDS.values() if other.takes_ids}
    return bool(said & nouns - {kind.noun} - set(name)) and kind.noun not in said


def _at_all(kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]) -> tuple[int, Condition] | None:
    """“no birthday”, “phone known”: whether there is a value."""
    said = {word.casefold() for word in rest} - _OF_ALL
    plain = {word for word in said if not _denies(word)}
    # “city is not” goes on.
    if "empty" not in ops or not said - {"not"} or not plain <= _ABSENT | _PRESENT:
        return None
    is_empty = (plain != said) != bool(plain & _ABSENT)
    return sum(map(len, rest)), Condition(kind.key, of, "empty" if is_empty else "filled")


def _besides(kind: Kind, rest: Iterable[str]) -> list[str]:
    """Without the words that only say which kind of thing is meant."""
    about = {*kind.noun.split(), *kind.title.casefold().split(), kind.noun + "s"}
    return [word for word in rest if word.casefold() not in about or _denies(word)]


def _denies(word: str) -> bool:
    plain = word.casefold().replace("’", "'")
    return plain in _NOT or plain.endswith("n't")


@lru_cache(maxsize=500)
def _words_of(op: Op) -> frozenset[str]:
    words = {word.casefold() for word in _WORD.findall(f"{op.label} {op.says}")}
    return frozenset(words).union(*(_SAME.get(word, ()) for word in words))


def _compared(
    kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]
) -> tuple[int, Condition] | None:
    """The operator whose words are among the rest, with their letters, and what remains as its value; None if words are left."""
    denies = any(map(_denies, rest))
    best: tuple[tuple[int, int], int, Condition] | None = None
    for key, op in ops.items():
        words = _words_of(op)
        if denies != any(map(_denies, words)):
            continue
        left = [word for word in rest if word.casefold() not in words and not _denies(word)]
        told = len(({word.casefold() for word in rest if not _denies(word)} & words) - _FILLS)
        value = _value(op.takes, left)
        if value is None and any(word.casefold() not in _FILLS for word in left):
            continue
        # "didn't open" rather says all of "never opened" than half of "not opened in the last … days".
        missing = {word for word in words if word.isalpha()} - _FILLS - {word.casefold() for word in rest}
        rank = (
            2 * told + (value is not None),
            -bool(denies and {word for word in missing if not _denies(word)}),
        )
        if best is None or rank > best[0]:
            letters = sum(len(word) for word in rest if word not in left or word.isdecimal())
            best = (rank, letters, Condition(kind.key, of, key, value))
    return best[1:] if best else None


def _of_addresses(typed: Sequence[str]) -> list[Offer]:
    """“gmail.com addresses”, and an address itself."""
    op = "is_not" if any(map(_denies, typed)) else "is"
    words = [word for word in typed if word.casefold() not in _FILLS | _OF_ADDRESSES and not _denies(word)]
    domains = [match[1].casefold() for word in words if (match := _DOMAIN.fullmatch(word))]
    if words and len(domains) == len(words):
        return [Offer("field", Condition("field", "@domain", op, domains), 1.0)]
    if words and all(0 < word.find("@") < len(word) - 1 for word in words):
        return [Offer("field", Condition("field", "@email", op, [word.casefold() for word in words]), 1.0)]
    return []


def _value(takes: Takes, words: Sequence[str]) -> Any:
    """None where the words are no such value, or there are none."""
    try:
        if takes is Takes.TEXTS:
            parts = _OR.split(" ".join(_without_fills(words)))
            return takes.read(parts)
        if takes is Takes.TEXT:
            return takes.read(" ".join(_without_fills(words)))
        if takes is Takes.DAYS:
            return _days(takes, words)
        if takes in (Takes.NUMBER, Takes.DATE) and len(kept := _without_fills(words)) == 1:
            return takes.read(kept[0])
    except ValueError:
        return None
    return None


def _days(takes: Takes, words: Sequence[str]) -> Any:
    """`30`, `2 weeks`; a mere `week` is one."""
    numbers = [word for word in words if word.isdecimal()]
    units = [_UNITS[word.casefold()] for word in words if word.casefold() in _UNITS]
    fills = [word for word in words if word.casefold() in _FILLS]
    if len(numbers) > 1 or len(units) > 1 or not numbers + units:
        return None
    if len(numbers) + len(units) + len(fills) != len(words):
        return None
    return takes.read(int((numbers or ["1"])[0]) * (units or [1])[0])


def _without_fills(words: Sequence[str]) -> list[str]:
    """Fills stay within a value, not around it: “Isle of Man”."""
    kept = list(words)
    while kept and kept[0].casefold() in _FILLS:
        kept.pop(0)
    while kept and kept[-1].casefold() in _FILLS:
        kept.pop()
    return kept
