"""The rows of the rule builder: conditions as far as they are filled in, and the groups that hold them."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from accounts.ids import id_of
from audiences.rules import KINDS, Condition, Group, Takes, Thing
from audiences.rules.nodes import JOINS

# Groups the builder offers to make inside each other; the language takes more.
DEPTH = 3
INPUTS = {Takes.NUMBER: "number", Takes.NUMBERS: "number", Takes.DATE: "date", Takes.DATES: "date", Takes.DAYS: "days"}  # fmt: skip


@dataclass(eq=False)
class Row:
    """A condition, as far as it is filled in."""

    key: str
    kind: str
    of: str | int
    op: str
    # As typed: one text, or two of a pair.
    texts: tuple[str, str] = ("", "")
    # What it was called when the rule was saved.
    name: str = ""
    # Filled in by `Draft.look`.
    thing: Thing | None = None
    condition: Condition | None = None
    error: str = ""
    # Whether it is a mistake that nothing was typed yet: when saving.
    is_strict: bool = False
    # The place in its group.
    is_first: bool = False
    is_last: bool = False
    beside: str = ""
    may_wrap: bool = False
    may_leave: bool = False
    said: str = ""
    # How many people fit this by itself, in words; empty until it is counted.
    share: str = ""
    # (of, label) of those it could be about instead.
    things: Sequence[tuple[Any, str]] = ()
    # (value, label) of those to choose from, where the operator takes one of a few.
    values: Sequence[tuple[str, str]] = ()

    is_group: ClassVar[bool] = False
    is_bare: ClassVar[bool] = False

    @property
    def takes(self) -> Takes:
        return KINDS[self.kind].all_ops()[self.op].takes

    @property
    def title(self) -> str:
        return KINDS[self.kind].title

    @property
    def label(self) -> str:
        return self.thing.label if self.thing else self.name

    @property
    def ops(self) -> list[tuple[str, str]]:
        kind = KINDS[self.kind]
        ops = kind.ops(self.of, self.thing) if self.thing else {}
        found = [(key, op.label) for key, op in ops.items()]
        return found if self.op in ops else [(self.op, kind.all_ops()[self.op].label), *found]

    @property
    def input(self) -> str:
        """What to draw for the value; empty where there is none."""
        if self.takes is Takes.NOTHING:
            return ""
        return "choice" if self.takes is Takes.CHOICE else INPUTS.get(self.takes, "text")

    @property
    def is_pair(self) -> bool:
        return self.takes in (Takes.NUMBERS, Takes.DATES)

    @property
    def takes_many(self) -> bool:
        return self.takes is Takes.TEXTS

    @property
    def has_suggestions(self) -> bool:
        return self.kind == "field" and self.takes is Takes.TEXTS

    @property
    def is_blank(self) -> bool:
        """Nothing was typed yet: no reason to complain."""
        return self.takes is not Takes.NOTHING and not any(text.strip() for text in self.texts)

    @property
    def complaint(self) -> str:
        is_silent = self.is_blank and self.thing is not None and not self.is_strict
        return "" if is_silent else self.error

    @property
    def value(self) -> Any:
        if self.takes is Takes.NOTHING:
            return None
        if self.takes is Takes.TEXTS:
            return split(self.texts[0])
        return list(self.texts) if self.is_pair else self.texts[0]

    def node(self) -> Condition:
        return self.condition or Condition(self.kind, self.of, self.op, None, self.name)


@dataclass(eq=False)
class Branch:
    key: str
    join: str = "all"
    rules: list["Row | Branch"] = field(default_factory=list)
    depth: int = 1
    is_first: bool = False
    is_last: bool = False
    is_outer: bool = False
    said: str = ""
    share: str = ""
    may_leave: bool = False

    is_group: ClassVar[bool] = True

    @property
    def may_hold_groups(self) -> bool:
        return self.depth < DEPTH

    @property
    def word(self) -> str:
        """Between two of its rows."""
        return "and" if self.join == "all" else "or"

    def node(self) -> Group:
        """A group that was only just made says nothing yet."""
        return Group(self.join, tuple(inner.node() for inner in self.rules if not inner.is_bare))

    @property
    def is_bare(self) -> bool:
        return all(inner.is_bare for inner in self.rules)


Part = Row | Branch


def split(text: str) -> list[str]:
    """`fr, "Smith, John"` → two values."""
    rows = list(
        csv.reader(
            io.StringIO(text.replace("\x00", "").replace("\n", ",").replace("\r", "")), skipinitialspace=True
        )
    )
    return [value.strip() for row in rows for value in row if value.strip()]


def joined(values: Sequence[Any]) -> str:
    """The reverse of `split`."""
    quoted = (f'"{value.replace(chr(34), chr(34) * 2)}"' if any(c in value for c in ',"\n') else value for value in map(str, values))  # fmt: skip
    return ", ".join(quoted)


def walk(part: Part) -> Iterator[Part]:
    yield part
    if isinstance(part, Branch):
        for inner in part.rules:
            yield from walk(inner)


def join_of(text: Any) -> str:
    return text if isinstance(text, str) and text in JOINS else "all"


def row_of(key: str, data: Any) -> Row | None:
    if key[0] != "c":
        return None
    kind_key, _, of_text = data.get(f"{key}.of", "").partition(":")
    kind = KINDS.get(kind_key)
    if kind is None or not of_text or len(of_text) > 100 or "\x00" in of_text:
        return None
    of = id_of(of_text) if kind.takes_ids else of_text
    if not of:
        return None
    ops = kind.all_ops()
    op = data.get(f"{key}.op", "")
    return Row(
        key,
        kind.key,
        of,
        op if op in ops else next(iter(ops)),
        (data.get(f"{key}.value", "")[:20_000], data.get(f"{key}.to", "")[:500]),
        data.get(f"{key}.name", "")[:200].replace("\x00", ""),
    )


def text_of(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    return joined(value) if isinstance(value, list) else str(value)


def read_json(text: str) -> Any:
    """None for what is none, and for what no page and no table can hold."""
    try:
        told = json.loads(text) if len(text) < 100_000 else None
        json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return told
