from celery import shared_task

from accounts import outbox
from audiences.bulk import running


@shared_task(name="audiences.bulk")
def bulk(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, running.run)
