"""What apps above this one show on a person's page. In `AppConfig.ready`:

    from audiences import panels

    panels.register("What they received", "campaigns/panels/received.html", queries.received_by)

The query takes the request and the contact and answers the panel's context, or None when there is nothing to show.
The template is a bare fragment without the heading; it gets its own context and `request`, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from accounts.http import WorkspaceRequest
from audiences.models import Contact

Query = Callable[[WorkspaceRequest, Contact], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    template: str
    query: Query


_PANELS: list[Panel] = []


def register(title: str, template: str, query: Query) -> None:
    """Add a panel; a second call with the same one changes nothing."""
    panel = Panel(title, template, query)
    if panel not in _PANELS:
        _PANELS.append(panel)


def rendered(request: WorkspaceRequest, contact: Contact) -> list[tuple[str, SafeString]]:
    """(title, content) of the panels that have something to show, in the order they were registered."""
    filled = ((panel, panel.query(request, contact)) for panel in _PANELS)
    return [
        (panel.title, render_to_string(panel.template, dict(context), request=request))
        for panel, context in filled
        if context is not None
    ]
