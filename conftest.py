"""Starts the embedded servers before the first test, unless DATABASE_URL and REDIS_URL name others."""

import os

import pytest

os.environ.setdefault("EMBEDDED", "true")
os.environ.setdefault("PGOPTIONS", "-c synchronous_commit=off")


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    from config import embedded

    if settings.SERVERS_EMBEDDED:
        embedded.hold()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
