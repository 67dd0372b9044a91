"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import exports, imports, pull

__all__ = [
    "exports",
    "imports",
    "pull",
]
