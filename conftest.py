"""Starts the embedded servers before the first test, unless DATABASE_URL and REDIS_URL name others."""

import logging
import os
from itertools import islice
from typing import Any

import pytest

os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")  # a lost test database is no loss

# Tests that take long and mostly wait for processes of their own.
LONG = (
    "tests/resilience/",
    "tests/journeys/test_each_provider.py",
    "tests/journeys/",
    "tests/platform/",
)


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    from config import embedded

    if settings.SERVERS_EMBEDDED:
        embedded.hold()
    _use_other_redis_databases()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    logging.getLogger().setLevel(logging.WARNING)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each of several pytest-xdist workers begins with some of the long tests: nobody is left alone with them at the end."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return
    begun: list[list[pytest.Item]] = [[] for _ in range(workers)]
    others = []
    for item in items:
        place = next((place for place, start in enumerate(LONG) if item.nodeid.startswith(start)), None)
        (others if place is None else begun[place % workers]).append(item)
    # `--dist worksteal` gives everybody an equal stretch of the whole, then lets the idle take from the others' ends.
    count, rest = len(items), iter(others)
    items.clear()
    for number, first in enumerate(begun):
        wanted = (count - len(items)) // (workers - number)
        items += [*first, *islice(rest, max(0, wanted - len(first)))]
    items += rest


def _use_other_redis_databases() -> None:
    """Keep away from a running Campanile on the same servers, and from the other pytest-xdist workers."""
    from django.conf import settings

    from config import addresses, celery

    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    count = (8 if settings.SERVERS_EMBEDDED else 0) + (2 * int(worker[2:]) + 2 if worker else 0)
    settings.REDIS_URL = addresses.redis_further(settings.REDIS_URL, count)
    settings.CACHES["default"]["LOCATION"] = addresses.redis_further(settings.REDIS_URL, 1)
    settings.CELERY_BROKER_URL = celery.conf.broker_url = addresses.celery_broker(settings.REDIS_URL)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped_journeys(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for report in _skipped_journeys(config):
        terminalreporter.write_line(f"CI may not skip a journey: {report.nodeid}", red=True)


def _skipped_journeys(config: pytest.Config) -> list[Any]:
    """The browser journeys that did not run although CI is set; elsewhere they may be skipped."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return []
    skipped = reporter.stats.get("skipped", [])
    return [report for report in skipped if report.nodeid.startswith("tests/journeys")]
