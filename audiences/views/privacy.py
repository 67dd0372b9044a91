"""Requests of one person about their data. Addresses travel in bodies only, never in the address of a page."""

import json
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.http import WorkspaceRequest, fresh_login, go, render_page, say, workspace_view
from accounts.models import Role
from audiences import queries, services
from audiences.forms.privacy import EraseForm, FindForm, ReturnForm
from audiences.models import ErasedThere
from audiences.privacy import Person
from audiences.privacy import person as person_of
from audiences.views import people


@workspace_view()
def privacy(request: WorkspaceRequest) -> HttpResponse:
    """Where such a request begins, and what became of those before."""
    return _page(request, FindForm(), ReturnForm())


@workspace_view(role=Role.ADMIN)
def held(request: WorkspaceRequest) -> HttpResponse:
    """What is held about an address, whether a contact has it or not."""
    form = FindForm(request.POST or None)
    if form.is_valid() and form.attempt(services.person_of, workspace=request.workspace):
        if form.result.contact:
            return go(request, "audiences:contact_privacy", form.result.contact.pk)
        return _held(request, form.result, EraseForm())
    return _page(request, form, ReturnForm()) if form.is_bound else go(request, "audiences:privacy")


@workspace_view(role=Role.ADMIN)
def contact_privacy(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    contact = get_object_or_404(request.workspace.contacts, pk=contact_id)
    return _held(request, person_of(request.workspace, contact.email), EraseForm())


@workspace_view(role=Role.ADMIN, methods=("POST",))
@fresh_login()
def export_person(request: WorkspaceRequest) -> HttpResponse:
    """Everything about one person in one file."""
    form = FindForm(request.POST)
    if not (form.is_valid() and form.attempt(services.person_of, workspace=request.workspace)):
        return _page(request, form, ReturnForm())
    document = services.export_person(person=form.result, by=request.user)
    response = HttpResponse(
        json.dumps(document, indent=2, ensure_ascii=False, default=_plain), content_type="application/json"
    )
    response.headers["Content-Disposition"] = (
        f'attachment; filename="person-{timezone.localdate().isoformat()}.json"'
    )
    return response


@workspace_view(role=Role.ADMIN, methods=("POST",))
@fresh_login()
def erase(request: WorkspaceRequest) -> HttpResponse:
    found = FindForm(request.POST)
    if not (found.is_valid() and found.attempt(services.person_of, workspace=request.workspace)):
        return _page(request, found, ReturnForm())
    form = EraseForm(request.POST)
    if form.is_valid() and form.attempt(services.erase_person, person=found.result, by=request.user):
        say(request, "Erased. Whether each account has deleted them too stands below.")
        return go(request, "audiences:privacy")
    return _held(request, found.result, form)


@workspace_view(role=Role.ADMIN, methods=("POST",))
@fresh_login()
def settle(request: WorkspaceRequest, there_id: int) -> HttpResponse:
    there = get_object_or_404(ErasedThere, pk=there_id, erasure__workspace=request.workspace)
    services.settle_by_hand(there=there, by=request.user)
    say(request, f"Noted: {there.connection} no longer holds them.")
    return go(request, "audiences:privacy")


@workspace_view(role=Role.APPROVER, methods=("POST",))
def record_return(request: WorkspaceRequest) -> HttpResponse:
    form = ReturnForm(request.POST)
    if form.is_valid() and form.attempt(services.record_return, workspace=request.workspace, by=request.user):
        say(request, "Recorded. They can be put on lists again.")
        return go(request, form.result)
    return _page(request, FindForm(), form)


def _page(request: WorkspaceRequest, form: FindForm, back: ReturnForm) -> HttpResponse:
    before = people.before(request)
    may_erase = request.membership.may(Role.ADMIN)
    found = queries.erasures(request.workspace, before=before, names_them=may_erase)
    return render_page(
        request,
        "audiences/privacy/list.html",
        {
            "form": form,
            "back": back,
            "rows": found.rows,
            "older": found.before,
            "before": before,
            "may_erase": may_erase,
            "may_record": request.membership.may(Role.APPROVER),
        },
        partials={"erasures"},
        status=max(form.http_status, back.http_status),
    )


def _held(request: WorkspaceRequest, person: Person, form: EraseForm) -> HttpResponse:
    return render_page(
        request,
        "audiences/privacy/person.html",
        {
            "person": person,
            "held": queries.what_is_held(person),
            # One may be asked for several addresses.
            "accounts": list(dict.fromkeys(account for account, _ in services.holding(person))),
            "hindrances": services.hindrances(person),
            "form": form,
        },
        status=form.http_status,
    )


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
