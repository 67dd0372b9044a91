"""What marketers say without the name of anything: “bounced”, “inactive for 6 months”, “joined this month”, “over 30”.

Each is told in the words that the rest of the search understands, or is a condition by itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from audiences.rules import spoken
from audiences.rules.kinds import Thing
from audiences.rules.nodes import Condition
from audiences.rules.spellings import FILLS, OF_ALL, denies

# How long is "recently", and how long somebody does nothing to be called inactive, where nobody says.
RECENT_DAYS = 30
ACTIVE_DAYS = 90
_TAIL = r"(?: (?:for|in|within|over|since|during|this|last) .+| \d.*)?"
_VERB = r"open(?:ed)?|click(?:ed)?|received?|got|get|read"
_DID_NOT = r"(?P<not>never|not|didn['’]t|did not|haven['’]t|have not|hasn['’]t|has not)"
# What may follow of the same clause.
_ALONE = r"(?: (?:(?!\bor\b).)+)?"
# A way to say it → ways that say the same, the best first.
_SAID: Sequence[tuple[str, Sequence[str]]] = (
    (
        r"(?:new|recent|newest|latest)(?: (?:subscribers?|contacts?|people|members?|sign-?ups?|readers?|customers?|clients?|leads?|users?))?"
        r"|(?:recently|newly|just) (?:added|joined|subscribed|signed up)",
        (f"added in the last {RECENT_DAYS} days", f"joined any list in the last {RECENT_DAYS} days"),
    ),
    (
        r"recent(?:ly)? (?P<what>(?:open|click|receiv)(?:ed|ers?))|(?P<what2>(?:open|click|receiv)ed) recently",
        (f"{{what}} in the last {RECENT_DAYS} days",),
    ),
    (
        r"(?:pending|unconfirmed|not confirmed) (?:on|for|at|in) (?P<what>.+)",
        ("has not confirmed {what} yet",),
    ),
    (r"e-?mail (?P<what>(?:contain|start|begin|includ|is )\S* .+)", ("address {what}",)),
    (
        r"(?:(?:new|registered|joined|came|created|arrived)(?: here)?) (?P<when>.+)",
        ("added {when}", "joined any list {when}"),
    ),
    (
        r"(?P<verb>subscribed|joined|signed up|unsubscribed|left) (?P<when>(?:this|last|in|since|before|after|during|within) .+?"
        r"|today|yesterday) (?:to|from|for|on) (?P<what>.+)",
        ("{verb} {what} {when}",),
    ),
    (r"(?:subscribed|signed up|opted in) (?P<when>.+)", ("joined any list {when}", "added {when}")),
    (
        r"(?:(?:been |a )?(?:members?|subscribers?|readers?|customers?|contacts?|registered|with us)(?: here)?)"
        r" (?P<when>(?:since|before|after|until|till|from|in|during|for) .+)",
        ("added {when}", "joined any list {when}"),
    ),
    (r"(?:named|called|name is) (?P<what>.+)", ("first name is {what}", "last name is {what}")),
    (r"(?:left|unsubscribed|opted out) (?P<when>.+)", ("left any list {when}",)),
    (
        r"(?:speaks?|speaking|reads?|writes?) (?P<what>.+)|(?P<what2>\S+)(?: |-)(?:speakers?|speaking)",
        ("language is {what}",),
    ),
    (
        r"(?:do not|does not|don['’]t|doesn['’]t|not) (?:speak(?:ing)?|read|write) (?P<what>.+)",
        ("language is not {what}",),
    ),
    (
        r"click(?:ed|s)?(?: on| in)? (?:(?:a|the) link (?:to )?)?(?P<what>(?:https?://|www\.)?\w[\w-]*\.[a-z]{2,}\S*)",
        ("clicked a link that contains {what}",),
    ),
    (r"(?:imported|uploaded) (?P<when>.+)", ("added {when}",)),
    (
        r"(?:uses?|using|(?:is|are|works?|working) at) (?P<what>\w[\w.-]*)|(?P<what2>\w+) (?:users?|accounts?)",
        ("{what} addresses",),
    ),
)
# Several at once: way to say it → (join, parts).
_GROUPS: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        r"(?:inactive|dormant|sleeping|asleep|lapsed|disengaged|unengaged|not (?:active|engaged)"
        rf"|(?:with )?(?:no|without) (?:e-?mail )?(?:activity|engagement|interaction))(?P<when>{_TAIL})",
        "all",
        ("not opened{when}", "not clicked{when}"),
    ),
    (
        rf"(?:active|engaged)(?: (?:readers?|people|subscribers?))?(?P<when>{_TAIL})",
        "any",
        ("opened{when}", "clicked{when}"),
    ),
    (
        rf"{_DID_NOT} (?P<a>{_VERB}) (?:or|nor|and) (?P<b>{_VERB})(?P<when>{_ALONE})",
        "all",
        ("{not} {a}{when}", "{not} {b}{when}"),
    ),
    (
        rf"{_DID_NOT} (?P<a>{_VERB}), (?P<b>{_VERB}) (?:or|nor|and) (?P<c>{_VERB})(?P<when>{_ALONE})",
        "all",
        ("{not} {a}{when}", "{not} {b}{when}", "{not} {c}{when}"),
    ),
    (
        r"(?:opened|opens?) (?:or|and/or) (?:clicked|clicks?)(?P<when>.*)",
        "any",
        ("opened{when}", "clicked{when}"),
    ),
    (
        r"(?:unsubscribed|left|opted out)(?: from| of)? (?:(?:all|every)(?: (?:of )?(?:the|our|my|their))? lists?|all|everything)",
        "all",
        ("left any list", "on no list"),
    ),
    (
        r"never (?:left|unsubscribed)(?: (?:from )?(?:a|any) lists?)?",
        "none",
        ("left any list", "suppressed: left"),
    ),
    # Of one list, or of all that is sent.
    (
        r"unsubscribed|unsubscribes|opted out|left(?: us)?|leavers",
        "any",
        ("left any list", "suppressed: left"),
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
_OF_SEVERAL: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        r"(?:(?:has|have|with) not?|without|no) (?:an? )?(?P<a>.+?) (?:(?:or|nor)|and(?: no)?) (?:an? )?(?P<b>.+)",
        "all",
        ("{a} is empty", "{b} is empty"),
    ),
    (
        r"(?P<a>.+?) or (?P<b>.+?) (?:(?:is|are) )?(?:missing|empty|unknown)",
        "any",
        ("{a} is empty", "{b} is empty"),
    ),
    (
        r"(?P<a>.+?) and (?P<b>.+?) (?:(?:is|are) )?(?:missing|empty|unknown)",
        "all",
        ("{a} is empty", "{b} is empty"),
    ),
    (r"(?:missing) (?P<a>.+?) or (?P<b>.+)", "any", ("{a} is empty", "{b} is empty")),
    (r"(?:missing) (?P<a>.+?) and (?P<b>.+)", "all", ("{a} is empty", "{b} is empty")),
    (
        r"(?:has|have|with) (?:an? )?(?P<a>.+?) and (?:an? )?(?P<b>.+)",
        "all",
        ("{a} is not empty", "{b} is not empty"),
    ),
)
# Of names alone: “has no birthday and city is Gent” says two things.
_SAYS_MORE = re.compile(
    r"\b(?:is|are|was|has|have|not|no|with|without|empty|known|missing)\b|n['’]t\b", re.IGNORECASE
)
_ONLY_ON = r"(?:only|just|solely) on (?P<a>.+)|on (?P<a2>.+) (?:only|alone)|on (?:only|just) (?P<a3>.+)"
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
        ("unconfirmed|pending|not confirmed|not confirmed yet|not confirm", (("any", "list", "pending"),)),
        (
            "consent|consented|consent given|agreed|opted in|gave consent|given consent|consent record|permission",
            (("consent", "mail", "given"),),
        ),
        (
            "withdrew consent|withdrawn consent|consent withdrawn|took back consent",
            (("consent", "mail", "denied"),),
        ),
        (
            "tracking allowed|tracking granted|tracked|agreed tracking|agreed tracked",
            (("consent", "tracking", "given"),),
        ),
        (
            "tracking denied|tracking refused|not tracked|refused tracking",
            (("consent", "tracking", "denied"),),
        ),
    )
    for words in several.split("|")
}
# Words for what nobody tells Campanile → what to say and do instead.
_UNTOLD: Mapping[str, str] = {
    words: sentence
    for several, sentence in (
        ("soft", "What bounced for now is known of one campaign alone: ask what became of that campaign."),
        ("mobile|phone|iphone|android|desktop|device|outlook", "On which device or in which program somebody reads is not known."),
        (
            "bought|buys|buyers|purchased|purchase|ordered|orders|spent|spend|customers|customer|revenue",
            "What people buy is not known by itself. Import it as a field, such as “Orders” or “Spent”, then ask for that.",
        ),
        ("visited|visitors|website|browsed|downloaded", "What people do on your website is not known: only what they do with your mails."),
        ("men|women|male|female|gender", "Whether somebody is a woman or a man is known only where a field says so."),
        (
            "bounced|bounces|complained|suppressed|blocked",
            "Since when somebody is suppressed cannot be asked: only whether and why. A campaign’s own bounces can.",
        ),
        ("every|always", "“Every” cannot be asked of all that was sent: ask how often, or of the last campaigns."),
        ("average|median|best|top|most", "Nobody is ranked here: say from how many, such as “opened at least 5 times”."),
        ("random|percent|%|sample", "A part of the people at random cannot be asked for: a segment holds all who fit."),
        ("near|around|radius|km|miles", "How far places are apart is not known: name the cities."),
        (
            "europe|eu|abroad|dach|benelux|scandinavia|asia|africa|continent|international",
            "Which countries belong together is not known: name the countries.",
        ),
        ("turning|turns|turned", "When somebody gets how old is known only by a date field such as “Birthday”."),
        ("email|e-mail|address", "Everybody here has an address, and just one."),
        ("forwarded|shared|replied|answered", "Who forwards or answers a mail is not known."),
    )
    for words in several.split("|")
}  # fmt: skip
_EVERYBODY = re.compile(
    r"(?:everyone|everybody|anyone|anybody|all)(?: of)?(?: (?:the|our|my))?(?: (?:people|contacts|persons|addresses))?",
    re.IGNORECASE,
)
NO_CONDITION = "A segment needs a condition: this is everybody who may be written to."
_ON_LISTS = re.compile(
    r"(?P<not>not )?(?:on|in|subscribed to|members? of|belongs? to) (?P<number>.+?) (?:different )?lists?(?: at least)?",
    re.IGNORECASE,
)
_BROUGHT = frozenset(["import", "imports", "imported", "uploaded"])
_FILE = re.compile(r"\.(?:csv|tsv|txt|xlsx?|ods|zip)$", re.IGNORECASE)
# Already says no.
_IS_DENIED = ("pending", "denied", "has_not", "left")


def ways(text: str) -> list[str]:
    """The same in other words, the best first."""
    text = " ".join(text.split())
    for pattern, told in _SAID:
        if match := matched(pattern, text):
            return [way.format(**parts_of(match)) for way in told]
    return []


def together(text: str) -> tuple[str, list[str]] | None:
    """(join, ways to say its parts) of what is several conditions at once."""
    text = " ".join(text.split())
    for pattern, join, told in (*_GROUPS, *_OF_SEVERAL):
        if match := matched(pattern, text):
            parts = parts_of(match)
            if any(_SAYS_MORE.search(parts.get(name, "")) for name in "ab"):
                continue
            if "when" in parts and not parts["when"].strip() and "not" not in parts:
                parts["when"] = f" in the last {ACTIVE_DAYS} days"
            return join, [way.format(**parts) for way in told]
    return None


def is_neither(text: str) -> bool:
    """“never opened or clicked”"""
    return matched(rf"{_DID_NOT} (?:{_VERB}) or (?:{_VERB}){_ALONE}", " ".join(text.split())) is not None


def only_on(text: str) -> str:
    """The lists of “only on News and Offers”, as they are said."""
    match = matched(_ONLY_ON, " ".join(text.split()))
    return parts_of(match)["a"] if match else ""


def everybody(text: str, things: Mapping[str, Mapping[Any, Thing]]) -> Condition | None:
    """“all contacts”: the nearest is all who may be written to."""
    is_said = _EVERYBODY.fullmatch(" ".join(text.split())) and "any" in things.get("mailable", {})
    return Condition("mailable", "any", "is_not") if is_said else None


def on_lists(text: str, things: Mapping[str, Mapping[Any, Thing]]) -> Condition | None:
    """“on more than one list”: by how many."""
    match = _ON_LISTS.fullmatch(without_who(" ".join(text.split())))
    if match is None or "list" not in things.get("any", {}):
        return None
    told = re.sub(r"\b(?:several|multiple|many)\b", "at least 2", match["number"].casefold())
    said = spoken.number(told.replace("only ", "").replace("just ", ""))
    if said is None or isinstance(said[1], list) or not said[1].isdecimal():
        return None
    op, number = said[0], int(said[1])
    if op in ("more", "less"):
        op, number = ("at_least", number + 1) if op == "more" else ("at_most", number - 1)
    if match["not"] and op != "equals":
        op, number = ("at_most", number - 1) if op == "at_least" else ("at_least", number + 1)
    elif match["not"] or op not in ("equals", "at_least", "at_most") or number < 0:
        return None
    return Condition("any", "list", {"equals": "exactly"}.get(op, op), number)


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
    folded = {word.casefold() for word in words}
    if any(_FILE.search(word) for word in words) or folded & _BROUGHT:
        return "No import of that name is kept. The people of an import can be asked for as long as it can be rolled back."
    return next((_UNTOLD[word.casefold()] for word in words if word.casefold() in _UNTOLD), "")


def matched(pattern: str, text: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, text, re.IGNORECASE) or re.fullmatch(
        pattern, without_who(text), re.IGNORECASE
    )


def without_who(text: str) -> str:
    return re.sub(
        r"^(?:(?:who|that|people|everybody|everyone|those|they|are|is|have|has)\s+)+(?=\S)",
        "",
        text,
        flags=re.IGNORECASE,
    )


def parts_of(match: re.Match[str]) -> dict[str, str]:
    return {name.rstrip("23"): text for name, text in match.groupdict().items() if text is not None}
