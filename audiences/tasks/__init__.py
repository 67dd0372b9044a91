"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import bulk, imports, pull

__all__ = ["bulk", "imports", "pull"]
