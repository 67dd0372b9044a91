"""Real workers on the test database: started, killed and started again by the tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.conftest import SandboxServer
from tests.installation import TIMES, Installation, environment


class Sabotaged(Installation):
    """Its workers can be told at which point of their work to die."""

    def start_worker(self, *arguments: str, **env: str) -> None:
        super().start_worker(*arguments, "--include", "tests.resilience.saboteur", **env)


@pytest.fixture(scope="package")
def beat(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One for all: it rings and knows nothing of what was there before."""
    made = Installation(environment(django_settings.REDIS_URL), tmp_path_factory.mktemp("beat"))
    made.start_beat()
    yield
    made.stop()


@pytest.fixture
def installation(
    transactional_db: None, beat: None, sandbox: SandboxServer, settings: Any, tmp_path: Path
) -> Iterator[Installation]:
    for name, seconds in TIMES.items():
        setattr(settings, name, seconds)
    env = environment(django_settings.REDIS_URL) | {
        "SANDBOX_URL": sandbox.url,
        "PRIVATE_ADDRESSES": ",".join(django_settings.PRIVATE_ADDRESSES),
    }
    made = Sabotaged(env, tmp_path)
    made.broker.flushdb()
    yield made
    made.stop()
