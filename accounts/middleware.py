from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone

from accounts.models import Membership, Role

PREFIX = "/w/"
ADMIN = "/admin/"


class WorkspaceMiddleware:
    """Reads the workspace from the address: `/w/<slug>/campaigns/` is the page `/campaigns/` of that workspace.

    The slug becomes part of Django's script prefix, so every link made inside stays inside. A workspace the user
    does not belong to looks like one that does not exist.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.workspace = request.membership = request.role = None  # type: ignore[attr-defined]
        if not request.path_info.startswith(PREFIX):
            if request.path_info.startswith(ADMIN) and request.user.is_staff and lacks_second_factor(request):
                return redirect("mfa_index")
            return self.get_response(request)
        slug, slash, rest = request.path_info.removeprefix(PREFIX).partition("/")
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        membership = (
            Membership.objects.select_related("workspace")
            .filter(user=request.user.pk, workspace__slug=slug)
            .first()
        )
        if membership is None:
            raise Http404("No such workspace.")
        if not slash:
            return redirect(f"{request.path}/")
        if membership.may(Role.APPROVER) and lacks_second_factor(request):
            return redirect("mfa_index")
        request.workspace = membership.workspace  # type: ignore[attr-defined]
        request.membership = membership  # type: ignore[attr-defined]
        request.role = Role(membership.role)  # type: ignore[attr-defined]
        outer = get_script_prefix()
        set_script_prefix(f"{outer.rstrip('/')}{PREFIX}{slug}/")
        request.path_info = f"/{rest}"
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(outer)


class TimeZoneMiddleware:
    """Pages speak in the zone the user chose."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "") if request.user.is_authenticated else ""
        with timezone.override(zone or None):
            return self.get_response(request)


def lacks_second_factor(request: HttpRequest) -> bool:
    """Approvers, admins and operators prove themselves twice, where the installation asks for it."""
    if not settings.REQUIRE_TWO_FACTOR:
        return False
    from allauth.mfa.utils import is_mfa_enabled

    return not is_mfa_enabled(request.user)
