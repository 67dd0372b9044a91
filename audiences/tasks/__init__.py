"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import imports, pull, segments

__all__ = ["imports", "pull", "segments"]
