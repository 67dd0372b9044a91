from datetime import timedelta
from typing import ClassVar

from django.db import models


class Change(models.Model):
    """What one piece of work changed of somebody, so that it can be taken back. Personal data: kept for a while only."""

    KEPT: ClassVar[timedelta] = timedelta(days=30)

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
