"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import bulk, duplicates, exports, imports, pull

__all__ = [
    "bulk",
    "duplicates",
    "exports",
    "imports",
    "pull",
]
