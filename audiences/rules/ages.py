"""“aged 30 to 40”, “turning 50 this year”: ages, by the day people are born."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from audiences.rules import spoken
from audiences.rules.kinds import Thing
from audiences.rules.nodes import Condition, Group, Node
from audiences.rules.sayings import matched, parts_of, without_who

_AGED = re.compile(r"(?:(?:age[ds]?|is|are) )*(?P<number>.+?)(?: years?)?(?: old)?", re.IGNORECASE)
_TURNING = (
    r"(?:turns?|turning|turned|will be|becomes?|becoming) (?P<age>\d{1,3})(?: years?(?: old)?)?(?P<when>(?: .+)?)"
    r"|(?P<age2>\d{1,3})(?:st|nd|rd|th) birthday(?: is)?(?P<when2>(?: .+)?)"
)
_BORN = ("birthday", "birth", "born", "birthdate")


def aged(text: str, things: Mapping[Any, Thing], today: date, *, is_alone: bool = False) -> Node | None:
    """“aged 30 to 40”, and where it stands alone “over 30”: by the day people are born."""
    born = next((of for of, thing in things.items() if is_born(thing)), None)
    match = _AGED.fullmatch(without_who(text.strip()))
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


def turning(text: str, things: Mapping[Any, Thing], today: date) -> Condition | None:
    """“turning 50 this year”: by the day people are born."""
    born = next((of for of, thing in things.items() if is_born(thing)), None)
    match = matched(_TURNING, " ".join(text.split()))
    if born is None or match is None:
        return None
    told = parts_of(match)
    when = told["when"].strip() or "this year"
    if next_ := re.fullmatch(r"next (month|quarter|year)", when, re.IGNORECASE):
        first, last = spoken.calendar("next", next_[1].casefold(), today)
    else:
        said = spoken.days(spoken.by_calendar(when, today), today)
        if said is None or said[0] not in ("on", "within"):
            return None
        days = said[1] if said[0] == "within" else [said[1]] * 2
        first, last = date.fromisoformat(days[0]), date.fromisoformat(days[1])
    age = int(told["age"])
    if age >= 130:
        return None
    return Condition("field", born, "within", [_years_before(day, age).isoformat() for day in (first, last)])


def is_born(thing: Thing) -> bool:
    """Whether it is a day that comes round each year."""
    if thing.data.get("kind") != "date":
        return False
    return bool({word.casefold() for word in re.findall(r"\w+", thing.label)} & {*_BORN, "anniversary"})


def _years_before(day: date, years: int) -> date:
    year = day.year - years
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
