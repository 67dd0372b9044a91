from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from audiences.models.moving import Moving


class Change(models.Model):
    """What one piece of work changed of somebody, so that it can be taken back. Personal data: kept for a while only."""

    KEPT: ClassVar[timedelta] = timedelta(days=30)
    # Of a row whose `kept` names something: an empty array, which most have after a roll back, is the least of all.
    LEFT_AS_IS: ClassVar[models.Q] = models.Q(kept__gt=[])

    # No constraint: the person may be erased.
    contact_id = models.BigIntegerField()
    # Field.key → [before, after]; null where there was nothing.
    changes = models.JSONField(default=dict)
    # The membership as it was; "status" null where there was none. Null: not touched.
    membership = models.JSONField(null=True)
    # What a roll back left as it is, since it had changed: keys of fields, and "list", "off", "tag", "person".
    kept = models.JSONField(null=True)

    class Meta:
        abstract = True


class Changing(Moving):
    """Work that writes down what it changes of whom, as `Change`s."""

    finished_at: Any

    class Meta:
        abstract = True

    @staticmethod
    def lapses_before() -> datetime:
        """What ended before this moment is forgotten, bit by bit."""
        return timezone.now() - Change.KEPT

    @property
    def has_lapsed(self) -> bool:
        """Too long ago to be taken back or gone on with, whether or not all of it is forgotten yet."""
        return self.finished_at is not None and self.finished_at < self.lapses_before()
