"""The contact list and its search among as many people as there may be, against an empty view behind the same middleware."""

import itertools
from collections.abc import Iterator, Sequence
from statistics import median

from audiences.models import List
from bench import load, servers
from bench.people import cookie_of, seeded
from bench.report import Line

CONNECTIONS = (1, 8, 32)
# How many empty views a page may cost.
LIST, FILTERED = 10, 25
# What a search may take when nobody else asks, in ms.
SEARCH_MS = 120
WORDS = {
    "common words": ("vermeulen", "ana", "iris"),
    "rare words": ("kaykamp", "dukamp ana", "leferdrix"),
    "parts of an address": ("ana.vermeulen12", "99@belfry", "rossi1234"),
    "nothing": ("xylophone", "zulu@nowhere", "ana xylophone"),
}


def measure(*, people: int, rounds: int, seconds: float) -> Iterator[Line]:
    workspace = seeded(people)
    cookie = cookie_of(workspace)
    lists = List.objects.filter(workspace=workspace).order_by("id")
    large, small = lists[0].pk, lists[len(lists) - 1].pk
    base = f"/w/{workspace.slug}"
    empty = [f"{base}/bench/empty/"]
    all_ = f"{base}/contacts/"
    older = people // 3
    pages = {
        "contact list": ([all_], LIST),
        "older page": ([f"{all_}?before={older}"], LIST),
        "one language": ([f"{all_}?language=fr", f"{all_}?language=lb", f"{all_}?language=pl&before={older}"], LIST),
        "one list, mailable": (
            [f"{all_}?list={large}&state=mailable", f"{all_}?list={small}&state=mailable&before={older}"], FILTERED,
        ),
    }  # fmt: skip
    with servers.web() as port:
        _press(port, [*empty, all_, f"{all_}?q=ana"], cookie, 1, 1)  # the first requests load the code
        for count in CONNECTIONS:
            limits, found = [], {name: [] for name in pages}
            for _ in range(rounds):
                limits.append(_press(port, empty, cookie, count, seconds))
                for name, (urls, _) in pages.items():
                    found[name].append(_press(port, urls, cookie, count, seconds))
            for name, (_, target) in pages.items():
                yield Line(
                    f"{name}, {people:,} people, {count} connections: p95",
                    median(found[name]), "ms", median(limits), "an empty view", target,
                )  # fmt: skip
        for name, words in WORDS.items():
            urls = [f"{all_}?q={word.replace(' ', '+')}" for word in words]
            times = [_press(port, urls, cookie, 1, seconds) for _ in range(rounds)]
            yield Line(f"search for {name}, {people:,} people: p95", median(times), "ms", most=SEARCH_MS)
        plain = f"{base}/bench/admin/audiences/contact/"
        for what, ours, theirs in (
            ("list", all_, plain),
            ("search", f"{all_}?q=kaykamp", f"{plain}?q=kaykamp"),
        ):
            yield Line(
                f"a plain admin's {what}, {people:,} people: p95", _press(port, [theirs], cookie, 1, seconds), "ms",
                _press(port, [ours], cookie, 1, seconds), "ours",
            )  # fmt: skip


def _press(port: int, paths: Sequence[str], cookie: str, connections: int, seconds: float) -> float:
    requests = itertools.cycle(load.request("GET", path, headers={"Cookie": cookie}) for path in paths)
    return load.press(port, requests, connections=connections, seconds=seconds).p95_ms
