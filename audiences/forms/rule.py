"""The rule builder's form: a tree of rows as posted, half-filled ones included, and the moves that change its shape.

Each row stands in the form as a hidden `node` ("c3 g1": the condition c3 in the group g1), in the order of the tree, and
fields named after it: `c3.of`, `c3.op`, `c3.value`, `g1.join`. The tree lives in the form; the server alone changes it.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from accounts.models import Workspace
from audiences import rules
from audiences.rules import KINDS, Condition, Group, Takes, Thing
from audiences.rules.nodes import JOINS, MAX_CONDITIONS, MAX_DEPTH

# Groups the builder offers to make inside each other; the language takes more.
DEPTH = 3
MOST_ROWS = 2 * MAX_CONDITIONS
MOST_CHOICES = 200
# "In the last … days" begins with.
DAYS = 90
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
    # (of, label) of those it could be about instead.
    things: Sequence[tuple[Any, str]] = ()

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
        return "" if self.takes is Takes.NOTHING else INPUTS.get(self.takes, "text")

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


class Draft:
    """A rule being built."""

    def __init__(self, workspace: Workspace, root: Branch | None = None) -> None:
        self.workspace = workspace
        self.root = root or Branch("g1")
        self.root.is_outer = True
        # Where the next condition goes.
        self.at = self.root.key
        # The id of what takes the focus when the tree is drawn again.
        self.focus = ""
        # Why a move was not made.
        self.refusal = ""
        # The segment that is edited: it cannot be part of itself.
        self.own: int | None = None
        self.offered: dict[str, Mapping[Any, Thing]] = {}

    # Reading

    @classmethod
    def posted(cls, workspace: Workspace, data: Any) -> "Draft":
        """Nonsense is left out: the form is ours, whoever makes up one of their own loses only that."""
        draft = cls(workspace)
        branches, seen = {draft.root.key: draft.root}, {draft.root.key}
        draft.root.join = _join(data.get(f"{draft.root.key}.join", "all"))
        for text in data.getlist("node")[:MOST_ROWS]:
            key, _, parent = text.partition(" ")
            branch = branches.get(parent)
            if branch is None or key in seen or not key[1:].isdecimal() or len(key) > 6:
                continue
            seen.add(key)
            if key[0] == "g" and branch.depth < MAX_DEPTH:
                made = Branch(key, _join(data.get(f"{key}.join", "")), depth=branch.depth + 1)
                branches[key] = made
                branch.rules.append(made)
            elif row := _row(key, data):
                branch.rules.append(row)
        at = data.get("at", "")
        draft.at = at if at in branches else draft.root.key
        return draft

    @classmethod
    def of(cls, workspace: Workspace, rule: Group) -> "Draft":
        return cls.told(workspace, rules.as_json(rule))

    @classmethod
    def told(cls, workspace: Workspace, data: Any) -> "Draft":
        """From JSON; what of it is nonsense is left out, what is not filled in is kept."""
        draft = cls(workspace)
        part = draft._made(data, iter(range(1, MOST_ROWS)), depth=0)
        if isinstance(part, Branch):
            draft.root = part
        elif part is not None:
            draft.root.rules.append(part)
        draft.root.is_outer, draft.at = True, draft.root.key
        if bare := [row for row in draft.rows() if not row.op]:
            draft._begin(bare)
        return draft

    def _made(self, data: Any, numbers: Iterator[int], *, depth: int) -> Part | None:
        if not isinstance(data, dict) or depth > MAX_DEPTH or (number := next(numbers, None)) is None:
            return None
        if isinstance(data.get("rules"), list):
            branch = Branch(f"g{number}", _join(data.get("join")), depth=depth + 1)
            made = (self._made(inner, numbers, depth=depth + 1) for inner in data["rules"])
            branch.rules = [part for part in made if part is not None]
            return branch
        kind, of = KINDS.get(str(data.get("kind"))), data.get("of")
        if kind is None or isinstance(of, bool) or not isinstance(of, int if kind.takes_ids else str):
            return None
        if (isinstance(of, int) and not 0 < of < 2**63) or (isinstance(of, str) and not 0 < len(of) <= 100):
            return None
        name = data.get("name")
        row = Row(f"c{number}", kind.key, of, str(data.get("op")), name=str(name)[:200] if name else "")
        if row.op not in kind.all_ops():
            row.op = ""
        elif row.is_pair:
            first, last = (
                data["value"] if isinstance(data.get("value"), list) and len(data["value"]) == 2 else ("", "")
            )
            row.texts = str(first), str(last)
        else:
            row.texts = _text(data.get("value")), ""
        return row

    # Looking

    def parts(self) -> Iterator[Part]:
        """The root and all in it, as they stand."""
        return _walk(self.root)

    def rows(self) -> list[Row]:
        return [part for part in self.parts() if isinstance(part, Row)]

    @property
    def is_empty(self) -> bool:
        return not self.rows()

    @cached_property
    def known(self) -> rules.Known:
        """Asked for when the shape is settled."""
        self._settle()
        plain = Group("all", tuple(Condition(row.kind, row.of, row.op) for row in self.rows()))
        known = rules.Known.of(self.workspace, plain)
        for row in self.rows():
            row.thing = known.things.get(row.kind, {}).get(row.of)
            if row.thing and row.op not in (ops := KINDS[row.kind].ops(row.of, row.thing)):
                row.op = next(iter(ops))
            self._read(row)
        for part in self.parts():
            part.said = (
                rules.told(part.node(), known)
                if isinstance(part, Row)
                else rules.sentence(part.node(), known)
            )
        return known

    def look(self) -> "Draft":
        """Read the rows and know what they are about."""
        _ = self.known
        return self

    def choices(self) -> None:
        """What each row could be about instead; one query for each kind in use."""
        for row in self.look().rows():
            things = self.things(row.kind)
            if len(things) <= MOST_CHOICES:
                row.things = [(of, thing.label) for of, thing in things.items()]
                if row.of not in things:
                    row.things = [(row.of, row.label or "?"), *row.things]

    def things(self, kind: str) -> Mapping[Any, Thing]:
        """Those the builder offers."""
        if kind not in self.offered:
            found = KINDS[kind].things(self.workspace)
            if kind == "segment":
                found = {of: thing for of, thing in found.items() if of != self.own}
            self.offered[kind] = found
        return self.offered[kind]

    @property
    def has_groups(self) -> bool:
        return any(part.is_group for part in self.root.rules)

    @property
    def open_rows(self) -> list[Row]:
        """Those that cannot be counted by yet."""
        return [row for row in self.look().rows() if row.condition is None or row.thing is None]

    @property
    def rule(self) -> Group | None:
        """None as long as a row is open."""
        return None if self.open_rows else self.root.node()

    @property
    def sentence(self) -> str:
        return rules.sentence(self.root.node(), self.known)

    def as_json(self) -> dict[str, Any]:
        return rules.as_json(self.look().root.node())

    def _settle(self) -> None:
        """What each part knows of its place."""
        for branch in [part for part in self.parts() if isinstance(part, Branch)]:
            last = len(branch.rules) - 1
            for index, part in enumerate(branch.rules):
                part.is_first, part.is_last = index == 0, index == last
                part.may_leave = not branch.is_outer
                if isinstance(part, Branch):
                    part.depth = branch.depth + 1
                else:
                    part.may_wrap = branch.may_hold_groups
                    around = [*branch.rules[:index][::-1], *branch.rules[index + 1 :]]
                    part.beside = next((other.key for other in around if other.is_group), "")

    def _read(self, row: Row) -> None:
        raw = {"kind": row.kind, "of": row.of, "op": row.op, "value": row.value, "name": row.name}
        try:
            read = rules.read({"join": "all", "rules": [raw]}).rules[0]
        except rules.BadRule as refusal:
            row.condition, row.error = None, refusal.sentence
        else:
            assert isinstance(read, Condition)  # noqa: S101
            row.condition, row.error = read, ""
        if row.thing is None:
            noun = KINDS[row.kind].noun
            name = f" “{row.name}”" if row.name else ""
            row.error = f"The {noun}{name} is gone. Take this out, or choose another {noun}."

    # Moving

    def do(self, verb: str, key: str) -> None:
        """One move; unknown ones change nothing."""
        move = getattr(self, f"_do_{verb}", None)
        part = self._find(key)
        if move is not None and part is not None:
            move(part)
        self.__dict__.pop("known", None)

    def add(self, data: Any) -> None:
        """A condition or a group into the group that is chosen."""
        branch = self._find(self.at)
        if not isinstance(branch, Branch):
            branch = self.root
        if len(self.rows()) >= MAX_CONDITIONS:
            self.refusal = (
                f"A rule holds {MAX_CONDITIONS} conditions at most. Put some of them into a segment."
            )
            return
        if branch.depth >= MAX_DEPTH and isinstance(data, dict) and "rules" in data:
            self.refusal = f"Groups go {MAX_DEPTH} deep at most. Put the inner ones into a segment."
            return
        numbers = iter(range(self._next(), self._next() + MOST_ROWS))
        part = self._made(data, numbers, depth=branch.depth)
        if part is None:
            return
        is_fresh = not branch.rules and not branch.is_outer
        if isinstance(part, Branch) and (part.join == branch.join or is_fresh):
            # A group of the same kind inside says nothing; one just made takes the other's join.
            branch.join = part.join
            branch.rules += part.rules
        else:
            branch.rules.append(part)
        self.__dict__.pop("known", None)
        self._begin([row for row in _walk(part) if isinstance(row, Row)])
        first_open = next((row for row in self.open_rows if row in _walk(part)), None)
        self.focus = f"{first_open.key}-value" if first_open else "find"

    def _begin(self, rows: Sequence[Row]) -> None:
        """The first operator that fits, and a number of days to start from."""
        found = rules.Known.of(
            self.workspace, Group("all", tuple(Condition(row.kind, row.of, row.op) for row in rows))
        )
        for row in rows:
            row.thing = found.things.get(row.kind, {}).get(row.of)
            kind = KINDS[row.kind]
            if not row.op:
                row.op = next(iter(kind.ops(row.of, row.thing) if row.thing else kind.all_ops()))
            if row.takes is Takes.DAYS and row.is_blank:
                row.texts = (str(DAYS), "")

    def _do_remove(self, part: Part) -> None:
        branch = self._holder(part)
        if branch is None:
            return
        index = branch.rules.index(part)
        branch.rules.remove(part)
        if part.is_group and self._find(self.at) is None:
            self.at = branch.key
        left = branch.rules[index : index + 1] or branch.rules[-1:]
        self.focus = f"{left[0].key}-more" if left else "find"

    def _do_up(self, part: Part) -> None:
        self._shift(part, -1)

    def _do_down(self, part: Part) -> None:
        self._shift(part, 1)

    def _shift(self, part: Part, by: int) -> None:
        branch = self._holder(part)
        if branch is None:
            return
        index = branch.rules.index(part)
        to = index + by
        if 0 <= to < len(branch.rules):
            branch.rules[index], branch.rules[to] = branch.rules[to], branch.rules[index]
        self.focus = f"{part.key}-more"

    def _do_wrap(self, part: Part) -> None:
        """Into a group of its own, to which another may be added: this or …"""
        branch = self._holder(part)
        if branch is None or not branch.may_hold_groups or part.is_group:
            return
        group = Branch(f"g{self._next()}", "any" if branch.join == "all" else "all", [part], branch.depth + 1)
        branch.rules[branch.rules.index(part)] = group
        self.at, self.focus = group.key, "find"

    def _do_group(self, part: Part) -> None:
        if isinstance(part, Branch) and part.may_hold_groups:
            group = Branch(f"g{self._next()}", "any" if part.join == "all" else "all", depth=part.depth + 1)
            part.rules.append(group)
            self.at, self.focus = group.key, "find"

    def _do_into(self, part: Part) -> None:
        """Into the group beside it: the one above, else the one below."""
        self._settle()
        if not isinstance(part, Row):
            return
        branch, into = self._holder(part), self._find(part.beside)
        if branch is not None and isinstance(into, Branch):
            branch.rules.remove(part)
            into.rules.append(part)
            self.focus = f"{part.key}-more"

    def _do_leave(self, part: Part) -> None:
        """Out of its group, to stand behind it."""
        branch = self._holder(part)
        outer = self._holder(branch) if branch else None
        if branch is not None and outer is not None:
            branch.rules.remove(part)
            outer.rules.insert(outer.rules.index(branch) + 1, part)
            self.focus = f"{part.key}-more"

    def _do_copy(self, part: Part) -> None:
        branch = self._holder(part)
        if branch is not None and isinstance(part, Row) and len(self.rows()) < MAX_CONDITIONS:
            twin = replace(part, key=f"c{self._next()}")
            branch.rules.insert(branch.rules.index(part) + 1, twin)
            self.focus = f"{twin.key}-{'value' if twin.input else 'op'}"

    def _do_ungroup(self, part: Part) -> None:
        """Its conditions stay, the group goes."""
        branch = self._holder(part)
        if branch is not None and isinstance(part, Branch):
            index = branch.rules.index(part)
            branch.rules[index : index + 1] = part.rules
            self.at = branch.key if self.at == part.key else self.at
            self.focus = f"{part.rules[0].key}-more" if part.rules else "find"

    def _do_at(self, part: Part) -> None:
        if part.is_group:
            self.at, self.focus = part.key, "find"

    def _find(self, key: str) -> Part | None:
        return next((part for part in self.parts() if part.key == key), None)

    def _holder(self, part: Part) -> Branch | None:
        return next((one for one in self.parts() if isinstance(one, Branch) and part in one.rules), None)

    def _next(self) -> int:
        return max((int(part.key[1:]) for part in self.parts()), default=0) + 1


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


def _walk(part: Part) -> Iterator[Part]:
    yield part
    if isinstance(part, Branch):
        for inner in part.rules:
            yield from _walk(inner)


def _join(text: Any) -> str:
    return text if isinstance(text, str) and text in JOINS else "all"


def _row(key: str, data: Any) -> Row | None:
    if key[0] != "c":
        return None
    kind_key, _, of_text = data.get(f"{key}.of", "").partition(":")
    kind = KINDS.get(kind_key)
    if kind is None or not of_text or len(of_text) > 100 or "\x00" in of_text:
        return None
    if kind.takes_ids and not (of_text.isascii() and of_text.isdecimal() and len(of_text) < 19):
        return None
    ops = kind.all_ops()
    op = data.get(f"{key}.op", "")
    return Row(
        key,
        kind.key,
        int(of_text) if kind.takes_ids else of_text,
        op if op in ops else next(iter(ops)),
        (data.get(f"{key}.value", "")[:20_000], data.get(f"{key}.to", "")[:500]),
        data.get(f"{key}.name", "")[:200].replace("\x00", ""),
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    return joined(value) if isinstance(value, list) else str(value)


def read_json(text: str) -> Any:
    """None for what is none."""
    try:
        return json.loads(text) if len(text) < 100_000 else None
    except (ValueError, RecursionError):
        return None
