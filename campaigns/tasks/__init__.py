"""Celery finds the tasks of an app by importing this package."""

from campaigns.tasks import send

__all__ = ["send"]
