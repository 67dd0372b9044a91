"""Numbers and days as people type them after the name of a field: "over 30", "between 3 and 9", "since May", "in 2020"."""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from audiences.rules.spellings import for_one_search

Period = tuple[date, date]
# An operator and its value, not yet read.
Said = tuple[str, Any]

# From here on or up to there: what stands before a day or a period.
LEADS_TO_DAYS = frozenset(["before", "until", "till", "since", "from", "after"])
_ONE = timedelta(days=1)
_UNIT_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
_MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
_BY_CALENDAR = re.compile(
    r"(?<!\bthe )(?:\b(?:in|during) )?\b(last|previous) (week|month|quarter|year)\b", re.IGNORECASE
)
_AGO = re.compile(
    r"(?:(more than|over|longer than|older than|at least|less than|under|within) )?(\d{1,4}|an?) (day|week|month|quarter|year)s?(?: ago)?"
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
# As many as people are known for.
MOST_DAYS = 36_500
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Of the century people are rather born in, where none is said.
_DECADE = re.compile(r"['’]?(19|20)?(\d0)['’]?s")
_YEAR = re.compile(r"(19|20|21)\d\d")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
# Lead on to what is said, and say nothing themselves.
_LEADS = re.compile(
    r"^(?:(?:is|are|was|were|be|been|has|have|had|of|the|their|people|who|whose|that|they)\s+)+"
)

_N = r"(-?\d{1,3}(?: \d{3})+|-?\d+(?:[.,]\d+)?)"
_NUMBERS: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern.replace("N", _N)), op)
    for pattern, op in (
        (r"(?:between |from )?N (?:and|to|-|–) N|N[-–]N", "between"),
        (
            r"(?:at least|>=|≥|from|min|minimum|not? less than|not? fewer than|not under|not below) N",
            "at_least",
        ),
        (r"N ?(?:\+|plus|(?:or|and) (?:more|over|up|above|higher|greater|better|older))", "at_least"),
        (r"(?:at most|<=|≤|up to|max|maximum|not? more than|not over|not above) N", "at_most"),
        (r"N (?:or|and) (?:less|fewer|under|below|lower|smaller|younger)", "at_most"),
        (r"(?:over|above|more than|greater than|larger than|higher than|older than|>) N", "more"),
        (r"(?:under|below|less than|fewer than|smaller than|lower than|younger than|<) N", "less"),
        (r"(?:not|isn't|aren't|other than|differs from|not equal to|!=|<>|≠) N", "differs"),
        (r"(?:=|equals?|equal to|exactly)? ?N", "equals"),
    )
)
_UNITS = re.compile(r"(?: (?:years?|old|times?))+$")


@for_one_search
def number(text: str) -> Said | None:
    """`over 30` → ("more", "30")"""
    text = _UNITS.sub("", _LEADS.sub("", text.casefold()))
    for pattern, op in _NUMBERS:
        if match := pattern.fullmatch(text):
            values = [value for value in match.groups() if value is not None]
            return op, values if op == "between" else values[0]
    return None


@for_one_search
def days(text: str, today: date) -> Said | None:
    """`since May` → ("after", the last day of April). A period without a year is the latest that has begun."""
    text = _LEADS.sub("", text.casefold())
    if match := re.fullmatch(r"(?:between (.+) and|from (.+) (?:to|until|till)) (.+)", text):
        begin, end = _period(match[1] or match[2], today), _period(match[3], today)
        return ("within", [begin[0].isoformat(), end[1].isoformat()]) if begin and end else None
    if said := _ago(text, today):
        return said
    match = re.fullmatch(
        r"(?:(before|earlier than|until|till|up to|since|from|after|later than|on|in|during) )?(.+)", text
    )
    if match is None:
        return None
    # “since last week”: a week by itself may be any seven days.
    is_led = match[1] not in (None, "on", "in", "during")
    is_last = re.fullmatch(r"(last|previous) (week|month|quarter|year)", match[2]) if is_led else None
    period = calendar(is_last[1], is_last[2], today) if is_last else _period(match[2], today)
    if period is None:
        return None
    first, last = period
    match match[1]:
        case "before" | "earlier than":
            return "before", first.isoformat()
        case "until" | "till" | "up to":
            return "before", (last + _ONE).isoformat()
        case "since" | "from":
            return "after", (first - _ONE).isoformat()
        case "after" | "later than":
            return "after", last.isoformat()
    return ("on", first.isoformat()) if first == last else ("within", [first.isoformat(), last.isoformat()])


def _ago(text: str, today: date) -> Said | None:
    """`more than 2 years ago`, `for over a month`; `for a month` is "for", and the day after those it can have begun on."""
    match = _AGO.fullmatch(re.sub("^(?:for|since) ", "", text))
    is_ago = text.endswith(" ago")
    if match is None or not (is_ago or text.startswith(("for ", "since "))):
        return None
    days = int(match[2] if match[2].isdecimal() else 1) * _UNIT_DAYS[match[3]]
    if days > MOST_DAYS or (match[1] is None and is_ago and match[3] != "day"):
        return None
    day = today - timedelta(days=days)
    match match[1]:
        case None if not is_ago:
            return "for", (day + _ONE).isoformat()
        case None:
            return "on", day.isoformat()
        case "less than" | "under" | "within":
            return "after", day.isoformat()
        case "at least":
            return "before", (day + _ONE).isoformat()
    return "before", day.isoformat()


def month(text: str) -> int:
    """Its number; 0 for what is no month by itself."""
    names = [name for name in _MONTHS if name.startswith(text)] if len(text) > 2 else []
    return _MONTHS.index(names[0]) + 1 if names else 0


def has_month_alone(text: str) -> bool:
    """“24 December”, without its year."""
    words = text.casefold().split()
    return any(map(month, words)) and not any(map(_YEAR.fullmatch, words))


def _period(text: str, today: date) -> Period | None:
    words = [word for word in text.split() if word not in ("the", "of")]
    try:
        return _named(words, today) or _dated(words, today)
    except ValueError:  # the 31st of April
        return None


def _named(words: list[str], today: date) -> Period | None:
    match words:
        case ["today"]:
            return today, today
        case ["yesterday"]:
            return today - _ONE, today - _ONE
        case ["tomorrow"]:
            return today + _ONE, today + _ONE
        case ["this", unit] if unit in _MONTHS_OF or unit == "week":
            return calendar("this", unit, today)
        case [day] if day.removesuffix("s") in _WEEKDAYS:
            ago = (today.weekday() - _WEEKDAYS.index(day.removesuffix("s"))) % 7
            return today - timedelta(days=ago), today - timedelta(days=ago)
        case [years] if match := _DECADE.fullmatch(years):
            first = int(match[1] or "19") * 100 + int(match[2])
            return date(first, 1, 1), date(first + 9, 12, 31)
    return None


def calendar(which: str, unit: str, today: date) -> Period:
    """The last, this or the next week, month, quarter or year, as a calendar has them."""
    ahead = {"last": -1, "previous": -1, "this": 0, "next": 1}[which]
    if unit == "week":
        monday = today + timedelta(days=7 * ahead - today.weekday())
        return monday, monday + timedelta(days=6)
    length = _MONTHS_OF[unit]
    begin = (today.year * 12 + today.month - 1) // length * length + ahead * length
    last = begin + length - 1
    return date(begin // 12, begin % 12 + 1, 1), _month(last // 12, last % 12 + 1)[1]


def by_calendar(text: str, today: date) -> str:
    """“last month” as the days of that month; “the last month” is as long, and ends today."""

    def between(match: re.Match[str]) -> str:
        first, last = calendar(match[1].lower(), match[2].lower(), today)
        return f"between {first} and {last}"

    return _BY_CALENDAR.sub(between, text)


def _dated(words: list[str], today: date) -> Period | None:
    """Years, months and days, in any order that is clear."""
    year = month = day = 0
    for word in words:
        if (dotted := _DOTTED.fullmatch(word)) and len(words) == 1:
            day, month, year = (int(part) for part in dotted.groups())
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", word) and len(words) == 1:
            return date.fromisoformat(word), date.fromisoformat(word)
        elif _YEAR.fullmatch(word) and not year:
            year = int(word)
        elif (match := _DAY.fullmatch(word)) and not day:
            day = int(match[1])
        elif not month and len(word) > 2 and (found := [name for name in _MONTHS if name.startswith(word)]):
            month = _MONTHS.index(found[0]) + 1
        else:
            return None
    if day and not month:
        return None
    if month and not year:
        year = today.year if (month, day or 1) <= (today.month, today.day) else today.year - 1
    if day:
        return date(year, month, day), date(year, month, day)
    if month:
        return _month(year, month)
    return (date(year, 1, 1), date(year, 12, 31)) if year else None


def _month(year: int, month: int) -> Period:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])
