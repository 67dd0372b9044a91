"""What a condition can be about: a kind brings its operators, its names, its words and its SQL."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from accounts.days import mistyped
from accounts.models import Workspace

if TYPE_CHECKING:
    from audiences.rules.nodes import Condition

# NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_LETTERS_OF_A_VALUE = 500
MAX_TEXTS = 200
MAX_DAYS = 3660


class Takes(Enum):
    """What stands right of an operator, and how it is read: JSON → value, or ValueError with a sentence."""

    NOTHING = "nothing"
    TEXT = "text"
    # One or more: any of them.
    TEXTS = "texts"
    NUMBER = "number"
    # From, to; both included.
    NUMBERS = "numbers"
    DATE = "date"
    DATES = "dates"
    DAYS = "days"
    # One of `Kind.choices` of the thing, by its key.
    CHOICE = "choice"

    def read(self, value: Any) -> Any:
        return _READERS[self](value)

    def typed(self, value: Any) -> Any:
        """As somebody says it now. In what is stored already, a year that nobody means is borne."""
        read = self.read(value)
        for day in {Takes.DATE: [read], Takes.DATES: read}.get(self, ()):
            if sentence := mistyped(date.fromisoformat(day)):
                raise ValueError(sentence)
        return read


@dataclass(frozen=True, slots=True)
class Op:
    # In the builder, after the name of what is compared.
    label: str
    # A sentence with {of} and {value}.
    says: str
    takes: Takes = Takes.NOTHING


@dataclass(frozen=True, slots=True)
class Thing:
    """One of a kind: a list, a field. `data` is the kind's own."""

    label: str
    # What is odd about it: "archived".
    note: str = ""
    data: Any = None


class Meant(NamedTuple):
    op: str
    value: Any
    # What of the words cannot be asked: then this is the nearest that can.
    but: str = ""


@dataclass(slots=True)
class Writer:
    """Values of a statement, each under a name of its own, and the moment "the last days" count from."""

    workspace_id: int
    now: datetime
    zone: ZoneInfo
    values: dict[str, Any] = field(default_factory=dict)
    # Asked of one after the other until a page is full, not of everybody: a look-up for each beats a join.
    is_one_by_one: bool = False
    # Whether those are wanted who do not fit: then the planner makes no join of a look-up.
    is_denied: bool = False

    def put(self, value: Any) -> str:
        """The placeholder of a value."""
        name = f"rule{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


class Kind:
    """Derive, fill in, `register` an instance."""

    key: ClassVar[str]
    # The heading under which the builder offers it.
    title: ClassVar[str]
    # Whether `Condition.of` is a number of a row.
    takes_ids: ClassVar[bool] = False
    # What is said when the thing is gone: "The tag “VIP” is gone".
    noun: ClassVar[str] = "field"
    # Whether the things come with the newest first, so that "the last one" names one of them.
    is_newest_first: ClassVar[bool] = False
    # The kind whose conditions say of everything what this one says of one thing: "opened Spring Sale but did not click".
    narrows: ClassVar[str] = ""

    # Whether it asks what people did with mails, which is known of those alone of whom accounts told.
    is_about_deeds: ClassVar[bool] = False

    def all_ops(self) -> Mapping[str, Op]:
        """Every operator of the kind, whichever thing it is used on."""
        raise NotImplementedError

    def ops(self, of: str | int, thing: Thing) -> Mapping[str, Op]:
        """Those that fit this thing."""
        return self.all_ops()

    def things(self, workspace: Workspace, only: Collection[str | int] | None = None) -> Mapping[Any, Thing]:
        """of → what there is, in the order the builder offers; `only` those, archived ones too. One query."""
        raise NotImplementedError

    def meant(
        self, of: str | int, op: str, value: Any, words: Collection[str], today: date
    ) -> "Meant | None":
        """What a day or a number in everyday words means of this thing: said as a field is compared ("after" and a day), with
        `words` before it."""
        return None

    def choices(self, workspace: Workspace, of: str | int) -> Sequence[tuple[str, str]]:
        """(key, label) of what an operator that takes a choice lets one choose from. One query."""
        return ()

    def sql(self, condition: "Condition", thing: Thing, write: Writer) -> str:
        """A condition over `audiences_contact c` that is true or false, never null."""
        raise NotImplementedError

    def together(self, condition: "Condition") -> str:
        """Conditions of an "any" group that give the same text here are asked by one `sql_of_any`; empty: by itself."""
        return ""

    def sql_of_any(self, conditions: Sequence["Condition"], write: Writer) -> str:
        """Whether any of these holds: one look-up that the planner can join, which it cannot do with an "or"."""
        raise NotImplementedError

    def value(self, condition: "Condition", thing: Thing) -> str:
        """The value in words."""
        return in_words(condition.value)

    def says(self, condition: "Condition", op: Op) -> str:
        """The operator's sentence; between a day and the same day is on it."""
        value = condition.value
        is_one_day = op.takes is Takes.DATES and isinstance(value, list) and value[0] == value[1]
        return op.says.replace(" between ", " on ") if is_one_day else op.says


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    KINDS[kind.key] = kind


def in_words(value: Any) -> str:
    from accounts.templatetags.ui import day, number

    if isinstance(value, list):
        return " or ".join(f"“{one}”" for one in value)
    if isinstance(value, str):
        try:
            return day(date.fromisoformat(value)) if len(value) == 10 else f"“{value}”"
        except ValueError:
            return f"“{value}”"
    if isinstance(value, int | float):
        return str(number(value)) if isinstance(value, int) else f"{value:g}"
    return ""


def _nothing(value: Any) -> None:
    return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Say what to compare with.")
    if _UNSTORABLE.search(value):
        raise ValueError("This text holds a letter that cannot be kept. Type it again.")
    if len(value) > MAX_LETTERS_OF_A_VALUE:
        raise ValueError(f"A text to compare with has {MAX_LETTERS_OF_A_VALUE} letters at most.")
    return value.strip()


def _texts(value: Any) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list):
        raise ValueError("Say what to compare with.")
    texts = list(dict.fromkeys(_text(one) for one in found if not (isinstance(one, str) and not one.strip())))
    if not texts:
        raise ValueError("Say what to compare with.")
    if len(texts) > MAX_TEXTS:
        raise ValueError(f"There can be {MAX_TEXTS} values at most.")
    return texts


def _choice(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 100:
        raise ValueError("Choose one.")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        text = "".join(value.split()).replace(",", ".")
        try:
            value = int(text) if text.lstrip("-").isdecimal() else float(text)
        except ValueError:
            raise ValueError("This is no number.") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise ValueError("This is no number.")
    return value


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("This is no date.") from None


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("Say from where to where.")
    return value[0], value[1]


def _numbers(value: Any) -> list[int | float]:
    low, high = (_number(one) for one in _pair(value))
    if low > high:
        raise ValueError("The first number is larger than the second.")
    return [low, high]


def _dates(value: Any) -> list[str]:
    first, last = (_date(one) for one in _pair(value))
    if first > last:
        raise ValueError("The first day is later than the last.")
    return [first, last]


def _days(value: Any) -> int:
    days = _number(value) if value not in (None, "") else None
    if not isinstance(days, int) or not 0 <= days <= MAX_DAYS:
        raise ValueError(f"Say a number of days, {MAX_DAYS} at most.")
    return days


_READERS = {
    Takes.NOTHING: _nothing, Takes.TEXT: _text, Takes.TEXTS: _texts, Takes.NUMBER: _number, Takes.NUMBERS: _numbers,
    Takes.DATE: _date, Takes.DATES: _dates, Takes.DAYS: _days,
    Takes.CHOICE: _choice,
}  # fmt: skip
