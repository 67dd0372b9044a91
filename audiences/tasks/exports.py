from celery import shared_task

from accounts import outbox
from audiences.exporting import making


@shared_task(name="audiences.export")
def export(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, making.make_export)
