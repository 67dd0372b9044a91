"""What words of a search say by themselves: which deny, which fill, and what other words say the same."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Marks that keep a name of another writing direction apart are no letters of it.
_APART = "\u2066-\u2069"
WORD = re.compile(rf"[^\s,;:“”\"'(){_APART}]+(?:'[^\s,;:“”\"'(){_APART}]+)*")
AND = re.compile(r"\s+(?:and|but|&)\s+", re.IGNORECASE)
OR = re.compile(r"\s+(?i:or)\s+")
COMMA = re.compile(r"\s*[,;]\s*")
_SIGN = r"\s*(<=|>=|!=|<>|[<>=≤≥≠])\s*(?=-?\d)"
_COUNTS = {"once": "1 time", "twice": "2 times"}
_MAILS = r"(?:campaign|mail|mailing|newsletter|e-?mail)s?"
NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_ALL = "everyone|everybody|anyone|anybody|all (?:of )?(?:the |our |my )?(?:people|contacts|persons)|all who"


def _digits(match: re.Match[str]) -> str:
    return str(NUMBERS[match[1].lower()])


_UNIFIED: Sequence[tuple[str, str | Callable[[re.Match[str]], str]]] = (
    (_SIGN, r" \1 "),
    (
        r"^\s*(?:everyone|everybody|anyone|all|people|all people)\s+(?:except|but|excluding|without)\s+(?:for\s+)?"
        r"(?:(?:those|people|anyone|the ones)\s+(?:(?:who|that)\s+)?(?:(?:are|is|have)\s+)?)?",
        "not ",
    ),
    (rf"^\s*(?:{_ALL})\s+(?=\S)", ""),
    (r"\b(?:not|\w+n['’]t|never) without\b", "with"),
    (r"\s+(?:without|but not) (?=(?:open|click|read)ing\b)", " but not "),
    (r"\ban? (?=(?:day|week|month|quarter|year) ago\b)", "1 "),
    (r"\s*,\s*(?=(?:and|or|but|nor)\s)", " "),
    (
        r"\bnot (on|in|tagged|subscribed to) (?:both|all(?: of)?) ((?:(?! and ).)+) and ((?:(?! and ).)+)$",
        lambda match: " or ".join(f"not {match[1]} {name}" for name in [*COMMA.split(match[2]), match[3]]),
    ),
    (
        r"(?<!\bnot on )(?<!\bnot in )(?<!\bnot tagged )(?<!\bnot subscribed to )\b(?:both|all(?: of)?) (?=.+ and )",
        "",
    ),
    (r"\b(?:either|(?:any|one)(?: of)?) (?=.+ or )", ""),
    (r"\bneither\b(?=.+ nor )", "not"),
    (r"(?<=\S)\s+nor\s+(?=(?:on|in|from|tagged|speaks|lives|subscribed|imported|added)\b)", " and not "),
    (r"(?<=\S)\s+nor\s+(?=\S)", " or "),
    (r"\bnon[- ](?=\w)", "not "),
    (r"\bzero (?!(?:and|or|but)\b)(?=\w)", "no "),
    (r"\boutside (?:of )?(?!(?:and|or|but|in|on)\b)(?=\w)", "not in "),
    (
        r"\b(?:can(?:not|['’]t| not)|(?:may|must|can) not) be (?:e-?mailed|mailed|written to|reached|contacted)|\bunreachable\b",
        "not mailable",
    ),
    (r"\b(?:can|may) be (?:e-?mailed|mailed|written to|reached|contacted)|\breachable\b", "mailable"),
    (r"\b(got|received|opened|clicked|read) (?:none|neither)(?: of (?:them|these|those))?$", r"not \1 it"),
    (r"\b(got|received|opened|clicked) nothing (?=(?:for|in|since|within|during)\b)", r"not \1 "),
    (r"\bstill (?=\w)", ""),
    (r"\b(?:custom|own) fields? (?=\w)", ""),
    (r"\b(got|received|opened|clicked|did) nothing$", r"never \1 anything"),
    (
        rf"(?<!least )(?<!most )(?<!than )(?<!only )(?<!exactly )\b(?:any|a single|even one|one)(?: of (?:the|our|my))? (?={_MAILS}\b)",
        "a ",
    ),
    (r"(?<=\S)\s+(?:at all|from us|by us|of ours|yet)$", ""),
    (
        rf"\b({'|'.join(NUMBERS)})\b(?= (?:or more |or fewer |different )?(?:lists?|times?|days?|weeks?|months?|years?|{_MAILS})\b)",
        _digits,
    ),
    (r"\s+(?:except|excluding|minus)\s+(?:for\s+)?", " but not "),
    (rf"(?<!last )(?<!latest )(?<!newest )\b(\d+)((?: or more)?) {_MAILS}\b", r"\1\2 times"),
    (r"\b(phone|telephone|mobile) number\b", "phone"),
    # One dot stands before a fraction, unless that is all noughts: “1.234” and “1.000”.
    (
        r"(?<![\w.,'’])[1-9]\d{0,2}(?:(?:[,'’]\d{3})+|(?:\.\d{3}){2,}|\.000)(?!\d)",
        lambda match: re.sub(r"\D", "", match[0]),
    ),
    (r"(?<=\d),(?=\d)", "."),
    (r"\b(once|twice)\b", lambda match: _COUNTS[match[1].lower()]),
    (r"\bnot mailable\b", "suppressed"),
    (r"\bmailable\b", "not suppressed"),
)
# Say nothing of their own.
FILLS = frozenset(["a", "an", "and", "are", "be", "been", "did", "do", "does", "for", "from", "have", "has", "had", "in", "is", "it", "its", "of", "on", "or", "people", "that", "the", "their", "them", "they", "to", "was", "were", "who", "with", "day", "days"])  # fmt: skip
NOT = frozenset(["not", "no", "without", "never"])
# Parts of many names and operators alike: with other words they name nothing by themselves.
WEAK = frozenset(["last", "next", "first", "new"])
# Beside the name of a field, all that is said: whether people have a value in it.
ABSENT = frozenset(["missing", "unknown", "empty"])
PRESENT = frozenset(["has", "have", "with", "known", "given", "filled"])
OF_ALL = frozenset(["a", "an", "any", "are", "do", "does", "is", "of", "people", "who"])
# Word of a name or an operator → others that say the same.
SAME: Mapping[str, tuple[str, ...]] = {
    "last": ("past", "previous", "within"),
    "next": ("coming", "following"),
    "begins": ("begin", "starts", "start", "starting"),
    "ends": ("end", "ending"),
    "contains": ("contain", "containing", "includes", "include", "including", "like"),
    "received": ("mailed", "receives", "receive", "receiving", "got", "get", "gets", "getting"),
    "opened": ("opens", "opening", "open", "read", "opener", "openers"),
    "clicked": ("clicks", "clicking", "click", "clicker", "clickers"),
    "birthday": ("born", "birth", "birthdate"),
    "birth": ("born", "birthday", "birthdate"),
    "interest": ("interested", "likes"),
    "interests": ("interested", "likes"),
    "campaign": ("campaigns", "anything", "something", "any", "mail", "mails", "email", "emails", "newsletter", "newsletters"),
    "tagged": ("tag", "tags"),
    "on": ("subscribed", "subscribers", "members"),
    "left": ("unsubscribed",),
}  # fmt: skip
# What else a kind of thing is called, beside the name of one.
CALLED: Mapping[str, tuple[str, ...]] = {
    "import": ("imported", "importing", "file", "upload", "uploaded", "spreadsheet"),
    "campaign": ("mail", "mailing", "email", "e-mail", "newsletter", "letter"),
    "segment": ("members",),
}
# No object of its own: what was done with the thing named before. “Never … anything” is said of all there is.
IT = frozenset(
    ["it", "that", "this", "them", "then", "on", "in", "any", "a", "the", "link", "links", "anything"]
)
UNITS = {
    "week": 7, "weeks": 7, "month": 30, "months": 30, "quarter": 90, "quarters": 90, "year": 365, "years": 365,
}  # fmt: skip

_FORGET: list[Callable[[], None]] = []


def for_one_search(function: Callable[P, R]) -> Callable[P, R]:
    """Many names share the words beside them, which are worked out once; what people type is not kept for longer."""
    known = lru_cache(maxsize=5000)(function)
    _FORGET.append(known.cache_clear)
    return known  # type: ignore[return-value]  # lru_cache forgets what a function takes


@contextmanager
def one_search() -> Iterator[None]:
    try:
        yield
    finally:
        for forget in _FORGET:
            forget()


def unified(words: str, kept: Sequence[str] = ()) -> str:
    """With its signs apart, decimals with a point, and one word for what pages here call mailable; names and values `kept` as they are."""
    own = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, kept))})(?!\w)", re.IGNORECASE) if kept else None
    text = words
    for pattern, told in _UNIFIED:
        text = _rewritten(text, re.compile(pattern, re.IGNORECASE), told, own)
    return text


def _rewritten(
    text: str,
    pattern: re.Pattern[str],
    told: str | Callable[[re.Match[str]], str],
    own: re.Pattern[str] | None,
) -> str:
    spans = [match.span() for match in own.finditer(text)] if own else []

    def rewrite(match: re.Match[str]) -> str:
        if any(match.start() < end and start < match.end() for start, end in spans):
            return match[0]
        return match.expand(told) if isinstance(told, str) else told(match)

    return pattern.sub(rewrite, text)


def words_in(text: str) -> list[str]:
    return [word.replace("’", "'") if denies(word) else word for word in WORD.findall(text)]


@for_one_search
def denies(word: str) -> bool:
    folded = word.casefold().replace("’", "'")
    return folded in NOT or folded.endswith("n't")


def without_fills(words: Sequence[str]) -> list[str]:
    """Fills stay within a value, not around it: “Isle of Man”."""
    kept = list(words)
    while kept and _is_fill(kept[0]):
        kept.pop(0)
    while kept and _is_fill(kept[-1]):
        kept.pop()
    return kept


def _is_fill(word: str) -> bool:
    """“starts with A”."""
    return word.casefold() in FILLS and not (len(word) == 1 and word.isupper())
