"""Celery finds the tasks of an app by importing this package."""

from audiences.tasks import fields, imports, pull

__all__ = ["fields", "imports", "pull"]
