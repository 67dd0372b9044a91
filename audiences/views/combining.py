"""Lists against each other: who is on any, on all, on one but not the others, and what becomes of them."""

from typing import Any

from django.http import HttpResponse

from accounts.http import WorkspaceRequest, go, render_page, workspace_view
from accounts.models import Role
from audiences import queries, rules, services
from audiences.forms.combining import ACTIONS, CombineForm, OntoListForm
from audiences.queries.contacts import People
from audiences.views import people


@workspace_view(role=Role.EDITOR)
def combine(request: WorkspaceRequest) -> HttpResponse:
    """The choice stands in the address; a POST says what becomes of the people it chooses."""
    form = CombineForm(request.GET, workspace=request.workspace)
    context: dict[str, Any] = {"form": form, "before": None}
    if not form.is_valid():
        return render_page(request, "audiences/lists/combine.html", context, partials={"people"})
    rule = form.rule()
    wanted = People(request.workspace, rule=rule, shows_addresses=people.shows_addresses(request))
    ontos = {
        action: OntoListForm(
            request.POST if request.POST.get("action") == action else None,
            action=action, workspace=request.workspace, source=form.source(),
        )
        for action in ACTIONS
    }  # fmt: skip
    asked = ontos.get(request.POST.get("action", ""))
    if asked is not None and asked.is_valid() and asked.attempt(
        services.combine_lists, workspace=request.workspace, by=request.user, people=wanted, action=asked.action
    ):  # fmt: skip
        return go(request, asked.result)
    before = people.before(request)
    lists, how = form.lists(), form.cleaned_data["how"]
    everybody, mailable = queries.count_combined(request.workspace, lists, how)
    ids, older = queries.some_combined(lists, how, before=before)
    some = People(request.workspace, ids=tuple(ids), shows_addresses=wanted.shows_addresses)
    context |= {
        "ontos": list(ontos.values()),
        "sentence": rules.sentence(rule, rules.Known.of(request.workspace, rule)),
        "total": everybody,
        "suppressed": everybody - mailable,
        "rows": people.rows(queries.contacts(some)) if ids else [],
        "older": older,
        "before": before,
    }
    return render_page(
        request,
        "audiences/lists/combine.html",
        context,
        partials={"people"},
        status=asked.http_status if asked else 200,
    )
