"""Where providers call us: check, store the bytes in one INSERT, answer. What a call means is worked out later.

A provider may drop an event for ever when we answer with anything but 2xx or 429, so 429 is the answer to our own
troubles: it is asked again.
"""

import time
from dataclasses import dataclass
from hashlib import blake2b

import structlog
from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.db import Error, IntegrityError
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import Counter

from accounts import vault
from accounts.http import public_view
from accounts.models import Connection
from accounts.providers.base import Provider
from reporting import limits

log = structlog.get_logger(__name__)

MAX_BYTES = 1_000_000
# A secret that was replaced is honoured this much longer by a process that has seen it.
REMEMBER_SECONDS = 5
REMEMBER_MOST = 256
RETRY_AFTER_SECONDS = 30

CALLS = Counter("campanile_webhook_calls", "Webhook calls by what became of them.", ["outcome"])

# Everything else of a row has its default in the database. A repeated call is the same row.
_STORE = """
insert into reporting_inboxcall (connection_id, body, digest) values (%s, %s, %s)
on conflict (connection_id, digest) do nothing
"""


@dataclass(frozen=True, slots=True)
class Door:
    """What is needed to check a call for one connection."""

    connection_id: int
    provider: type[Provider]
    secrets: tuple[str, ...]
    until: float

    def __repr__(self) -> str:  # no secret in a traceback
        return f"Door({self.connection_id})"


_doors: dict[str, Door] = {}


@csrf_exempt
@login_not_required
@public_view("the unguessable address, and the provider's secret in each call")
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """Take a provider's call. GET and HEAD, as scanners send them, change nothing."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        door = find_door(token)
        if door is None:
            return _answer("unknown", 404)
        body = request.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            return _answer("too large", 413)
        if not door.provider.verify_webhook(body=body, headers=_headers(request), secrets=door.secrets):
            return _answer("forged", 401)
        if not limits.webhook_allowed(door.connection_id):
            return _answer("too many", 429)
        with database.cursor() as cursor:
            cursor.execute(_STORE, [door.connection_id, body, blake2b(body, digest_size=32).digest()])
            is_new = bool(cursor.rowcount)
    except UnreadablePostError:
        return _answer("cut off", 400)
    except IntegrityError:  # the connection was removed in these seconds
        _doors.pop(token, None)
        return _answer("unknown", 404)
    except (Error, vault.Locked) as error:
        log.warning("webhook.not_stored", error=type(error).__name__)
        return _answer("not stored", 429)
    if is_new:
        ring()
    return _answer("stored" if is_new else "repeated", 204)


def find_door(token: str) -> Door | None:
    """The connection behind an address; asked of the database once every few seconds."""
    now = time.monotonic()
    door = _doors.get(token)
    if door is not None and door.until > now:
        return door
    _doors.pop(token, None)
    connection = (
        Connection.objects.filter(webhook_token=token).exclude(status=Connection.Status.CHECKING).first()
    )
    if connection is None:
        return None
    if len(_doors) >= REMEMBER_MOST:
        _doors.clear()
    door = Door(
        connection.pk, connection.provider_class, tuple(connection.webhook_secrets), now + REMEMBER_SECONDS
    )
    _doors[token] = door
    return door


def _headers(request: HttpRequest) -> dict[str, str]:
    """By lower-case name; straight from the environment, since this is the busiest address there is."""
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in request.META.items()
        if name.startswith("HTTP_")
    }


def ring() -> None:
    """Have the inbox applied a second from now; the calls of that second share one ring.

    A lost ring costs nothing but time: the inbox is looked at every few seconds anyway.
    """
    try:
        if limits.may_ring("apply_inbox"):
            current_app.send_task("reporting.apply_inbox", countdown=limits.RING_SECONDS, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the call is stored
        log.warning("webhook.ring_failed", error=type(error).__name__)


def _answer(outcome: str, status: int) -> HttpResponse:
    CALLS.labels(outcome).inc()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 429 else {}
    return HttpResponse(status=status, headers=headers)
