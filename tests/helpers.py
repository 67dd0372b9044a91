"""What several test files need that is no fixture."""

import re
from collections.abc import Collection
from html import unescape
from typing import Any

from celery import current_app
from django.db import connection
from django.utils import timezone

from accounts.models import OutboxEntry

ROUNDS = 200


def run_outbox(*tasks: str, skip: Collection[str] = ()) -> list[str]:
    """Deliver what is due, in this process, until nothing is; answers the names of the tasks that ran.

    With names, only those tasks run; `skip` leaves some waiting. Work that asks for later stays there: to bring it
    forward, set its `not_before` back first.
    """
    current_app.loader.import_default_modules()
    ran: list[str] = []
    for _ in range(ROUNDS):
        due = OutboxEntry.objects.filter(state=OutboxEntry.State.WAITING, not_before__lte=timezone.now())
        if tasks:
            due = due.filter(task__in=tasks)
        waiting = list(due.exclude(task__in=skip).order_by("priority", "not_before", "id"))
        if not waiting:
            return ran
        _catch_up([entry.pk for entry in waiting])
        before = set(_states())
        for entry in waiting:
            fence = entry.fence
            current_app.tasks[entry.task](entry_id=entry.pk)
            if OutboxEntry.objects.filter(pk=entry.pk).exclude(fence=fence).exists():
                ran.append(entry.task)
        if set(_states()) == before:  # paused, or behind work that is skipped
            return ran
    raise AssertionError(f"The outbox never came to rest: {ran[-10:]}")


def _states() -> list[tuple[int, int]]:
    return list(OutboxEntry.objects.values_list("pk", "fence"))


def _catch_up(ids: list[int]) -> None:
    """A test inside one transaction has a database clock that stands still; what is due by ours must be by it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update accounts_outboxentry set not_before = now() where id = any(%s) and not_before > now()",
            [ids],
        )


def shown(page: Any) -> str:
    """The words of a page, as a person reads them."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode().partition("<main")[2])).split())
