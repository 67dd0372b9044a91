"""Starts the embedded servers before the first test, unless DATABASE_URL and REDIS_URL name others."""

import logging
import os
from typing import Any

import pytest

os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")  # a lost test database is no loss


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    from config import embedded

    if settings.SERVERS_EMBEDDED:
        embedded.hold()
    _use_other_redis_databases()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    logging.getLogger().setLevel(logging.WARNING)


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
