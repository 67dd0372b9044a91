"""Dates, numbers and yes/no as a file writes them. One column has one habit; a value that breaks it is no value."""

import re
from collections.abc import Callable, Iterable
from datetime import date

from accounts.days import mistyped

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
}
# Of a cell that a reading turns away.
NO_VALUE: dict[str, str] = {
    "text": "no text",
    "boolean": "neither yes nor no",
    "number": "no number such as 1,234.5",
    "number_comma": "no number such as 1.234,5",
    "date_ymd": "no day such as 2026-12-31",
    "date_dmy": "no day such as 31.12.2026",
    "date_mdy": "no day such as 12/31/2026",
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
# What people do not write for a number or a date when they mean one.
_MOST = 40
_POINT = re.compile(r"[+-]?\d{1,3}(?:[, '\u00a0\u202f’]\d{3})+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d{1,3}(?:[. '\u00a0\u202f’]\d{3})+(?:,\d+)?|[+-]?\d+(?:,\d+)?", re.ASCII)
_NOT_DIGITS = re.compile(r"[, '\u00a0\u202f’]", re.ASCII)
_YMD = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?:[T ][\d:.Zz+ -]{0,25}(?:UTC|GMT)?)?", re.ASCII)
_XXY = re.compile(r"(\d{1,2})[-./] ?(\d{1,2})[-./] ?(\d{4})(?:[T ][\d:.APMapm ]{0,15})?", re.ASCII)


class MistypedYear(ValueError):  # noqa: N818 - what is wrong with a cell
    """A day that nobody means; the sentence is fit for a page."""


def parser(reading: str) -> Callable[[str], Value]:
    """What turns a cell into a value. Raises ValueError."""
    return _PARSERS[reading]


def is_nothing(text: str) -> bool:
    """Whether a cell that no reading takes says that there is no value, such as `n/a`."""
    return len(text) <= _MOST and text.strip().casefold() in _NOTHING


def guess(cells: Iterable[str], *, of_days: bool = False) -> str:
    """The reading under which all of these make sense, or most of them as dates; text when none does.

    `of_days`: by its name the column tells days, so that one date is enough.
    """
    filled = [text for cell in cells if (text := cell.strip()) and (text == "-" or not is_nothing(text))]
    if not filled or any(_is_a_code(text) for text in filled):
        return "text"
    for reading in READINGS:
        values = [value for text in filled if (value := _value(reading, text)) is not None]
        if reading == "text" or reading.startswith("date") or len(values) < len(filled):
            continue
        if reading != "boolean" or len({*values}) == 2:
            return reading
    # A day that does not exist makes the others no texts; 12a among numbers makes all of them texts.
    fits = {
        reading: sum(_value(reading, text) is not None for text in filled)
        for reading in READINGS
        if reading.startswith("date")
    }
    best = max(fits, key=lambda reading: fits[reading])
    return best if fits[best] * 2 > (0 if of_days else len(filled)) else "text"


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


def _date(pattern: re.Pattern[str], order: tuple[int, int, int]) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        found = pattern.fullmatch(text.strip()) if len(text) <= _MOST else None
        if found is None:
            raise ValueError(text[:_MOST])
        day = date(*(int(found[group]) for group in order))
        if sentence := mistyped(day):
            raise MistypedYear(sentence)
        return day.isoformat()

    return parse


def _boolean(text: str) -> Value:
    word = text.strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(text[:_MOST])


_PARSERS: dict[str, Callable[[str], Value]] = {
    "text": str.strip,
    "number": _number(_POINT, "."),
    "number_comma": _number(_COMMA, ","),
    "date_ymd": _date(_YMD, (1, 2, 3)),
    "date_dmy": _date(_XXY, (3, 2, 1)),
    "date_mdy": _date(_XXY, (3, 1, 2)),
    "boolean": _boolean,
}
