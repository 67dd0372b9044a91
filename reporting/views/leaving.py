"""The page that mails link to where the provider writes no link to leave. Anybody may open it; looking changes nothing."""

import structlog
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from accounts.adapter import client_ip
from accounts.http import public_view
from campaigns.models import Delivery, TestSend
from reporting import services
from reporting.forms import LeaveForm

log = structlog.get_logger(__name__)

# Somebody who tries one address after the other is stopped; a household behind one connection is not.
MOST_AN_HOUR = 30


@csrf_exempt  # whoever keeps no cookies must be able to leave too; what it does needs their address
@login_not_required
@public_view("the unguessable end of the address, and an address that got this mail")
def leave(request: HttpRequest, marker: str) -> HttpResponse:
    delivery = (
        Delivery.objects.filter(marker=marker)
        .select_related("campaign__workspace", "connection__workspace")
        .first()
    )
    if delivery is None:
        is_test = TestSend.objects.filter(marker=marker).exists()
        return _answer(request, {"is_test": is_test}, status=200 if is_test else 404)
    form = LeaveForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "sender": delivery.sender_name or delivery.campaign.workspace.name}
    if request.method == "POST" and form.is_valid():
        if _is_too_much(request):
            return _answer(request, context | {"is_too_much": True}, status=429)
        services.leave(delivery=delivery, email=form.cleaned_data["email"])
        # The same for everybody: the page tells nobody who got a mail.
        return _answer(request, context | {"is_done": True, "email": form.cleaned_data["email"]})
    return _answer(request, context, status=form.http_status)


def _answer(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = render(request, "reporting/leave.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _is_too_much(request: HttpRequest) -> bool:
    key = f"leave:{client_ip(request)}"
    try:
        cache.add(key, 0, 3600)
        return cache.incr(key) > MOST_AN_HOUR
    except Exception as error:  # noqa: BLE001 - without the cache nobody is kept from leaving
        log.warning("leave.unmetered", error=type(error).__name__)
        return False
