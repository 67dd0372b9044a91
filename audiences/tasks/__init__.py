"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import duplicates, imports, pull

__all__ = ["duplicates", "imports", "pull"]
