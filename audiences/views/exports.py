"""Exports: what is there to fetch, and having one made of a selection that another page made."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify

from accounts.http import WorkspaceRequest, fresh_login, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Role
from accounts.refusals import CannotDo
from audiences import queries, rules, services
from audiences.exporting.columns import columns_of
from audiences.exporting.making import pieces
from audiences.forms.contacts import ContactFilters
from audiences.forms.exports import ExportForm
from audiences.forms.suppressions import SuppressionFilters
from audiences.models import Export, Segment
from audiences.queries.contacts import People, split
from audiences.queries.selections import BadSelection
from audiences.queries.suppressions import Wanted, matching
from audiences.views import people
from audiences.views.bulk import KEPT

# Who takes as many addresses along proves who they are.
MANY = 10_000
TYPES = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def exports(request: WorkspaceRequest) -> HttpResponse:
    before = people.before(request)
    found = queries.exports(request.workspace, before=before)
    return render_page(
        request,
        "audiences/exports/list.html",
        {
            "rows": found.rows,
            "older": found.before,
            "before": before,
            "is_moving": any(row.is_moving for row in found.rows),
        },
        partials={"exports"},
    )


@workspace_view(role=Role.EDITOR)
def new_export(request: WorkspaceRequest) -> HttpResponse:
    """`?people=` a selection put by in the session, `?list=` or `?segment=` alone, archived ones too, or filters of contacts; else everybody."""
    try:
        wanted = _people(request)
    except BadSelection as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, "audiences:contacts")
    return _new(request, Export.Kind.PEOPLE, queries.in_words(wanted), wanted.as_json(), wanted)


@workspace_view(role=Role.EDITOR)
def export_suppressions(request: WorkspaceRequest) -> HttpResponse:
    """Those that the filters of the page of suppressions leave."""
    form = SuppressionFilters(request.GET, workspace=request.workspace)
    if unfit := form.unfit():
        say(request, " ".join(unfit.values()), level=messages.ERROR)
        return go(request, "audiences:suppressions")
    parts = form.in_words().values()
    title = f"Suppressions{': ' if parts else ''}{', '.join(parts)}"
    return _new(request, Export.Kind.SUPPRESSIONS, title, form.wanted().as_json(), None)


@workspace_view(role=Role.EDITOR, methods=("GET", "HEAD"))
def export(request: WorkspaceRequest, export_id: int) -> HttpResponse:
    mine = _find(request, export_id)
    known = columns_of(request.workspace)
    return render_page(
        request,
        "audiences/exports/detail.html",
        {
            "export": mine,
            "columns": [known[key].label if key in known else "A field that is gone" for key in mine.columns],
        },
        partials={"export"},
    )


@workspace_view(role=Role.EDITOR, methods=("GET",))
def fetch(request: WorkspaceRequest, export_id: int) -> HttpResponse:
    """The file. Written down: here addresses leave the house."""
    mine = _find(request, export_id)
    send = fresh_login(methods=("GET",))(_send) if mine.rows > MANY else _send
    return send(request, mine)


def _send(request: WorkspaceRequest, mine: Export) -> HttpResponse:
    try:
        services.fetch_export(export=mine, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, mine)
    response = StreamingHttpResponse(pieces(mine), content_type=TYPES[Export.Format(mine.format)])
    name = f"{slugify(mine.title)[:60].strip('-') or 'export'}-{mine.created_at:%Y-%m-%d}.{mine.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Length"] = str(mine.size)
    return response  # type: ignore[return-value]


def _action(service: Any, done: str) -> Any:
    @workspace_view(role=Role.EDITOR, methods=("POST",))
    def act(request: WorkspaceRequest, export_id: int) -> HttpResponse:
        mine = _find(request, export_id)
        try:
            service(export=mine, by=request.user)
        except CannotDo as refusal:
            say(request, refusal.sentence, level=messages.ERROR)
        else:
            say(request, done)
        return go(request, mine)

    return act


cancel_export = _action(services.cancel_export, "The export stops.")
make_again = _action(services.make_again, "The export is being made again.")
throw_away = _action(services.throw_away, "The file is gone.")


def _new(
    request: WorkspaceRequest, kind: Export.Kind, title: str, selection: dict[str, Any], wanted: People | None
) -> HttpResponse:
    columns = columns_of(request.workspace) if wanted else {}
    count = refusal = None
    if wanted:
        try:
            count = split(wanted)[0]
        except rules.Incomplete as incomplete:
            refusal = incomplete.sentence
    else:
        count = matching(request.workspace, Wanted.from_json(request.workspace, selection)).count()
    chosen = queries.columns_last_chosen(request.workspace, request.user) if wanted else []
    form = ExportForm(
        request.POST or None, columns=columns.values(), chosen=[key for key in chosen if key in columns]
    )
    what: dict[str, Any] = {"kind": kind, "title": title, "selection": selection, "total": count}
    if not wanted:
        what["columns"] = []

    def begin(request: WorkspaceRequest) -> HttpResponse:
        if not refusal and form.is_valid() and form.attempt(
            services.begin_export, workspace=request.workspace, by=request.user, **what
        ):  # fmt: skip
            return go(request, form.result)
        return render_page(
            request,
            "audiences/exports/new.html",
            {"form": form, "title": title, "count": count, "refusal": refusal, "has_columns": bool(columns)},
            status=form.http_status,
        )

    return (fresh_login()(begin) if (count or 0) > MANY else begin)(request)


def _people(request: WorkspaceRequest) -> People:
    if text := request.GET.get("people"):
        return queries.read_signed(request.workspace, request.session.get(KEPT, {}).get(text, ""))
    is_alone = len(request.GET) == 1
    if is_alone and (segment := request.GET.get("segment")):
        mine = get_object_or_404(Segment, workspace=request.workspace, pk=id_of(segment))
        condition = rules.Condition("segment", mine.pk, "in", name=mine.name)
        return People(request.workspace, rule=rules.Group("all", (condition,)))
    if is_alone and (list_id := request.GET.get("list")):
        mine_list = get_object_or_404(request.workspace.lists, pk=id_of(list_id))
        return People(request.workspace, list_id=mine_list.pk)
    form = ContactFilters(request.GET, workspace=request.workspace, shows_addresses=True)
    if refusals := form.refusals():
        raise BadSelection(" ".join(refusals))
    return form.people()


def _find(request: WorkspaceRequest, export_id: int) -> Export:
    found = Export.objects.select_related("workspace", "created_by")
    return get_object_or_404(found, pk=export_id, workspace=request.workspace)
