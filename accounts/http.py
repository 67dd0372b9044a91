"""What every view stands on: the typed request, the workspace guard, and answers for full loads and htmx alike."""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, get_script_prefix, resolve, reverse, set_script_prefix
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event
from django_htmx.middleware import HtmxDetails

from accounts.models import Membership, Role, User, Workspace

P = ParamSpec("P")


class WorkspaceRequest(HttpRequest):
    """A request inside a workspace, by a member. Only for type checkers: Django builds the object."""

    user: User
    workspace: Workspace
    membership: Membership
    role: Role
    htmx: HtmxDetails


View = Callable[Concatenate[WorkspaceRequest, P], HttpResponse]


def workspace_view(
    *, role: Role = Role.VIEWER, methods: Collection[str] = ("GET", "HEAD", "POST")
) -> Callable[[View[P]], View[P]]:
    """Let members with `role` in; nobody else. A POST by a member of a lower role is refused with a sentence.

    Whoever opens an address that only takes what is sent, as a browser does with the one a refused form left it at, is led
    to the page above it.
    """

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: WorkspaceRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if getattr(request, "membership", None) is None:
                raise Http404("This page belongs to a workspace.")
            if request.method not in methods:
                if request.method in ("GET", "HEAD") and "GET" not in methods:
                    return redirect(_page_above(request))
                return HttpResponse(status=405, headers={"Allow": ", ".join(methods)})
            if not request.membership.may(role):
                raise PermissionDenied(
                    f"This needs the role {role.label}. Ask an admin of {request.workspace}."
                )
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        guarded.role = role  # type: ignore[attr-defined]
        guarded.methods = methods  # type: ignore[attr-defined]
        return guarded

    return guard


def logged_in_lately(request: HttpRequest) -> bool:
    """Whether this session saw a password, key or code within the time that settings allow for sensitive work."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def fresh_login(*, methods: Collection[str] = ("POST",)) -> Callable[[View[P]], View[P]]:
    """For secrets and roles: who logged in a while ago proves it again first. Stands below `workspace_view`."""

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: WorkspaceRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method not in methods or logged_in_lately(request):
                return view(request, *args, **kwargs)
            back = request.get_full_path()
            if request.method == "POST":
                came_from = urlsplit(request.headers.get("Referer", ""))
                back = came_from.path if came_from.netloc == request.get_host() else get_script_prefix()
                say(
                    request,
                    "Nothing was changed yet. Now that it is surely you, do it again.",
                    level=messages.INFO,
                )
            return go(request, f"{_outside('account_reauthenticate')}?{urlencode({'next': back})}")

        return guarded

    return guard


def public_view(why: str) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """Declare a view that needs no workspace; `why` says what guards it instead."""

    def mark(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
        view.public_because = why  # type: ignore[attr-defined]
        return view

    return mark


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partials: Collection[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The page, or only the partial that htmx asked for by its target, if the view listed it."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    wanted = htmx.target if htmx and not htmx.history_restore_request and not htmx.boosted else None
    name = f"{template}#{wanted}" if wanted in partials else template
    response = render(request, name, dict(context or {}), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def go(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Redirect, in htmx's way where htmx asked: `to` is a URL, a name or an object with an address."""
    response = redirect(to, *args, **kwargs)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(response.url)
    return response


def say(request: HttpRequest, sentence: str, *, level: int = messages.SUCCESS) -> None:
    """Show a sentence on the page that comes next."""
    messages.add_message(request, level, sentence)


def toast(
    response: HttpResponse, sentence: str, *, tone: str = "good", link: tuple[str, str] | None = None
) -> HttpResponse:
    """Show a sentence without leaving the page; `link` is (words, address) of where it goes on."""
    words, url = link or ("", "")
    more = {"link": words, "url": url} if link else {}
    return trigger_client_event(response, "toast", {"text": sentence, "tone": tone, **more})


def safe_next(request: HttpRequest, *, default: str) -> str:
    """The `next` address if it stays on this host."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    # Without a slash it may be the name of a page to whoever redirects, or of none.
    if url.startswith("/") and url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return url
    return default


def workspace_url(workspace: Workspace, name: str, *args: Any) -> str:
    """The path of a page of a workspace, from outside of one (tasks, mails, log-in)."""
    return f"/w/{workspace.slug}{_outside(name, *args)}"


def _page_above(request: HttpRequest) -> str:
    """The nearest address above this one that can be opened; the start of the workspace where there is none."""
    path = request.path_info.strip("/")
    while "/" in path:
        path = path.rpartition("/")[0]
        with suppress(Resolver404):
            if "GET" in getattr(resolve(f"/{path}/").func, "methods", ()):
                return f"{get_script_prefix()}{path}/"
    return get_script_prefix()


def _outside(name: str, *args: Any) -> str:
    """The path of a page as it is outside of every workspace."""
    outer = get_script_prefix()
    set_script_prefix("/")
    try:
        return reverse(name, args=args)
    finally:
        set_script_prefix(outer)
