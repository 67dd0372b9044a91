"""What load balancers, supervisors and Prometheus ask."""

from collections.abc import Callable
from hmac import compare_digest

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DEFAULT_DB_ALIAS, Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView


@login_not_required
def alive(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def ready(request: HttpRequest) -> JsonResponse:
    """Whether pages can be served; 503 names what is missing."""
    answers = {name: _ask(check) for name, check in CHECKS.items()}
    return JsonResponse(answers, status=200 if set(answers.values()) == {"ok"} else 503)


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures, for whoever carries METRICS_TOKEN. Without one the page does not exist."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        raise Http404
    response: HttpResponse = ExportToDjangoView(request)
    return response


def _ask(check: Callable[[], str]) -> str:
    try:
        return check()
    except (Error, redis.RedisError):
        return "unreachable"


def _database() -> str:
    connection.ensure_connection()
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} to apply on {DEFAULT_DB_ALIAS}" if waiting else "ok"


def _redis() -> str:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()
    return "ok"


CHECKS = {"database": _database, "migrations": _migrations, "redis": _redis}
