"""The product's settings, with two views to measure against."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
# One account may call as often as the machine can take.
WEBHOOKS_PER_SECOND = 1_000_000
CELERY_BEAT_SCHEDULE: dict[str, object] = {}
