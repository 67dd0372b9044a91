from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, safe_next, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.names import by_name
from accounts.templatetags.ui import counted
from audiences import queries, services, uses
from audiences.forms import ListFilters
from audiences.forms.lists import ListForm
from audiences.models import List, Subscription
from audiences.queries.contacts import SEARCH_LETTERS, People
from audiences.queries.growth import KINDS, SPANS
from audiences.queries.lists import NO_FOLDER
from audiences.views import people

# Ticked at once: a page holds no more.
MOST_TICKED = 200


@workspace_view(methods=("GET", "HEAD"))
def lists(request: WorkspaceRequest) -> HttpResponse:
    form = ListFilters(request.GET, workspace=request.workspace)
    words, account, folder, sort = (
        form.words(),
        *(form.value(name) for name in ("account", "folder", "sort")),
    )
    is_archived = form.value("show") == "archived"
    after = request.GET.get("after", "").replace("\x00", "")
    notes = [sentence for name, sentence in form.unfit().items() if name != "sort"]
    found = queries.lists(
        request.workspace, words=words, connection=account, folder=folder or "", is_archived=is_archived,
        sort=sort or "name", after=after,
    )  # fmt: skip
    folders = dict(form.fields["folder"].choices)  # type: ignore[attr-defined]
    return render_page(
        request,
        "audiences/lists/list.html",
        {
            "form": form,
            "rows": [] if notes else found.rows,
            "after": "" if notes else found.after,
            "notes": notes,
            "is_first": not after,
            "is_all": not (notes or words or account or folder or is_archived),
            "is_archived": is_archived,
            "sort": sort or "name",
            "folders": [(key, label) for key, label in folders.items() if key and key != NO_FOLDER],
            "chips": people.chips(
                request,
                {
                    "q": words and f"“{words}”",
                    "folder": folder and folders[folder],
                    "account": account,
                    "show": is_archived and "Archived",
                    **{name: text for name, text in form.unfit_in_words().items() if name != "sort"},
                },
            ),
            "has_connection": account or request.workspace.connections.exists(),
            "may_edit": request.role.covers(Role.EDITOR),
        },
        partials={"lists"},
    )


@workspace_view(methods=("GET", "HEAD"))
def list_(request: WorkspaceRequest, list_id: int) -> HttpResponse:
    """One list: how many with which status, who, which accounts hold it, what uses it."""
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
            "accounts": queries.list_in_accounts(mine),
            "uses": uses.of(request.workspace, "list", [mine.pk]).get(mine.pk, []),
            "tabs": [
                {"status": value, "label": label, "count": counts.get(value, 0)}
                for value, label in Subscription.Status.choices
                if counts.get(value) or value == Subscription.Status.SUBSCRIBED
            ],
            "status": status,
            "total": sum(counts.values()),
            "words": words,
            "is_too_short": 0 < len(words) < SEARCH_LETTERS,
            "rows": people.rows(found),
            "older": found.before,
            "before": before,
            "may_edit": request.role.covers(Role.EDITOR),
        },
        partials={"people"},
    )


@workspace_view(role=Role.EDITOR)
def new_list(request: WorkspaceRequest) -> HttpResponse:
    form = ListForm(request.POST or None, workspace=request.workspace)
    if form.is_valid() and form.attempt(services.make_list, workspace=request.workspace, by=request.user):
        say(request, "Made.")
        return go(request, form.result)
    return render_page(request, "audiences/lists/edit.html", {"form": form}, status=form.http_status)


@workspace_view(role=Role.EDITOR)
def edit_list(request: WorkspaceRequest, list_id: int) -> HttpResponse:
    mine = _find(request, list_id)
    form = ListForm(request.POST or None, workspace=request.workspace, mine=mine)
    version = people.version(request) if form.is_bound else mine.version
    if form.is_valid():
        if form.attempt(services.change_list, mine=mine, by=request.user, version=version):
            say(request, "Saved.")
            return go(request, mine)
        version = mine.version  # what the refusal told of has been seen now
    return render_page(
        request,
        "audiences/lists/edit.html",
        {"form": form, "list": mine, "version": version},
        status=form.http_status,
    )


@workspace_view(role=Role.EDITOR, methods=("POST",))
def change_lists(request: WorkspaceRequest) -> HttpResponse:
    """What is done with the ticked lists, or with one from its own page."""
    chosen = ticked(request, request.POST)
    back = safe_next(request, default=reverse("audiences:lists"))
    action = _ACTIONS.get(request.POST.get("action", ""))
    if action is None or not chosen:
        say(
            request,
            "Nothing was done: tick the lists, then say what is to become of them.",
            level=messages.WARNING,
        )
        return go(request, back)
    return action(request, chosen, back)


def _archive(request: WorkspaceRequest, chosen: list[List], back: str) -> HttpResponse:
    """At once, unless something uses one of them: then a page names it first."""
    ids = [mine.pk for mine in chosen]
    used = uses.of(request.workspace, "list", ids)
    if request.POST.get("confirmed") != "yes" and used:
        context = {"rows": [(mine, used.get(mine.pk, [])) for mine in chosen], "next": back}
        return render(request, "audiences/lists/archive.html", context)
    done = services.archive_lists(workspace=request.workspace, by=request.user, list_ids=ids)
    say(
        request,
        f"Archived {counted(done, 'list,lists')}. Bring {'it' if done == 1 else 'them'} back at any time.",
    )
    return go(request, back)


def _bring_back(request: WorkspaceRequest, chosen: list[List], back: str) -> HttpResponse:
    ids = [mine.pk for mine in chosen]
    done = services.bring_back_lists(workspace=request.workspace, by=request.user, list_ids=ids)
    say(request, f"Brought back {counted(done, 'list,lists')}.")
    return go(request, back)


def _move(request: WorkspaceRequest, chosen: list[List], back: str) -> HttpResponse:
    asked = request.POST.get("folder", "")
    folder = None
    if asked != NO_FOLDER:
        folder = request.workspace.folders.filter(pk=id_of(asked) or 0).first()
        if folder is None:
            say(request, "Nothing was moved: say which folder.", level=messages.WARNING)
            return go(request, back)
    ids = [mine.pk for mine in chosen]
    done = services.move_lists(workspace=request.workspace, by=request.user, list_ids=ids, folder=folder)
    where = f"to the folder “{folder}”" if folder else "out of their folders"
    say(request, f"Moved {counted(done, 'list,lists')} {where}.")
    return go(request, back)


def _combine(request: WorkspaceRequest, chosen: list[List], back: str) -> HttpResponse:
    first, *others = (mine.pk for mine in chosen)
    query = urlencode({"first": first, "how": "any", "others": others}, doseq=True)
    return go(request, f"{reverse('audiences:combine')}?{query}")


_ACTIONS: dict[str, Callable[[WorkspaceRequest, list[List], str], HttpResponse]] = {
    "archive": _archive,
    "bring_back": _bring_back,
    "move": _move,
    "combine": _combine,
}


@workspace_view(methods=("GET", "HEAD"))
def growth(request: WorkspaceRequest, list_id: int) -> HttpResponse:
    """A page of its own; that of the list draws the chart when it is there already."""
    mine = _find(request, list_id)
    span = _span(request)
    found = queries.growth(mine, span=span)
    numbers = [
        (label, found.totals[kind], f"{reverse('audiences:moved', args=[mine.pk, kind])}?span={span}")
        for kind, label in KINDS.items()
    ]
    spans = [(key, label) for key, (label, _) in SPANS.items()]
    context = {"list": mine, "growth": found, "numbers": numbers, "spans": spans, "span": span}
    return render_page(request, "audiences/lists/growth.html", context, partials={"growth"})


@workspace_view(methods=("GET", "HEAD"))
def moved(request: WorkspaceRequest, list_id: int, kind: str) -> HttpResponse:
    """Whom a number beside the chart counts."""
    mine = _find(request, list_id)
    if kind not in KINDS:
        raise Http404("There is no such number.")
    span, before = _span(request), people.before(request)
    found = queries.moved_people(
        mine, span=span, kind=kind, shows_addresses=people.shows_addresses(request), before=before
    )
    context: dict[str, Any] = {
        "list": mine,
        "label": KINDS[kind],
        "kind": kind,
        "kinds": KINDS.items(),
        "span_label": SPANS[span][0].lower(),
        "span": span,
        "rows": people.rows(found),
        "older": found.before,
        "before": before,
    }
    return render_page(request, "audiences/lists/moved.html", context)


def _find(request: WorkspaceRequest, list_id: int) -> List:
    return get_object_or_404(request.workspace.lists.select_related("folder", "workspace"), pk=list_id)


def ticked(request: WorkspaceRequest, asked: QueryDict) -> list[List]:
    """The lists of this workspace among those named, by name."""
    ids = [found for text in asked.getlist("ids")[:MOST_TICKED] if (found := id_of(text))]
    return list(request.workspace.lists.filter(pk__in=ids).order_by(*by_name()))


def _span(request: WorkspaceRequest) -> str:
    asked = request.GET.get("span", "")
    return asked if asked in SPANS else "90"
