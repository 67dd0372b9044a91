from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.http import WorkspaceRequest, render_page, workspace_view
from audiences import queries
from audiences.forms import ListFilters
from audiences.models import List, Subscription
from audiences.queries.contacts import SEARCH_LETTERS, People
from audiences.views import people


@workspace_view()
def lists(request: WorkspaceRequest) -> HttpResponse:
    form = ListFilters(request.GET, workspace=request.workspace)
    account = form.value("account")
    after = request.GET.get("after", "").replace("\x00", "")
    found = queries.lists(request.workspace, words=form.words(), connection=account, after=after)
    return render_page(
        request,
        "audiences/lists/list.html",
        {
            "form": form,
            "rows": found.rows,
            "after": found.after,
            "is_first": not after,
            "is_all": not (form.words() or account),
            "chips": people.chips(request, {"q": form.words() and f"“{form.words()}”", "account": account}),
            "has_connection": account or request.workspace.connections.exists(),
        },
        partials={"lists"},
    )


@workspace_view()
def list_(request: WorkspaceRequest, list_id: int) -> HttpResponse:
    """One list: how many with which status, who, and which accounts hold it."""
    mine = _find(request, list_id)
    counts = queries.counts_by_status(mine)
    status = request.GET.get("status", "")
    status = status if status in Subscription.Status.values else Subscription.Status.SUBSCRIBED
    words = request.GET.get("q", "").strip()[:200].replace("\x00", "")
    wanted = People(
        request.workspace,
        list_id=mine.pk,
        status=status,
        words=words if len(words) >= SEARCH_LETTERS else "",
        shows_addresses=people.shows_addresses(request),
    )
    before = people.before(request)
    found = queries.contacts(wanted, before=before)
    return render_page(
        request,
        "audiences/lists/detail.html",
        {
            "list": mine,
            "mirrors": queries.mirrors_of([mine.pk])[mine.pk],
            "tabs": [
                {"status": value, "label": label, "count": counts.get(value, 0)}
                for value, label in Subscription.Status.choices
                if counts.get(value) or value == Subscription.Status.SUBSCRIBED
            ],
            "status": status,
            "total": sum(counts.values()),
            "words": words,
            "rows": people.rows(found),
            "older": found.before,
            "before": before,
        },
        partials={"people"},
    )


@workspace_view()
def growth(request: WorkspaceRequest, list_id: int) -> HttpResponse:
    """The chart alone; the page of a long list does not wait for it."""
    mine = _find(request, list_id)
    return render(request, "audiences/lists/growth.html", {"series": [("Subscribed", queries.growth(mine))]})


def _find(request: WorkspaceRequest, list_id: int) -> List:
    return get_object_or_404(request.workspace.lists.select_related("folder"), pk=list_id)
