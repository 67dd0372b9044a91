"""Search over everything: each app looks through its own rows. In `AppConfig.ready`:

    from accounts import search
    from campaigns import queries

    search.register("Campaigns", queries.search_campaigns, more="campaigns:campaigns")

A searcher takes the request (a member's: workspace and role are at hand, addresses are masked for viewers) and
the words, already trimmed and at least MIN_LENGTH long, and answers at most LIMIT hits by an index.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accounts.http import WorkspaceRequest

MIN_LENGTH = 2
LIMIT = 8


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    url: str
    text: str = ""


Search = Callable[[WorkspaceRequest, str], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Searcher:
    """`more` is the URL name of the list page that takes `?q=` for all hits of this kind; may be empty."""

    label: str
    search: Search
    more: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    searcher: Searcher
    hits: list[Hit]

    @property
    def is_full(self) -> bool:
        return len(self.hits) >= LIMIT


_SEARCHERS: list[Searcher] = []


def register(label: str, search: Search, *, more: str = "") -> None:
    """Add a searcher; a second call with the same one changes nothing."""
    searcher = Searcher(label, search, more)
    if searcher not in _SEARCHERS:
        _SEARCHERS.append(searcher)


def everywhere(request: WorkspaceRequest, words: str) -> list[Group]:
    """The groups that found something. `words` shorter than MIN_LENGTH find nothing."""
    words = words.strip()[:200].replace("\x00", "")
    if len(words) < MIN_LENGTH:
        return []
    groups = [Group(searcher, list(searcher.search(request, words))) for searcher in _SEARCHERS]
    return [group for group in groups if group.hits]
