"""Who uses a list, a tag, a field or a segment: asked before one is deleted or archived, and shown on its page.

Each app tells its own part. In `AppConfig.ready`:

    from audiences import uses
    from campaigns import queries

    uses.register("segment", queries.campaigns_by_segment)
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from accounts.models import Workspace

# So many are told by each query.
MOST_USES = 50


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that uses another. `kind` says what it is: "Campaign". `note` is what matters of it: "Draft".

    `once_archived`: what becomes of it when what it uses is archived, as the rest of a sentence.
    `is_archived`: it keeps nothing from being deleted, and says what it misses once it is brought back.
    """

    kind: str
    name: str
    url: str
    note: str = ""
    once_archived: str = ""
    is_archived: bool = False

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


# (workspace, which of the kind) → each of them with one use; one query.
Query = Callable[[Workspace, Collection[str | int]], Iterable[tuple[str | int, Use]]]

_QUERIES: list[tuple[str, Query]] = []


def register(kind: str, query: Query) -> None:
    """`kind` as rules name it: "list", "tag", "field", "segment", "account". A second call changes nothing."""
    if (kind, query) not in _QUERIES:
        _QUERIES.append((kind, query))


def of(workspace: Workspace, kind: str, ofs: Collection[str | int]) -> dict[str | int, list[Use]]:
    """of → what uses it, for those that are used."""
    found: dict[str | int, list[Use]] = defaultdict(list)
    for registered, query in _QUERIES:
        if registered == kind and ofs:
            for of, use in query(workspace, ofs):
                found[of].append(use)
    return dict(found)


def holding(workspace: Workspace, kind: str, of_one: str | int) -> list[Use]:
    """What keeps one from being deleted."""
    return [use for use in of(workspace, kind, [of_one]).get(of_one, []) if not use.is_archived]
