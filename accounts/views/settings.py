"""The workspace, its members, and oneself."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from accounts.forms.people import InvitationForm, NewcomerForm, ProfileForm, RoleForm, WorkspaceForm
from accounts.http import WorkspaceRequest, fresh_login, go, public_view, render_page, say, workspace_view
from accounts.models import Invitation, Role, User
from accounts.refusals import CannotDo
from accounts.services import people, sending

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@workspace_view()
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """Everyone may read it; an admin may change it."""
    may_change = request.role.covers(Role.ADMIN)
    if request.method == "POST" and not may_change:
        raise PermissionDenied("Only an admin may change the settings of the workspace.")
    form = WorkspaceForm(request.POST or None, instance=copy(request.workspace))
    if form.is_valid() and form.attempt(
        people.update_workspace, workspace=request.workspace, by=request.user
    ):
        say(request, "Saved.")
        return go(request, "accounts:settings")
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    return render_page(
        request,
        "accounts/settings/workspace.html",
        {"form": form, "may_change": may_change},
        status=form.http_status,
    )


@workspace_view(role=Role.ADMIN, methods=("POST",))
def unlock_sending(request: WorkspaceRequest) -> HttpResponse:
    sending.unlock(workspace=request.workspace, by=request.user)
    say(request, "Sending is unlocked. What waited goes on, after a look in its account.")
    return go(request, "accounts:settings")


@workspace_view()
def profile(request: WorkspaceRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=copy(request.user))
    if form.is_valid() and form.attempt(people.update_profile, user=request.user):
        say(request, "Saved.")
        return go(request, "accounts:profile")
    return render_page(request, "accounts/settings/profile.html", {"form": form}, status=form.http_status)


@workspace_view()
@fresh_login()
def members(request: WorkspaceRequest) -> HttpResponse:
    """Who belongs to the workspace; an admin invites from here. The link of an invitation is shown once."""
    may_change = request.role.covers(Role.ADMIN)
    form = InvitationForm(request.POST or None) if may_change else None
    link = ""
    if request.method == "POST":
        if form is None:
            raise PermissionDenied("Only an admin may invite people.")
        if form.is_valid() and form.attempt(people.invite, workspace=request.workspace, by=request.user):
            link, form = form.result, InvitationForm()
    context: dict[str, Any] = {
        "memberships": request.workspace.memberships.select_related("user").order_by(
            "user__name", "user__email"
        ),
        "roles": Role.choices,
        "may_change": may_change,
        "form": form,
        "link": link,
    }
    if may_change:
        context["invitations"] = request.workspace.invitations.filter(accepted_at=None).order_by("-pk")
    return render_page(
        request,
        "accounts/settings/members.html",
        context,
        status=form.http_status if form is not None else 200,
    )


@workspace_view(role=Role.ADMIN, methods=("POST",))
@fresh_login()
def change_role(request: WorkspaceRequest, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(request.workspace.memberships, pk=membership_id)
    form = RoleForm(request.POST)
    if form.is_valid() and form.attempt(people.change_role, membership=membership, by=request.user):
        say(request, f"{membership.user} has the new role.")
    else:
        say(
            request,
            " ".join(map(str, form.non_field_errors())) or "There is no such role.",
            level=messages.ERROR,
        )
    return go(request, "accounts:members")


@workspace_view(role=Role.ADMIN, methods=("POST",))
@fresh_login()
def remove_member(request: WorkspaceRequest, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(request.workspace.memberships, pk=membership_id)
    try:
        people.remove_member(membership=membership, by=request.user)
    except CannotDo as refusal:
        say(request, refusal.sentence, level=messages.ERROR)
        return go(request, "accounts:members")
    say(request, f"{membership.user} is no longer a member.")
    return go(request, "/" if membership.user == request.user else reverse("accounts:members"))


@workspace_view(role=Role.ADMIN, methods=("POST",))
def revoke_invitation(request: WorkspaceRequest, invitation_id: int) -> HttpResponse:
    invitation = get_object_or_404(request.workspace.invitations.filter(accepted_at=None), pk=invitation_id)
    people.revoke(invitation=invitation, by=request.user)
    say(request, f"The invitation of {invitation.email} no longer lets anybody in.")
    return go(request, "accounts:members")


@public_view("the unguessable token of an open invitation lets one person in")
@login_not_required
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join as who you are, or as a new person with a password of your own."""
    found = people.open_invitation(token)
    if found is None:
        return render(request, "accounts/invitation_over.html", status=404)
    if request.user.is_authenticated:
        return _join(request, found)
    if User.objects.filter(email=found.email).exists():
        return redirect(f"{reverse('account_login')}?next={request.path}")
    form = NewcomerForm(request.POST or None, email=found.email)
    if form.is_valid():
        name, password = form.cleaned_data["name"], form.cleaned_data["password"]
        try:
            user = people.accept_as_newcomer(invitation=found, name=name, password=password)
        except CannotDo as refusal:
            form.add_error(None, refusal.sentence)
        else:
            login(request, user, backend=BACKEND)
            return redirect(f"/w/{found.workspace.slug}/")
    return _never_stored(
        render(
            request, "accounts/invitation.html", {"invitation": found, "form": form}, status=form.http_status
        )
    )


def _join(request: HttpRequest, found: Invitation) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    refusal = ""
    if request.method == "POST":
        try:
            people.accept(invitation=found, user=user)
            return redirect(f"/w/{found.workspace.slug}/")
        except CannotDo as error:
            refusal = error.sentence
    context = {"invitation": found, "is_theirs": user.email == found.email, "refusal": refusal}
    return _never_stored(render(request, "accounts/invitation.html", context, status=422 if refusal else 200))


def _never_stored(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    return response
