"""People who are likely here twice."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, safe_next, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import queries, services
from audiences.models import DuplicatePair
from audiences.views import people


@workspace_view(methods=("GET", "HEAD"))
def duplicates(request: WorkspaceRequest) -> HttpResponse:
    """The pairs that the last search found, of the workspace or of one list."""
    list_id = id_of(request.GET.get("list", ""))
    chosen = get_object_or_404(request.workspace.lists, pk=list_id) if list_id else None
    is_dismissed = request.GET.get("show") == "dismissed"
    after = request.GET.get("after", "")
    found = queries.duplicates(
        request.workspace, on_list=chosen, is_dismissed=is_dismissed,
        shows_addresses=people.shows_addresses(request), after=after,
    )  # fmt: skip
    count = queries.counted_duplicates(request.workspace, chosen) if chosen else None
    return render_page(
        request,
        "audiences/duplicates/list.html",
        {
            "list": chosen,
            "looking": queries.looking(request.workspace),
            "count": people.said(count, "pair,pairs") if count else "",
            "rows": found.rows,
            "after": found.after,
            "is_first": not after,
            "is_dismissed": is_dismissed,
            "rules": DuplicatePair.Reason.labels,
            "may_edit": request.role.covers(Role.EDITOR),
        },
        partials={"duplicates"},
    )


@workspace_view(role=Role.EDITOR, methods=("POST",))
def look_for_duplicates(request: WorkspaceRequest) -> HttpResponse:
    try:
        services.look_for_duplicates(workspace=request.workspace, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.INFO)
    return go(request, safe_next(request, default=reverse("audiences:duplicates")))


def _decision(service: Callable[..., Any], done: str) -> Callable[..., HttpResponse]:
    """A view for one button beside a pair."""

    @workspace_view(role=Role.EDITOR, methods=("POST",))
    def decide(request: WorkspaceRequest, pair_id: int) -> HttpResponse:
        pair = get_object_or_404(DuplicatePair, workspace=request.workspace, pk=pair_id)
        service(pair=pair, by=request.user)
        say(request, done)
        return go(request, safe_next(request, default=reverse("audiences:duplicates")))

    return decide


dismiss_pair = _decision(services.dismiss_pair, "Kept apart: this pair does not come up again.")
bring_back_pair = _decision(services.bring_back_pair, "This pair is among the likely ones again.")
