"""How long a log-in lasts, and what ends it: rest, age, and a change of what proves who somebody is."""

import time
from collections.abc import Callable
from typing import Any

from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from accounts.models import User

BEGAN, SEEN = "began_at", "seen_at"
# A session is written anew this often, not with each page.
PRECISION_SECONDS = 300


class SessionLimitsMiddleware:
    """Logs out who rested longer than SESSION_IDLE_SECONDS, or logged in longer ago than SESSION_COOKIE_AGE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = time.time()
            seen, began = request.session.get(SEEN, now), request.session.get(BEGAN, now)
            if now - seen > settings.SESSION_IDLE_SECONDS or now - began > settings.SESSION_COOKIE_AGE:
                logout(request)
            elif SEEN not in request.session or (now - seen > PRECISION_SECONDS and _is_a_person(request)):
                request.session[SEEN], request.session[BEGAN] = now, began
        was_in = request.user.is_authenticated
        response = self.get_response(request)
        if was_in and not request.user.is_authenticated:
            response["Clear-Site-Data"] = '"storage"'  # what other tabs keep, too
        return response


def _is_a_person(request: HttpRequest) -> bool:
    """Pages look again by themselves; that keeps nobody logged in."""
    htmx = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"
    return request.method == "POST" or not htmx


@receiver(user_logged_in)
def begin(request: HttpRequest, **_: Any) -> None:
    request.session[SEEN] = request.session[BEGAN] = time.time()


# A changed password ends the others by itself: Django keeps a digest of it in each session.
@receiver([authenticator_added, authenticator_removed, authenticator_reset])
def end_other_sessions(request: HttpRequest, user: User, **_: Any) -> None:
    for session in UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key):
        session.end()
