"""What needs a person, and what is running: asked by the top bar and by Home.

Each app tells its own part. In `AppConfig.ready`:

    from accounts import attention
    from campaigns import queries

    attention.register(needs=queries.uncertain_deliveries, running=queries.moving_deliveries)

A source takes the workspace and answers at most LIMIT items, newest first, in one indexed query: the bar asks
every 20 s for every viewer. It may make URLs with `reverse()`: it is called inside a workspace's request only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Workspace

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One line. `title` names the object, `text` says what it waits for, `url` is where that is settled."""

    title: str
    text: str
    url: str
    at: datetime | None = None
    tone: str = "warn"


Source = Callable[[Workspace], Iterable[Item]]

_NEEDS: list[Source] = []
_RUNNING: list[Source] = []


def register(*, needs: Source | None = None, running: Source | None = None) -> None:
    """Add a source; a second call with the same function changes nothing."""
    for source, sources in ((needs, _NEEDS), (running, _RUNNING)):
        if source is not None and source not in sources:
            sources.append(source)


def needs(workspace: Workspace) -> list[Item]:
    """What waits for a person."""
    return [item for source in _NEEDS for item in source(workspace)]


def running(workspace: Workspace) -> list[Item]:
    """What goes on by itself."""
    return [item for source in _RUNNING for item in source(workspace)]
