"""How many there are: what is quick at once, for the page; the exact number after it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from audiences.sql import within

COUNT_CAP = 10_000
# What a page waits for the number above it, and what that number may take when it comes after its page.
COUNT_SECONDS = 0.012
PATIENT_SECONDS = 3.0


class Count(NamedTuple):
    people: int
    # How sure: "exact", "about" (the planner's estimate), "more" (than that many), "stored" (at a time).
    how: str
    at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether counting on would tell more."""
        return self.how == "more"


def quickly(capped: Callable[[], int], *, at_least: int) -> Count:
    """As far as a page waits for it. `capped` counts one beyond the cap at most; there are more than `at_least` anyhow."""
    with within(COUNT_SECONDS) as done, database.cursor() as cursor:
        # To begin and end workers would take as long as the count may.
        cursor.execute("set local max_parallel_workers_per_gather = 0")
        done.append(capped())
    if not done:
        return Count(at_least, "more")
    return Count(COUNT_CAP, "more") if done[0] > COUNT_CAP else Count(done[0], "exact")


def patiently(exactly: Callable[[], int], roughly: Callable[[], int]) -> Count:
    """Exactly, or roughly where that takes too long."""
    with within(PATIENT_SECONDS) as done:
        done.append(exactly())
    return Count(done[0], "exact") if done else Count(roughly(), "about")


@contextmanager
def alone(user: User) -> Iterator[bool]:
    """Whether no other count that they asked for is under way, in whatever tab: a filter changed in steps asks for one at each."""
    key = int.from_bytes(blake2b(f"count:{user.pk}".encode(), digest_size=8).digest(), signed=True)
    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(%s)", [key])
            (is_alone,) = cursor.fetchone()
        yield is_alone


def planned(found: QuerySet[Any]) -> int:
    """What the planner thinks of a query without an order."""
    return rounded(json.loads(found.explain(format="json"))[0]["Plan"]["Plan Rows"])


def rounded(estimate: int) -> int:
    """Two digits: an estimate must not look like a count."""
    unit = 10 ** max(0, len(str(estimate)) - 2)
    return estimate // unit * unit
