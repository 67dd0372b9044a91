from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.http import WorkspaceRequest, go, render_page, say, workspace_view
from accounts.models import Role
from audiences import panels, queries, rules, services
from audiences.forms import SuppressForm
from audiences.forms.consents import ConsentForm
from audiences.forms.contacts import ContactFilters
from audiences.forms.editing import PersonForm
from audiences.models import Contact
from audiences.queries.columns import MOST
from audiences.queries.contacts import Slice, shown, shown_name
from audiences.queries.counting import Count
from audiences.queries.merging import kept_instead
from audiences.queries.tags import tags_of
from audiences.views import bulk, people, suppressions


@workspace_view()
def contacts(request: WorkspaceRequest) -> HttpResponse:
    """Everybody, or those the filters in the address leave."""
    shows = people.shows_addresses(request)
    form = ContactFilters(request.GET, workspace=request.workspace, shows_addresses=shows)
    wanted, before = form.people(), people.before(request)
    there = queries.columns_there_are(request.workspace)
    columns = queries.columns_of(request.membership, there)
    notes = [*form.refusals()]
    found, count = Slice([], None), None
    try:
        if not notes:
            found = queries.contacts(wanted, before=before, columns=columns)
            count = queries.counted(wanted, None if before else found)
    except rules.Incomplete as refusal:  # a segment that needs mending
        notes.append(refusal.sentence)
    may_edit = request.role.covers(Role.EDITOR)
    return render_page(
        request,
        "audiences/contacts/list.html",
        {
            "form": form,
            "columns": columns,
            "columns_there_are": there,
            "most_columns": MOST,
            "rows": people.table(found, columns, shows_addresses=shows),
            "older": found.before,
            "before": before,
            **people.how_many(request, count, reverse("audiences:count_contacts")),
            "is_all_here": found.before is None and not before,
            "is_everybody": wanted.is_everybody and not notes,
            "is_too_short": form.is_too_short,
            "is_by_whole_address": wanted.words and not shows and not notes,
            "notes": notes,
            "chips": people.chips(request, form.in_words()),
            "has_connection": form.value("account") or request.workspace.connections.exists(),
            "may_import": may_edit,
            # Marked after something was done to the people, not while they are looked for.
            "is_done": request.htmx and request.htmx.trigger == "people",
            **(bulk.offered(wanted) if may_edit and count else {}),
        },
        partials={"people", "value"},
    )


@workspace_view(methods=("GET", "HEAD"))
def count_contacts(request: WorkspaceRequest) -> HttpResponse:
    """The number above the table where a page did not wait for it."""
    form = ContactFilters(
        request.GET, workspace=request.workspace, shows_addresses=people.shows_addresses(request)
    )

    def counted() -> Count | None:
        try:
            return queries.count_patiently(form.people()) if not form.refusals() else None
        except rules.Incomplete:
            return None

    return people.number_later(request, counted)


@workspace_view(methods=("POST",))
def choose_columns(request: WorkspaceRequest) -> HttpResponse:
    """Which columns this member sees of all people."""
    there = {column.key for column in queries.columns_there_are(request.workspace)}
    wanted = [key for key in request.POST.getlist("columns") if key in there]
    services.choose_columns(membership=request.membership, columns=wanted)
    if len(wanted) > MOST:
        say(
            request,
            f"You chose {len(wanted)} columns: the first {MOST} of them are shown.",
            level=messages.WARNING,
        )
    return go(request, bulk.back(request))


@workspace_view()
def contact(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """One person: fields, lists, accounts, and in one sentence why they may or may not be written to."""
    found = request.workspace.contacts.filter(pk=contact_id).first()
    if found is None and (kept := kept_instead(request.workspace, contact_id)) is not None:
        say(request, "That contact was merged into this one.", level=messages.INFO)
        return go(request, kept)
    if found is None:
        raise Http404
    return page(request, found, SuppressForm())


@workspace_view(role=Role.EDITOR)
def add_person(request: WorkspaceRequest) -> HttpResponse:
    """One person typed in; the rules are those of any import."""
    form = PersonForm(request.POST or None, workspace=request.workspace)
    if form.is_valid() and form.attempt(services.add_person, workspace=request.workspace, by=request.user):
        say(request, "Added.")
        return go(request, form.result)
    return render_page(request, "audiences/contacts/new.html", {"form": form}, status=form.http_status)


@workspace_view(role=Role.EDITOR, methods=("POST",))
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
    found = queries.person(contact, shows_addresses=shows)
    return render_page(
        request,
        "audiences/contacts/detail.html",
        {
            "contact": contact,
            "address": shown(contact.email, shows_addresses=shows),
            # Who has no name is called by the address: once in the head will do.
            "crumb": shown(contact.email, shows_addresses=shows) if contact.full_name else "",
            "name": shown_name(contact, shows_addresses=shows),
            "person": found,
            "why": found.why,
            "why_link": queries.link_of(found.why.evidence, found.campaigns) if found.why else "",
            "why_pattern": queries.pattern_of(found.why, shows_addresses=shows) if found.why else "",
            "suppressions": [
                (row, queries.evidence(row, campaigns=found.campaigns, shows_addresses=shows))
                for row in found.suppressions
            ],
            "form": form,
            "may_suppress": request.membership.may(Role.EDITOR)
            and not any(row.connection_id is None for row in found.active),
            "tags": tags_of(contact),
            "may_edit": request.membership.may(Role.EDITOR),
            "may_erase": request.membership.may(Role.ADMIN),
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
