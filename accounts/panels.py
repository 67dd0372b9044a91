"""What other apps show on pages of this one: Home, and the page of a connection.

Each app brings a template and the query that fills it. In `AppConfig.ready`:

    from accounts.panels import Place, register
    from campaigns import queries

    register(Place.HOME_NEXT, "campaigns/panels/next.html", queries.next_campaigns)
    register(Place.HOME_LAST, "reporting/panels/last.html", queries.last_reports)

The query takes the request (a member's, so workspace and role are at hand) and answers the panel's context, or
None when there is nothing to show: then the page says so itself. A template is a bare fragment without the
heading; it gets its own context and `request`, nothing else of the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from accounts.http import WorkspaceRequest


class Place(Enum):
    HOME_NEXT = "what goes out next"
    HOME_LAST = "how the last ones did"


Query = Callable[[WorkspaceRequest], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    template: str
    query: Query


_PANELS: dict[Place, list[Panel]] = {place: [] for place in Place}


def register(place: Place, template: str, query: Query) -> None:
    """Add a panel; a second call with the same one changes nothing."""
    panel = Panel(template, query)
    if panel not in _PANELS[place]:
        _PANELS[place].append(panel)


def rendered(place: Place, request: WorkspaceRequest) -> list[SafeString]:
    """The panels of a place that have something to show, in the order they were registered."""
    filled = ((panel, panel.query(request)) for panel in _PANELS[place])
    return [
        render_to_string(panel.template, dict(context), request=request)
        for panel, context in filled
        if context is not None
    ]
