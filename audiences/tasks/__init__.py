"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import bulk, duplicates, exports, fields, imports, privacy, pull, segments

__all__ = [
    "bulk",
    "duplicates",
    "exports",
    "fields",
    "imports",
    "privacy",
    "pull",
    "segments",
]
