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

# Whoever got the mail can always leave. So many addresses that did not get it, from one place, are worth a warning.
MISSES_AN_HOUR = 100


@csrf_exempt  # whoever keeps no cookies must be able to leave too; what it does needs their address
@login_not_required
@public_view("the unguessable end of the address, and an address that got this mail")
def leave(request: HttpRequest, marker: str) -> HttpResponse:
    delivery = (
        Delivery.objects.filter(marker=marker)
        .select_related("campaign__workspace", "connection__workspace")
        .defer("html", "text", "audience", "literals", "campaign__html", "campaign__mjml", "campaign__blocks")
        .first()
    )
    if delivery is None:
        test = TestSend.objects.filter(marker=marker).select_related("campaign__sender").first()
        if test is None:
            return _answer(request, {}, status=404)
        sender = test.campaign.sender
        return _answer(request, {"is_test": True, "sender": sender.name if sender else ""})
    form = LeaveForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "sender": delivery.sender_name or delivery.campaign.workspace.name}
    if request.method == "POST" and form.is_valid():
        if not services.leave(delivery=delivery, email=form.cleaned_data["email"]):
            _count_miss(request, marker)
        # The same for everybody: the page tells nobody who got a mail.
        return _answer(request, context | {"is_done": True, "email": form.cleaned_data["email"]})
    return _answer(request, context, status=form.http_status)


def _answer(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = render(request, "reporting/leave.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _count_miss(request: HttpRequest, marker: str) -> None:
    """Somebody may be trying one address after the other; they learn nothing by it, and nobody else is hindered."""
    key = f"leave:{client_ip(request)}:{marker}"
    try:
        cache.add(key, 0, 3600)
        misses = cache.incr(key)
    except Exception as error:  # noqa: BLE001 - without the cache nobody is kept from leaving
        log.warning("leave.unmetered", error=type(error).__name__)
        return
    if misses == MISSES_AN_HOUR + 1:
        log.warning("leave.many_misses", marker=marker, misses=misses)
