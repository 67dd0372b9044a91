"""What marketers say without the name of anything: “bounced”, “inactive for 6 months”, “joined this month”, “over 30”.

Each is told in the words that the rest of the search understands, or is a condition by itself.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from audiences.rules import spoken
from audiences.rules.kinds import Thing
from audiences.rules.nodes import Condition, Group, Node
from audiences.rules.spellings import FILLS, OF_ALL, denies

# How long is "recently", and how long somebody does nothing to be called inactive, where nobody says.
RECENT_DAYS = 30
ACTIVE_DAYS = 90
_TAIL = r"(?: (?:for|in|within|over|since|during) .+| \d.*)?"
# A way to say it → ways that say the same, the best first.
_SAID: Sequence[tuple[str, Sequence[str]]] = (
    (
        r"(?:new|recent|newest|latest)(?: (?:subscribers?|contacts?|people|members?|sign-?ups?|readers?))?"
        r"|(?:recently|newly|just) (?:added|joined|subscribed|signed up)",
        (f"added in the last {RECENT_DAYS} days", f"joined any list in the last {RECENT_DAYS} days"),
    ),
    (
        r"(?:(?:new|registered|joined|came|created|arrived)(?: here)?) (?P<when>.+)",
        ("added {when}", "joined any list {when}"),
    ),
    (r"(?:subscribed|signed up|opted in) (?P<when>.+)", ("joined any list {when}", "added {when}")),
    (r"(?:named|called|name is) (?P<what>.+)", ("first name is {what}", "last name is {what}")),
    (r"(?:left|unsubscribed|opted out) (?P<when>.+)", ("left any list {when}",)),
    (
        r"(?:speaks?|speaking|reads?|writes?) (?P<what>.+)|(?P<what2>\S+)(?: |-)(?:speakers?|speaking|readers?)",
        ("language is {what}",),
    ),
    (
        r"(?:uses?|using|is at|are at) (?P<what>\w+)|(?P<what2>\w+) (?:users?|accounts?)",
        ("{what} addresses",),
    ),
)
# Several at once: way to say it → (join, parts).
_GROUPS: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        rf"(?:inactive|dormant|sleeping|asleep|lapsed|disengaged|unengaged|not (?:active|engaged))(?P<when>{_TAIL})",
        "all",
        ("not opened{when}", "not clicked{when}"),
    ),
    (
        rf"(?:active|engaged)(?: (?:readers?|people|subscribers?))?(?P<when>{_TAIL})",
        "any",
        ("opened{when}", "clicked{when}"),
    ),
    (
        r"(?P<not>never|not|didn['’]t|did not|haven['’]t|have not|hasn['’]t|has not) open(?:ed)? (?:or|nor|and) click(?:ed)?(?P<when>.*)",
        "all",
        ("{not} opened{when}", "{not} clicked{when}"),
    ),
    (
        r"(?:opened|opens?) (?:or|and/or) (?:clicked|clicks?)(?P<when>.*)",
        "any",
        ("opened{when}", "clicked{when}"),
    ),
    (
        r"(?:(?:has|have|with|is|are) )?(?:no|without|missing) (?:an? )?names?|without names?|nameless"
        r"|(?:full )?names? (?:is )?(?:missing|unknown|empty|not known)",
        "all",
        ("first name is empty", "last name is empty"),
    ),
    (
        r"(?:has|have|with) (?:an? )?names?|names? (?:is )?(?:known|given|filled)",
        "any",
        ("first name is not empty", "last name is not empty"),
    ),
)
_IS_NOT = {"is": "is_not", "on": "not_on", "given": "not_given", "has": "has_not"}
# Words without those that deny and fill, and the conditions they are: (kind, of, operator) each.
_KNOWN: Mapping[str, Sequence[tuple[str, str, str]]] = {
    words: conditions
    for several, conditions in (
        (
            "bounced|bounces|bouncing|hard bounced|hard bounces|undeliverable|invalid address|invalid addresses|bad address"
            "|bad addresses|dead addresses",
            (("mailable", "bounced", "is"),),
        ),
        (
            "complained|complainers|complaints|spam complaint|spam complaints|marked as spam|marked us as spam|reported spam",
            (("mailable", "complained", "is"),),
        ),
        (
            "unsubscribed|unsubscribes|opted out|left|left us|leavers",
            (("mailable", "unsubscribed", "is"), ("any", "list", "left")),
        ),
        ("blocked|blocklisted|blacklisted", (("mailable", "blocked", "is"),)),
        (
            "subscribed|subscribed anything|subscribed any list|subscriber|subscribers|list|lists|any list|subscription|subscriptions",
            (("any", "list", "on"),),
        ),
        ("tagged|tag|tags|any tag", (("any", "tag", "has"),)),
        ("untagged", (("any", "tag", "has_not"),)),
        ("unconfirmed|pending|not confirmed|not confirmed yet", (("any", "list", "pending"),)),
        (
            "consent|consented|agreed|opted in|gave consent|given consent|consent record|permission",
            (("consent", "mail", "given"),),
        ),
        (
            "withdrew consent|withdrawn consent|consent withdrawn|took back consent",
            (("consent", "mail", "denied"),),
        ),
    )
    for words in several.split("|")
}
# Words for what nobody tells Campanile → what to say and do instead.
_UNTOLD: Mapping[str, str] = {
    words: sentence
    for several, sentence in (
        ("mobile|phone|iphone|android|desktop|device|outlook", "On which device or in which program somebody reads is not known."),
        (
            "bought|buys|buyers|purchased|purchase|ordered|orders|spent|spend|customers|customer|revenue",
            "What people buy is not known by itself. Import it as a field, such as “Orders” or “Spent”, then ask for that.",
        ),
        ("visited|visitors|website|browsed|downloaded", "What people do on your website is not known: only what they do with your mails."),
        ("men|women|male|female|gender", "Whether somebody is a woman or a man is known only where a field says so."),
        ("forwarded|shared|replied|answered", "Who forwards or answers a mail is not known."),
    )
    for words in several.split("|")
}  # fmt: skip
# Already says no.
_IS_DENIED = ("pending", "denied", "has_not", "left")
_AGED = re.compile(r"(?:(?:age[ds]?|is|are) )*(?P<number>.+?)(?: years?)?(?: old)?", re.IGNORECASE)
_BORN = ("birthday", "birth", "born", "birthdate")


def ways(text: str) -> list[str]:
    """The same in other words, the best first."""
    text = " ".join(text.split())
    for pattern, told in _SAID:
        if match := _match(pattern, text):
            return [way.format(**_parts(match)) for way in told]
    return []


def together(text: str) -> tuple[str, list[str]] | None:
    """(join, ways to say its parts) of what is several conditions at once."""
    text = " ".join(text.split())
    for pattern, join, told in _GROUPS:
        if match := _match(pattern, text):
            parts = _parts(match)
            if "when" in parts and not parts["when"].strip() and "not" not in parts:
                parts["when"] = f" in the last {ACTIVE_DAYS} days"
            return join, [way.format(**parts) for way in told]
    return None


def conditions(words: Sequence[str], things: Mapping[str, Mapping[Any, Thing]]) -> list[Condition]:
    """Of what is known by one name."""
    if sum(map(denies, words)) > 1:
        return []
    is_denied = any(map(denies, words))
    said = [word.casefold() for word in words if not denies(word)]
    bare = " ".join(word for word in said if word not in FILLS | OF_ALL)
    if is_denied and (known := _KNOWN.get(f"not {bare}")):
        is_denied = False
    else:
        known = _KNOWN.get(bare) or _KNOWN.get(" ".join(said), ())
    return [
        Condition(kind, of, _IS_NOT.get(op, op) if is_denied else op)
        for kind, of, op in known
        if of in things.get(kind, {}) and not (is_denied and op in _IS_DENIED)
    ]


def untold(words: Sequence[str]) -> str:
    """Why that cannot be asked, where a word is for something that nobody tells; else empty."""
    return next((_UNTOLD[word.casefold()] for word in words if word.casefold() in _UNTOLD), "")


def aged(text: str, things: Mapping[Any, Thing], today: date, *, is_alone: bool = False) -> Node | None:
    """“aged 30 to 40”, and where it stands alone “over 30”: by the day people are born."""
    born = next((of for of, thing in things.items() if is_born(thing)), None)
    match = _AGED.fullmatch(_without_who(text.strip()))
    is_said = bool(re.search(r"\b(?:age[ds]?|old(?:er)?|younger)\b", text, re.IGNORECASE))
    if (
        born is None
        or match is None
        or not (is_said or is_alone)
        or (said := spoken.number(match["number"])) is None
    ):
        return None
    op, value = said
    try:
        ages = sorted(int(age) for age in (value if isinstance(value, list) else [value]))
        if not 0 <= ages[0] <= ages[-1] < 130:
            return None
        # The last day on which somebody of that age was born, and the last of who is a year older.
        first, last = _years_before(today, ages[-1] + 1), _years_before(today, ages[0])
    except ValueError:
        return None
    after, until = first.isoformat(), (last + timedelta(days=1)).isoformat()
    return {
        "more": lambda: Condition("field", born, "before", last.isoformat()),
        "at_least": lambda: Condition("field", born, "before", until),
        "less": lambda: Condition("field", born, "after", last.isoformat()),
        "at_most": lambda: Condition("field", born, "after", after),
        "equals": lambda: Group("all", (Condition("field", born, "after", after), Condition("field", born, "before", until)))
        if is_said
        else None,
        "between": lambda: Group("all", (Condition("field", born, "after", after), Condition("field", born, "before", until))),
    }.get(op, lambda: None)()  # fmt: skip


def is_born(thing: Thing) -> bool:
    """Whether it is a day that comes round each year."""
    if thing.data.get("kind") != "date":
        return False
    return bool({word.casefold() for word in re.findall(r"\w+", thing.label)} & {*_BORN, "anniversary"})


def _years_before(day: date, years: int) -> date:
    year = day.year - years
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, text, re.IGNORECASE) or re.fullmatch(
        pattern, _without_who(text), re.IGNORECASE
    )


def _without_who(text: str) -> str:
    return re.sub(
        r"^(?:(?:who|that|people|everybody|everyone|those|they|are|is|have|has)\s+)+(?=\S)",
        "",
        text,
        flags=re.IGNORECASE,
    )


def _parts(match: re.Match[str]) -> dict[str, str]:
    return {name.removesuffix("2"): text for name, text in match.groupdict().items() if text is not None}
