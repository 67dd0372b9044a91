"""Conditions over the fields of a person, and over the address and the day they came."""

import calendar
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from accounts.days import day_after, day_before, start_of
from accounts.models import Workspace
from accounts.names import without_marks
from audiences.models import Contact, Field
from audiences.rules.kinds import Kind, Meant, Op, Takes, Thing, Writer, in_words
from audiences.rules.nodes import Condition
from audiences.sql import like

Fields = Field.Kind
ADDRESS, DOMAIN, ADDED = "@email", "@domain", "@added"
# What every person has beside fields: of → (label, kind).
OWN = {
    ADDRESS: ("Address", Fields.TEXT),
    DOMAIN: ("Domain of the address", Fields.CHOICE),
    ADDED: ("Added here", Fields.DATE),
}
# Codes: chosen from those there are, not typed.
CODES = ("language",)

MONTHS = tuple((f"{number:02}", calendar.month_name[number]) for number in range(1, 13))

_EMPTY = {
    "empty": Op("is empty", "{of} is empty"),
    "filled": Op("is not empty", "{of} is not empty"),
}
_IS = {
    "is": Op("is", "{of} is {value}", Takes.TEXTS),
    "is_not": Op("is not", "{of} is not {value}", Takes.TEXTS),
}
_TEXT = {
    **_IS,
    "contains": Op("contains", "{of} contains {value}", Takes.TEXT),
    "not_contains": Op("does not contain", "{of} does not contain {value}", Takes.TEXT),
    "begins": Op("begins with", "{of} begins with {value}", Takes.TEXT),
    "ends": Op("ends with", "{of} ends with {value}", Takes.TEXT),
    **_EMPTY,
}
_NUMBER = {
    "equals": Op("equals", "{of} equals {value}", Takes.NUMBER),
    "differs": Op("differs from", "{of} differs from {value}", Takes.NUMBER),
    "at_least": Op("is at least", "{of} is at least {value}", Takes.NUMBER),
    "at_most": Op("is at most", "{of} is at most {value}", Takes.NUMBER),
    "more": Op("is more than", "{of} is more than {value}", Takes.NUMBER),
    "less": Op("is less than", "{of} is less than {value}", Takes.NUMBER),
    "between": Op("is between", "{of} is between {value}", Takes.NUMBERS),
    **_EMPTY,
}
_DATE = {
    "in_last": Op("in the last … days", "{of} in the last {value}", Takes.DAYS),
    "not_in_last": Op("not in the last … days", "{of} not in the last {value}", Takes.DAYS),
    "in_next": Op("in the next … days", "{of} in the next {value}", Takes.DAYS),
    "on": Op("is on", "{of} is on {value}", Takes.DATE),
    "before": Op("is before", "{of} is before {value}", Takes.DATE),
    "after": Op("is after", "{of} is after {value}", Takes.DATE),
    "within": Op("is between", "{of} is between {value}", Takes.DATES),
    "anniversary": Op(
        "has its anniversary in the next … days", "{of} has its anniversary in the next {value}", Takes.DAYS
    ),
    "month": Op("falls in the month", "{of} falls in {value}", Takes.CHOICE),
    **_EMPTY,
}
_BOOLEAN = {
    "yes": Op("is yes", "{of} is yes"),
    "no": Op("is no", "{of} is no"),
    **_EMPTY,
}
OPS: dict[str, Mapping[str, Op]] = {
    Fields.TEXT: _TEXT, Fields.NUMBER: _NUMBER, Fields.DATE: _DATE, Fields.BOOLEAN: _BOOLEAN,
    Fields.CHOICE: {**_IS, **_EMPTY},
}  # fmt: skip
_COMPARES = {"equals": "=", "at_least": ">=", "at_most": "<=", "more": ">", "less": "<"}


class FieldKind(Kind):
    key = "field"
    title = "Fields"
    noun = "field"

    def all_ops(self) -> Mapping[str, Op]:
        return {key: op for ops in OPS.values() for key, op in ops.items()}

    def ops(self, of: str | int, thing: Thing) -> Mapping[str, Op]:
        ops = OPS[thing.data["kind"]]
        if of in (ADDRESS, DOMAIN, ADDED):
            ops = {key: op for key, op in ops.items() if key not in _EMPTY}
        if of == ADDED:
            ops = {key: op for key, op in ops.items() if key not in ("in_next", "anniversary", "month")}
        return ops

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        known: dict[str, tuple[str, str, list[str]]] = {
            key: (label, Fields.CHOICE if key in CODES else Fields.TEXT, [])
            for key, label in Contact.STANDARD_FIELDS.items()
        }
        for field in Field.objects.filter(workspace=workspace):
            kind = known[field.key][1] if field.is_standard else field.kind
            known[field.key] = (field.label, kind, field.choices)
        known |= {of: (label, kind, []) for of, (label, kind) in OWN.items()}
        return {
            key: Thing(label, data={"kind": kind, "choices": choices})
            for key, (label, kind, choices) in known.items()
            if only is None or key in only
        }

    def choices(self, workspace: Workspace, of: str | int) -> Sequence[tuple[str, str]]:
        return MONTHS

    def meant(self, of: str | int, op: str, value: Any, words: Collection[str], today: date) -> Meant | None:
        """“with us for 2 years”"""
        return Meant("before", value) if (of, op) == (ADDED, "for") and not words else None

    def sql(self, condition: Condition, thing: Thing, write: Writer) -> str:
        op, of = condition.op, str(condition.of)
        if of == ADDED:
            return _instant(condition, write)
        kind = thing.data["kind"]
        column = _column(of, write)
        # With whole values of a choice the index on `custom` answers.
        whole = kind == Fields.CHOICE and of not in OWN and of not in Contact.STANDARD_FIELDS
        if op in ("empty", "filled"):
            is_empty = f"({column} = '')"
            return is_empty if op == "empty" else f"(not {is_empty})"
        if op in ("yes", "no"):
            return f"(c.custom @> {write.put(_json({of: op == 'yes'}))}::jsonb)"
        if kind == Fields.NUMBER:
            return _number(condition, of, write)
        if kind == Fields.DATE:
            return _day(condition, column, write)
        if op in ("is", "is_not"):
            if whole:
                found = " or ".join(
                    f"c.custom @> {write.put(_json({of: value}))}::jsonb" for value in condition.value
                )
            elif kind == Fields.CHOICE:
                values = (
                    [value.lower().removeprefix("@") for value in condition.value]
                    if of == DOMAIN
                    else condition.value
                )
                found = f"{column} = any({write.put(values)}::text[])"
            else:
                found = _reads(column, "{}", condition.value, write)
            return f"({found})" if op == "is" else f"(not ({found}))"
        pattern = {"begins": "{}%", "ends": "%{}"}.get(op, "%{}%")
        found = _reads(column, pattern, [condition.value], write)
        return f"(not ({found}))" if op == "not_contains" else f"({found})"

    def together(self, condition: Condition) -> str:
        """A code that is one of these or empty: an index holds them side by side."""
        return str(condition.of) if condition.of in CODES and condition.op in ("is", "empty") else ""

    def sql_of_any(self, conditions: Sequence[Condition], write: Writer) -> str:
        values = [value for one in conditions for value in (one.value if one.op == "is" else [""])]
        return f"({_column(str(conditions[0].of), write)} = any({write.put(values)}::text[]))"

    def value(self, condition: Condition, thing: Thing) -> str:
        return value_in_words(condition, super().value(condition, thing))

    def says(self, condition: Condition, op: Op) -> str:
        is_today = condition.op == "anniversary" and condition.value == 0
        return "{of} has its anniversary today" if is_today else super().says(condition, op)


def value_in_words(condition: Condition, otherwise: str) -> str:
    if condition.op.endswith(("in_last", "in_next", "anniversary")):
        return days_in_words(condition.value)
    if condition.op.endswith(("between", "within")):
        first, last = condition.value
        is_one_day = first == last and isinstance(first, str)
        return in_words(first) if is_one_day else f"{in_words(first)} and {in_words(last)}"
    if condition.op == "month":
        return dict(MONTHS).get(condition.value, "")
    return otherwise


def days_in_words(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _reads(column: str, pattern: str, texts: Sequence[str], write: Writer) -> str:
    """Whatever the accents and capitals; the letters of an address are its own. Marks alone are no text."""
    if column == "c.email":
        return f"{column} ilike any({write.put([pattern.format(like(text)) for text in texts])}::text[])"
    plain = [pattern.format(like(kept)) for text in texts if (kept := without_marks(text))]
    folded = ", ".join(f"folded({write.put(one)})" for one in plain)
    return f"folded({column}) like any(array[{folded}]::text[])"


def _column(of: str, write: Writer) -> str:
    if of == ADDRESS:
        return "c.email"
    if of == DOMAIN:
        return "split_part(c.email, '@', 2)"
    if of in Contact.STANDARD_FIELDS:
        return f"c.{of}"
    return f"coalesce(c.custom ->> {write.put(of)}, '')"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value)


def _number(condition: Condition, of: str, write: Writer) -> str:
    """Values of another type are no numbers, whatever they look like. `case` keeps the cast behind the test."""
    key = write.put(of)
    number = f"(c.custom ->> {key})::numeric"
    if condition.op == "between":
        low, high = condition.value
        test = f"{number} between {write.put(low)} and {write.put(high)}"
    elif condition.op == "differs":
        return f"(not (c.custom @> {write.put(_json({of: condition.value}))}::jsonb))"
    elif condition.op == "equals":
        return f"(c.custom @> {write.put(_json({of: condition.value}))}::jsonb)"
    else:
        test = f"{number} {_COMPARES[condition.op]} {write.put(condition.value)}"
    return f"(case when jsonb_typeof(c.custom -> {key}) = 'number' then {test} else false end)"


def _day(condition: Condition, column: str, write: Writer) -> str:
    """Days are kept as YYYY-MM-DD, which sorts as text; what is none has no day."""
    op, value = condition.op, condition.value
    day = f"left({column}, 10)"
    is_day = f"{column} ~ '^\\d{{4}}-\\d\\d-\\d\\d'"
    if op == "anniversary":
        return f"({is_day} and substr({column}, 6, 5) = any({write.put(month_days(write.today, value))}::text[]))"
    if op == "month":
        return f"({is_day} and substr({column}, 6, 2) = {write.put(value)})"
    first, last = span(op, value, write.today)
    tests = [is_day]
    if op == "not_in_last":
        inside = f"{is_day} and {day} between {write.put(first)} and {write.put(last)}"
        return f"(not ({inside}))"
    if first:
        tests.append(f"{day} >= {write.put(first)}")
    if last:
        tests.append(f"{day} <= {write.put(last)}")
    return f"({' and '.join(tests)})"


def span(op: str, value: Any, today: date) -> tuple[str, str]:
    """The first and last day meant, as text; empty where it is open."""
    if op in ("in_last", "not_in_last"):
        return (today - timedelta(days=value)).isoformat(), today.isoformat()
    if op == "in_next":
        return today.isoformat(), (today + timedelta(days=value)).isoformat()
    if op == "on":
        return value, value
    if op == "before":
        return "", day_before(date.fromisoformat(value)).isoformat()
    if op == "after":
        return day_after(date.fromisoformat(value)).isoformat(), ""
    return value[0], value[1]


def month_days(today: date, days: int) -> list[str]:
    """MM-DD of today and the days after it; the 29th of February comes on the 28th in a year without it."""
    found = []
    for ahead in range(min(days, 366) + 1):
        day = today + timedelta(days=ahead)
        found.append(day.isoformat()[5:])
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.append("02-29")
    return found


def _instant(condition: Condition, write: Writer) -> str:
    first, last = span(condition.op, condition.value, write.today)
    tests = []
    if first:
        tests.append(f"c.created_at >= {write.put(start_of(date.fromisoformat(first), write.zone))}")
    if last and last < "9999-12-31":
        after = start_of(day_after(date.fromisoformat(last)), write.zone)
        tests.append(f"c.created_at < {write.put(after)}")
    found = " and ".join(tests) or "true"
    return f"(not ({found}))" if condition.op == "not_in_last" else f"({found})"
