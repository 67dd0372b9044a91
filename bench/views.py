"""The limits: what a view costs that does next to nothing behind the same middleware."""

from hashlib import blake2b

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.http import WorkspaceRequest, workspace_view


@workspace_view()
def empty(request: WorkspaceRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Empty</title>")


@csrf_exempt
@login_not_required
def insert(request: HttpRequest) -> HttpResponse:
    body = request.body
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into reporting_inboxcall (connection_id, body, digest)"
            " values ((select min(id) from accounts_connection), %s, %s)",
            [body, blake2b(body, digest_size=32).digest()],
        )
    return HttpResponse(status=204)
