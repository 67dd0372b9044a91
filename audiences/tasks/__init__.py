"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import duplicates, exports, imports, pull

__all__ = [
    "duplicates",
    "exports",
    "imports",
    "pull",
]
