"""Pages of a provider in order, with several under way."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from accounts.providers.errors import ProviderError
from accounts.providers.records import Page

# Requests of one walk under way at a time; the account's rate holds all the same.
UNDER_WAY = 4
# What one transaction takes: large enough that its statements pay off, small enough that progress shows.
BATCH_ROWS, BATCH_SECONDS = 10_000, 3.0

Fetch = Callable[[str | None], Page]


def pages(fetch: Fetch, cursor: str | None) -> Iterator[Page]:
    """From `cursor` to the end. `fetch` runs in threads: it may not touch the database."""
    pool = ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="page")
    coming: dict[str | None, Future[Page]] = {}
    try:
        while True:
            page = coming.pop(cursor).result() if cursor in coming else fetch(cursor)
            if page.cursor is not None:
                for following in (page.cursor, *page.ahead):
                    if following not in coming:
                        coming[following] = pool.submit(fetch, following)
            yield page
            if page.cursor is None:
                return
            cursor = page.cursor
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def batches(walk: Iterator[Page]) -> Iterator[list[Page]]:
    """Pages in heaps for one transaction each. What came before an error is given out before it is raised."""
    batch: list[Page] = []
    began = time.monotonic()
    try:
        for page in walk:
            batch.append(page)
            rows = sum(len(page.items) for page in batch)
            if rows >= BATCH_ROWS or time.monotonic() - began > BATCH_SECONDS:
                yield batch
                batch, began = [], time.monotonic()
    except ProviderError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
