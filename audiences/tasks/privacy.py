from celery import shared_task

from accounts import outbox
from audiences.mirror import erasing


@shared_task(name="audiences.erase_there")
def erase_there(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, erasing.erase_there)
