"""The moves of the rule builder: each changes the shape of the tree, and says where the focus goes."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from audiences.forms.rule_rows import Branch, Part, Row
from audiences.rules.nodes import MAX_CONDITIONS

if TYPE_CHECKING:
    from audiences.forms.rule import Draft


def _remove(draft: "Draft", part: Part) -> None:
    branch = draft.holder(part)
    if branch is None:
        return
    index = branch.rules.index(part)
    branch.rules.remove(part)
    if part.is_group and draft.find(draft.at) is None:
        draft.at = branch.key
    left = branch.rules[index : index + 1] or branch.rules[-1:]
    draft.focus = f"{left[0].key}-more" if left else "find"


def _up(draft: "Draft", part: Part) -> None:
    _shift(draft, part, -1)


def _down(draft: "Draft", part: Part) -> None:
    _shift(draft, part, 1)


def _shift(draft: "Draft", part: Part, by: int) -> None:
    branch = draft.holder(part)
    if branch is None:
        return
    index = branch.rules.index(part)
    to = index + by
    if 0 <= to < len(branch.rules):
        branch.rules[index], branch.rules[to] = branch.rules[to], branch.rules[index]
    draft.focus = f"{part.key}-more"


def _wrap(draft: "Draft", part: Part) -> None:
    """Into a group of its own, to which another may be added: this or …"""
    branch = draft.holder(part)
    if branch is None or not branch.may_hold_groups or part.is_group:
        return
    group = Branch(
        f"g{draft.next_number()}", "any" if branch.join == "all" else "all", [part], branch.depth + 1
    )
    branch.rules[branch.rules.index(part)] = group
    draft.at, draft.focus = group.key, "find"


def _group(draft: "Draft", part: Part) -> None:
    if isinstance(part, Branch) and part.may_hold_groups:
        group = Branch(
            f"g{draft.next_number()}", "any" if part.join == "all" else "all", depth=part.depth + 1
        )
        part.rules.append(group)
        draft.at, draft.focus = group.key, "find"


def _into(draft: "Draft", part: Part) -> None:
    """Into the group beside it: the one above, else the one below."""
    draft.settle()
    if not isinstance(part, Row):
        return
    branch, into = draft.holder(part), draft.find(part.beside)
    if branch is not None and isinstance(into, Branch):
        branch.rules.remove(part)
        into.rules.append(part)
        draft.focus = f"{part.key}-more"


def _leave(draft: "Draft", part: Part) -> None:
    """Out of its group, to stand behind it."""
    branch = draft.holder(part)
    outer = draft.holder(branch) if branch else None
    if branch is not None and outer is not None:
        branch.rules.remove(part)
        outer.rules.insert(outer.rules.index(branch) + 1, part)
        draft.focus = f"{part.key}-more"


def _copy(draft: "Draft", part: Part) -> None:
    branch = draft.holder(part)
    if branch is not None and isinstance(part, Row) and len(draft.rows()) < MAX_CONDITIONS:
        twin = replace(part, key=f"c{draft.next_number()}")
        branch.rules.insert(branch.rules.index(part) + 1, twin)
        draft.focus = f"{twin.key}-{'value' if twin.input else 'op'}"


def _ungroup(draft: "Draft", part: Part) -> None:
    """Its conditions stay, the group goes."""
    branch = draft.holder(part)
    if branch is not None and isinstance(part, Branch):
        index = branch.rules.index(part)
        branch.rules[index : index + 1] = part.rules
        draft.at = branch.key if draft.at == part.key else draft.at
        draft.focus = f"{part.rules[0].key}-more" if part.rules else "find"


def _at(draft: "Draft", part: Part) -> None:
    if part.is_group:
        draft.at, draft.focus = part.key, "find"


MOVES: dict[str, Callable[["Draft", Part], None]] = {
    "remove": _remove,
    "up": _up,
    "down": _down,
    "wrap": _wrap,
    "group": _group,
    "into": _into,
    "leave": _leave,
    "copy": _copy,
    "ungroup": _ungroup,
    "at": _at,
}
