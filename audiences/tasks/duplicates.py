from celery import shared_task

from accounts import outbox
from audiences.services import duplicates


@shared_task(name=duplicates.TASK)
def find_duplicates(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, duplicates.find_duplicates)
