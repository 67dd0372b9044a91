"""Accounts whose owner agrees on a page of the provider's: out there with a state of ours, and back with a code."""

import secrets
import time
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.http import WorkspaceRequest, fresh_login, go, public_view, say, workspace_url, workspace_view
from accounts.ids import id_of
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
    way = request.GET.get("way", "")
    try:
        where = services.consent_place(provider=slug, way=way, base_url=replaces.base_url if replaces else "")
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, f"{_page(replaces)}?{urlencode({'provider': slug, 'way': way})}")
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
    replaces = membership.workspace.connections.filter(pk=asked["replaces"]).first()
    page = workspace_url(
        membership.workspace,
        *(("accounts:replace_credentials", replaces.pk) if replaces else ("accounts:connect",)),
    )
    again = f"{page}?{urlencode({'provider': asked['provider'], 'way': asked['way']})}"
    code = request.GET.get("code", "")
    if not code:
        name, error = provider_class(asked["provider"]).name, request.GET.get("error", "")
        is_no = error in ("", "access_denied")
        sentence = (
            f"You did not agree at {name}, so nothing was changed."
            if is_no
            else f"{name} could not ask you ({error[:80]}), so nothing was changed. Tell the operator of this installation."
        )
        say(request, sentence, level=messages.WARNING if is_no else messages.ERROR)
        return HttpResponseRedirect(again)
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
    return HttpResponseRedirect(f"{page}?check={check.pk}")


def redirect_uri() -> str:
    """Registered at the provider as it stands: one for the whole installation."""
    return f"{settings.PUBLIC_URL}/connect/back/"


def _page(replaces: Connection | None) -> str:
    if replaces:
        return reverse("accounts:replace_credentials", args=[replaces.pk])
    return reverse("accounts:connect")


def _replaced(request: WorkspaceRequest, slug: str) -> Connection | None:
    given = id_of(request.GET.get("replaces", ""))
    if not given:
        return None
    saved = request.workspace.connections.exclude(status=Connection.Status.CHECKING)
    return saved.filter(pk=given, provider=slug).first()


def _waiting(request: HttpRequest) -> dict[str, dict[str, Any]]:
    now = time.time()
    return {state: asked for state, asked in request.session.get(KEY, {}).items() if asked["until"] > now}
