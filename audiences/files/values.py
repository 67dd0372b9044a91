"""Dates, numbers and yes/no as a file writes them. One column has one habit; a value that breaks it is no value."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from accounts.days import mistyped
from audiences.files.months import month_of

Value = str | int | float | bool

# Reading → (what a page calls it, Field.kind it gives).
READINGS: dict[str, tuple[str, str]] = {
    "text": ("Text", "text"),
    "boolean": ("Yes or no", "boolean"),
    "number": ("Number, 1,234.5", "number"),
    "number_comma": ("Number, 1.234,5", "number"),
    "date_ymd": ("Date, 2026-12-31", "date"),
    "date_dmy": ("Date, 31.12.2026", "date"),
    "date_mdy": ("Date, 12/31/2026", "date"),
    "date_named": ("Date, 31 December 2026", "date"),
}
# A month that is named is read under each of them: where all are, the last one says so.
_DATES = ("date_named", "date_ymd", "date_dmy", "date_mdy")
# Of a cell that a reading turns away.
NO_VALUE: dict[str, str] = {
    "text": "no text",
    "boolean": "neither yes nor no",
    "number": "no number such as 1,234.5",
    "number_comma": "no number such as 1.234,5",
    "date_ymd": "no day such as 2026-12-31",
    "date_dmy": "no day such as 31.12.2026",
    "date_mdy": "no day such as 12/31/2026",
    "date_named": "no day such as 31 December 2026",
}
_YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "x",
        "ja",
        "j",
        "wahr",
        "oui",
        "o",
        "vrai",
        "si",
        "sí",
        "s",
        "vero",
        "sim",
        "verdadeiro",
        "sand",
        "tak",
        "kyllä",
        "on",
    ]
)
_NO = frozenset(
    [
        "no",
        "n",
        "false",
        "f",
        "0",
        "nein",
        "falsch",
        "non",
        "faux",
        "falso",
        "não",
        "nao",
        "nej",
        "falsk",
        "nie",
        "ei",
        "off",
        "-",
    ]
)
# What stands in a cell of which nothing is known, where no text is asked for.
_NOTHING = frozenset([
    "-", "--", "---", "–", "—", ".", "/", "?", "n/a", "na", "n.a.", "n.a", "#n/a", "#na", "none", "null", "nil",
    "nan", "undefined", "unknown", "unbekannt", "keine", "kein", "k.a.", "k.a", "k/a", "nvt", "n.v.t.", "s/o", "inconnu", "ninguno", "nessuno", "ukendt", "okänd",
])  # fmt: skip
# What stands for nothing where any text may stand, even a name such as Na or None.
_NO_TEXT = frozenset(["n/a", "-", "–", ".", "?", "unknown", "null"])
# What people do not write for a number or a date when they mean one.
_MOST = 40
_POINT = re.compile(r"[+-]?\d{1,3}(?:[, '\u00a0\u202f’]\d{3})+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d{1,3}(?:[. '\u00a0\u202f’]\d{3})+(?:,\d+)?|[+-]?\d+(?:,\d+)?", re.ASCII)
_NOT_DIGITS = re.compile(r"[, '\u00a0\u202f’]", re.ASCII)
_YMD = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T ][\d:.Zz+ -]{0,25}(?:UTC|GMT)?)?", re.ASCII)
_YEAR, _CLOCK = r"(\d{4}|'?\d{2})", r"(?:,? ?[T ][\d:.APMapm ]{0,15})?"
_XXY = re.compile(rf"(\d{{1,2}})[-./] ?(\d{{1,2}})[-./] ?{_YEAR}{_CLOCK}", re.ASCII)
_MONTH = r"(?P<month>[^\W\d_]{3,12})\.?"
# 3 March 1990, 3. März 1990, 3 de marzo de 1990, 03-Mar-90; Mar 3, 1990.
_NAMED = tuple(
    re.compile(pattern.replace("YEAR", f"(?P<year>{_YEAR[1:-1]})") + _CLOCK)
    for pattern in (
        rf"(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|er|º|\.)?[-/ ]?(?:de |of )?{_MONTH},?[-/ ]?(?:del? )?YEAR",
        rf"{_MONTH}[-/ ]?(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:, ?|[-/ ])YEAR",
    )
)
# How far ahead a day with two digits of its year may be.
_DAYS_AHEAD = 20 * 365


class MistypedYear(ValueError):  # noqa: N818 - what is wrong with a cell
    """A day that nobody means; the sentence is fit for a page."""


def parser(reading: str, *, of_past: bool = False) -> Callable[[str], Value]:
    """What turns a cell into a value. Raises ValueError. `of_past`: its days have come, such as birthdays."""
    return _PARSERS[of_past][reading]


def is_nothing(text: str) -> bool:
    """Whether a cell that no reading takes says that there is no value, such as `n/a`."""
    return len(text) <= _MOST and text.strip().casefold() in _NOTHING


def is_no_text(text: str) -> bool:
    """Whether a cell of a name or a place says that there is none."""
    return len(text) < 8 and text.casefold() in _NO_TEXT


def guess(cells: Iterable[str], *, of_days: bool = False) -> str:
    """The reading under which all of these make sense, or most of them as dates; text when none does.

    `of_days`: by its name the column tells days, so that one date is enough.
    """
    filled = _filled(cells)
    # What is no day makes the others no texts; 12a among numbers makes all of them texts.
    days, fits = _best(filled, _DATES)
    if fits * 2 > (0 if of_days else len(filled)):
        return days
    if not filled or any(_is_a_code(text) for text in filled):
        return "text"
    for reading in ("boolean", "number", "number_comma"):
        values = [value for text in filled if (value := _value(reading, text)) is not None]
        if len(values) == len(filled) and (reading != "boolean" or len({*values}) == 2):
            return reading
    return "text"


def best_of_kinds(cells: Iterable[str]) -> dict[str, tuple[str, float]]:
    """Field.kind → the reading under which most of these make sense, and the share that does under any of the kind.

    Without kinds under which none does.
    """
    filled = _filled(cells)
    found = {}
    for kind, readings in (
        ("boolean", ("boolean",)),
        ("number", ("number", "number_comma")),
        ("date", _DATES),
    ):
        best, fits = _best(filled, readings)
        if fits:
            all_fits = sum(any(_value(reading, text) is not None for reading in readings) for text in filled)
            found[kind] = best, round(all_fits / len(filled), 2)
    return found


def _filled(cells: Iterable[str]) -> list[str]:
    return [text for cell in cells if (text := cell.strip()) and (text == "-" or not is_nothing(text))]


def _best(filled: Sequence[str], readings: Iterable[str]) -> tuple[str, int]:
    """The first under which no other makes sense of more, and of how many it does."""
    fits = {reading: sum(_value(reading, text) is not None for text in filled) for reading in readings}
    best = max(fits, key=lambda reading: fits[reading])
    return best, fits[best]


def _value(reading: str, text: str) -> Value | None:
    try:
        return parser(reading)(text)
    except MistypedYear:
        return text  # written as a day all the same
    except ValueError:
        return None


def _is_a_code(text: str) -> bool:
    """Digits that are a name: a postcode or a phone number keeps its zeros and its plus."""
    digits = text.lstrip("+-")
    return text.startswith("+") or (len(digits) > 1 and digits[0] == "0" and digits.isdigit()) or (
        digits.isdigit() and len(digits) > 15
    )  # fmt: skip


def _number(pattern: re.Pattern[str], point: str) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        text = text.strip()
        if len(text) < 16 and text.isdigit() and text.isascii():
            return int(text)
        if (
            len(text) > _MOST
            or (not text.isprintable() and "\u00a0" not in text)
            or not pattern.fullmatch(text)
        ):
            raise ValueError(text[:_MOST])
        if point == ",":
            text = text.replace(".", "").replace(",", ".")
        plain = _NOT_DIGITS.sub("", text)
        if "." not in plain:
            return int(plain)
        value = float(plain)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value

    return parse


def _date(pattern: re.Pattern[str], order: tuple[int, int, int], ahead: int) -> Callable[[str], Value]:
    named = _named(ahead)

    def parse(text: str) -> Value:
        found = pattern.fullmatch(text.strip()) if len(text) <= _MOST else None
        if found is None:
            return named(text)
        year, month, day = (found[group] for group in order)
        return _day(year, int(month), int(day), ahead)

    return parse


def _named(ahead: int) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        found = None
        if len(text) <= _MOST:
            words = " ".join(text.split())
            found = next((match for pattern in _NAMED if (match := pattern.fullmatch(words))), None)
        if found is None:
            raise ValueError(text[:_MOST])
        return _day(found["year"], month_of(found["month"]), int(found["day"]), ahead)

    return parse


def _day(year: str, month: int, day: int, ahead: int) -> Value:
    """Of two digits, the last such year that is not more than so many days ahead."""
    digits = year.lstrip("'")
    value = date(int(digits) + (2000 if len(digits) == 2 else 0), month, day)
    if len(digits) == 2 and value > datetime.now(UTC).date() + timedelta(days=ahead):
        value = date(value.year - 100, month, day)
    if sentence := mistyped(value):
        raise MistypedYear(sentence)
    return value.isoformat()


def _boolean(text: str) -> Value:
    word = text.strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(text[:_MOST])


# By whether the days of the column have come: a contract ends in 2030, a birthday 30 was in 1930.
_PARSERS: dict[bool, dict[str, Callable[[str], Value]]] = {
    of_past: {
        "text": str.strip,
        "number": _number(_POINT, "."),
        "number_comma": _number(_COMMA, ","),
        "date_ymd": _date(_YMD, (1, 2, 3), ahead),
        "date_dmy": _date(_XXY, (3, 2, 1), ahead),
        "date_mdy": _date(_XXY, (3, 1, 2), ahead),
        "date_named": _named(ahead),
        "boolean": _boolean,
    }
    for of_past, ahead in ((True, 0), (False, _DAYS_AHEAD))
}
