from celery import shared_task

from accounts import outbox
from audiences.services import field_changes, field_counts


@shared_task(name="audiences.change_field")
def change_field(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, field_changes.change_field)


@shared_task(name="audiences.count_fields")
def count_fields(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, lambda entry: field_counts.count_fields(workspace=entry.workspace))
