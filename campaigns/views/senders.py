"""Who mails may come from, account by account, and what each domain still needs."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Connection, MirrorKind, MirrorRow, OutboxEntry, Role
from accounts.names import by_name
from accounts.refusals import CannotDo
from campaigns.forms.compose import CodeForm, DomainForm, SenderForm
from campaigns.models import Sender, SendingDomain
from campaigns.queries.senders import takes_any, why_not
from campaigns.services import senders as services

WORK = ("campaigns.create_sender", "campaigns.confirm_sender", "campaigns.authenticate_domain")


@workspace_view()
def senders(request: WorkspaceRequest) -> HttpResponse:
    """The page; a POST adds a sender or a domain to an account."""
    may_add = request.membership.may(Role.EDITOR)
    sender_form = SenderForm(workspace=request.workspace)
    domain_form = DomainForm(workspace=request.workspace)
    status = 200
    if request.method == "POST":
        if not may_add:
            raise PermissionDenied("Adding senders needs the role Editor.")
        if "domain" in request.POST:
            domain_form = DomainForm(request.POST, workspace=request.workspace)
            done = domain_form.is_valid() and domain_form.attempt(services.add_domain, by=request.user)
            sentence = "Asked the account for its DNS records; they appear here."
        else:
            sender_form = form = SenderForm(request.POST, workspace=request.workspace)
            done = form.is_valid() and form.attempt(services.add_sender, by=request.user)
            sentence = _added(form) if done else ""
        if done:
            say(request, sentence)
            return go(request, "campaigns:senders")
        status = 422
    context = {
        **_rows(request),
        "sender_form": sender_form,
        "domain_form": domain_form,
        "code_form": CodeForm(),
        "may_add": may_add,
        "has_accounts": sender_form.fields["connection"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render_page(request, "campaigns/senders/list.html", context, partials={"senders"}, status=status)


@workspace_view(role=Role.EDITOR, methods=("POST",))
def confirm(request: WorkspaceRequest, connection_id: int, sender_id: int) -> HttpResponse:
    sender = get_object_or_404(Sender, pk=sender_id, workspace=request.workspace)
    connection = get_object_or_404(request.workspace.connections, pk=connection_id)
    form = CodeForm(request.POST)
    if form.is_valid() and form.attempt(_confirmed, connection=connection, sender=sender, by=request.user):
        say(request, f"Handed the code to {connection}; its answer appears here.")
    else:
        say(
            request,
            " ".join(str(error) for errors in form.errors.values() for error in errors),
            level=messages.ERROR,
        )
    return go(request, "campaigns:senders")


@workspace_view(role=Role.EDITOR, methods=("POST",))
def check_domain(request: WorkspaceRequest, domain_id: int) -> HttpResponse:
    domain = get_object_or_404(
        SendingDomain.objects.select_related("connection__workspace"),
        pk=domain_id,
        connection__workspace=request.workspace,
    )
    try:
        services.authenticate_domain(domain=domain, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
    else:
        say(request, f"Asked {domain.connection} to look at the DNS records of {domain}.")
    return go(request, "campaigns:senders")


def _added(form: SenderForm) -> str:
    connection = form.cleaned_data["connection"]
    if takes_any(connection):
        return f"{form.result} is added. {connection} takes any address as sender."
    return f"Asked the account to know {form.result}. If it mails a code or a link to the address, enter it here."


def _confirmed(*, code: str, **where: Any) -> None:
    services.confirm_sender(code=code.strip(), **where)


def _rows(request: WorkspaceRequest) -> dict[str, Any]:
    """Senders with their state in each account, domains by account; a constant number of statements."""
    connections = list(
        request.workspace.connections.exclude(status=Connection.Status.CHECKING).order_by(*by_name())
    )
    mirrored = {
        (row.object_id, row.connection_id): row
        for row in MirrorRow.objects.filter(connection__in=connections, kind=MirrorKind.SENDER, gone_at=None)
    }
    found = list(request.workspace.senders.all())
    work = {
        (entry.task, entry.subject_id, entry.connection_id): entry
        for entry in OutboxEntry.objects.filter(
            workspace=request.workspace, task__in=WORK, state__in=["waiting", "claimed", "set_aside"]
        ).order_by("id")
    }
    rows = []
    for sender in found:
        states = []
        for connection in connections:
            row = mirrored.get((sender.pk, connection.pk))
            entries = [work.get((task, sender.pk, connection.pk)) for task in WORK[:2]]
            entry = next((entry for entry in entries if entry), None)
            states.append(
                {
                    "connection": connection,
                    "takes_any": takes_any(connection),
                    "problem": why_not(row.theirs if row else None, connection),
                    "needs_code": row is not None and not (row.theirs or {}).get("is_active"),
                    "is_asking": bool(entry and entry.is_open),
                    "refusal": entry.note if entry and not entry.is_open else "",
                }
            )
        rows.append((sender, states))
    domains = SendingDomain.objects.filter(connection__in=connections).select_related("connection")
    return {
        "rows": rows,
        "connections": connections,
        "domains": [
            (domain, work.get((WORK[2], domain.pk, domain.connection_id)))
            for domain in domains.order_by("is_authenticated", "name", "connection__name")
        ],
        "is_asking": any(entry.is_open for entry in work.values()),
    }
