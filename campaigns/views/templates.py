"""Templates: the list, and what makes, uses or deletes one. The editor is the campaign's."""

from django.http import HttpResponse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import MirrorKind, MirrorRow, Role
from campaigns.services import compose
from campaigns.views.campaigns import found_template

PAGE = 50


@workspace_view(methods=("GET", "HEAD"))
def templates(request: WorkspaceRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    found = request.workspace.templates.order_by("-id")
    if words:
        found = found.filter(name__holds=words)
    if after := id_of(request.GET.get("after", "")):
        found = found.filter(pk__lt=after)
    rows = list(found.only("workspace", "name", "subject", "form", "updated_at")[: PAGE + 1])
    ids = [row.pk for row in rows]
    mirrored = MirrorRow.objects.filter(
        kind=MirrorKind.TEMPLATE, object_id__in=ids, connection__workspace=request.workspace
    ).values_list("object_id", "connection__name")
    sources = dict(mirrored)
    context = {
        "rows": [(row, sources.get(row.pk, "")) for row in rows[:PAGE]],
        "after": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "q": words,
        "may_write": request.membership.may(Role.EDITOR),
    }
    return render_page(request, "campaigns/templates/list.html", context, partials={"list"})


@workspace_view(role=Role.EDITOR, methods=("POST",))
def new(request: WorkspaceRequest) -> HttpResponse:
    return go(request, compose.create_template(workspace=request.workspace, by=request.user))


@workspace_view(role=Role.EDITOR, methods=("POST",))
def delete(request: WorkspaceRequest, template_id: int) -> HttpResponse:
    template = found_template(request, template_id)
    compose.delete_template(template=template, by=request.user)
    say(request, f"The template “{template}” is deleted. Campaigns made from it stay as they are.")
    return go(request, "campaigns:templates")
