from celery import shared_task

from accounts import outbox
from audiences import services
from audiences.importing import running
from audiences.services import segments


@shared_task(name="audiences.open_import")
def open_import(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, running.open_import)


@shared_task(name="audiences.read_import")
def read_import(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, running.read_import)


@shared_task(name="audiences.run_import")
def run_import(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, running.run_import)


@shared_task(name="audiences.undo_import")
def undo_import(*, entry_id: int, **_: object) -> None:
    outbox.deliver(entry_id, running.undo_import)


@shared_task(name="audiences.sweep")
def sweep(**_: object) -> None:
    services.end_stuck_imports()
    services.prune_imports()
    services.sweep_exports()
    services.end_stuck_bulk()
    services.prune_bulk()
    services.count_people()
    segments.renew_counts()
    services.fail_stuck_changes()
    services.count_stale_fields()
