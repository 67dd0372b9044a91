"""Whether words name a thing, and which operator and value the rest of them are."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from itertools import product, takewhile
from typing import Any, NamedTuple

from audiences.rules import spoken
from audiences.rules.kinds import KINDS, Kind, Op, Takes
from audiences.rules.nodes import Condition, Group
from audiences.rules.spellings import (
    ABSENT,
    CALLED,
    COMMA,
    FILLS,
    OF_ALL,
    OR,
    PRESENT,
    SAME,
    UNITS,
    WEAK,
    WORD,
    denies,
    without_fills,
    words_in,
)

Hits = Callable[[str], Sequence[str]]
_SENTENCE = frozenset(["who", "that", "did", "does", "not", "but", "with", "without", "got", "and"])
_WHICH = frozenset(["last", "previous", "this", "next"])
_BORN_THEN = "This is the very day, not its anniversary: of those that are past, only the month can be asked."
_NOUNS = frozenset(["list", "lists", "tag", "tags", "field", "segment", "account", "import"])
_BEGINS = re.compile(
    r"(?:not|never|no|on|in|from|with|without|who|has|have|is|are|tagged|clicked|opened|joined|left|speaks?|lives?) ",
    re.IGNORECASE,
)
_A_MONTH = "Which day of it cannot be asked: this is the whole month."
_GOES_ON = re.compile(
    r"^(?:(?:empty|missing|unknown) )?(?:and|but)\b|\b(?:and|but)$"
    r"|\b(?:and|but) (?:not|no|is|are|was|has|have|does|on|in|from|tagged|lives?|speaks?|clicked|opened|joined|left|contains?|(?:start|begin|end)s?(?:ing)?)\b",
    re.IGNORECASE,
)
_JOINING = frozenset(["and", "or", "but"])
# How a text is compared, which is no text by itself.
_HOW = re.compile(r"(?:begin|start|end)(?:(?:s|ning|ing)? with\b|$)", re.IGNORECASE)
_FOLLOWED = re.compile(r" (?:not|no|on|who|that|with|without|tagged|but|got)(?: |$)", re.IGNORECASE)
_MONEY = re.compile(r"[€$£¥]|(?<=\d) ?(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?)$", re.IGNORECASE)
_NO_CURRENCY = "Whatever the currency: the field holds numbers alone."
_OFTEN = "How often is known over all time only, not within a period."


class Compared(NamedTuple):
    # How many letters are understood as the operator and its value.
    told: int
    condition: Condition
    but: str = ""


@lru_cache(maxsize=20_000)
def parts(label: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in WORD.findall(label))


def hits_of(typed: Sequence[str]) -> Hits:
    """Part of a name → the typed words that may stand for it; worked out once for the many names that share a part."""
    return cache(lambda part: [word for word in typed if _begins(part, word.casefold())])


def unnamed(name: Sequence[str], typed: list[str], hits: Hits) -> tuple[list[str], int]:
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
            folded = hit.casefold()
            # “fr” is not short for the “from” of a name, nor “list” for “Liste”.
            is_whole = folded == part or (part not in FILLS and folded not in _NOUNS)
            is_named |= (
                is_whole and not denies(hit) and folded not in (FILLS if len(typed) == 1 else FILLS | WEAK)
            )
    return rest, taken if is_named else 0


def spelled(label: str, text: str) -> list[str]:
    """The pieces of the text that are this name, two words of it or more, the last perhaps still being typed."""
    name, found = parts(label), list(WORD.finditer(text))
    typed = [match[0].casefold() for match in found]
    if not {*name, *(part[: len(typed[-1])] for part in name if typed)}.intersection(typed):
        return []
    pieces = []
    for start, begin in product(range(len(typed)), range(len(name))):
        pairs = enumerate(zip(typed[start:], name[begin:], strict=False), start)
        same = takewhile(
            lambda pair: (
                pair[1][0] == pair[1][1] or (pair[0] == len(typed) - 1 and pair[1][1].startswith(pair[1][0]))
            ),
            pairs,
        )
        length = sum(1 for _ in same)
        # “non-vegan” says two by itself.
        if length > 1 or (length and (len(name) == 1 or "-" in typed[start])):
            pieces.append(text[found[start].start() : found[start + length - 1].end()])
    return pieces


def _begins(part: str, word: str) -> bool:
    return (
        part == word
        or (len(word) > 1 and part.startswith(word))
        or word == f"{part}s"
        or word in SAME.get(part, ())
    )


def dated(typed: Sequence[str], rest: list[str], today: date) -> list[str]:
    """“member since 2020” says since, also where the name is “Member since”."""
    if not rest or rest[0].casefold() in FILLS or spoken.LEADS_TO_DAYS.intersection(map(str.casefold, rest)):
        return rest
    said = next((word for word in typed if word.casefold() in spoken.LEADS_TO_DAYS), None)
    return [said, *rest] if said and spoken.days(" ".join(rest), today) else rest


def is_of_another(kind: Kind, name: Sequence[str], rest: Sequence[str]) -> bool:
    """“on the list News” asks for no field whose name has News in it."""
    said = {word.casefold().removesuffix("s") for word in rest}
    nouns = {other.noun for other in KINDS.values() if other.takes_ids}
    return bool(said & nouns - {kind.noun} - set(name)) and kind.noun not in said


def at_all(kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]) -> Compared | None:
    """“no birthday”, “phone known”: whether there is a value."""
    said = {word.casefold() for word in rest} - OF_ALL
    others = {word for word in said if not denies(word)}
    # “city is not” goes on.
    if "empty" not in ops or not said - {"not"} or not others <= ABSENT | PRESENT:
        return None
    if "yes" in ops and others <= {"has", "have", "with"}:
        # “has not paid”
        return Compared(sum(map(len, rest)), Condition(kind.key, of, "no" if others != said else "yes"))
    is_empty = (others != said) != bool(others & ABSENT)
    return Compared(sum(map(len, rest)), Condition(kind.key, of, "empty" if is_empty else "filled"))


def besides(kind: Kind, rest: Iterable[str]) -> list[str]:
    """Without the words that only say which kind of thing is meant."""
    about = {*kind.noun.split(), *kind.title.casefold().split(), kind.noun + "s", *CALLED.get(kind.noun, ())}
    return [word for word in rest if word.casefold() not in about or denies(word)]


@lru_cache(maxsize=500)
def words_of(op: Op) -> frozenset[str]:
    words = {word.casefold() for word in WORD.findall(f"{op.label} {op.says}")}
    return frozenset(words).union(*(SAME.get(word, ()) for word in words))


@lru_cache(maxsize=500)
def _denied_of(op: Op) -> frozenset[str]:
    """What an operator denies that says something else as well: of “received it but did not open it” to open."""
    _, but, denied = op.says.partition(" but ")
    words = {word.casefold() for word in WORD.findall(denied) if not denies(word)} if but else set()
    words -= {*FILLS, "did", "it", "in"}
    return frozenset(words).union(*(SAME.get(word, ()) for word in words))


def compared(kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]) -> Compared | None:
    """The operator whose words are among the rest, with their letters, and what remains as its value; None if words are left."""
    is_denied = any(map(denies, rest))
    best: tuple[tuple[int, int], int, Condition] | None = None
    for key, op in ops.items():
        words = words_of(op)
        if is_denied != any(map(denies, words)):
            continue
        if is_denied and (denied := _denied_of(op)) and denied.isdisjoint(word.casefold() for word in rest):
            # "did not get it" is not "received it but did not open it".
            continue
        left = [word for word in rest if word.casefold() not in words and not denies(word)]
        told = len(({word.casefold() for word in rest if not denies(word)} & words) - FILLS)
        value = value_of(op.takes, left)
        if value is None and any(word.casefold() not in FILLS for word in left):
            continue
        # "didn't open" rather says all of "never opened" than half of "not opened in the last … days".
        missing = {word for word in words if word.isalpha()} - FILLS - {word.casefold() for word in rest}
        rank = (
            2 * told + (value is not None),
            -bool(is_denied and {word for word in missing if not denies(word)}),
        )
        if best is None or rank > best[0]:
            letters = sum(len(word) for word in rest if word not in left or word.isdecimal())
            best = (rank, letters, Condition(kind.key, of, key, value))
    return Compared(*best[1:]) if best else None


def goes_on(value: Any) -> bool:
    """“city starts with G and ends with t” is of no city called “G and ends with t”, nor “G or B” of one."""
    if isinstance(value, str) and OR.search(value):
        return True
    texts = value if isinstance(value, list) else [value]
    return any(_GOES_ON.search(text) for text in texts if isinstance(text, str))


def joins(words: Iterable[str]) -> bool:
    return not _JOINING.isdisjoint(map(str.casefold, words))


def says_how(condition: Condition) -> bool:
    """“start with G” is no city."""
    return condition.op in ("is", "is_not") and any(map(_HOW.match, map(str, condition.value or ())))


def not_so(kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str]) -> Group | None:
    """That it is not as an operator says that has no opposite."""
    did = compared(kind, of, ops, [word for word in rest if not denies(word)])
    is_one = did is not None and did.condition.op not in ("is", "is_not") and did.condition.value
    return Group("none", (did.condition,)) if did and is_one and not goes_on(did.condition.value) else None


def begins_anew(text: str) -> bool:
    """“people from Gent, not on News” are of no city called “not on News”."""
    return bool(_BEGINS.match(text))


def is_followed(value: str) -> bool:
    """“Brugge not on News”, of “in Gent or Brugge not on News”."""
    return bool(_FOLLOWED.search(value))


def says_more(values: Iterable[str]) -> bool:
    """Whether one is part of a sentence rather than a value: “women who got Club”."""
    return any(_SENTENCE.intersection(value.casefold().split()) for value in values)


def period(words: Sequence[str], today: date) -> str:
    """What of the words, at their end, says when: “Offers this year”."""
    for cut in range(1, len(words)):
        rest = words[cut:]
        is_days = (
            len(rest) > 1 and len(undated := _undated(rest)) < len(rest) and value_of(Takes.DAYS, undated)
        )
        if is_days or spoken.days(" ".join(rest), today):
            return " ".join(rest)
    return ""


def is_of_two(values: Iterable[Any], typed: Sequence[str], rest: Sequence[str]) -> bool:
    """“joined News or city is Gent” is no city called “joined News”, and nobody’s language is called “empty”."""
    values = [str(value).casefold() for value in values]
    if len(values) < 2 or not ABSENT.isdisjoint(values):
        return len(values) > 1
    named = [number for number, word in enumerate(typed) if word not in rest]
    before = [word.casefold() for word in typed[: named[0]]] if named else []
    return "or" in before and named[-1] < len(typed) - 1


def loses(values: Sequence[str], typed: Sequence[str], rest: Sequence[str]) -> bool:
    """Whether an “or” is in none of the values and between no two, or a “not” after it would be said of the first."""
    said = [word.casefold() for word in typed]
    if "or" in said and any(map(denies, said[said.index("or") :])):
        return True
    within = sum(word in _JOINING for value in values for word in value.casefold().split())
    return within + len(values) - 1 < sum(word.casefold() in _JOINING for word in rest)


def is_typed(values: Iterable[Any], text: str) -> bool:
    """Whether each is in one piece: “without a phone or city is Gent” asks for no phone called “city Gent”."""
    text = f" {' , '.join(' '.join(words_in(piece)) for piece in COMMA.split(text)).casefold()} "
    return all(f" {str(value).casefold()} " in text for value in values)


def everyday(kind: Kind, of: Any, ops: Mapping[str, Op], rest: Sequence[str], today: date) -> Compared | None:
    """A number or a day in everyday words."""
    text = " ".join(rest)
    amount = _MONEY.sub("", text).strip()
    said = spoken.number(amount) if "at_least" in ops else None
    but = _NO_CURRENCY if said and amount != text else ""
    said = said or (spoken.days(text, today) if "before" in ops else None)
    letters = sum(map(len, rest))
    if said is not None and said[0] in ops:
        op, value = said
        try:
            return Compared(letters, Condition(kind.key, of, op, ops[op].takes.typed(value)), but)
        except ValueError:
            return None
    for cut in range(len(rest)):
        words = frozenset(word.casefold() for word in rest[:cut])
        text = " ".join(rest[cut:])
        for op, value in filter(None, (_times(text), spoken.days(text, today))):
            if (meant := kind.meant(of, op, value, words, today)) and meant.op in ops:
                return Compared(letters, Condition(kind.key, of, meant.op, meant.value), meant.but)
    # “clicked twice in the last year”
    for cut in range(1, len(rest)):
        times, period = _times(" ".join(rest[:cut])), list(rest[cut:])
        if times and (spoken.days(" ".join(period), today) or value_of(Takes.DAYS, _undated(period))):
            meant = kind.meant(of, *times, frozenset(), today)
            if meant and meant.op in ops:
                but = f"{_OFTEN} {meant.but}".strip()
                return Compared(letters, Condition(kind.key, of, meant.op, meant.value), but)
    return None


def yearly(of: Any, rest: Sequence[str], today: date) -> Compared | None:
    """Of a day that comes round each year: “birthday today”, “birthday in May”, “birthday next week”."""
    text, letters = " ".join(without_fills(rest)).casefold(), sum(map(len, rest))

    def found(op: str, value: Any, but: str = "") -> Compared:
        return Compared(letters, Condition("field", of, op, value), but)

    words = text.split()
    if len(words) == 2 and words[0] in _WHICH and words[1] == "month":
        month = spoken.calendar(words[0], "month", today)[0].month
    else:
        month = spoken.month(text)
    if month:
        return found("month", f"{month:02}")
    said = spoken.days(text, today)
    if said and spoken.has_month_alone(text):
        days = said[1] if isinstance(said[1], list) else [said[1]]
        if said[0] in ("on", "within") and days[0][5:7] == days[-1][5:7]:
            return found("month", days[0][5:7], _A_MONTH)
        return found(*said, _BORN_THEN)
    match text:
        case "today":
            return found("anniversary", 0)
        case "tomorrow":
            return found("anniversary", 1, "Those of today are in it, too.")
        case "this week":
            return found("anniversary", 6 - today.weekday(), "Those earlier this week are not in it.")
    if words[:1] in (["last"], ["past"]) and (days := value_of(Takes.DAYS, words[1:])) is not None:
        return found("in_last", days, _BORN_THEN)
    if words[:1] in (["next"], ["coming"]) and (days := value_of(Takes.DAYS, words[1:])) is not None:
        return found("anniversary", days)
    return None


def _undated(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.casefold() not in ("last", *SAME["last"])]


def _times(text: str) -> spoken.Said | None:
    """A bare number is one of days."""
    said = spoken.number(text)
    if said is None or (said[0] == "equals" and "time" not in text.casefold()) or isinstance(said[1], list):
        return None
    return said[0], Takes.NUMBER.read(said[1])


def value_of(takes: Takes, words: Sequence[str]) -> Any:
    """None where the words are no such value, or there are none."""
    try:
        if takes is Takes.TEXTS:
            parts = OR.split(" ".join(without_fills(words)))
            return takes.read(parts)
        if takes is Takes.TEXT:
            return takes.read(" ".join(without_fills(words)))
        if takes is Takes.DAYS:
            return _days(takes, words)
        if takes in (Takes.NUMBER, Takes.DATE) and len(kept := without_fills(words)) == 1:
            return takes.typed(kept[0])
    except ValueError:
        return None
    return None


def _days(takes: Takes, words: Sequence[str]) -> Any:
    """`30`, `2 weeks`; a mere `week` is one."""
    numbers = [word for word in words if word.isdecimal()]
    units = [UNITS[word.casefold()] for word in words if word.casefold() in UNITS]
    fills = [word for word in words if word.casefold() in FILLS]
    if len(numbers) > 1 or len(units) > 1 or not numbers + units:
        return None
    if len(numbers) + len(units) + len(fills) != len(words):
        return None
    return takes.read(int((numbers or ["1"])[0]) * (units or [1])[0])
