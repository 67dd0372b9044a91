"""What the web process asks of the database, and the others do not."""

import os
import subprocess
import sys

import pytest

ASK = """
from django.conf import settings
print(settings.DATABASES["default"].get("OPTIONS", {}).get("options", ""))
"""


@pytest.mark.parametrize(
    ("start", "more", "expected"),
    [
        ("import config.wsgi", {}, "-c statement_timeout=20s -c jit=off"),
        ("import config.wsgi", {"DATABASE_PAGE_SECONDS": "5"}, "-c statement_timeout=5s -c jit=off"),
        ("import config.wsgi", {"DATABASE_BEHIND_PGBOUNCER": "on"}, ""),
        ("import config.celery", {}, ""),
    ],
)
def test_only_pages_have_a_time_limit_in_the_database(start, more, expected):
    places = {"DATABASE_URL": "postgres://nobody@localhost/none", "REDIS_URL": "redis://localhost/0"}
    secrets = {"PUBLIC_URL": "https://campanile.example", "SECRET_KEY": "of this test"}
    told = subprocess.run(
        [sys.executable, "-c", f"{start}{ASK}"],
        env={**os.environ, **places, **secrets, **more},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == expected
