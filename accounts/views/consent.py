"""Accounts whose owner agrees on a page of the provider's: out there with a state of ours, and back with a code."""

import secrets
import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.http import WorkspaceRequest, fresh_login, go, public_view, say, workspace_url, workspace_view
from accounts.models import Connection, Membership, Role
from accounts.providers import PROVIDERS, provider_class
from accounts.refusals import CannotDo
from accounts.services import connections as services

# In the session: state → where it was asked for. Each is good once and for ten minutes.
KEY = "consents"
GOOD_FOR_SECONDS = 600
MOST = 5


@workspace_view(role=Role.ADMIN, methods=("GET",))
@fresh_login(methods=("GET",))
def ask(request: WorkspaceRequest) -> HttpResponse:
    """Send the person to the provider's page. Changes nothing but their session."""
    slug = request.GET.get("provider", "")
    if slug not in PROVIDERS:
        raise Http404("There is no such provider.")
    replaces = _replaced(request, slug)
    base_url = replaces.base_url if replaces else ""
    try:
        where = services.consent_place(
            provider=slug,
            way=request.GET.get("way", ""),
            base_url=base_url or request.GET.get("base_url", ""),
        )
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, f"{reverse('accounts:connect')}?provider={slug}")
    state = secrets.token_urlsafe(32)
    waiting = _waiting(request)
    waiting[state] = {
        "workspace": request.workspace.slug,
        "provider": slug,
        "way": where.way,
        "base_url": where.base_url,
        "replaces": replaces.pk if replaces else None,
        "until": time.time() + GOOD_FOR_SECONDS,
    }
    request.session[KEY] = dict(list(waiting.items())[-MOST:])
    address = provider_class(slug).consent_url(
        base_url=where.base_url, credentials=where.app, redirect_uri=redirect_uri(), state=state
    )
    return HttpResponseRedirect(address)


@public_view("a login, and a state that this session was given")
def back(request: HttpRequest) -> HttpResponse:
    """The provider's answer. The code is exchanged by the worker: no page waits for a provider."""
    waiting = _waiting(request)
    asked: dict[str, Any] | None = waiting.pop(request.GET.get("state", ""), None)
    request.session[KEY] = waiting
    if asked is None:
        say(
            request,
            "This answer belongs to no question of yours, or came too late. Connect the account again.",
            level=messages.ERROR,
        )
        return HttpResponseRedirect("/")
    membership = (
        Membership.objects.select_related("workspace")
        .filter(user=request.user.pk, workspace__slug=asked["workspace"])
        .first()
    )
    if membership is None or not membership.may(Role.ADMIN):
        raise Http404("No such workspace.")
    connect = workspace_url(membership.workspace, "accounts:connect")
    again = f"{connect}?provider={asked['provider']}"
    code = request.GET.get("code", "")
    if not code:
        name = provider_class(asked["provider"]).name
        say(
            request,
            f"{name} was not allowed to be connected, so nothing was changed.",
            level=messages.WARNING,
        )
        return HttpResponseRedirect(again)
    replaces = membership.workspace.connections.filter(pk=asked["replaces"]).first()
    try:
        check = services.begin_check(
            workspace=membership.workspace,
            provider=asked["provider"],
            credentials={"way": asked["way"], "code": code, "redirect_uri": redirect_uri()},
            base_url=asked["base_url"],
            by=request.user,  # type: ignore[arg-type]
            replaces=replaces,
        )
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return HttpResponseRedirect(again)
    if replaces:
        path = workspace_url(membership.workspace, "accounts:replace_credentials", replaces.pk)
        return HttpResponseRedirect(f"{path}?check={check.pk}")
    return HttpResponseRedirect(f"{connect}?check={check.pk}")


def redirect_uri() -> str:
    """Registered at the provider as it stands: one for the whole installation."""
    return f"{settings.PUBLIC_URL}/connect/back/"


def _replaced(request: WorkspaceRequest, slug: str) -> Connection | None:
    given = request.GET.get("replaces", "")
    if not given.isdecimal():
        return None
    saved = request.workspace.connections.exclude(status=Connection.Status.CHECKING)
    return saved.filter(pk=given, provider=slug).first()


def _waiting(request: HttpRequest) -> dict[str, dict[str, Any]]:
    now = time.time()
    return {state: asked for state, asked in request.session.get(KEY, {}).items() if asked["until"] > now}
