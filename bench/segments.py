"""Rules over as many people as there may be: counted and listed, against the best SQL by hand."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple

from django.db import connection as database
from django.utils import timezone

from audiences import rules
from audiences.models import List, Tag
from audiences.queries.contacts import People, contacts, counted, split
from bench.people import seeded
from bench.report import Line

# What the first page, and the number above it, may take in ms.
PAGE_MS, CAPPED_MS = 10, 20


class Shape(NamedTuple):
    words: str
    rule: list[dict[str, Any]]
    # From, and whatever joins and conditions suit it; `c`, `s` or `t` has the contact's id as `id_`.
    by_hand: str


def measure(*, people: int, rounds: int) -> Iterator[Line]:
    workspace = seeded(people)
    lists = dict(List.objects.filter(workspace=workspace).values_list("name", "pk"))
    tags = dict(Tag.objects.filter(workspace=workspace).values_list("name", "pk"))
    values = {
        "workspace": workspace.pk, "since": timezone.now() - timedelta(days=90), "news": lists["News"],
        "events": lists["Events"], "five": lists["List 5"], "six": lists["List 6"], "two": tags["tag 2"], "nine": tags["tag 9"],
    }  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute("set jit = off")  # as pages do
    for shape in _shapes(values):
        which = People(workspace, rule=rules.read({"join": "all", "rules": shape.rule}))
        sql = _BY_HAND.format(shape.by_hand)
        ours, limit, pages, capped = [], [], [], []
        wanted = _ask(sql, values)
        assert split(which) == wanted, (shape.words, split(which), wanted)
        for _ in range(rounds):
            limit.append(_ms(lambda sql=sql: _ask(sql, values)))
            ours.append(_ms(lambda which=which: split(which)))
            pages.append(_ms(lambda which=which: contacts(which)))
            capped.append(_ms(lambda which=which: counted(which)))
        what = f"{shape.words}: {wanted[0]:,} of {people:,} people"
        yield Line(f"{what}, counted", median(ours), "ms", median(limit), "the best SQL by hand", 1.5)
        yield Line(f"{what}, first page", median(pages), "ms", most=PAGE_MS)
        yield Line(f"{what}, number above the page", median(capped), "ms", most=CAPPED_MS)


def _shapes(values: dict[str, Any]) -> list[Shape]:
    return [
        Shape(
            "on News, clicked in 90 days, language fr or empty",
            [
                {"kind": "list", "of": values["news"], "op": "on"},
                {"kind": "engagement", "of": "clicked", "op": "in_last", "value": 90},
                {"join": "any", "rules": [
                    {"kind": "field", "of": "language", "op": "is", "value": ["fr"]},
                    {"kind": "field", "of": "language", "op": "empty"}]},
            ],
            "audiences_engagement e join audiences_contact c on c.id = e.contact_id"
            " join audiences_subscription s on s.contact_id = c.id and s.list_id = %(news)s and s.status = 'subscribed'"
            " where e.last_click_at >= %(since)s and c.language in ('fr', '')",
        ),
        Shape(
            "tag 2 without tag 9, in Gent",
            [
                {"kind": "tag", "of": values["two"], "op": "has"},
                {"kind": "tag", "of": values["nine"], "op": "has_not"},
                {"kind": "field", "of": "city", "op": "is", "value": ["Gent"]},
            ],
            "audiences_contact c join audiences_tagging t on t.contact_id = c.id and t.tag_id = %(two)s"
            " where folded(c.city) = 'gent'"
            " and not exists (select 1 from audiences_tagging n where n.contact_id = c.id and n.tag_id = %(nine)s)",
        ),
        Shape(
            "on News, never opened, more than 1,000 points",
            [
                {"kind": "list", "of": values["news"], "op": "on"},
                {"kind": "engagement", "of": "opened", "op": "never"},
                {"kind": "field", "of": "points", "op": "more", "value": 1000},
            ],
            "audiences_contact c join audiences_subscription s"
            " on s.contact_id = c.id and s.list_id = %(news)s and s.status = 'subscribed'"
            " left join audiences_engagement e on e.contact_id = c.id"
            " where coalesce(e.opens, 0) = 0 and (c.custom -> 'points')::numeric > 1000",
        ),
        Shape(
            "on List 5 or List 6, neither suppressed nor gone from Events",
            [
                {"join": "any", "rules": [
                    {"kind": "list", "of": values["five"], "op": "on"},
                    {"kind": "list", "of": values["six"], "op": "on"}]},
                {"join": "none", "rules": [
                    {"kind": "mailable", "of": "any", "op": "is"},
                    {"kind": "list", "of": values["events"], "op": "left"}]},
            ],
            "(select distinct contact_id as id from audiences_subscription"
            "  where list_id in (%(five)s, %(six)s) and status = 'subscribed') c"
            " where not exists (select 1 from audiences_suppression x where x.contact_id = c.id and x.lifted_at is null)"
            " and not exists (select 1 from audiences_subscription o"
            "  where o.contact_id = c.id and o.list_id = %(events)s and o.status = 'unsubscribed')",
        ),
        Shape(
            "agreed to be written to, not on News",
            [
                {"kind": "consent", "of": "mail", "op": "given"},
                {"kind": "list", "of": values["news"], "op": "not_on"},
            ],
            "(select distinct on (contact_id) contact_id as id, kind from audiences_consent"
            "  where purpose = 'mail' order by contact_id, at desc, id desc) c"
            " where c.kind = 'given' and not exists (select 1 from audiences_subscription s"
            "  where s.contact_id = c.id and s.list_id = %(news)s and s.status = 'subscribed')",
        ),
    ]  # fmt: skip


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _ask(sql: str, values: dict[str, Any]) -> tuple[int, int]:
    with database.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


# How many fit, and how many of those may be written to.
_BY_HAND = """
select count(*), count(*) filter (where c.id not in (
    select contact_id from audiences_suppression
    where workspace_id = %(workspace)s and lifted_at is null and contact_id is not null))
from {}
"""
