from celery import shared_task

from accounts import outbox
from audiences.exporting import making


# Reading alone may take 90 seconds, and a large file takes as long again to be written and stored.
@shared_task(name="audiences.export", soft_time_limit=400, time_limit=420)
def export(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, making.make_export)
