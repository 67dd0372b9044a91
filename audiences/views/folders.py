from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from accounts.templatetags.ui import counted
from audiences import queries, services
from audiences.forms.lists import FolderForm
from audiences.views import people


@workspace_view(role=Role.EDITOR)
def folders(request: WorkspaceRequest) -> HttpResponse:
    """The folders, and a new one."""
    form = FolderForm(request.POST or None)
    if form.is_valid() and form.attempt(services.make_folder, workspace=request.workspace, by=request.user):
        say(request, "Made.")
        return go(request, "audiences:folders")
    return _page(request, form)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def rename_folder(request: WorkspaceRequest, folder_id: int) -> HttpResponse:
    folder = get_object_or_404(request.workspace.folders, pk=folder_id)
    form = FolderForm(request.POST)
    if form.is_valid() and form.attempt(
        services.rename_folder, folder=folder, by=request.user, version=people.version(request)
    ):
        say(request, "Renamed.")
        return go(request, "audiences:folders")
    return _page(request, FolderForm(), renamed=folder_id, rename=form)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def remove_folder(request: WorkspaceRequest, folder_id: int) -> HttpResponse:
    folder = get_object_or_404(request.workspace.folders, pk=folder_id)
    lists = services.remove_folder(folder=folder, by=request.user)
    stay = f" {counted(lists, 'list stays,lists stay')}, in no folder." if lists else ""
    say(request, f"Removed the folder “{folder}”.{stay}", level=messages.SUCCESS)
    return go(request, "audiences:folders")


def _page(
    request: WorkspaceRequest,
    form: FolderForm,
    *,
    renamed: int | None = None,
    rename: FolderForm | None = None,
) -> HttpResponse:
    context = {"form": form, "rows": queries.folders(request.workspace), "renamed": renamed, "rename": rename}
    return render_page(request, "audiences/lists/folders.html", context, status=(rename or form).http_status)
