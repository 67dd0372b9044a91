"""Connecting accounts, watching their pulls, and looking after them."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts import pulls, queries
from accounts.forms.connections import CredentialsForm, NameForm
from accounts.http import WorkspaceRequest, fresh_login, go, render_page, say, workspace_view
from accounts.ids import id_of
from accounts.models import Connection, OutboxEntry, Role
from accounts.providers import PROVIDERS, provider_class
from accounts.providers.base import Provider, Way
from accounts.refusals import CannotDo
from accounts.services import connections as services
from accounts.templatetags.ui import counted

TABS = {"overview": "Overview", "mirror": "Mirror", "events": "Events", "limits": "Limits", "log": "Log"}


@workspace_view(methods=("GET", "HEAD"))
def connections(request: WorkspaceRequest) -> HttpResponse:
    return render_page(
        request,
        "accounts/connections/list.html",
        {
            "connections": list(queries.saved_connections(request.workspace)),
            "may_change": request.role.covers(Role.ADMIN),
        },
        partials={"list"},
    )


@workspace_view(methods=("GET", "HEAD"))
def capabilities(request: WorkspaceRequest) -> HttpResponse:
    return render_page(
        request,
        "accounts/connections/capabilities.html",
        {"providers": queries.providers(), "groups": queries.compared_abilities()},
    )


@workspace_view(role=Role.ADMIN)
def connect(request: WorkspaceRequest) -> HttpResponse:
    """One address for all of it: choose the provider, fill in what it needs, see whose account it is, keep it."""
    if check := _check_of(request):
        return _show_check(request, check)
    slug = request.POST.get("provider") or request.GET.get("provider") or ""
    if slug not in PROVIDERS:
        return render_page(request, "accounts/connections/choose.html", {"providers": queries.providers()})
    provider = provider_class(slug)
    way = _way(request, provider)
    form = CredentialsForm(
        request.POST or None, provider=provider, way=way, initial=_typed_before(request, slug, way)
    )
    if form.is_valid() and form.attempt(
        services.begin_check, workspace=request.workspace, provider=slug, by=request.user
    ):
        return go(request, f"{reverse('accounts:connect')}?check={form.result.pk}")
    return render_page(
        request,
        "accounts/connections/credentials.html",
        {
            "form": form,
            "provider": queries.provider_words(provider),
            "way": way,
            "hurdle": _hurdle(slug, way),
            "sandbox_hint": queries.sandbox_hint(slug, way) if settings.EMBEDDED else "",
        },
        status=form.http_status,
    )


@workspace_view(role=Role.ADMIN, methods=("POST",))
def save(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
    connection = get_object_or_404(request.workspace.connections, pk=connection_id)
    try:
        saved = services.save_connection(connection=connection, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, f"{reverse('accounts:connect')}?check={connection.pk}")
    return go(request, saved)


@workspace_view(methods=("GET", "HEAD"))
def connection(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
    """One account: what it is, its pull, and in tabs its mirror, events, limits and log."""
    found = _connection(request, connection_id)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    pull = queries.last_pull(found)
    context: dict[str, Any] = {
        "connection": found,
        "locked": queries.locked(found),
        "tab": tab,
        "tabs": TABS,
        "may_change": request.role.covers(Role.ADMIN),
        "may_pull": found.is_working and request.role.covers(Role.EDITOR),
        "progress": queries.pull_progress(pull) if pull else None,
        "name_form": NameForm(initial={"name": found.name}),
        "set_aside": found.outbox.filter(state=OutboxEntry.State.SET_ASIDE).count(),
        **_TAB_CONTEXT[tab](request, found),
    }
    return render_page(request, "accounts/connections/detail.html", context, partials={"pull", "webhook"})


@workspace_view(role=Role.ADMIN)
@fresh_login(methods=("GET", "POST"))
def replace_credentials(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
    found = _connection(request, connection_id)
    if "check" in request.GET:
        check = _check_of(request)
        if check is None:  # taken over, and gone with its purpose
            say(request, f"{found} uses the new credentials.")
            return go(request, found)
        return _show_check(request, check, replacing=found)
    way = _way(request, found.provider_class, found)
    form = CredentialsForm(
        request.POST or None,
        provider=found.provider_class,
        way=way,
        initial={"base_url": found.base_url, **_typed_before(request, found.provider, way)},
    )
    if form.is_valid() and form.attempt(services.replace_credentials, connection=found, by=request.user):
        return go(
            request, f"{reverse('accounts:replace_credentials', args=[found.pk])}?check={form.result.pk}"
        )
    return render_page(
        request,
        "accounts/connections/credentials.html",
        {
            "form": form,
            "provider": queries.provider_words(found.provider_class),
            "way": way,
            "hurdle": _hurdle(found.provider, way, found.base_url),
            "replacing": found,
        },
        status=form.http_status,
    )


@workspace_view(role=Role.ADMIN, methods=("POST",))
def rename(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
    found = _connection(request, connection_id)
    form = NameForm(request.POST)
    if form.is_valid() and form.attempt(services.rename, connection=found, by=request.user):
        return go(request, found)
    say(request, "A name of one to 120 letters is needed.", level=messages.ERROR)
    return go(request, found)


def _action(
    service: Callable[..., Any], done: str, *, tab: str = "", role: Role = Role.ADMIN, fresh: bool = False
) -> Callable[..., HttpResponse]:
    """A view for one button: calls the service, says what came of it, and shows the connection again."""

    @workspace_view(role=role, methods=("POST",))
    @fresh_login(methods=("POST",) if fresh else ())
    def act(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
        found = _connection(request, connection_id)
        try:
            service(connection=found, by=request.user)
        except CannotDo as refusal:
            say(request, refusal.sentence, level=messages.ERROR)
        else:
            say(request, done.format(connection=found))
        return go(request, found.get_absolute_url() + (f"?tab={tab}" if tab else ""))

    return act


start_pull = _action(services.start_pull, "The pull of {connection} has begun.", role=Role.EDITOR)
check_again = _action(
    lambda *, connection, by: services.check_again(connection=connection),
    "{connection} is being read again.",
    role=Role.EDITOR,
)
pause = _action(services.pause, "{connection} is paused. Work for it waits in order.")
resume = _action(services.resume, "{connection} is at work again.")
disconnect = _action(
    services.disconnect, "{connection} is disconnected. Its lists, people and results stay.", fresh=True
)
register_webhook = _action(
    services.register_webhook, "{connection} is being asked to report its events here.", tab="events"
)
rotate_webhook_secret = _action(
    services.rotate_webhook_secret, "{connection} is being given the new secret.", tab="events", fresh=True
)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def cancel_pull(request: WorkspaceRequest, connection_id: int) -> HttpResponse:
    found = _connection(request, connection_id)
    pull = queries.last_pull(found)
    try:
        if pull is not None:
            pulls.request_cancel(pull=pull, by=request.user)
            say(request, "The pull stops after the page under way.")
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.WARNING)
    return go(request, found)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def retry(request: WorkspaceRequest, connection_id: int, entry_id: int) -> HttpResponse:
    """Put a set-aside entry back in line."""
    found = _connection(request, connection_id)
    entry = get_object_or_404(found.outbox, pk=entry_id)
    try:
        tried = services.retry_entry(entry=entry, by=request.user)
        say(request, "It is tried again now." if tried else "Somebody has tried it again already.")
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
    return go(request, f"{found.get_absolute_url()}?tab=log")


def _way(request: WorkspaceRequest, provider: type[Provider], connection: Connection | None = None) -> Way:
    """The way that was chosen, else the one the connection was made by, else the first."""
    name = request.POST.get("way") or request.GET.get("way") or ""
    if not name and connection is not None and not queries.locked(connection):
        name = connection.credentials.get("way", "")
    return next((way for way in provider.ways if way.name == name), provider.ways[0])


def _hurdle(provider: str, way: Way, base_url: str = "") -> str:
    """Why nobody can connect in this way yet. Where the sandbox is at hand, it is no hurdle."""
    if not base_url and services.asks_the_sandbox(provider):
        return ""
    return services.missing_app(provider=provider, way=way, base_url=base_url)


def _connection(request: WorkspaceRequest, connection_id: int) -> Connection:
    saved = request.workspace.connections.exclude(status=Connection.Status.CHECKING)
    return get_object_or_404(saved, pk=connection_id)


def _check_of(request: WorkspaceRequest, name: str = "check") -> Connection | None:
    """The check under way that the address names; a saved one shows its own page instead."""
    given = id_of(request.GET.get(name, ""))
    if not given:
        return None
    return request.workspace.connections.filter(pk=given, status=Connection.Status.CHECKING).first()


def _show_check(
    request: WorkspaceRequest, check: Connection, replacing: Connection | None = None
) -> HttpResponse:
    way = "" if queries.locked(check) else check.credentials.get("way", "")
    again = (
        reverse("accounts:replace_credentials", args=[replacing.pk])
        if replacing
        else reverse("accounts:connect")
    )
    return render_page(
        request,
        "accounts/connections/check.html",
        {
            "connection": check,
            "replacing": replacing,
            "provider": queries.provider_words(check.provider_class),
            "is_checking": not (check.checked_at or check.status_note),
            "is_unattended": queries.is_unattended(check),
            "abilities": queries.abilities(check.provider_class),
            "quotas": queries.quotas(check) if check.checked_at else [],
            "saving": _saving(request, check) if check.checked_at and not replacing else "",
            "again_url": f"{again}?{urlencode({'provider': check.provider, 'way': way, 'again': check.pk})}",
            **_no_answer(check),
        },
        partials={"check"},
    )


def _no_answer(check: Connection) -> dict[str, str]:
    """The words for an account that could not be read. How often it was asked behind the scenes concerns nobody here."""
    if check.status_note.startswith(f"{check.provider_name} could not be reached"):
        text = re.sub(r" \(The account has not answered several times.*\)$", "", check.status_note)
        return {"failure": f"No answer from {check.provider_name}. Try again.", "failure_note": text}
    return {"failure": "The account could not be read", "failure_note": check.status_note}


def _typed_before(request: WorkspaceRequest, provider: str, way: Way) -> dict[str, Any]:
    """What was typed into a check that failed, secrets aside."""
    check = _check_of(request, "again")
    if check is None or check.provider != provider or queries.locked(check):
        return {}
    typed, kept = check.credentials, {}
    if typed.get("way") == way.name:
        kept = {
            credential.name: typed[credential.name]
            for credential in way.credentials
            if (credential.is_flag or not credential.secret) and typed.get(credential.name)
        }
    if check.base_url and check.base_url != services.sandbox_url(provider):
        kept["base_url"] = check.base_url
    return kept


def _saving(request: WorkspaceRequest, check: Connection) -> str:
    """What is written over there once the account is saved."""
    can, told = check.capabilities, []
    if can.blocks_contacts:
        many = request.workspace.suppressions.filter(lifted_at=None).values("email").distinct().count()
        told.append(
            "Saving also asks the account to refuse those of its people who are suppressed here"
            f" (so far {counted(many, 'address,addresses')})."
        )
    if can.has_webhooks:
        told.append("With the first campaign released through it, Campanile also registers a webhook there.")
    return " ".join(told) or "Saving writes nothing there: the account is read."


def _overview(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    return {
        "abilities": queries.abilities(connection.provider_class),
        "quotas": queries.quotas(connection),
        "may_read": connection.is_working and request.role.covers(Role.EDITOR),
    }


def _mirror(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    return {"counts": queries.mirror_counts(connection)}


def _events(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    registering = connection.outbox.filter(
        task="accounts.register_webhook",
        state__in=[OutboxEntry.State.WAITING, OutboxEntry.State.CLAIMED],
    )
    capabilities = connection.capabilities
    return {
        "is_registering": registering.exists(),
        "has_webhooks": capabilities.has_webhooks,
        "tells_of_mails": bool(connection.provider_class.told_by_calls),
        "webhook_note": capabilities.because.get("has_webhooks", "")
        if capabilities.has_webhooks
        else capabilities.sentence("has_webhooks"),
    }


def _limits(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    return {"quotas": queries.quotas(connection)}


def _log(request: WorkspaceRequest, connection: Connection) -> dict[str, Any]:
    entries, older = queries.outbox_log(connection, before=id_of(request.GET.get("before", "")))
    return {"entries": [(entry, queries.task_words(entry.task)) for entry in entries], "older": older}


_TAB_CONTEXT: dict[str, Callable[[WorkspaceRequest, Connection], dict[str, Any]]] = {
    "overview": _overview,
    "mirror": _mirror,
    "events": _events,
    "limits": _limits,
    "log": _log,
}
