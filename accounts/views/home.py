"""The way in, Home, the top bar's part, search and the activity log."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import activity, attention, details, panels, queries, search
from accounts.forms.people import ActivityFilters
from accounts.http import WorkspaceRequest, public_view, render_page, workspace_view
from accounts.ids import id_of
from accounts.models import Connection, Membership, Role, User
from accounts.names import by_name
from accounts.panels import Place

# The session remembers where somebody worked last.
LAST_WORKSPACE = "workspace"


@public_view("leads a person to a workspace of their own, and shows nothing of any other")
def start(request: HttpRequest) -> HttpResponse:
    """`/` is Home inside a workspace; outside it leads to the workspace used last."""
    if request.workspace is not None:  # type: ignore[attr-defined]
        return home(request)  # type: ignore[arg-type]
    memberships = Membership.objects.filter(user=request.user.pk).select_related("workspace").order_by("pk")
    slugs = [membership.workspace.slug for membership in memberships]
    last = request.session.get(LAST_WORKSPACE)
    if slugs:
        return redirect(f"/w/{last if last in slugs else slugs[0]}/")
    return render(request, "accounts/no_workspace.html")


@workspace_view(methods=("GET", "HEAD"))
def home(request: WorkspaceRequest) -> HttpResponse:
    """What goes out next, what needs me, how did the last ones do."""
    if request.session.get(LAST_WORKSPACE) != request.workspace.slug:
        request.session[LAST_WORKSPACE] = request.workspace.slug
    connections = list(queries.saved_connections(request.workspace))
    return render_page(
        request,
        "accounts/home.html",
        {
            "connections": connections,
            "is_fresh": not connections,
            "may_connect": request.role.covers(Role.ADMIN),
            "needs": attention.needs(request.workspace),
            "running": attention.running(request.workspace),
            "next_panels": panels.rendered(Place.HOME_NEXT, request),
            "last_panels": panels.rendered(Place.HOME_LAST, request),
        },
    )


@workspace_view(methods=("GET", "HEAD"))
def indicators(request: WorkspaceRequest) -> HttpResponse:
    """The top bar asks again and again; whoever is polled for never keeps a session alive by it."""
    return render(
        request,
        "components/indicators.html",
        {
            "running": len(attention.running(request.workspace)),
            "running_url": f"{reverse('accounts:attention')}#running",
            "attention": len(attention.needs(request.workspace)),
            "attention_url": reverse("accounts:attention"),
        },
    )


@workspace_view(methods=("GET", "HEAD"))
def needs_attention(request: WorkspaceRequest) -> HttpResponse:
    return render_page(
        request,
        "accounts/attention.html",
        {"needs": attention.needs(request.workspace), "running": attention.running(request.workspace)},
        partials={"running"},
    )


@workspace_view(methods=("GET", "HEAD"))
def search_everything(request: WorkspaceRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:200]
    groups = search.everywhere(request, words)
    return render_page(
        request,
        "accounts/search.html",
        {"search_query": words, "groups": groups, "is_short": len(words) < search.MIN_LENGTH},
    )


@workspace_view(methods=("GET", "HEAD"))
def activity_log(request: WorkspaceRequest) -> HttpResponse:
    filters = ActivityFilters(request.GET)
    values = filters.cleaned_data if filters.is_valid() else {}
    backwards = filters.errors.get("until", ()) if filters.has_error("until", "backwards") else ()
    members = User.objects.filter(memberships__workspace=request.workspace).order_by(*by_name())
    object_type, _, object_id = (values.get("object") or "").partition(":")
    entries, older = queries.activity_page(
        request.workspace,
        kind=values.get("kind") or "",
        actor=members.filter(pk=values.get("actor") or 0).first(),
        object_type=object_type,
        object_id=int(object_id) if object_id else None,
        since=values.get("since"),
        until=values.get("until"),
        zone=request.user.time_zone,
        before=id_of(request.GET.get("before", "")),
    )
    return render_page(
        request,
        "accounts/activity.html",
        {
            "entries": details.in_words(
                request.workspace,
                [] if backwards else entries,
                shows_addresses=request.membership.may(Role.EDITOR),
            ),
            "older": None if backwards else older,
            "notes": backwards,
            "filters": filters,
            "is_filtered": any(values.values()) or bool(backwards),
            "kinds": activity.KINDS,
            "members": members,
            "chosen": {name: request.GET.get(name, "") for name in filters.fields}
            if backwards
            else {key: str(value or "") for key, value in values.items()},
            "may_verify": request.role.covers(Role.ADMIN),
            **_verified(request),
        },
        partials={"entries"},
    )


def _verified(request: WorkspaceRequest) -> dict[str, Any]:
    """The state of the chain, when an admin asks for it: reading all of it takes a while."""
    if "verify" not in request.GET:
        return {}
    if not request.role.covers(Role.ADMIN):
        raise PermissionDenied("Only an admin may have the log verified.")
    return {"verified": True, "broken": activity.first_broken(request.workspace)}


def object_of(connection: Connection) -> str:
    """How the activity page's address names a row."""
    content_type = ContentType.objects.get_for_model(connection)
    return f"{content_type.app_label}.{content_type.model}:{connection.pk}"
