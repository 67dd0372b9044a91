"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import imports, privacy, pull

__all__ = ["imports", "privacy", "pull"]
