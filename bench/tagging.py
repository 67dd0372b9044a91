"""A list of people tagged by one bulk action, from its record to its end, against one INSERT of the same rows."""

import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxEntry, User, Workspace
from audiences import services
from audiences.bulk import running
from audiences.models import BulkAction, List, Tag, Tagging
from audiences.queries.contacts import People
from audiences.services.bulk import TASK
from bench.people import seeded
from bench.report import Line, Memory

WANTED = 100_000


def measure(*, people: int, rounds: int) -> Iterator[Line]:
    workspace = seeded(people)
    by, _ = User.objects.get_or_create(email="bench@example.test", defaults={"name": "Bench"})
    tag, _ = Tag.objects.get_or_create(workspace=workspace, name="bench")
    lists = List.objects.filter(workspace=workspace)
    some = min(lists, key=lambda one: abs(one.subscribed_count - WANTED))
    limits, firsts, repeats = [], [], []
    memory = Memory()
    for _ in range(rounds):
        _clear(tag)
        limits.append(_insert(tag, some))
        _clear(tag)
        with memory:
            firsts.append(_ours(workspace, by, tag, some))
        assert Tagging.objects.filter(tag=tag).count() == some.subscribed_count
        repeats.append(_ours(workspace, by, tag, some))
    _clear(tag)
    what = f"{some.subscribed_count:,} of {people:,} people tagged"
    against = "one INSERT … SELECT"
    yield Line(what, median(firsts), "s", median(limits), against, 3, note=str(memory))
    yield Line(f"{what} again", median(repeats), "s", median(limits), against, 2)


def _insert(tag: Tag, some: List) -> float:
    began = time.perf_counter()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(
            "insert into audiences_tagging (tag_id, contact_id) select %s, contact_id from audiences_subscription"
            " where list_id = %s and status = 'subscribed' order by contact_id on conflict do nothing",
            [tag.pk, some.pk],
        )
    return time.perf_counter() - began


def _ours(workspace: Workspace, by: User, tag: Tag, some: List) -> float:
    """What the page records, and what a worker does with it."""
    began = time.perf_counter()
    mine = services.begin_bulk(
        workspace=workspace, by=by, action=BulkAction.Action.TAG, people=People(workspace, list_id=some.pk),
        arguments={"tag": tag.pk},
    )  # fmt: skip
    while entry := OutboxEntry.objects.filter(task=TASK, subject_id=mine.pk, state="waiting").first():
        OutboxEntry.objects.filter(pk=entry.pk).update(not_before=timezone.now() - timedelta(seconds=5))
        outbox.deliver(entry.pk, running.run)
    seconds = time.perf_counter() - began
    mine.refresh_from_db()
    assert (mine.state, mine.done) == (BulkAction.State.DONE, some.subscribed_count), mine.note
    return seconds


def _clear(tag: Tag) -> None:
    with database.cursor() as cursor:
        cursor.execute("delete from audiences_tagging where tag_id = %s", [tag.pk])
        cursor.execute("vacuum audiences_tagging")
