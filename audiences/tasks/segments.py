from celery import shared_task

from accounts import outbox
from audiences.services import segments


@shared_task(name=segments.COUNT_TASK)
def count_segment(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, segments.count_in_background)
