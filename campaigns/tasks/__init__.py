"""Celery finds the tasks of an app by importing this package."""

from campaigns.tasks import compose, pull, send

__all__ = ["compose", "pull", "send"]
