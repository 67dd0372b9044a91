"""The rule builder's form: a tree of rows as posted, half-filled ones included, and the moves that change its shape.

Each row stands in the form as a hidden `node` ("c3 g1": the condition c3 in the group g1), in the order of the tree, and
fields named after it: `c3.of`, `c3.op`, `c3.value`, `g1.join`. The tree lives in the form; the server alone changes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from accounts.models import Workspace
from audiences import rules
from audiences.forms.rule_moves import MOVES
from audiences.forms.rule_rows import Branch, Part, Row, join_of, row_of, text_of, walk
from audiences.rules import KINDS, Condition, Group, Takes, Thing
from audiences.rules.nodes import MAX_CONDITIONS, MAX_DEPTH

MOST_ROWS = 2 * MAX_CONDITIONS
MOST_CHOICES = 200
# "In the last … days" begins with.
DAYS = 90


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
        self.has_added = False
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
        draft.root.join = join_of(data.get(f"{draft.root.key}.join", "all"))
        for text in data.getlist("node")[:MOST_ROWS]:
            key, _, parent = text.partition(" ")
            branch = branches.get(parent)
            if branch is None or key in seen or not key[1:].isdecimal() or len(key) > 6:
                continue
            seen.add(key)
            if key[0] == "g" and branch.depth < MAX_DEPTH:
                made = Branch(key, join_of(data.get(f"{key}.join", "")), depth=branch.depth + 1)
                branches[key] = made
                branch.rules.append(made)
            elif row := row_of(key, data):
                branch.rules.append(row)
        at = data.get("at", "")
        draft.at = at if at in branches else draft.root.key
        return draft

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
            branch = Branch(f"g{number}", join_of(data.get("join")), depth=depth + 1)
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
            pair = data.get("value")
            first, last = pair if isinstance(pair, list) and len(pair) == 2 else ("", "")
            row.texts = str(first), str(last)
        else:
            row.texts = text_of(data.get("value")), ""
        return row

    # Looking

    def parts(self) -> Iterator[Part]:
        """The root and all in it, as they stand."""
        return walk(self.root)

    def rows(self) -> list[Row]:
        return [part for part in self.parts() if isinstance(part, Row)]

    @property
    def is_empty(self) -> bool:
        return not self.rows()

    @cached_property
    def known(self) -> rules.Known:
        """Asked for when the shape is settled."""
        self.settle()
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
            if row.takes is Takes.CHOICE:
                row.values = KINDS[row.kind].choices(self.workspace, row.of)

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

    def inner(self) -> list[Part]:
        """All of it but the root."""
        return [part for part in self.parts() if part is not self.root]

    def countable(self, part: Part) -> bool:
        """Whether it says something, and nothing in it is open."""
        open_rows = self.open_rows
        return not part.is_bare and not any(row in open_rows for row in walk(part))

    @property
    def sentence(self) -> str:
        return rules.sentence(self.root.node(), self.known)

    def as_json(self) -> dict[str, Any]:
        return rules.as_json(self.look().root.node())

    def settle(self) -> None:
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
            row.condition, row.error = rules.typed(raw), ""
        except rules.BadRule as refusal:
            row.condition, row.error = None, refusal.sentence
        if row.thing is None:
            noun = KINDS[row.kind].noun
            name = f" “{row.name}”" if row.name else ""
            row.error = f"The {noun}{name} is gone. Take this out, or choose another {noun}."

    # Moving

    def do(self, verb: str, key: str) -> None:
        """One move; unknown ones change nothing."""
        move = MOVES.get(verb)
        part = self.find(key)
        if move is not None and part is not None:
            move(self, part)
        self.__dict__.pop("known", None)

    def add(self, data: Any) -> None:
        """A condition or a group into the group that is chosen."""
        branch = self.find(self.at)
        if not isinstance(branch, Branch):
            branch = self.root
        if len(self.rows()) >= MAX_CONDITIONS:
            self.refusal = (
                f"A rule holds {MAX_CONDITIONS} conditions at most. Put some of them into a segment."
            )
            return
        if branch.depth + _depth(data) > MAX_DEPTH:
            self.refusal = f"Groups go {MAX_DEPTH} deep at most. Put the inner ones into a segment."
            return
        numbers = iter(range(self.next_number(), self.next_number() + MOST_ROWS))
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
        self.has_added = True
        self.__dict__.pop("known", None)
        self._begin([row for row in walk(part) if isinstance(row, Row)])
        first_open = next((row for row in self.open_rows if row in walk(part)), None)
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

    def find(self, key: str) -> Part | None:
        return next((part for part in self.parts() if part.key == key), None)

    def holder(self, part: Part) -> Branch | None:
        return next((one for one in self.parts() if isinstance(one, Branch) and part in one.rules), None)

    def next_number(self) -> int:
        return max((int(part.key[1:]) for part in self.parts()), default=0) + 1


def _depth(data: Any) -> int:
    """How many groups stand in each other; those of nonsense do not count."""
    inner = data.get("rules") if isinstance(data, dict) else None
    return 1 + max(map(_depth, inner), default=0) if isinstance(inner, list) else 0
