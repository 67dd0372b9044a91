from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from audiences import panels, queries, services
from audiences.forms import STATES, ContactFilters, SuppressForm
from audiences.forms.consents import ConsentForm
from audiences.forms.imports import PersonForm
from audiences.models import Contact
from audiences.queries.contacts import shown
from audiences.views import people, suppressions


@workspace_view()
def contacts(request: WorkspaceRequest) -> HttpResponse:
    """Everybody, or those the filters in the address leave."""
    form = ContactFilters(
        request.GET, workspace=request.workspace, shows_addresses=people.shows_addresses(request)
    )
    wanted = form.people()
    before = people.before(request)
    found = queries.contacts(wanted, before=before)
    count = queries.counted(wanted, None if before else found)
    chosen, account = form.value("list"), form.value("account")
    return render_page(
        request,
        "audiences/contacts/list.html",
        {
            "form": form,
            "rows": people.rows(found),
            "older": found.before,
            "before": before,
            "count": people.said(count),
            "is_everybody": wanted.is_everybody,
            "is_too_short": form.is_too_short,
            "chips": people.chips(
                request,
                {
                    "q": wanted.words and f"“{wanted.words}”",
                    "list": chosen and f"{chosen.name}: {wanted.status}",
                    "state": dict(STATES).get(wanted.state) if wanted.state else "",
                    "account": account,
                    "language": wanted.language,
                },
            ),
            "has_connection": account or request.workspace.connections.exists(),
            "may_import": request.role.covers(Role.EDITOR),
        },
        partials={"people"},
    )


@workspace_view()
def contact(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """One person: fields, lists, accounts, and in one sentence why they may or may not be written to."""
    return page(request, get_object_or_404(request.workspace.contacts, pk=contact_id), SuppressForm())


@workspace_view(role=Role.EDITOR)
def add_person(request: WorkspaceRequest) -> HttpResponse:
    """One person typed in; the rules are those of any import."""
    form = PersonForm(request.POST or None, workspace=request.workspace)
    if form.is_valid() and form.attempt(services.add_person, workspace=request.workspace, by=request.user):
        say(request, "Added.")
        return go(request, form.result)
    return render_page(request, "audiences/contacts/new.html", {"form": form}, status=form.http_status)


@workspace_view(role=Role.EDITOR)
@require_POST
def suppress(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(request.workspace.contacts, pk=contact_id)
    form = SuppressForm(request.POST)
    if form.is_valid() and form.attempt(services.suppress_by_hand, contact=contact, by=request.user):
        say(
            request,
            "Suppressed. Nobody here writes to this person any more, and every account that can be told is told.",
        )
        return go(request, contact)
    return page(request, contact, form)


def page(
    request: WorkspaceRequest, contact: Contact, form: SuppressForm, *, consent: ConsentForm | None = None
) -> HttpResponse:
    shows = people.shows_addresses(request)
    found = queries.person(contact)
    return render_page(
        request,
        "audiences/contacts/detail.html",
        {
            "contact": contact,
            "address": shown(contact.email, shows_addresses=shows),
            "person": found,
            "why": found.why,
            "why_link": queries.link_of(found.why, found.campaigns) if found.why else "",
            "suppressions": [
                (row, queries.evidence(row, campaigns=found.campaigns, shows_addresses=shows))
                for row in found.suppressions
            ],
            "form": form,
            "may_suppress": request.membership.may(Role.EDITOR)
            and not any(row.connection_id is None for row in found.active),
            "panels": panels.rendered(request, contact),
            "lifts": found.active,
            "lift": suppressions.lift_form(found.why, found.active)
            if found.why and request.membership.may(Role.APPROVER)
            else None,
            "consents": queries.consents_of(contact, shows_addresses=shows),
            "consent": consent or ConsentForm(workspace=request.workspace)
            if request.membership.may(Role.EDITOR)
            else None,
        },
        partials={"accounts"},
        status=max(form.http_status, consent.http_status if consent else 200),
    )
