"""Loaded into a real Celery worker: people come in small pages, and the worker ends by SIGKILL at chosen ones.

SABOTAGE lists the pages as `<in|after> <gather|people> <number>`, separated by commas; numbers count from 1 in each
worker. In a page its rows are written and not committed, after it they are there. A file per page in SABOTAGE_DONE
says that it has been struck.
"""

from collections import Counter
from functools import partial
from typing import Any

from accounts import outbox, pulls
from accounts.models import Pull
from accounts.providers.emailcampaigns import people as emailcampaigns_people
from accounts.providers.especial import audience as especial_audience
from accounts.providers.mailmojo import paging as mailmojo_paging
from audiences.mirror import gathering, walk
from tests.resilience.saboteur import strike

especial_audience.Pages = partial(especial_audience.Pages, size=20)  # type: ignore[assignment,misc]
emailcampaigns_people.Walk = partial(emailcampaigns_people.Walk, size=20)  # type: ignore[assignment,misc]
mailmojo_paging.PAGE_ROWS, mailmojo_paging.OVERLAP = 20, 3
walk.BATCH_ROWS = 1
gathering.ROWS = 20

pages: Counter[str] = Counter()
stored: list[str] = []
_store_page, _renew = pulls.store_page, outbox.renew


def store_page(pull: Pull, **values: Any) -> None:
    phase = "gather" if gathers(pull) else "people"
    is_of_people = Pull.STEPS[pull.step][0] == "audiences.pull_contacts"
    _store_page(pull, **values)
    if is_of_people:
        pages[phase] += 1
        stored[:] = [f"{phase} {pages[phase]}"]
        strike(f"in {stored[0]}")


def renew(*args: Any) -> None:
    if stored:
        strike(f"after {stored.pop()}")
    _renew(*args)


def gathers(pull: Pull) -> bool:
    return not pull.connection.capabilities.shares_contacts and "gathered" not in pull.checkpoint


pulls.store_page, outbox.renew = store_page, renew
